"""Pictures of groups that were found without a target: a map, their sizes, and what each is like."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import CLASS_COLORS, GREY, empty, figure, number

_QUIET = ("noise", "normal")
_MOST_COLUMNS = 15


def group_places(places: pl.DataFrame, *, names: Sequence[str], split: str, n_rows: int) -> go.Figure:
    """Draw rows on the plane of the two directions in which they differ most, coloured by group.

    Parameters
    ----------
    places : DataFrame
        ``row``, ``group``, ``x``, ``y``.
    names : sequence of str
        All groups, in the order of their colours.
    split : str
    n_rows : int
        Of the split; more than are drawn is said.
    """
    if not places.height:
        return empty("No rows to draw.")
    said = (
        f"{places.height:,} of {n_rows:,} rows of {split}" if places.height < n_rows else f"{n_rows:,} rows of {split}"
    )
    fig = figure("Map of the groups", f"{said}, seen along the two directions in which they differ most", height=440)
    for place, name in enumerate(names):
        found = places.filter(pl.col("group") == name)
        if found.height:
            fig.add_scattergl(
                x=found["x"],
                y=found["y"],
                mode="markers",
                name=f"{name} ({found.height:,})",
                marker={"color": group_color(name, place), "size": 6, "opacity": 0.65},
                customdata=found["row"].to_list(),
                hovertemplate=f"{name}, row %{{customdata:,}}<extra></extra>",
            )
    fig.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.18})
    fig.update_xaxes(title="first principal component")
    fig.update_yaxes(title="second principal component")
    return fig


def group_sizes(sizes: pl.DataFrame, *, split: str) -> go.Figure:
    """Draw how many rows each group has."""
    names = sizes["group"].to_list()
    fig = figure("Size of the groups", f"rows of {split}", height=90 + 28 * max(1, len(names)))
    fig.add_bar(
        x=sizes["n_rows"],
        y=names,
        orientation="h",
        marker={"color": [group_color(name, place) for place, name in enumerate(names)]},
        text=[f"{n:,} ({share:.0%})" for n, share in sizes.select("n_rows", "share").iter_rows()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:,} rows<extra></extra>",
    )
    fig.update_yaxes(autorange="reversed")
    # Room for the words behind the longest bar.
    fig.update_xaxes(title="rows", range=[0, 1.35 * max(1, *sizes["n_rows"].to_list(), 1)])
    return fig


def group_profile(profile: pl.DataFrame) -> go.Figure:
    """Draw in which columns each group differs from all rows, in standard deviations."""
    known = profile.drop_nulls("difference")
    if not known.height:
        return empty("The groups differ in words only; see the numbers.")
    telling = (
        known.group_by("column").agg(pl.col("difference").abs().max()).sort("difference", descending=True)["column"]
    )
    columns = telling.head(_MOST_COLUMNS).to_list()
    groups = known["group"].unique(maintain_order=True).sort().to_list()
    found = {
        (group, column): row
        for group, column, *row in known.select("group", "column", "difference", "value", "overall").iter_rows()
    }
    z = [[found.get((group, column), [None])[0] for column in columns] for group in groups]
    text = [
        [
            "" if (group, column) not in found else f"{found[group, column][1]} (all rows {found[group, column][2]})"
            for column in columns
        ]
        for group in groups
    ]
    said = (
        f"the {len(columns)} of {len(telling)} columns that differ most"
        if len(telling) > len(columns)
        else "all columns"
    )
    fig = figure(
        "What each group is like",
        f"mean against that of all training rows, in standard deviations; {said}",
        height=130 + 34 * len(groups),
    )
    limit = max(1.0, max(abs(value) for row in z for value in row if value is not None))
    fig.add_heatmap(
        z=z,
        x=columns,
        y=groups,
        customdata=text,
        colorscale="RdBu_r",
        zmid=0,
        zmin=-limit,
        zmax=limit,
        showscale=False,  # each cell has its number
        texttemplate="%{z:.1f}",
        hovertemplate="%{y}, %{x}: %{customdata}, %{z:.2f} standard deviations<extra></extra>",
    )
    fig.update_yaxes(autorange="reversed")
    fig.update_layout(meta={"alt": "; ".join(_said(known, group) for group in groups)})
    return fig


def _said(known: pl.DataFrame, group: str) -> str:
    top = known.filter(pl.col("group") == group).sort(pl.col("difference").abs(), descending=True).head(3)
    return f"{group}: " + ", ".join(
        f"{column} {number(value)} std" for column, value in top.select("column", "difference").iter_rows()
    )


def group_color(name: str, place: int) -> str:
    """Give a group's colour; what belongs to no group is grey."""
    return GREY if name in _QUIET else CLASS_COLORS[place % len(CLASS_COLORS)]
