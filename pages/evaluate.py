import streamlit as st

from workbench.evaluation.groups import GroupReport
from workbench.ui import comparison_view, groups_view, page, report_view
from workbench.ui.pages import PAGES

opened = page.start("Evaluate", PAGES["evaluate"].purpose, needs=["run"])
report = report_view.report_of(opened.run)
if isinstance(report, GroupReport):
    groups_view.draw(report, opened.run_table)
    st.stop()
split = report_view.headline(report)
pictures, compare = st.tabs(["This run", "Compare runs"], key="evaluate.view")
with pictures:
    if report.task == "classification":
        cell = report_view.classification(report, split)
    else:
        cell = report_view.regression(report, split)
    report_view.rows(report, split, opened.run_table, cell)
with compare:
    comparison_view.draw(opened.run, report, split)
