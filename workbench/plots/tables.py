"""Pictures of a table: histograms, categories, missing values, associations, the split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import BLUE, GREY, ORANGE, SPLIT_COLORS, VERMILION, figure, join, number

MAX_BARS = 20


def histogram(
    frame: pl.DataFrame, *, column: str, n_missing: int = 0, title: bool = True, height: int = 240
) -> go.Figure:
    """Draw the distribution of a column of numbers or dates.

    Parameters
    ----------
    frame : DataFrame
        ``left``, ``right``, ``count``: one row for each bin; of numbers, dates or points in time.
    column : str
        Names the axis.
    n_missing : int
        Stated in the subtitle.
    """
    n_rows = int(frame["count"].sum())
    subtitle = join(f"{n_rows:,} rows", f"{n_missing:,} missing" if n_missing else None)
    fig = figure(column if title else None, subtitle, height=height, alt=f"Histogram of {column}: {subtitle}", bargap=0)
    middle, width, edges = _bars_of_time(frame) if frame["left"].dtype.is_temporal() else _bars_of_numbers(frame)
    fig.add_bar(
        x=middle,
        y=frame["count"].to_numpy(),
        width=width,
        marker={"color": BLUE, "line": {"width": 0.5, "color": "rgba(128, 128, 128, 0.5)"}},
        customdata=edges,
        hovertemplate=f"{column} %{{customdata[0]}} to %{{customdata[1]}}<br>%{{y:,}} rows<extra></extra>",
    )
    fig.update_xaxes(title=column)
    fig.update_yaxes(title="rows", rangemode="tozero")
    return fig


def _bars_of_numbers(frame: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, list[list[str]]]:
    left, right = frame["left"].to_numpy(), frame["right"].to_numpy()
    return (
        (left + right) / 2,
        right - left,
        [[number(low), number(high)] for low, high in zip(left, right, strict=True)],
    )


def _bars_of_time(frame: pl.DataFrame) -> tuple[list[str], np.ndarray, list[list[str]]]:
    """Give the middle of each bin as ISO text and its width in ms, which is what Plotly's axes of time count in."""
    left, right = (frame[name].cast(pl.Datetime("ms")) for name in ("left", "right"))
    start, width = left.cast(pl.Int64).to_numpy(), (right.cast(pl.Int64) - left.cast(pl.Int64)).to_numpy()
    middle = pl.Series(start + width // 2).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d %H:%M:%S%.3f").to_list()
    if frame["left"].dtype == pl.Date:  # whole days: the last one stands for what is before the next bin
        shown = zip(frame["left"], frame["right"].dt.offset_by("-1d"), strict=True)
        return middle, width, [[str(first), str(last)] for first, last in shown]
    form = "%Y-%m-%d %H:%M" if len(width) and int(width.min()) >= 60_000 else "%Y-%m-%d %H:%M:%S%.3f"
    shown = zip(left.dt.strftime(form), right.dt.strftime(form), strict=True)
    return middle, width, [list(pair) for pair in shown]


def category_bars(
    frame: pl.DataFrame,
    *,
    column: str,
    n_missing: int = 0,
    title: bool = True,
    max_bars: int = MAX_BARS,
    ordered: bool = False,
) -> go.Figure:
    """Draw how often each value of a category column occurs, most frequent first, or as they stand where `ordered`.

    Parameters
    ----------
    frame : DataFrame
        ``value``, ``count``; values past `max_bars` are summed into one grey bar that says how many they are.
    """
    frame = frame if ordered else frame.sort("count", descending=True, maintain_order=True)
    shown, rest = frame.head(max_bars), frame.slice(max_bars)
    labels = ["missing" if value is None else str(value) for value in shown["value"].to_list()]
    counts, colors = shown["count"].to_list(), [BLUE] * shown.height
    if rest.height:
        labels.append(f"{rest.height:,} other values")
        counts.append(int(rest["count"].sum()))
        colors.append(GREY)
    total = sum(counts)
    subtitle = join(f"{total:,} rows", f"{frame.height:,} values", f"{n_missing:,} missing" if n_missing else None)
    fig = figure(
        column if title else None,
        subtitle,
        height=90 + 24 * max(len(labels), 3),
        alt=f"Values of {column}: {subtitle}; most frequent: {', '.join(labels[:3])}",
    )
    fig.add_bar(
        y=list(range(len(labels))),
        x=counts,
        orientation="h",
        marker={"color": colors},
        text=[f"{count:,}" for count in counts],
        textposition="auto",
        textangle=0,
        customdata=[[label, count / max(total, 1)] for label, count in zip(labels, counts, strict=True)],
        hovertemplate=f"{column} = %{{customdata[0]}}<br>%{{x:,}} rows (%{{customdata[1]:.1%}})<extra></extra>",
    )
    short = [label if len(label) <= 28 else label[:27] + "…" for label in labels]
    fig.update_yaxes(tickvals=list(range(len(labels))), ticktext=short, autorange="reversed", showgrid=False)
    fig.update_xaxes(title="rows", rangemode="tozero")
    return fig


def missing_bars(frame: pl.DataFrame, *, n_rows: int) -> go.Figure:
    """Draw the share of missing values of each column that has any.

    Parameters
    ----------
    frame : DataFrame
        ``column``, ``n_missing``.
    """
    some = frame.filter(pl.col("n_missing") > 0).sort("n_missing", descending=True)
    if some.is_empty():
        from workbench.plots.theme import empty

        return empty(f"No column has missing values ({n_rows:,} rows).")
    share = (some["n_missing"] / n_rows).to_numpy()
    fig = figure("Missing values", f"share of {n_rows:,} rows", height=90 + 26 * max(some.height, 2))
    fig.add_bar(
        y=some["column"].to_list(),
        x=share,
        orientation="h",
        marker={"color": ORANGE},
        text=[f"{part:.1%}" for part in share],
        textposition="auto",
        textangle=0,
        customdata=some["n_missing"].to_list(),
        hovertemplate="%{y}: %{customdata:,} missing (%{x:.2%})<extra></extra>",
    )
    fig.update_yaxes(autorange="reversed", showgrid=False, type="category")
    fig.update_xaxes(title="share missing", tickformat=".0%", range=[0, 1])
    return fig


def correlation(frame: pl.DataFrame, *, measure: str = "Pearson correlation") -> go.Figure:
    """Draw associations between columns as a heat map, blue for -1, vermilion for 1.

    Parameters
    ----------
    frame : DataFrame
        ``column_a``, ``column_b``, ``value`` in [-1, 1] or null.
    """
    names = list(dict.fromkeys([*frame["column_a"].to_list(), *frame["column_b"].to_list()]))
    place = {name: i for i, name in enumerate(names)}
    grid = np.full((len(names), len(names)), np.nan)
    for a, b, value in frame.select("column_a", "column_b", "value").iter_rows():
        grid[place[a], place[b]] = grid[place[b], place[a]] = np.nan if value is None else value
    few = len(names) <= 12
    fig = figure("Associations", measure, height=max(320, min(160 + 26 * len(names), 900)))
    fig.add_heatmap(
        z=grid,
        x=names,
        y=names,
        zmin=-1,
        zmax=1,
        colorscale=[[0, BLUE], [0.5, "#F4F4F4"], [1, VERMILION]],
        colorbar={"thickness": 12, "title": {"text": ""}},
        texttemplate="%{z:.2f}" if few else None,
        hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
        hoverongaps=False,
    )
    fig.update_yaxes(autorange="reversed", showgrid=False)
    fig.update_xaxes(showgrid=False)
    return fig


def split_picture(counts: Mapping[str, int], *, how: str = "") -> go.Figure:
    """Draw train, validation and test as one bar.

    Parameters
    ----------
    counts : mapping of split to number of rows
    how : str
        Said in the title, for example "at random, stratified by survived".
    """
    total = sum(counts.values())
    parts = {split: counts[split] for split in SPLIT_COLORS if counts.get(split)}
    said = ", ".join(f"{split} {n:,}" for split, n in parts.items())
    fig = figure(None, height=92, alt=f"Split of {total:,} rows: {said}", barmode="stack")
    for split, n in parts.items():
        fig.add_bar(
            y=[""],
            x=[n],
            orientation="h",
            name=split,
            marker={"color": SPLIT_COLORS[split]},
            text=f"{split}<br>{n:,}",
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": "black" if split == "validation" else "white"},
            hovertemplate=f"{split}: {n:,} of {total:,} rows ({n / max(total, 1):.1%})<extra></extra>",
        )
    fig.update_layout(margin={"l": 0, "r": 0, "t": 4, "b": 30})
    fig.update_xaxes(title=join(f"{total:,} rows", how), showticklabels=False, showgrid=False, range=[0, max(total, 1)])
    fig.update_yaxes(visible=False)
    return fig
