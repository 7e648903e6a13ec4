import streamlit as st

from workbench.ui import as_code, explanation_form, explanation_view, image_predict, messages, page, subject
from workbench.ui.pages import PAGES

subject.open_demo()
opened = page.start("Explain", PAGES["explain"].purpose)
with messages.shown(stop=True):
    asked = subject.choose(
        opened, key="explain", purpose="See which columns matter, how each one acts, and why one row got its answer."
    )
    if image_predict.takes_images(asked):
        as_code.note("explain", subject=asked.kind)
        image_predict.explain(asked)
        st.stop()
    job = explanation_form.draw(asked, opened)
    explanation_form.note_shown(job, asked, opened)
    if job is None:
        explanation_form.explain_empty(asked, opened)
    elif not job.state.has_ended:
        explanation_view.progress(job)
    elif job.status != "finished":
        messages.error(f"The explanation {job.status}. {job.reason or 'Start it again.'}")
    else:
        explanation_view.show(job, asked)
