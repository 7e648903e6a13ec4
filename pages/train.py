import streamlit as st

from workbench.ui import live_view, page, ready_worker, run_list, run_view, train_form
from workbench.ui.pages import PAGES

VIEWS = {"setup": "Set up", "watch": "Watch", "runs": "All runs"}

opened = page.start("Train", PAGES["train"].purpose)
run = opened.run
if wanted := st.session_state.pop("train.next_view", None):
    st.session_state["train.view"] = wanted
st.session_state.setdefault("train.view", "watch" if run else "setup")
view = st.segmented_control(
    "View", VIEWS, key="train.view", format_func=VIEWS.get, required=True, wrap=True, label_visibility="collapsed"
)
if view == "runs":
    run_list.draw()
elif view == "watch":
    page.require(opened, PAGES["train"].purpose, "run")
    run_view.show(run, opened.run_table)
else:
    page.require(opened, PAGES["train"].purpose, "table", "recipe")
    ready_worker.keep()
    train_form.draw(opened.table, opened.draft)
    live_view.get_ready()
