import streamlit as st

from workbench.ui import page

opened = page.start("Explain", "See which columns push a prediction up or down.", needs=["model"])
st.caption("This page is being built.")
