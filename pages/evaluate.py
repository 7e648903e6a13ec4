import streamlit as st

from workbench.ui import page

opened = page.start("Evaluate", "See how well a run predicts rows it has not seen.", needs=["run"])
st.caption("This page is being built.")
