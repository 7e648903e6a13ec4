import streamlit as st

from workbench.ui import hardware_now, overview, page
from workbench.ui.pages import PAGES

page.start("Home", PAGES["home"].purpose)
overview.doors()
overview.recent_runs()
overview.published_models()
st.subheader("This machine now", anchor=False)
hardware_now.draw()
