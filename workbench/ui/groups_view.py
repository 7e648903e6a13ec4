"""What a model without a target found: how clear its groups are, what each is like, and the rows in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from workbench.evaluation.groups import GROUP_METRICS
from workbench.ui import messages, words
from workbench.ui.picture import picture
from workbench.ui.row_tables import beside

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.evaluation.groups import GroupReport

MAX_ROWS = 500


def draw(report: GroupReport, table: Table | None) -> None:
    """Draw the number that matters, the map, the sizes, the profile and the rows."""
    left, right = st.columns([2, 3], gap="medium")
    with left:
        split = st.segmented_control(
            "Split",
            report.splits,
            default="test" if "test" in report.splits else report.splits[-1],
            required=True,
            wrap=True,
            key="split",
            bind="query-params",
            help="The groups were found on train; validation and test say whether other rows fall into them alike.",
        )
        _headline(report, split)
    with right:
        frame = report.frame()
        titles = [GROUP_METRICS[name].title for name in frame["metric"]]
        st.dataframe(
            frame.with_columns(pl.Series("metric", titles, dtype=pl.String)),
            hide_index=True,
            height="content",
            column_config={name: st.column_config.NumberColumn(format="%.4g") for name in report.splits},
            alt=f"Measures on {', '.join(report.splits)}",
        )
    upper, lower = st.columns([3, 2], gap="medium")
    with upper:
        picture(report.plot("places", split=split), key="evaluate.places", numbers=report.places(split))
    with lower:
        picture(report.plot("sizes", split=split), key="evaluate.sizes", numbers=report.sizes(split))
    picture(report.plot("profile"), key="evaluate.profile", numbers=report.profile())
    _rows(report, split, table)


def _headline(report: GroupReport, split: str) -> None:
    name = report.main_metric
    metric = GROUP_METRICS[name]
    with st.container(border=True, key="evaluate.headline", gap="xsmall"):
        st.caption(f"{metric.title}, {split} split", help=metric.meaning)
        st.markdown(f"# {words.number(report.metrics(split).get(name))}")
        st.caption(metric.meaning)


def _rows(report: GroupReport, split: str, table: Table | None) -> None:
    st.subheader("Rows", anchor=False)
    names = [str(label) for label in report.classes or ()]
    start = "outlier" if report.groups == "outlier_detection" else names[0]
    chosen = st.pills("Group", names, default=start, key="evaluate.group", required=True)
    share = pl.col(f"probability_{chosen}")
    found = report.predictions(split).filter(pl.col("prediction") == chosen).sort(share, descending=True)
    st.caption(
        f"{min(found.height, MAX_ROWS):,} of {words.plural(found.height, 'row')} of the {split} split in "
        f"{messages.plain(chosen)}, the surest first."
    )
    if not found.height:
        return
    shown = found.head(MAX_ROWS).select("row", share.round(4).alias("certainty"))
    if table is not None:
        shown, _ = beside(shown, table.take(shown["row"].to_numpy()), prefix="table_")
    st.dataframe(shown, hide_index=True, alt=f"Rows of {chosen}")
