import streamlit as st

from workbench.ui import page

opened = page.start("Home", "See what is here: hardware, recent runs and published models.")
st.caption("This page is being built.")
