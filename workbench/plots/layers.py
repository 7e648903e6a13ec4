"""A network from the inside: how large its layers' weights, gradients and steps are, and which units are dead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import CLASS_COLORS, MAX_LINE_POINTS, empty, figure, join, note, number, thin_line

_GAP_PX, _TOP_PX, _BOTTOM_PX = 34, 34, 78
_FRONT, _BACK = (86, 180, 233), (204, 121, 167)  # sky to purple: a deep network's layers in their order


@dataclass(frozen=True)
class _Panel:
    column: str
    title: str
    height: int
    is_log: bool
    format: str = ".3g"


_PANELS = (
    _Panel("gradients", "gradients: norm on one batch", 150, True),
    _Panel("weights", "weights: norm", 120, False),
    _Panel("update_ratio", "one step: norm of the change over that of the weights", 120, True, ".2e"),
    _Panel("dead", "dead units: answered 0 to a whole batch", 100, False, ".1%"),
)


def layer_curves(layers: pl.DataFrame, *, title: str | None = None) -> go.Figure:
    """Draw what a network saw of its layers over the epochs, a line per layer.

    Gradients that shrink from the back layers to the front ones vanish, those that grow explode; steps of about a
    thousandth of the weights are usual.

    Parameters
    ----------
    layers : DataFrame
        One row per look and layer: ``epoch``, ``layer``, ``weights``, ``gradients``, ``update_ratio``, ``dead``; null
        where it wasn't measured. May be empty.
    title : str, optional
    """
    panels = [panel for panel in _PANELS if layers.height and layers[panel.column].drop_nulls().len()]
    if not panels:
        return empty("The network hasn't looked at its layers yet: it does after an epoch, at most every two seconds.")
    inner = sum(panel.height for panel in panels) + _GAP_PX * (len(panels) - 1)
    names = layers["layer"].unique(maintain_order=True).to_list()
    n_looks = layers["epoch"].n_unique()
    said = join(f"{n_looks:,} look{'s' if n_looks != 1 else ''} at {len(names)} layers", _warning(layers))
    # A title and its subtitle stand above the first panel's own.
    top_px = _TOP_PX + (58 if title else 0)
    fig = figure(
        title,
        said if title else None,
        height=inner + top_px + _BOTTOM_PX,
        alt=join(title, said, _ends(layers, panels)),
        hovermode="x unified",
        hoversubplots="axis",
        uirevision="layers",
    )
    top = inner
    for position, panel in enumerate(panels):
        _add_panel(fig, layers, panel, names, position, [max(top - panel.height, 0) / inner, top / inner])
        top -= panel.height + _GAP_PX
    last = "y" if len(panels) == 1 else f"y{len(panels)}"
    fig.update_layout(
        xaxis={"title": "epoch", "anchor": last, "rangemode": "tozero"},
        margin={"t": top_px, "b": _BOTTOM_PX},
        showlegend=len(names) > 1,
    )
    return fig


def _add_panel(
    fig: go.Figure, layers: pl.DataFrame, panel: _Panel, names: list[str], position: int, domain: list[float]
) -> None:
    suffix = "" if position == 0 else str(position + 1)
    scale = {"type": "log", "dtick": 1, "exponentformat": "power"} if panel.is_log else {"rangemode": "tozero"}
    if panel.column == "dead":
        scale |= {"tickformat": ".0%"}
    fig.update_layout({f"yaxis{suffix}": {"domain": domain, "nticks": 4, "fixedrange": True, **scale}})
    fig.add_annotation(note(f"<b>{panel.title}</b>", 0, domain[1], xanchor="left", yanchor="bottom"))
    for index, name in enumerate(names):
        known = layers.filter((pl.col("layer") == name) & pl.col(panel.column).is_not_null()).sort("epoch")
        if panel.is_log:
            known = known.filter(pl.col(panel.column) > 0)
        if not known.height and position:
            continue
        x, y = known["epoch"].to_numpy(), known[panel.column].to_numpy()
        keep = thin_line(x, y, MAX_LINE_POINTS)
        fig.add_scatter(
            x=x[keep],
            y=y[keep],
            yaxis=f"y{suffix}",
            mode="lines+markers" if len(keep) <= 40 else "lines",
            name=name,
            legendgroup=name,
            showlegend=position == 0,
            line={"color": _color(index, len(names)), "width": 2},
            marker={"size": 5},
            hovertemplate=f"%{{y:{panel.format}}}",
        )


def _color(index: int, n_layers: int) -> str:
    if n_layers <= len(CLASS_COLORS):
        return CLASS_COLORS[index]
    share = index / (n_layers - 1)
    mixed = (round(front + share * (back - front)) for front, back in zip(_FRONT, _BACK, strict=True))
    return f"rgb({', '.join(str(part) for part in mixed)})"


def _latest(layers: pl.DataFrame) -> pl.DataFrame:
    return layers.filter(pl.col("epoch") == pl.col("epoch").max())


def _warning(layers: pl.DataFrame) -> str | None:
    """Name the layer with the most dead units, where there are many."""
    dead = _latest(layers).drop_nulls("dead").sort("dead", descending=True)
    if not dead.height or dead["dead"][0] < 0.3:
        return None
    return f"{dead['dead'][0]:.0%} of the units of {dead['layer'][0]} are dead"


def _ends(layers: pl.DataFrame, panels: list[_Panel]) -> str:
    last = _latest(layers)
    parts = []
    for panel in panels:
        values = last[panel.column].drop_nulls().to_numpy()
        if len(values):
            parts.append(f"{panel.title} {number(float(np.min(values)))} to {number(float(np.max(values)))}")
    return "; ".join(parts)
