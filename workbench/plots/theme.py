"""The one template, the palette, and the few things that every picture needs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

# Okabe and Ito, Color Universal Design, 2008: told apart with any kind of colour blindness.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, YELLOW, GREY = "#56B4E9", "#CC79A7", "#F0E442", "#8C8C8C"

SPLIT_COLORS = {"train": BLUE, "validation": ORANGE, "test": GREEN}
SHAP_UP, SHAP_DOWN = VERMILION, BLUE
CLASS_COLORS = (SKY, PURPLE, ORANGE, GREEN, BLUE, VERMILION, YELLOW, GREY)
MAX_SCATTER_POINTS = 5_000
MAX_LINE_POINTS = 600
TITLE_CHARACTERS, SUBTITLE_CHARACTERS = 56, 66  # as many as stand in half a page of a 1,280 px window

_TEXT = "#7A7A7A"  # the grey with equal contrast (4.3) on white and on the dark theme's background
_GRID = "rgba(128, 128, 128, 0.22)"
_ZERO = "rgba(128, 128, 128, 0.75)"
_CLEAR = "rgba(0, 0, 0, 0)"

# Traces carry their colours themselves and text colours live in the template only: Streamlit replaces the template's
# text colours with those of the reader's light or dark theme, and leaves what a trace says.
TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "colorway": list(CLASS_COLORS),
        "font": {"color": _TEXT, "size": 13, "family": "Source Sans, Source Sans Pro, Arial, sans-serif"},
        "title": {"x": 0.0, "xref": "container", "xanchor": "left", "yref": "container", "y": 0.97, "yanchor": "top"},
        "xaxis": {
            "gridcolor": _GRID,
            "zeroline": False,
            "linecolor": _GRID,
            "automargin": True,
            "ticks": "",
            "title": {"font": {"size": 13}},
        },
        "yaxis": {
            "gridcolor": _GRID,
            "zeroline": False,
            "linecolor": _GRID,
            "automargin": True,
            "ticks": "",
            "title": {"font": {"size": 13}},
        },
        "hoverlabel": {"align": "left"},
        "legend": {
            "orientation": "h",
            "x": 0,
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        "bargap": 0.15,
        "modebar": {"remove": ["sendChartToCloud"]},  # what is drawn here stays here
    }
)
_TEMPLATE_JSON = TEMPLATE.to_plotly_json()


def class_color(position: int) -> str:
    """Give the colour of the class at a position of the sorted classes: the same on every page."""
    return CLASS_COLORS[position % len(CLASS_COLORS)]


def figure(
    title: str | None, subtitle: str | None = None, *, height: int = 360, alt: str | None = None, **layout: Any
) -> go.Figure:
    """Give an empty figure with the template, the title at the left, and a text alternative in ``layout.meta``."""
    fig = go.Figure()
    fig.update_layout(figure_layout(title, subtitle, height=height, alt=alt) | {"template": TEMPLATE} | layout)
    return fig


def figure_layout(
    title: str | None, subtitle: str | None = None, *, height: int = 360, alt: str | None = None
) -> dict[str, Any]:
    """Give the layout of `figure` as plain dicts."""
    shown = wrapped(title, TITLE_CHARACTERS) if title else ""
    below = wrapped(subtitle, SUBTITLE_CHARACTERS) if title and subtitle else ""
    more = 19 * shown.count("<br>") + 16 * below.count("<br>")  # Plotly breaks no line by itself: it would be cut
    layout: dict[str, Any] = {
        "template": _TEMPLATE_JSON,
        "height": height + more,
        "margin": {"l": 10, "r": 20, "t": more + (10 if not title else 72 if subtitle else 46), "b": 40},
        "meta": {"alt": alt or ". ".join(part for part in (title, subtitle) if part)},
        "showlegend": False,
    }
    if title:
        layout["title"] = {"text": shown, "font": {"size": 15}}
        if subtitle:
            layout["title"]["subtitle"] = {"text": below, "font": {"size": 12}}
    return layout


def wrapped(text: str, width: int) -> str:
    """Break a line that is too long for half a page, at " · " where it can be.

    Examples
    --------
    >>> wrapped("test split · 1,309 rows · shade: share", 26)
    'test split · 1,309 rows<br>· shade: share'
    """
    lines: list[str] = []
    for part in text.split(" · "):
        joined = f"{lines[-1]} · {part}" if lines else part
        if not lines or len(joined) <= width:
            lines[-1:] = [joined]
        else:
            lines.append(f"· {part}")
    return "<br>".join(line for whole in lines for line in textwrap.wrap(whole, width) or [""])


def empty(message: str, *, height: int = 200) -> go.Figure:
    """Give a figure that says why there is nothing to draw."""
    fig = figure(None, height=height, alt=message)
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False)
    fig.add_annotation(text=message, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    return fig


def note(text: str, x: float, y: float, **where: Any) -> dict[str, Any]:
    """Describe a text at a place of the whole picture, in shares of its width and height."""
    return {"text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False, **where}


def zero_line(fig: go.Figure, axis: str, **where: Any) -> None:
    """Draw the line where zero means something."""
    if axis == "x":
        fig.update_xaxes(zeroline=True, zerolinecolor=_ZERO, zerolinewidth=1.5, **where)
    else:
        fig.update_yaxes(zeroline=True, zerolinecolor=_ZERO, zerolinewidth=1.5, **where)


def reference_line(x: Sequence[float], y: Sequence[float], name: str) -> go.Scatter:
    """Give a dotted grey line to compare with: a diagonal, a base rate."""
    return go.Scatter(
        x=list(x),
        y=list(y),
        mode="lines",
        name=name,
        hoverinfo="skip",
        line={"color": GREY, "width": 1.5, "dash": "dot"},
    )


def number(value: float | int | None, digits: int = 4) -> str:
    """Write a number with thousands separators and a sensible number of digits.

    Examples
    --------
    >>> number(1234567.891), number(0.123456), number(12), number(None)
    ('1,234,568', '0.1235', '12', 'missing')
    """
    if value is None or value != value:
        return "missing"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def rows_drawn(n_drawn: int, n_total: int, what: str = "rows") -> str:
    """State how many of the points are drawn."""
    return f"{n_total:,} {what}" if n_drawn >= n_total else f"{n_drawn:,} of {n_total:,} {what} drawn"


def join(*parts: str | None) -> str:
    """Join the parts of a subtitle, leaving out absent ones."""
    return " · ".join(part for part in parts if part)


def thin_line(x: np.ndarray, y: np.ndarray, max_points: int = MAX_LINE_POINTS) -> np.ndarray:
    """Choose the points of a long line to draw: first, last, and the extremes of equal stretches, so no peak is lost.

    Returns
    -------
    ndarray of int
        Positions, ascending; all of them when there are few enough.
    """
    n = len(x)
    if n <= max_points:
        return np.arange(n)
    # Rows of a table, one for each stretch; the last is filled up with the last value.
    width = -(-n // max(max_points // 2 - 1, 1))
    values = np.where(np.isfinite(y), y, 0.0)
    stretches = np.append(values, np.full(-n % width, values[-1])).reshape(-1, width)
    starts = np.arange(0, n, width)
    keep = np.concatenate([[0, n - 1], starts + stretches.argmin(axis=1), starts + stretches.argmax(axis=1)])
    keep = np.sort(np.minimum(keep, n - 1))
    return np.asarray(keep[np.append(True, keep[1:] > keep[:-1])])


def sample_rows(n: int, max_points: int = MAX_SCATTER_POINTS, seed: int = 0) -> np.ndarray:
    """Choose the rows of a big scatter to draw: a random sample, the same every time."""
    if n <= max_points:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=max_points, replace=False))


def spread(positions: Iterable[float], gap: float) -> list[float]:
    """Push labels apart so that neighbours are at least `gap` from each other, each near its place.

    Examples
    --------
    >>> spread([10.0, 11.0, 50.0], gap=10)
    [5.5, 15.5, 50.0]
    """
    wanted = list(positions)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[list[int]] = []
    centers: list[float] = []
    for i in order:
        blocks.append([i])
        centers.append(wanted[i])
        while len(blocks) > 1 and centers[-1] - centers[-2] < gap * (len(blocks[-1]) + len(blocks[-2])) / 2:
            merged = blocks[-2] + blocks[-1]
            blocks[-2:], centers[-2:] = [merged], [sum(wanted[j] for j in merged) / len(merged)]
    placed = [0.0] * len(wanted)
    for block, center in zip(blocks, centers, strict=True):
        for rank, i in enumerate(block):
            placed[i] = center + gap * (rank - (len(block) - 1) / 2)
    return placed


def shortened(text: str, length: int = 24) -> str:
    """Cut a long text for a label, with an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


def class_labels(labels: Sequence[str], length: int = 20) -> list[str]:
    """Give labels of classes that are short enough for an axis and still differ from each other.

    Examples
    --------
    >>> class_labels(["no", "yes"]), class_labels(["a house with a garden", "a house with a garage"], 12)
    (['no', 'yes'], ['1 a house w…', '2 a house w…'])
    """
    short = [shortened(label, length) for label in labels]
    if len(set(short)) == len(set(labels)):
        return short
    return [f"{place} {shortened(label, length - 2)}" for place, label in enumerate(labels, start=1)]


def with_unit(name: str, unit: str) -> str:
    """Write an axis title."""
    return f"{name} ({unit})" if unit else name
