import streamlit as st

from workbench.ui import page, recipe_checks, recipe_editor, recipe_leaks, recipe_preview, split_form, target_form
from workbench.ui.pages import PAGES

opened = page.start("Prepare", PAGES["prepare"].purpose, needs=["table"])
table, draft = opened.table, opened.draft
target_form.draw(table, draft)
checks_place = st.container()  # filled last, so that nothing waits for them
recipe_side, preview_side = st.columns([2, 3], gap="large")
with preview_side, recipe_preview.beside():
    computed = recipe_preview.compute(table, draft)
    recipe_preview.draw(table, draft, computed)
with recipe_side:
    recipe_editor.draw(table, draft, computed)
split_form.draw(table, draft, computed.working(draft))
recipe_leaks.draw(table, draft)
if st.button("Train a model", type="primary", key="prepare.next", icon=":material/model_training:"):
    page.go("train")
with checks_place:
    recipe_checks.draw(table, computed.working(draft))
