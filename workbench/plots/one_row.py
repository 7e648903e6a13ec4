"""One row's explanation: from the background's mean to the row's output, column by column."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import GREY, SHAP_DOWN, SHAP_UP, figure, join, note, number, shortened, with_unit


def waterfall(
    frame: pl.DataFrame,
    *,
    base_value: float,
    unit: str = "",
    output: str = "output",
    title: str | None = None,
    subtitle: str | None = None,
    max_columns: int = 10,
) -> go.Figure:
    """Draw how each column moves the output from the background's mean (bottom) to this row's (top).

    Parameters
    ----------
    frame : DataFrame
        ``column``, ``value`` (text), ``shap_value``: one row and output. Small columns are summed into one bar.
    base_value : float
        Mean output over the background.
    output : str
        What the axis shows, for example "probability of survived = 1".
    """
    labels, values = _bars(frame, max_columns)
    total = base_value + float(sum(values))
    # the largest at the top: bars are stacked from the bottom up
    ends = np.array(values[::-1]).cumsum()[::-1] + base_value if values else np.zeros(0)
    starts = ends - np.array(values)
    said = f"{number(base_value)} on average, {number(total)} for this row"
    fig = figure(
        title, join(subtitle, said), height=130 + 30 * max(len(labels), 2), alt=_alt(output, said, labels, values)
    )
    fig.add_bar(
        y=list(range(len(labels))),
        x=values,
        base=starts,
        orientation="h",
        width=0.7,
        marker={"color": [SHAP_UP if value >= 0 else SHAP_DOWN for value in values]},
        text=[f"{value:+.3g}" for value in values],
        textposition="auto",
        textangle=0,
        customdata=[[label, start, end] for label, start, end in zip(labels, starts, ends, strict=True)],
        hovertemplate="%{customdata[0]}<br>%{text}: from %{customdata[1]:.4g} to %{customdata[2]:.4g}<extra></extra>",
        cliponaxis=False,
    )
    _connect(fig, starts, ends)
    _mark(fig, base_value, total)
    fig.update_yaxes(
        tickvals=list(range(len(labels))), ticktext=labels, range=[len(labels) - 0.4, -0.6], showgrid=False
    )
    fig.update_xaxes(title={"text": with_unit(output, unit), "standoff": 28}, range=_padded(starts, ends, base_value))
    fig.update_layout(margin={"t": fig.layout.margin.t + 20 if title else 34, "b": 66})
    return fig


def _bars(frame: pl.DataFrame, max_columns: int) -> tuple[list[str], list[float]]:
    """Give label and SHAP value of each bar, largest first; small columns become one."""
    ordered = frame.sort(pl.col("shap_value").abs(), descending=True, maintain_order=True)
    shown, rest = ordered.head(max_columns), ordered.slice(max_columns)
    if rest.height == 1:  # one column has room for itself
        shown, rest = ordered, ordered.clear()
    labels = [f"{column} = {shortened(value)}" for column, value in shown.select("column", "value").iter_rows()]
    values = [float(value) for value in shown["shap_value"]]
    if rest.height:
        labels.append(f"{rest.height} other columns")
        values.append(float(rest["shap_value"].sum()))
    return labels, values


def _mark(fig: go.Figure, base_value: float, total: float) -> None:
    for x in (base_value, total):
        fig.add_vline(x=x, line={"color": GREY, "width": 1, "dash": "dot"})
    fig.add_annotation(note(f"<b>{number(total)}</b>", total, 1, xref="x", yanchor="bottom", font={"size": 12}))
    fig.add_annotation(
        note(f"mean {number(base_value)}", base_value, 0, xref="x", yanchor="top", yshift=-19, font={"size": 12})
    )


def _connect(fig: go.Figure, starts: np.ndarray, ends: np.ndarray) -> None:
    for i in range(1, len(starts)):
        fig.add_shape(
            type="line", x0=ends[i], x1=starts[i - 1], y0=i - 0.35, y1=i - 0.65, line={"color": GREY, "width": 1}
        )


def _padded(starts: np.ndarray, ends: np.ndarray, base_value: float) -> list[float]:
    places = np.r_[starts, ends, base_value]
    low, high = float(places.min()), float(places.max())
    # Room for the text of a small bar, also on a phone.
    margin = 0.22 * (high - low) or 0.1 * abs(high) or 0.1
    return [low - margin, high + margin]


def _alt(output: str, said: str, labels: list[str], values: list[float]) -> str:
    strongest = "; ".join(f"{label} {value:+.3g}" for label, value in list(zip(labels, values, strict=True))[:3])
    return f"{output}: {said}. Strongest: {strongest or 'none'}"
