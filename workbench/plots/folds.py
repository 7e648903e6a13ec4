"""Folds as one bar each: which rows train, which validate, and which wait for the test."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import SPLIT_COLORS, figure, join

_UNUSED = "#DDDDDD"


def folds_picture(frame: pl.DataFrame, *, how: str = "") -> go.Figure:
    """Draw the folds of a cross-validation, one bar each.

    Parameters
    ----------
    frame : DataFrame
        One row for each stretch of rows, in drawing order: ``fold`` (from 1), ``part`` ("train", "validation", "test"
        or "unused"), ``n_rows``.
    how : str
        Said below, for example "at random, stratified by survived".
    """
    n_folds = int(frame["fold"].max() or 0)  # type: ignore[arg-type]
    total = int(frame.filter(pl.col("fold") == 1)["n_rows"].sum())
    sizes = ", ".join(f"{n:,}" for n in _validation_rows(frame))
    fig = figure(
        None,
        height=70 + 30 * max(n_folds, 1),
        alt=f"{n_folds} folds of {total:,} rows; validation rows: {sizes}",
        barmode="stack",
        bargap=0.25,
    )
    shown: set[str] = set()
    for fold, part, n_rows in frame.select("fold", "part", "n_rows").iter_rows():
        color = SPLIT_COLORS.get(part, _UNUSED)
        fig.add_bar(
            y=[f"fold {fold}"],
            x=[n_rows],
            orientation="h",
            name="not yet known" if part == "unused" else part,
            legendgroup=part,
            showlegend=part not in shown,
            marker={"color": color, "line": {"color": "white", "width": 1}},
            hovertemplate=f"fold {fold}, {'left out, later' if part == 'unused' else part}: {n_rows:,} rows"
            "<extra></extra>",
        )
        shown.add(part)
    fig.update_layout(
        margin={"l": 0, "r": 0, "t": 4, "b": 34},
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
    )
    fig.update_xaxes(title=join(f"{total:,} rows", how), showticklabels=False, showgrid=False, range=[0, max(total, 1)])
    fig.update_yaxes(autorange="reversed", showgrid=False)
    return fig


def _validation_rows(frame: pl.DataFrame) -> list[int]:
    rows = frame.filter(pl.col("part") == "validation").group_by("fold").agg(pl.col("n_rows").sum()).sort("fold")
    return [int(n) for n in rows["n_rows"]]
