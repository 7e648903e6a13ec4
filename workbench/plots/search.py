"""Pictures of a search: its history, the points that were tried, what mattered, and estimators by accuracy and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import BLUE, GREEN, GREY, ORANGE, VERMILION, empty, figure, join, number, shortened

_MOST_LINES = 500
_MOST_BARS = 20


def search_history(trials: pl.DataFrame, *, metric: str = "value", better: str = "higher") -> go.Figure:
    """Draw each trial where it ended, and the best value so far as a line.

    Parameters
    ----------
    trials : DataFrame
        ``number``, ``status``, ``value``, ``best``, ``estimator``, as `Run.trials` gives.
    metric : str
        Title of the axis.
    better : {"higher", "lower"}
    """
    finished = trials.filter(pl.col("status") == "finished", pl.col("value").is_not_null())
    ended = trials.filter(pl.col("status") == "pruned", pl.col("value").is_not_null())
    if not finished.height:
        return empty("Waiting for the first trial that is measured on all folds.")
    best = finished["best"].drop_nulls()[-1]
    said = join(
        f"best {metric} {number(best)}", f"{finished.height:,} trials measured in full",
        f"{trials.filter(pl.col('status') == 'pruned').height:,} ended early",
        f"{better} is better",
    )  # fmt: skip
    fig = figure(None, height=320, alt=f"Trials of the search: {said}", hovermode="closest")
    _points(fig, ended, "ended early", GREY, "x")
    _points(fig, finished, "measured in full", BLUE, "circle")
    fig.add_scatter(
        x=trials["number"],
        y=trials["best"],
        mode="lines",
        name="best so far",
        line={"color": ORANGE, "width": 2, "shape": "hv"},
        hovertemplate=f"best so far after trial %{{x}}: %{{y:.5g}} {metric}<extra></extra>",
    )
    fig.update_layout(showlegend=True, margin={"t": 16, "b": 60})
    fig.update_xaxes(title="trial")
    fig.update_yaxes(title=join(metric, f"{better} is better"))
    return fig


def _points(fig: go.Figure, trials: pl.DataFrame, name: str, color: str, symbol: str) -> None:
    if trials.height:
        fig.add_scatter(
            x=trials["number"],
            y=trials["value"],
            mode="markers",
            name=name,
            marker={"color": color, "symbol": symbol, "size": 7, "opacity": 0.8},
            customdata=np.array([trials["estimator"].to_list()]).T,
            hovertemplate=f"trial %{{x}} (%{{customdata[0]}}), {name}: %{{y:.5g}}<extra></extra>",
        )


def search_parallel(
    trials: pl.DataFrame,
    parameters: Sequence[str],
    *,
    metric: str = "value",
    better: str = "higher",
    log: Sequence[str] = (),
) -> go.Figure:
    """Draw each trial as a line through its parameters to its value; drag on an axis to keep some lines.

    Parameters
    ----------
    trials : DataFrame
        ``value``, ``status`` and a column for each parameter.
    parameters : sequence of str
        Columns to draw, one axis each.
    metric : str
    better : {"higher", "lower"}
    log : sequence of str
        Parameters whose axis is logarithmic.
    """
    shown = trials.filter(pl.col("status") == "finished", pl.col("value").is_not_null())
    varied = [name for name in parameters if name in shown.columns and shown[name].n_unique() > 1]
    if shown.height < 2 or not varied:
        return empty("Two trials that differ and are measured in full are needed for this picture.")
    drawn = shown.sort("value", descending=better == "higher").head(_MOST_LINES)
    values = drawn["value"].to_numpy()
    axes = [_axis(name, drawn[name], log=name in log) for name in varied]
    axes.append({"label": metric, "values": values})
    scale = [[0.0, "#A3ABB2"], [0.6, ORANGE], [1.0, VERMILION]]  # seen on white and on black
    alt = f"{drawn.height:,} trials as lines through {', '.join(varied)} to {metric}; the warmer, the better"
    fig = figure(None, height=380, alt=alt)
    fig.add_parcoords(
        dimensions=axes,
        line={"color": values, "colorscale": scale, "reversescale": better == "lower", "showscale": False},
        labelangle=0,
        tickfont={"size": 11},
    )
    fig.update_layout(margin={"l": 60, "r": 60, "t": 50, "b": 24})
    return fig


def _axis(name: str, column: pl.Series, *, log: bool) -> dict[str, Any]:
    """Give one axis; no limit stands above the largest number, words stand at equal distances."""
    label = shortened(_said(name), 20)
    if column.dtype.is_numeric():
        known = column.drop_nulls().cast(pl.Float64)
        use_log = log and len(known) and float(known.min()) > 0  # type: ignore[arg-type]
        moved = known.log10() if use_log else known
        low, high = float(moved.min()), float(moved.max())  # type: ignore[arg-type]
        top = high + 0.12 * ((high - low) or 1.0)
        values = [top if v is None else float(np.log10(v)) if use_log else float(v) for v in column.to_list()]
        ticks = list(dict.fromkeys(values)) if column.n_unique() <= 8 else list(np.linspace(low, high, 5))
        names = ["none" if column.null_count() and t == top else number(10**t if use_log else t, 3) for t in ticks]
        return {"label": label, "values": values, "tickvals": ticks, "ticktext": names}
    words = ["none" if value is None else str(value) for value in column.to_list()]
    places = {word: place for place, word in enumerate(sorted(set(words)))}
    return {
        "label": label, "values": [places[word] for word in words], "tickvals": list(places.values()),
        "ticktext": [shortened(word, 16) for word in places],
    }  # fmt: skip


def _said(parameter: str) -> str:
    """Write a parameter's name as the form does."""
    return parameter.removeprefix("training.").replace("_", " ")


