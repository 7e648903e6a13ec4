"""Pictures of an explanation: importance, beeswarm, dependence, waterfall."""

from __future__ import annotations

from collections.abc import Sequence

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
    rows_drawn,
    sample_rows,
    shortened,
    with_unit,
    zero_line,
)

MAX_COLUMNS = 15
# low to high value of a column; both ends and the middle show on white and on the dark background
VALUE_SCALE = [[0.0, BLUE], [0.5, "#B8A3C9"], [1.0, "#D81B60"]]


def importance(
    frame: pl.DataFrame,
    *,
    unit: str = "",
    title: str | None = None,
    subtitle: str | None = None,
    max_columns: int = MAX_COLUMNS,
) -> go.Figure:
    """Draw the mean absolute SHAP value of each column, largest first; several outputs are stacked.

    Parameters
    ----------
    frame : DataFrame
        ``column``, ``mean_abs_shap`` and, for several outputs, ``output``.
    unit : str
        Of the SHAP values, for the axis.
    """
    if frame.is_empty():
        return empty("No column to explain.")
    outputs = frame["output"].unique(maintain_order=True).to_list() if "output" in frame.columns else [None]
    totals = frame.group_by("column", maintain_order=True).agg(pl.col("mean_abs_shap").sum())
    totals = totals.sort("mean_abs_shap", descending=True, maintain_order=True)
    names = totals["column"].head(max_columns).to_list()
    rest = totals.height - len(names)
    note = join(subtitle, f"{len(names)} of {totals.height} columns drawn" if rest > 0 else None)
    fig = figure(title, note, height=110 + 26 * max(len(names), 3), barmode="stack")
    for i, output in enumerate(outputs):
        part = frame if output is None else frame.filter(pl.col("output") == output)
        value = dict(part.select("column", "mean_abs_shap").iter_rows())
        heights = [value.get(name, 0.0) for name in names]
        label = "" if len(outputs) == 1 else f"{output}: "
        fig.add_bar(
            y=names,
            x=heights,
            orientation="h",
            name=str(output),
            marker={"color": GREY if len(outputs) == 1 else class_color(i)},
            text=[number(height, 3) for height in heights] if len(outputs) == 1 else None,
            textposition="auto",
            textangle=0,
            hovertemplate=f"{label}%{{y}}: %{{x:.5g}}<extra></extra>",
        )
    if len(outputs) > 1:
        fig.update_layout(showlegend=True, margin={"b": 90}, height=fig.layout.height + 50)
    fig.update_yaxes(autorange="reversed", type="category", showgrid=False)
    fig.update_xaxes(title=with_unit("mean |SHAP value|", unit), rangemode="tozero")
    return fig


def beeswarm(
    frame: pl.DataFrame,
    *,
    unit: str = "",
    title: str | None = None,
    subtitle: str | None = None,
    max_columns: int = MAX_COLUMNS,
    max_points: int = 600,
) -> go.Figure:
    """Draw one point for each row and column: right pushes the output up, colour is the column's own value.

    Parameters
    ----------
    frame : DataFrame
        ``row``, ``column``, ``value`` (text to show), ``number`` (null for categories and missing), ``shap_value``;
        of one output.
    max_points : int
        Rows drawn; more are sampled, and the subtitle says so.
    """
    if frame.is_empty():
        return empty("No row to explain.")
    rows = frame["row"].unique(maintain_order=True)
    keep = rows.gather(sample_rows(len(rows), max_points))
    size = frame.group_by("column", maintain_order=True).agg(pl.col("shap_value").abs().mean())
    names = size.sort("shap_value", descending=True, maintain_order=True)["column"].head(max_columns).to_list()
    columns = f"{len(names)} of {size.height} columns" if size.height > len(names) else None
    fig = figure(title, join(subtitle, rows_drawn(len(keep), len(rows)), columns), height=120 + 40 * max(len(names), 3))
    drawn = frame.filter(pl.col("row").is_in(keep.implode()))
    for position, name in enumerate(names):
        part = drawn.filter(pl.col("column") == name)
        _add_swarm(fig, part, position, name)
        _name_categories(fig, part, position)
    fig.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False, zeroline=False
    )
    fig.update_xaxes(title=with_unit("SHAP value", unit))
    zero_line(fig, "x")
    fig.update_layout(coloraxis=_value_axis())
    return fig


