"""The picture of what a recipe would have leaked."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from workbench.plots.panels import metric_title
from workbench.plots.theme import BLUE, GREY, VERMILION, empty, figure, join, number, shortened


def leak_bars(frame: pl.DataFrame, *, metric: str, said: str = "") -> go.Figure:
    """Draw the score of each way of fitting the learned steps: honest in blue, leaked in vermilion.

    Parameters
    ----------
    frame : DataFrame
        ``fitted_on``, ``metric``, ``score``; the first way is the honest one, the second saw all rows, others are
        drawn grey.
    metric : str
        The metric to draw.
    said : str
        Rows and estimator, said in the subtitle.
    """
    shown = frame.filter(pl.col("metric") == metric)
    if shown.is_empty():
        return empty(f"There is no {metric} to compare.")
    title = metric_title(metric)
    ways, scores = shown["fitted_on"].to_list(), shown["score"].to_list()
    told = ", ".join(f"{way} {number(score)}" for way, score in zip(ways, scores, strict=True))
    fig = figure(
        "What would this have leaked?",
        join(f"{title} on the same held-out rows", said),
        height=120 + 40 * len(ways),
        alt=f"{title} by the rows that the learned steps were fitted on: {told}",
    )
    fig.add_bar(
        y=list(range(len(ways))),
        x=scores,
        orientation="h",
        marker={"color": [(BLUE, VERMILION)[place] if place < 2 else GREY for place in range(len(ways))]},
        text=[number(score) for score in scores],
        textposition="auto",
        textangle=0,
        customdata=ways,
        hovertemplate=f"fitted on %{{customdata}}<br>{title} %{{x:.5g}}<extra></extra>",
    )
    labels = [shortened(way, 40) for way in ways]
    fig.update_yaxes(tickvals=list(range(len(ways))), ticktext=labels, autorange="reversed", showgrid=False)
    fig.update_xaxes(title=title, rangemode="tozero")
    return fig
