"""Training curves above the hardware that made them, on one axis of time or step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl

from workbench.plots.hardware import Samples, hardware_table
from workbench.plots.hardware_panels import gpu_indices, hardware_panels
from workbench.plots.panels import Axis, By, Line, Panel, history_line, metric_panels, metric_title
from workbench.plots.theme import (
    CLASS_COLORS,
    GREY,
    MAX_LINE_POINTS,
    empty,
    figure_layout,
    join,
    note,
    number,
    shortened,
    spread,
)

_GAP_PX, _LABEL_PX = 26, 15
_FOCUS_POINTS, _FOCUS_SHARE = 3, 0.4


def live_curves(history: pl.DataFrame, hardware: Samples = None, **options: Any) -> go.Figure:
    """Draw loss and metrics above GPU, CPU and memory, on one shared axis; see `live_picture` for the options."""
    return go.Figure(live_picture(history, hardware, **options))


def live_picture(
    history: pl.DataFrame,
    hardware: Samples = None,
    *,
    by: By = "time",
    started: float | None = None,
    unit: str = "step",
    metrics: Sequence[str] | None = None,
    title: str | None = None,
    detail: bool = False,
    focus: bool = True,
    interrupted: Sequence[float] = (),
) -> dict[str, Any]:
    """Describe loss and metrics above GPU, CPU and memory, on one shared axis, as Plotly's JSON has it.

    Plain dicts, since a live page has it drawn once a second: checking each property of a `Figure` takes ten times as
    long as all the rest.

    Where a run was stopped and resumed, the pause takes no room on the axis of time: a dotted line tells its length.

    Time and step are logged apart: by step, a hardware sample is placed between the steps that were logged around it.

    Parameters
    ----------
    history : DataFrame
        ``time`` (unix seconds), ``step``, and a column for each metric (``loss``, ``val_loss``, ...); may be empty.
    hardware : DataFrame or iterable of dict, optional
        As `hardware.hardware_rows` takes; no GPU, several GPUs and null fields are fine.
    by : {"time", "step"}
        Axis: seconds (minutes, hours) since `started`, or the logged step.
    started : float, optional
        Unix seconds; the first sample or metric when absent.
    unit : str
        What a step is: "epoch", "tree", "round".
    metrics : sequence of str, optional
        Metrics to draw, without ``val_``; by default the loss and the first two others.
    detail : bool
        Draw all that is known of the hardware: bandwidth, power, temperature, clocks, link, disk and energy, too.
    focus : bool
        Show the part of the time axis in which the run trained, where that would be a sliver. A picture that is drawn
        anew again and again had better not: Plotly keeps a range that it was given once.
    interrupted : sequence of float
        Unix seconds at which the run had ended before it was resumed; a pause of 30 s is seen without.
    """
    samples = hardware_table(hardware)
    times = [t for t in (first_of(samples, "time"), first_of(history, "time")) if t is not None]
    if not times:
        return dict(empty("Waiting for the first numbers.", height=240).to_plotly_json())
    axis = Axis(history, by, min(times) if started is None else started, unit, samples, interrupted)
    panels = metric_panels(history, axis, metrics) + hardware_panels(samples, axis, detail=detail)
    shown = _focus(history, axis) if focus else None
    left_out = "double-click shows what was before and after training" if shown else None
    picture = _draw(panels, axis, title, join(subtitle_of(history, samples, unit), left_out))
    if shown:
        picture["layout"]["xaxis"]["range"] = shown
    return picture


def _focus(history: pl.DataFrame, axis: Axis) -> list[float] | None:
    """Give the part of the time axis in which the run trained, where it would be a sliver between loading and the end.

    None while there is too little to see, or where it fills a good part of the axis anyway.
    """
    if axis.by != "time" or history.height < _FOCUS_POINTS:
        return None
    first, last = (float(axis.of_history(history[place : place + 1])[0]) for place in (0, history.height - 1))
    if last <= first or last - first > _FOCUS_SHARE * axis.end:
        return None
    margin = 0.15 * (last - first)
    return [max(0.0, first - margin), last + margin]


def compare_curves(
    histories: Mapping[str, pl.DataFrame], *, metric: str = "val_loss", by: By = "step", unit: str = "step"
) -> go.Figure:
    """Draw one metric of several runs on one axis (time counts from each run's first metric)."""
    lines, axis = [], None
    for i, (name, history) in enumerate(histories.items()):
        if metric not in history.columns or history[metric].drop_nulls().is_empty():
            continue
        axis = Axis(history, by, float(history["time"][0]), unit)
        lines.append(history_line(history, metric, axis, _run_label(name), CLASS_COLORS[i % len(CLASS_COLORS)]))
    if axis is None:
        return empty(f"None of the {len(histories)} runs has logged {metric}.")
    return go.Figure(_draw([Panel(metric_title(metric), lines, height=280)], axis, None, None))


def _run_label(name: str, length: int = 24) -> str:
    """Cut a run's id in the middle: its end tells it from others of the same name."""
    return name if len(name) <= length else f"{name[: length - 6]}…{name[-5:]}"


def _draw(panels: list[Panel], axis: Axis, title: str | None, subtitle: str | None) -> dict[str, Any]:
    inner = sum(panel.height for panel in panels) + _GAP_PX * (len(panels) - 1)
    longest = max((len(line.name) for panel in panels for line in panel.lines if line.labelled), default=0)
    notes: list[dict[str, Any]] = []
    traces: list[dict[str, Any]] = []
    layout = figure_layout(
        title,
        subtitle if title else None,
        height=inner + 110,
        alt=join(title, subtitle, "; ".join(said_of(panel) for panel in panels)),
    ) | {"hovermode": "x unified", "hoversubplots": "axis", "uirevision": "live", "annotations": notes}
    layout["margin"] |= {
        "r": min(max(92, 30 + 7 * longest), 200),
        "t": 92 if title and subtitle else 60 if title else 46,
    }
    top = inner
    for i, panel in enumerate(panels, start=1):
        name = "" if i == 1 else str(i)
        domain = [max(top - panel.height, 0) / inner, top / inner]
        shown = list(panel.range or shown_range(panel.lines))
        layout[f"yaxis{name}"] = {"domain": domain, "range": shown, "nticks": 5, "fixedrange": True}
        traces += [_trace(line, f"y{name}") for line in panel.lines]
        notes += [
            note(f"<b>{panel.title}</b>", 0, domain[1], xanchor="left", yanchor="bottom"),
            *_end_labels(panel, f"y{name}", shown),
        ]
        if not panel.lines:
            notes.append(note(f"no {panel.title} yet", 0.5, sum(domain) / 2))
        top -= panel.height + _GAP_PX
    last = "y" if len(panels) == 1 else f"y{len(panels)}"
    layout["xaxis"] = {
        "title": {"text": axis.title},
        "anchor": last,
        "rangemode": "tozero",
        "unifiedhovertitle": {
            "text": f"%{{x:.4~g}} {axis.time_unit}" if axis.by == "time" else f"{axis.title} %{{x:,.0f}}"
        },
    }
    for place, length in axis.pauses():
        layout.setdefault("shapes", []).append(_pause_line(place))
        notes.append(note(f"paused {roughly(length)}", place, 1, xref="x", yanchor="bottom"))
    if subtitle and not title:
        notes.append(note(subtitle, 0, 1, yshift=22, xanchor="left", yanchor="bottom"))
    return {"data": traces, "layout": layout}


def _pause_line(place: float) -> dict[str, Any]:
    line = {"color": GREY, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def roughly(seconds: float) -> str:
    """Say how long a pause took.

    Examples
    --------
    >>> roughly(45), roughly(3_000), roughly(50_000), roughly(500_000)
    ('45 s', '50 min', '14 h', '6 days')
    """
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3_600, 48)):
        if seconds < size * most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def _trace(line: Line, ref: str) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "x": line.x,
        "y": line.y,
        "yaxis": ref,
        "mode": "lines+markers" if np.isfinite(line.y).sum() <= 40 and "step" in line.hover else "lines",
        "name": line.name,
        "line": {"color": line.color, "width": line.width, "dash": line.dash},
        "opacity": line.opacity,
        "marker": {"size": 5},
        "hovertemplate": line.hover,
        "connectgaps": False,
    }
    if line.fill:
        trace |= {"fill": line.fill, "fillcolor": "rgba(128, 128, 128, 0.18)"}
    if line.extra is not None:
        trace["customdata"] = line.extra
    return trace


