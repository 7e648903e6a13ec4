"""The script that Streamlit runs for every page: window, navigation, and what is open."""

from pathlib import Path

import streamlit as st

from workbench.ui import pages, state

ICON = Path(__file__).with_name("icon.svg")  # a Material icon as favicon would be fetched from the network

st.set_page_config(page_title="Workbench", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
page = st.navigation(pages.sections(), expanded=True)
state.restore()
page.run()
