"""The scores of a cross-validation: their mean, how far they spread, and each fold's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from workbench.evaluation import metrics_for
from workbench.ui import messages, words

if TYPE_CHECKING:
    from workbench.evaluation import Report


def draw(report: Report) -> None:
    """Draw the folds' scores as a line and a table; nothing where the run had no folds."""
    if not report.n_folds:
        return
    frame = report.cross_validation()
    known = metrics_for(report.task)
    name = report.main_metric if report.main_metric in frame["metric"] else frame["metric"][0]
    main = frame.row(by_predicate=pl.col("metric") == name, named=True)
    metric = known[name]
    unit = f" (unit of {report.target})" if metric.in_target_unit else ""
    with st.container(border=True, key="evaluate.folds", gap="small"):
        st.markdown(
            f"**Cross-validation:** {messages.plain(metric.title + unit)} {words.number(main['mean'])} "
            f"± {words.number(main['std'], 2)} over {report.n_folds} folds",
            help="Mean and standard deviation over the folds. Each fold fits recipe and model anew on the other folds "
            "and is measured on its own rows; test rows are in none.",
        )
        shown = frame.with_columns(
            pl.col("metric").map_elements(lambda each: known[each].title, return_dtype=pl.String),
        ).rename({f"fold_{number}": f"fold {number}" for number in range(1, report.n_folds + 1)})
        numbers = {
            column: st.column_config.NumberColumn(format="%.4g", pinned=column in ("mean", "std"))
            for column in shown.columns[1:]
        }
        st.dataframe(
            shown,
            hide_index=True,
            height="content",
            column_config=numbers,
            alt="Metrics of each fold with mean and std",
        )
        st.caption("Fold 1 is the model that was kept: its rows are the validation split above.")