def _add_swarm(fig: go.Figure, part: pl.DataFrame, position: int, name: str) -> None:
    shap_value = part["shap_value"].to_numpy()
    offset = position + swarm_offsets(shap_value)
    level = _levels(part["number"])
    for has_number in (False, True):
        chosen = np.isfinite(level) == has_number
        if not chosen.any():
            continue
        color = {"color": level[chosen], "coloraxis": "coloraxis"} if has_number else {"color": GREY}
        draw = fig.add_scattergl if len(shap_value) > 250 else fig.add_scatter
        draw(
            x=shap_value[chosen],
            y=offset[chosen],
            mode="markers",
            name=name,
            marker={"size": 6, "opacity": 0.8, **color},
            customdata=part.filter(pl.Series(chosen)).select("row", "value").rows(),
            hovertemplate=f"{name} = %{{customdata[1]}}<br>SHAP %{{x:+.4g}}<br>row %{{customdata[0]}}<extra></extra>",
        )


def _name_categories(fig: go.Figure, part: pl.DataFrame, position: int, max_values: int = 3) -> None:
    """Write the few values of a category column above their points, since grey points don't tell them apart."""
    if part["number"].null_count() < part.height or part["value"].n_unique() > max_values:
        return
    for value, mean in part.group_by("value").agg(pl.col("shap_value").mean()).sort("shap_value").iter_rows():
        fig.add_annotation(x=mean, y=position - 0.42, text=shortened(value, 12), showarrow=False, font={"size": 10})


def swarm_offsets(values: np.ndarray, width: float = 0.34, n_bins: int = 60) -> np.ndarray:
    """Move points that share a place apart, by their rank within a narrow bin; a crowd is as wide as it is big."""
    if len(values) < 2 or np.ptp(values) == 0:
        return np.linspace(-width / 2, width / 2, len(values)) if len(values) > 1 else np.zeros(len(values))
    bins = np.minimum(((values - values.min()) / np.ptp(values) * n_bins).astype(int), n_bins - 1)
    counts = np.bincount(bins)
    order = np.argsort(bins, kind="stable")
    rank = np.empty(len(values))
    rank[order] = np.arange(len(values)) - np.concatenate([[0], np.cumsum(counts)[:-1]])[bins[order]]
    side = np.where(rank % 2 == 0, rank / 2, -(rank + 1) / 2)
    return np.asarray(side / max(counts.max() / 2, 4) * width)


def dependence(
    frame: pl.DataFrame,
    *,
    column: str,
    unit: str = "",
    title: str | None = None,
    subtitle: str | None = None,
    max_points: int = 3_000,
    dates: bool = False,
    order: Sequence[str] = (),
) -> go.Figure:
    """Draw a column's SHAP value against its own value: numbers as points (missing at the left), categories as strips.

    Parameters
    ----------
    frame : DataFrame
        ``row``, ``value`` (text), ``number`` (null for categories and missing), ``shap_value``; of one column and
        output.
    dates : bool
        Whether the numbers are seconds since 1970-01-01 (by the clocks of the column's zone), to be drawn as dates.
    order : sequence of str
        Of an ordered category: its words, in whose order the strips stand; the most frequent first when absent.
    """
    if frame.is_empty():
        return empty("No row to explain.")
    keep = sample_rows(frame.height, max_points)
    part = frame[keep]
    fig = figure(title, join(subtitle, rows_drawn(len(keep), frame.height)), height=380)
    if part["number"].null_count() == part.height:
        _add_strips(fig, part, column, order)
    else:
        _add_numbers(fig, part, column, dates)
    fig.update_xaxes(title=column)
    fig.update_yaxes(title=with_unit(f"SHAP value of {column}", unit))
    zero_line(fig, "y")
    return fig