def search_importance(importances: Mapping[str, float], *, metric: str = "value", n_trials: int = 0) -> go.Figure:
    """Draw how much of the metric's variation each parameter explains, the most at the top."""
    if not importances:
        return empty("After eight trials that differ, this shows which parameters mattered.")
    ranked = sorted(importances.items(), key=lambda item: item[1])[-_MOST_BARS:]
    most = ranked[-1]
    fig = figure(
        None,
        height=90 + 30 * len(ranked),
        alt=f"Importance of parameters for {metric} over {n_trials} trials: {most[0]} most, {most[1]:.0%}",
    )
    fig.add_bar(
        y=[shortened(_said(name), 28) for name, _ in ranked],
        x=[share for _, share in ranked],
        orientation="h",
        marker={"color": BLUE},
        text=[f"{share:.0%}" for _, share in ranked],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1%} of the variation<extra></extra>",
    )
    fig.update_xaxes(title=join(f"share of the variation of {metric}", f"{n_trials:,} trials"), tickformat=".0%")
    fig.update_xaxes(range=[0, max(1.15 * most[1], 0.05)])
    fig.update_yaxes(showgrid=False)
    return fig


def leaderboard_bars(
    frame: pl.DataFrame, *, metric: str = "value", titles: Mapping[str, str] | None = None, better: str = "higher"
) -> go.Figure:
    """Draw the best value of each estimator with its spread over the folds, and beside it what one row costs to ask.

    Parameters
    ----------
    frame : DataFrame
        ``rank``, ``estimator``, ``value``, ``std``, ``latency_ms``, ``seconds``, as `Run.leaderboard` gives.
    metric : str
    titles : mapping of str to str, optional
        How estimators are called.
    better : {"higher", "lower"}
    """
    shown = frame.filter(pl.col("rank").is_not_null()).head(_MOST_BARS).reverse()
    if not shown.height:
        return empty("No trial has been measured in full yet.")
    names = [(titles or {}).get(name, name) for name in shown["estimator"]]
    labels = [
        f"{name} · {n}" if names.count(name) > 1 else name for name, n in zip(names, shown["number"], strict=True)
    ]
    best = shown.row(shown.height - 1, named=True)
    said = f"{labels[-1]} is best with {metric} {number(best['value'])}"
    fig = figure(None, height=110 + 32 * shown.height, alt=f"Leaderboard: {said}")
    fig.add_scatter(
        y=labels,
        x=shown["value"],
        mode="markers",
        marker={"color": [BLUE] * (shown.height - 1) + [GREEN], "size": 11},
        error_x={"array": shown["std"].fill_null(0.0), "color": GREY, "thickness": 1.5},
        hovertemplate=f"%{{y}}: {metric} %{{x:.5g}} ± %{{error_x.array:.2g}} over the folds<extra></extra>",
    )
    _cost(fig, shown, labels)
    fig.update_layout(xaxis={"domain": [0, 0.58], "title": join(metric, f"{better} is better")})
    fig.update_yaxes(categoryorder="array", categoryarray=labels)
    return fig


def _cost(fig: go.Figure, shown: pl.DataFrame, labels: list[str]) -> None:
    by_row = shown["latency_ms"].drop_nulls().len() > 0
    column, unit = ("latency_ms", "ms a row") if by_row else ("seconds", "s to fit on the folds")
    fig.add_scatter(
        y=labels,
        x=shown[column],
        xaxis="x2",
        mode="markers",
        marker={"color": ORANGE, "size": 9, "symbol": "diamond"},
        hovertemplate=f"%{{y}}: %{{x:.3g}} {unit}<extra></extra>",
    )
    fig.update_layout(
        xaxis2={"domain": [0.64, 1.0], "anchor": "y", "title": join(unit, "less is better"), "type": "log"}
    )
