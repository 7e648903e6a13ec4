import streamlit as st

from workbench.ui import data_view, open_table, page
from workbench.ui.pages import PAGES

opened = page.start("Data", PAGES["data"].purpose)
if opened.table is None:
    open_table.draw()
else:
    with st.expander("Open another table", icon=":material/folder_open:", key="data.other"):
        open_table.draw()
    data_view.draw(opened.table)
    if st.button("Prepare this table", type="primary", key="data.next", icon=":material/tune:"):
        page.go("prepare")
