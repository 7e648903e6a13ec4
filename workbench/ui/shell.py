"""The script that Streamlit runs for every page: window, navigation, and what is open."""

import streamlit as st

from workbench.ui import pages, state

st.set_page_config(page_title="Workbench", page_icon=":material/experiment:", layout="wide")
page = st.navigation(pages.sections(), expanded=True)
state.restore()
page.run()
