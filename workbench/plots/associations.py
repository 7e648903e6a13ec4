"""Pictures of which columns go together."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import BLUE, empty, figure, join, shortened

MAX_LABELLED = 12  # columns whose cells have room for their number
MAX_BARS = 30
MAX_MAPPED = 30  # columns of a map that can still be read
_NOTHING = "Nothing to compare: it takes two columns of numbers, categories, yes/no or dates that vary."


def association_map(
    frame: pl.DataFrame, *, said: str = "", first: str | None = None, n_columns: int | None = None
) -> go.Figure:
    """Draw associations of columns with each other as a heat map, from nothing (pale) to everything (blue).

    Of more than 30 columns those are drawn that go together most closely with `first`, or with any other.

    Parameters
    ----------
    frame : DataFrame
        ``column_a``, ``column_b``, ``value`` in [0, 1] or null, ``measure``, ``n_rows``.
    said : str
        The rows that it stands for, said in the subtitle.
    first : str, optional
        The column that stands first, such as the target; the others then follow, the closest to it first.
    n_columns : int, optional
        Columns that there are, where `frame` doesn't have all.
    """
    if frame.is_empty():
        return empty(_NOTHING)
    names, n_there = closest_columns(frame, first)
    n_columns = n_columns or n_there
    frame = frame.filter(pl.col("column_a").is_in(names), pl.col("column_b").is_in(names))
    if len(names) < n_columns:
        of = f"closest to {first}" if first in names else "that go together most closely"
        said = join(f"{len(names)} of {n_columns:,} columns drawn, those {of}", said)
    place = {name: position for position, name in enumerate(names)}
    grid = np.full((len(names), len(names)), np.nan)
    told = np.full((len(names), len(names)), "", dtype=object)
    for a, b, value, measure, n_rows in frame.select("column_a", "column_b", "value", "measure", "n_rows").iter_rows():
        i, j = place[a], place[b]
        grid[i, j] = grid[j, i] = np.nan if value is None else value
        told[i, j] = told[j, i] = f"{measure}, {n_rows:,} rows"
    few = len(names) <= MAX_LABELLED
    fig = figure(
        "Associations",
        join("0 nothing, 1 everything", said),
        height=max(340, min(190 + 26 * len(names), 1_100)),
        alt=f"Associations of {len(names)} columns, {said}. Closest: {_closest(frame)}",
    )
    short = [shortened(name, 20) for name in names]
    fig.add_heatmap(
        z=grid,
        x=list(range(len(names))),
        y=list(range(len(names))),
        zmin=0,
        zmax=1,
        colorscale=[[0, "#F4F4F4"], [1, BLUE]],
        colorbar={"thickness": 12, "title": {"text": ""}},
        customdata=np.dstack([*np.broadcast_arrays(np.array(names)[:, None], np.array(names)[None, :]), told]),
        texttemplate="%{z:.2f}" if few else None,
        hovertemplate="%{customdata[0]} and %{customdata[1]}: %{z:.3f}<br>%{customdata[2]}<extra></extra>",
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )
    ticks = {"tickvals": list(range(len(names))), "ticktext": short, "showgrid": False}
    fig.update_yaxes(autorange="reversed", **ticks)
    fig.update_xaxes(tickangle=-45 if len(names) > 6 else 0, **ticks)
    return fig


def closest_columns(frame: pl.DataFrame, first: str | None = None, *, n: int = MAX_MAPPED) -> tuple[list[str], int]:
    """Give the columns of a map, and how many there are in all; see `association_map`."""
    names = list(dict.fromkeys([*frame["column_a"].to_list(), *frame["column_b"].to_list()]))
    best = dict.fromkeys(names, -1.0)
    for a, b, value in frame.select("column_a", "column_b", "value").iter_rows():
        for name, other in ((a, b), (b, a)):
            if first not in best or other == first:
                best[name] = max(best[name], -1.0 if value is None else value)
    if first in best:
        best[str(first)] = 2.0
    ranked = sorted(names, key=lambda name: -best[name])
    if first in best:
        return ranked[:n], len(names)
    kept = set(ranked[:n])
    return [name for name in names if name in kept], len(names)


def association_bars(frame: pl.DataFrame, *, target: str, said: str = "") -> go.Figure:
    """Draw how closely each column goes with the target, the closest first.

    Parameters
    ----------
    frame : DataFrame
        As for `association_map`; ``column_a`` is the target.
    target : str
    said : str
    """
    known = frame.filter(pl.col("value").is_not_null()).sort("value", descending=True)
    if known.is_empty():
        return empty(f"Nothing to compare with {target}: it takes columns of numbers, categories, yes/no or dates.")
    shown = known.head(MAX_BARS)
    more = f"{shown.height} of {known.height:,} columns drawn" if shown.height < known.height else None
    fig = figure(
        f"Associations with {target}",
        join("0 nothing, 1 everything", said, more),
        height=110 + 24 * max(shown.height, 3),
        alt=f"Associations with {target}, {said}. Closest: {_closest(known)}",
    )
    fig.add_bar(
        y=list(range(shown.height)),
        x=shown["value"].to_list(),
        orientation="h",
        marker={"color": BLUE},
        text=[f"{value:.2f}" for value in shown["value"]],
        textposition="auto",
        textangle=0,
        customdata=[
            [name, measure, n] for name, measure, n in shown.select("column_b", "measure", "n_rows").iter_rows()
        ],
        hovertemplate="%{customdata[0]}: %{x:.3f}<br>%{customdata[1]}, %{customdata[2]:,} rows<extra></extra>",
    )
    labels = [shortened(name) for name in shown["column_b"]]
    fig.update_yaxes(tickvals=list(range(shown.height)), ticktext=labels, autorange="reversed", showgrid=False)
    fig.update_xaxes(title="association", range=[0, 1])
    return fig


def _closest(frame: pl.DataFrame) -> str:
    best = frame.filter(pl.col("value").is_not_null()).sort("value", descending=True).head(3)
    pairs = [f"{a} and {b} {value:.2f}" for a, b, value in best.select("column_a", "column_b", "value").iter_rows()]
    return ", ".join(pairs) or "none"