def _end_labels(panel: Panel, ref: str, shown: list[float]) -> list[dict[str, Any]]:
    last = []
    for line in (line for line in panel.lines if line.labelled):
        known = np.flatnonzero(np.isfinite(line.y))
        if len(known):
            last.append((line, float(line.y[known[-1]])))
    pixels = [(y - shown[0]) / ((shown[1] - shown[0]) or 1) * panel.height for _, y in last]
    # the bar has the line's colour, the word the reader's text colour: orange words are too pale on white
    return [
        {
            "text": f"<span style='color:{line.color}'>▬</span> {shortened(line.name)}",
            "x": 1,
            "xref": "paper",
            "xanchor": "left",
            "xshift": 4,
            "y": y,
            "yref": ref,
            "yshift": to - at,
            "showarrow": False,
            "font": {"size": 12},
        }
        for (line, y), at, to in zip(last, pixels, spread(pixels, _LABEL_PX), strict=True)
    ]


def shown_range(lines: list[Line]) -> tuple[float, float]:
    """Give the part of the vertical axis that holds all lines, with a margin."""
    values = np.concatenate([line.y[np.isfinite(line.y)] for line in lines]) if lines else np.zeros(0)
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 0.1
    return (low - margin if low < 0 or low > margin else 0.0), high + margin


def subtitle_of(history: pl.DataFrame, samples: pl.DataFrame, unit: str) -> str:
    """Say how many points are drawn, and where there is no GPU."""
    n = history.height
    logged = f"{n:,} logged {unit}{'s' if n != 1 else ''}"
    if n > MAX_LINE_POINTS:
        logged = f"{MAX_LINE_POINTS:,} of {n:,} logged {unit}s drawn, extremes kept"
    return join(logged, None if not samples.height or gpu_indices(samples) else "no GPU")


def said_of(panel: Panel) -> str:
    """Say in words what a panel shows last: for who can't see it."""
    ends = [
        f"{line.name} {number(float(line.y[np.isfinite(line.y)][-1]))}"
        for line in panel.lines
        if line.labelled and np.isfinite(line.y).any()
    ]
    return f"{panel.title}: {', '.join(ends) or 'nothing yet'}"


def first_of(frame: pl.DataFrame, column: str) -> float | None:
    """Give the least value of a column; None where there is none."""
    if not frame.height or column not in frame.columns:
        return None
    value = frame[column].min()
    return None if value is None else float(value)  # type: ignore[arg-type]
