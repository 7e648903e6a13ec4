"""The script that Streamlit runs for every page: window, navigation, and what is open."""

from pathlib import Path

import streamlit as st

from workbench.ui import pages, state

ICON = Path(__file__).with_name("icon.svg")  # a Material icon as favicon would be fetched from the network
# One colour can't be light enough to read on the dark page and dark enough under a white label (4.5:1 each, WCAG AA),
# so the label of a primary button or a chosen option is dark where the page is dark. The theme has no option for it.
STYLE = """[data-testid="stBaseButton-primary"]:enabled, [data-testid="stBaseButton-primaryFormSubmit"]:enabled {
    color: light-dark(#FFFFFF, #0B1620) !important;
}
[data-testid="stMultiSelectTagsContainer"] [data-tag] * { color: light-dark(#FFFFFF, #0B1620) !important; }"""

st.set_page_config(page_title="Workbench", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
st.html(f"<style>{STYLE}</style>")
page = st.navigation(pages.sections(), expanded=True)
state.restore()
page.run()
