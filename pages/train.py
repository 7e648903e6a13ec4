import streamlit as st

from workbench.ui import page

opened = page.start("Train", "Choose an estimator, start it, and watch it learn.", needs=["table"])
st.caption("This page is being built.")
