import streamlit as st

from workbench.ui import page

opened = page.start("Data", "Bring a table in and look at what it holds.")
st.caption("This page is being built.")
