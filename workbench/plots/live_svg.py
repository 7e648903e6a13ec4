"""The live curves as inline SVG: small, without a script, for outputs that are replaced while a run goes on."""

from __future__ import annotations

from html import escape

import numpy as np
import polars as pl

from workbench.plots.hardware import Samples, hardware_table
from workbench.plots.hardware_panels import hardware_panels
from workbench.plots.live import first_of, roughly, said_of, shown_range, subtitle_of
from workbench.plots.panels import Axis, Line, Panel, metric_panels
from workbench.plots.theme import number, shortened, spread, thin_line

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 52, 170, 18, 40
_PANEL_TITLE_PX, _LABEL_PX = 26, 14
_POINTS = 200  # of each line: sent once a second, and kept in the notebook's file
_MARKED = 40  # few points are worth a dot each


def live_svg(
    history: pl.DataFrame, hardware: Samples = None, *, started: float | None = None, unit: str = "step"
) -> str:
    """Draw loss and metrics above GPU, CPU and memory on one axis of time, as `live_curves` does.

    Plotly's renderer in JupyterLab draws a figure once and ignores its updates; HTML is replaced everywhere.

    Parameters
    ----------
    history, hardware, started, unit
        As for `live_picture`.

    Returns
    -------
    str
        One ``<svg>`` whose texts have the colour of the text around it; at most about 40 kB.

    Examples
    --------
    >>> live_svg(pl.DataFrame({"time": [], "step": []}))
    ''
    """
    samples = hardware_table(hardware)
    times = [t for t in (first_of(samples, "time"), first_of(history, "time")) if t is not None]
    if not times:
        return ""
    axis = Axis(history, "time", min(times) if started is None else started, unit, samples)
    panels = metric_panels(history, axis, None) + hardware_panels(samples, axis)
    height = _TOP + sum(panel.height + _PANEL_TITLE_PX for panel in panels) + _BOTTOM
    x = _Scale(0.0, axis.end or 1.0, _LEFT, _WIDTH - _RIGHT)
    parts = [_text(subtitle_of(history, samples, unit), _LEFT, 12, opacity=0.7)] if history.height else []
    top = _TOP
    for panel in panels:
        top += _PANEL_TITLE_PX
        parts += _panel(panel, x, top)
        top += panel.height
    for tick in _ticks(x.low, x.high):
        parts.append(_text(f"{tick:g}", x(tick), top + 14, anchor="middle", opacity=0.8))
    parts.append(_text(axis.title, (_LEFT + _WIDTH - _RIGHT) / 2, top + 31, anchor="middle", opacity=0.8))
    for place, length in axis.pauses():
        parts.append(_rule(x(place), _TOP, x(place), top, dash="2 3", opacity=0.6))
        parts.append(_text(f"paused {roughly(length)}", x(place), _TOP + 8, anchor="middle", opacity=0.8))
    told = escape("; ".join(said_of(panel) for panel in panels), quote=True)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{told}" xmlns="http://www.w3.org/2000/svg" '
        f'style="width:100%;max-width:{_WIDTH}px;height:auto;display:block;font:12px sans-serif" fill="currentColor">'
        f"{''.join(parts)}</svg>"
    )


class _Scale:
    """Places values between two pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, high
        self._start, self._factor = start, (end - start) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return self._start + (value - self.low) * self._factor


def _panel(panel: Panel, x: _Scale, top: float) -> list[str]:
    low, high = panel.range or shown_range(panel.lines)
    y = _Scale(low, high, top + panel.height, top)
    parts = [_text(panel.title, _LEFT, top - 7, weight="bold")]
    for tick in _ticks(low, high, 4):
        parts.append(_rule(_LEFT, y(tick), _WIDTH - _RIGHT, y(tick), opacity=0.15))
        parts.append(_text(f"{tick:.4g}", _LEFT - 6, y(tick) + 4, anchor="end", opacity=0.8))
    drawn = [line for line in panel.lines if line.width]
    for line in drawn:
        parts += _line(line, x, y)
    if not panel.lines:
        parts.append(_text(f"no {panel.title} yet", (_LEFT + _WIDTH - _RIGHT) / 2, top + panel.height / 2, "middle"))
    return [*parts, *_labels(drawn, y)]


def _line(line: Line, x: _Scale, y: _Scale) -> list[str]:
    keep = thin_line(line.x, line.y, _POINTS)
    words: list[str] = []
    points = []
    pen = "M"
    for place, value in zip(line.x[keep], line.y[keep], strict=True):
        if not (np.isfinite(place) and np.isfinite(value)):
            pen = "M"  # a gap
            continue
        points.append((x(float(place)), y(float(value))))
        words.append(f"{pen}{points[-1][0]:.1f} {points[-1][1]:.1f}")
        pen = "L"
    dash = "" if line.dash == "solid" else ' stroke-dasharray="2 3"'
    style = f'stroke="{line.color}" stroke-width="{line.width:g}" opacity="{line.opacity:g}"{dash}'
    parts = [f'<path d="{"".join(words)}" fill="none" {style}/>']
    if len(points) <= _MARKED and "step" in line.hover:
        parts += [f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="2.5" fill="{line.color}"/>' for cx, cy in points]
    return parts


def _labels(lines: list[Line], y: _Scale) -> list[str]:
    """Write each line's name and last value at its end; the bar has its colour, the words the reader's."""
    last = [
        (line, float(line.y[np.isfinite(line.y)][-1])) for line in lines if line.labelled and np.isfinite(line.y).any()
    ]
    parts = []
    for (line, value), place in zip(last, spread([y(value) for _, value in last], _LABEL_PX), strict=True):
        left = _WIDTH - _RIGHT + 8
        parts.append(f'<rect x="{left}" y="{place - 2:.1f}" width="12" height="4" fill="{line.color}"/>')
        parts.append(_text(f"{shortened(line.name, 16)} {number(value)}", left + 17, place + 4))
    return parts


def _ticks(low: float, high: float, n: int = 6) -> list[float]:
    """Give round numbers within a range, about `n`.

    Examples
    --------
    >>> _ticks(0.0, 105.0, 4), _ticks(0.31, 0.69, 4)
    ([0.0, 50.0, 100.0], [0.4, 0.5, 0.6])
    """
    if not high > low:
        return [low]
    raw = (high - low) / n
    size = 10.0 ** np.floor(np.log10(raw))
    step = float(size * next(factor for factor in (1, 2, 5, 10) if factor * size >= raw * 0.999))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [round(i * step, 12) for i in range(first, last + 1)]


def _rule(x0: float, y0: float, x1: float, y1: float, *, opacity: float, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="currentColor" opacity="{opacity:g}"'
        f"{dashes}/>"
    )


def _text(
    words: str, x: float, y: float, anchor: str = "start", *, opacity: float = 1.0, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" opacity="{opacity:g}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )
