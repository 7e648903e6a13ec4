import streamlit as st

from workbench.ui import call_examples, model_history, models_view, page, publish_form
from workbench.ui.pages import PAGES

models_view.open_first()
opened = page.start("Models", PAGES["models"].purpose)
publish_form.draw(opened.run)
name = models_view.choose(opened.model)
if name is None:
    models_view.explain_empty(opened.run)
    st.stop()
chosen = models_view.versions_of(name)
models_view.actions(name, chosen)
call, history, card = st.tabs(["Call it", "History", "About this version"], key="models.view")
with call:
    call_examples.draw(chosen)
with history:
    model_history.history(name)
with card:
    model_history.about(chosen)
