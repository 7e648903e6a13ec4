"""Pictures of a model that is asked: probabilities, images, curves over each other, and which version was live when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import (
    BLUE,
    GREY,
    SHAP_DOWN,
    SHAP_UP,
    class_color,
    empty,
    figure,
    join,
    number,
    reference_line,
)

MAX_CLASSES = 12
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def probability_bars(probabilities: Mapping[str, float], *, target: str, max_classes: int = MAX_CLASSES) -> go.Figure:
    """Draw the probability of each class; of many classes the likeliest.

    Parameters
    ----------
    probabilities : mapping of class to probability, in the order of the classes
    """
    order = list(probabilities)
    shown = order
    if len(order) > max_classes:
        shown = sorted(order, key=lambda label: -probabilities[label])[:max_classes]
    said = "; ".join(f"{label} {probabilities[label]:.1%}" for label in shown[:5])
    fig = figure(None, height=56 + 30 * len(shown), alt=f"Probabilities of {target}: {said}")
    fig.add_bar(
        y=shown,
        x=[probabilities[label] for label in shown],
        orientation="h",
        marker={"color": [class_color(order.index(label)) for label in shown]},
        text=[f"{probabilities[label]:.1%}" for label in shown],
        textposition="outside",
        cliponaxis=False,
        hovertemplate=f"{target} = %{{y}}: %{{x:.4f}}<extra></extra>",
    )
    fig.update_yaxes(type="category", autorange="reversed", showgrid=False)
    note = f"probability, {len(shown)} of {len(order)} classes" if len(shown) < len(order) else "probability"
    fig.update_xaxes(title=note, range=[0, 1.12], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%")
    fig.update_layout(margin={"t": 6, "b": 36})
    return fig


def pixels(values: np.ndarray, *, maximum: float | None = None, title: str | None = None, alt: str = "") -> go.Figure:
    """Draw an image of one channel, dark on light as ink on paper; a missing pixel stays empty.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
    maximum : float, optional
        Value of full ink; the largest of `values` when absent.
    """
    top = float(maximum) if maximum else float(np.nanmax(values)) or 1.0
    scale = [[0.0, "#F4F1E8"], [1.0, "#16212B"]]
    return _image(values, 0.0, top, scale, title, alt or "Image", "pixel row %{y}, column %{x}: %{z:.4g}")


def pixel_effects(values: np.ndarray, *, unit: str = "", title: str | None = None, alt: str = "") -> go.Figure:
    """Draw how each pixel moves the output: vermilion up, blue down, white not at all.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        SHAP values.
    """
    top = float(np.nanmax(np.abs(values))) or 1.0
    scale = [[0.0, SHAP_DOWN], [0.5, "#FAFAFA"], [1.0, SHAP_UP]]
    hover = f"pixel row %{{y}}, column %{{x}}: %{{z:+.3g}} {unit}"
    return _image(values, -top, top, scale, title, alt or "Effect of each pixel", hover, bar=True)


def _image(
    values: np.ndarray,
    low: float,
    high: float,
    scale: list[list[object]],
    title: str | None,
    alt: str,
    hover: str,
    *,
    bar: bool = False,
) -> go.Figure:
    fig = figure(title, height=300 if title else 270, alt=alt)
    fig.add_heatmap(
        z=values,
        zmin=low,
        zmax=high,
        colorscale=scale,
        showscale=bar,
        colorbar={"thickness": 10, "len": 0.9},
        xgap=1,
        ygap=1,
        hoverongaps=False,
        hovertemplate=f"{hover}<extra></extra>",
    )
    fig.update_xaxes(visible=False, constrain="domain", scaleanchor="y")
    fig.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    fig.update_layout(margin={"l": 4, "r": 4, "b": 4, "t": 40 if title else 4})
    return fig


def curves_over(
    curves: Mapping[str, pl.DataFrame], *, x: str, y: str, title: str | None = None, split: str = "test"
) -> go.Figure:
    """Draw the same curve of several runs over each other, told apart by colour and dash.

    Parameters
    ----------
    curves : mapping of name to DataFrame
        Each with the columns `x` and `y`, in the order of the curve.
    """
    known = {name: frame for name, frame in curves.items() if frame.height}
    if not known:
        return empty(f"None of the {len(curves)} runs has this curve on the {split} split.")
    fig = figure(title, join(f"{split} split", f"{len(known)} runs"), height=440)
    if (x, y) != ("recall", "precision"):
        fig.add_trace(reference_line([0, 1], [0, 1], "reference"))
    x_title, y_title = x.replace("_", " "), y.replace("_", " ")
    for i, (name, frame) in enumerate(known.items()):
        fig.add_scatter(
            x=frame[x].to_numpy(),
            y=frame[y].to_numpy(),
            mode="lines",
            name=name,
            line={"color": class_color(i), "width": 2.2, "dash": DASHES[i % len(DASHES)]},
            hovertemplate=f"{name}<br>{x_title} %{{x:.4f}}<br>{y_title} %{{y:.4f}}<extra></extra>",
        )
    fig.update_layout(showlegend=True, margin={"b": 100})
    for trace in fig.data:
        trace.showlegend = trace.hoverinfo != "skip"
    fig.update_xaxes(title=x_title, range=[-0.01, 1.01])
    fig.update_yaxes(title=y_title, range=[-0.01, 1.02])
    return fig


def version_timeline(frame: pl.DataFrame, *, alias: str = "champion") -> go.Figure:
    """Draw which version was live, from when to when.

    Parameters
    ----------
    frame : DataFrame
        ``version``, ``start`` and ``end`` (Unix seconds), oldest first.
    """
    if frame.is_empty():
        return empty(f"No version has been {alias} yet.")
    names: Sequence[str] = [f"v{n}" for n in sorted(frame["version"].unique().to_list(), reverse=True)]
    last = frame.row(-1, named=True)
    fig = figure(
        None, height=70 + 30 * len(names), alt=f"Which version was {alias}; now version {number(last['version'])}"
    )
    for i, row in enumerate(frame.iter_rows(named=True)):
        now = i == frame.height - 1
        start, end = (datetime.fromtimestamp(row[side]).astimezone() for side in ("start", "end"))
        fig.add_scatter(
            x=[start, end],
            y=[f"v{row['version']}"] * 2,
            mode="lines+markers",
            line={"width": 12, "color": BLUE if now else GREY},
            marker={"size": 12, "symbol": ["circle", "arrow-right" if now else "circle"]},
            hovertemplate=f"v{row['version']} was {alias}<br>%{{x|%d %b %Y %H:%M}}<extra></extra>",
        )
    fig.update_yaxes(type="category", categoryorder="array", categoryarray=list(reversed(names)), showgrid=False)
    fig.update_xaxes(type="date")
    fig.update_layout(margin={"t": 8, "b": 34})
    return fig
