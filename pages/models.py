import streamlit as st

from workbench.ui import page

opened = page.start("Models", "Publish versions, promote one, roll back, and call it over HTTP.")
st.caption("This page is being built.")
