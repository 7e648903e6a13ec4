import streamlit as st

from workbench.ui import as_code, batch_view, image_predict, messages, page, predict_view, subject
from workbench.ui.pages import PAGES
from workbench.ui.state import address

subject.open_demo()
predict_view.forget_other_row(address())
opened = page.start("Predict", PAGES["predict"].purpose)
with messages.shown(stop=True):
    asked = subject.choose(
        opened, key="predict", purpose="Ask a model about one row or a whole file, and see why.", prefer="model"
    )
    as_code.note("predict", subject=asked.kind)
    if image_predict.takes_images(asked):
        image_predict.draw(asked)
        st.stop()
    one, many = st.tabs(["One row", "Many rows"], key="predict.view")
    with one:
        predict_view.one_row(asked)
    with many:
        batch_view.many_rows(asked, opened.table)