def _add_numbers(fig: go.Figure, part: pl.DataFrame, column: str, dates: bool) -> None:
    known, missing = part.filter(pl.col("number").is_not_null()), part.filter(pl.col("number").is_null())
    x = known["number"].cast(pl.Float64).to_numpy()
    _add_shap_points(fig, _on_axis(x, dates), known, column)
    if missing.height:
        span = float(np.ptp(x)) or 1.0
        at = float(x.min()) - 0.08 * span
        spread = at + 0.05 * span * swarm_offsets(missing["shap_value"].to_numpy())
        _add_shap_points(fig, _on_axis(spread, dates), missing, column)
        place = str(_on_axis(np.array([at]), dates)[0]) if dates else at
        fig.add_annotation(
            x=place, y=1, yref="paper", text="missing", showarrow=False, yanchor="bottom", font={"size": 12}
        )


def _on_axis(x: np.ndarray, dates: bool) -> np.ndarray:
    return np.rint(x * 1000).astype("datetime64[ms]") if dates else x


def _add_strips(
    fig: go.Figure, part: pl.DataFrame, column: str, order: Sequence[str] = (), max_values: int = 20
) -> None:
    counts = part["value"].value_counts(sort=True)
    if order:
        place = {name: place for place, name in enumerate(order)}
        counts = counts[sorted(range(counts.height), key=lambda i: place.get(counts["value"][i], len(place)))]
    names = counts["value"].head(max_values).to_list()
    for position, name in enumerate(names):
        rows = part.filter(pl.col("value") == name)
        _add_shap_points(fig, position + swarm_offsets(rows["shap_value"].to_numpy()), rows, column)
        mean = float(rows["shap_value"].mean())  # type: ignore[arg-type]
        fig.add_scatter(
            x=[position - 0.3, position + 0.3],
            y=[mean, mean],
            mode="lines",
            line={"color": GREY, "width": 2},
            hoverinfo="skip",
        )
    labels = [
        f"{name if len(name) < 20 else name[:19] + '…'}<br>{n:,}" for name, n in counts.head(max_values).iter_rows()
    ]
    fig.update_xaxes(tickvals=list(range(len(names))), ticktext=labels)
    if counts.height > max_values:
        fig.add_annotation(
            text=f"{max_values} of {counts.height} values drawn",
            x=1,
            y=1,
            xref="paper",
            yref="paper",
            showarrow=False,
            yanchor="bottom",
        )


def _add_shap_points(fig: go.Figure, x: np.ndarray, part: pl.DataFrame, column: str) -> None:
    shap_value = part["shap_value"].to_numpy()
    # WebGL only where there are many points: browsers allow few such pictures at a time, and export them coarsely
    draw = fig.add_scattergl if part.height > 1_500 else fig.add_scatter
    draw(
        x=x,
        y=shap_value,
        mode="markers",
        marker={"size": 6, "opacity": 0.7, "color": np.where(shap_value >= 0, SHAP_UP, SHAP_DOWN)},
        customdata=part.select("row", "value").rows(),
        hovertemplate=f"{column} = %{{customdata[1]}}<br>SHAP %{{y:+.4g}}<br>row %{{customdata[0]}}<extra></extra>",
    )


def _levels(values: pl.Series) -> np.ndarray:
    """Rank numbers from 0 (lowest) to 1 (highest), NaN where there is none; by rank one outlier can't grey the rest."""
    known = values.cast(pl.Float64)
    rank = known.rank("average")
    n = known.len() - known.null_count()
    scaled = (rank - 1) / max(n - 1, 1) if known.drop_nulls().n_unique() > 1 else rank * 0 + 0.5
    return scaled.fill_null(float("nan")).to_numpy()


def _value_axis() -> dict[str, object]:
    ticks = {"tickvals": [0, 1], "ticktext": ["low", "high"]}
    return {
        "colorscale": VALUE_SCALE,
        "cmin": 0,
        "cmax": 1,
        "colorbar": {"title": {"text": "value"}, "thickness": 10, **ticks},
    }
