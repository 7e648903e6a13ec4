"""The script that Streamlit runs for every page: window, navigation, and what is open."""

from pathlib import Path

import streamlit as st

from workbench.ui import pages, settled, state

ICON = Path(__file__).with_name("icon.svg")  # a Material icon as favicon would be fetched from the network
# One colour can't be light enough to read on the dark page and dark enough under a white label (4.5:1 each, WCAG AA),
# so what is written on it is dark where the page is dark. The theme has no option for it. Chosen options may lie in a
# popover, outside the element that knows the colour scheme: theirs follows what the browser last reported.
INK = "#0B1620"
STYLE = f"""[data-testid="stBaseButton-primary"]:enabled, [data-testid="stBaseButton-primaryFormSubmit"]:enabled {{
    color: light-dark(#FFFFFF, {INK}) !important;
}}"""
CHOSEN = f"[data-tag] * {{ color: {INK} !important; }}"

st.set_page_config(page_title="Workbench", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
st.html(f"<style>{STYLE} {CHOSEN if st.context.theme.type == 'dark' else ''}</style>")
page = st.navigation(pages.sections(), expanded=True)
state.restore()
page.run()
settled.settle()
