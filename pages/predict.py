import streamlit as st

from workbench.ui import page

opened = page.start("Predict", "Ask a model about one row or a whole file, and play what-if.", needs=["model"])
st.caption("This page is being built.")
