import streamlit as st

from workbench.ui import page

opened = page.start(
    "Prepare", "Choose what to predict, and write the recipe that prepares the columns.", needs=["table"]
)
st.caption("This page is being built.")
