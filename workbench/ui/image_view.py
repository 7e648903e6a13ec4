"""A row whose columns are the pixels of an image: seen as a picture, and drawn on by clicking."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import polars as pl
import streamlit as st

from workbench import plots

if TYPE_CHECKING:
    from workbench.package import Signature

_PIXEL = re.compile(r"pixel_(\d+)_(\d+)")
EXAMPLES = 50


def image_shape(names: Sequence[str]) -> tuple[int, int] | None:
    """Give rows and columns of the image where all columns are called ``pixel_ROW_COLUMN``, else None.

    Examples
    --------
    >>> image_shape(["pixel_0_0", "pixel_0_1", "pixel_1_0", "pixel_1_1"]), image_shape(["age"])
    ((2, 2), None)
    """
    found = [_PIXEL.fullmatch(name) for name in names]
    if len(names) < 4 or any(match is None for match in found):
        return None
    places = [(int(match[1]), int(match[2])) for match in found if match]
    return max(row for row, _ in places) + 1, max(column for _, column in places) + 1


def grid_of(values: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    """Arrange values by pixel; a pixel that the model doesn't take is 0, a missing value NaN.

    Returns
    -------
    ndarray of shape `shape`
    """
    grid = np.zeros(shape)
    for name, value in values.items():
        match = _PIXEL.fullmatch(name)
        if match:
            grid[int(match[1]), int(match[2])] = np.nan if value is None else float(value)
    return grid


def draw(signature: Signature, background: pl.DataFrame, shape: tuple[int, int], *, prefix: str) -> dict[str, Any]:
    """Draw the image to ask about and the ways to change it; give it as a row."""
    full = max((column.bounds[1] for column in signature.columns if column.bounds), default=1.0) or 1.0
    key = f"{prefix}.image"
    if key not in st.session_state:
        st.session_state[key] = _example(signature, background, 0)
    _start_from(signature, background, prefix)
    pen = st.segmented_control(
        "Click a pixel, or drag a box, to",
        ["ink", "erase"],
        default="ink",
        required=True,
        key=f"{prefix}.pen",
        format_func=lambda value: {"ink": "ink it", "erase": "erase it"}[value],
    )
    grid = grid_of(st.session_state[key], shape)
    # A click selects; only a chart with another key starts without the selection of the last click.
    n_strokes = st.session_state.setdefault(f"{prefix}.strokes", 0)
    event = st.plotly_chart(
        _canvas(grid, full),
        key=f"{prefix}.canvas.{n_strokes}",
        on_select="rerun",
        selection_mode=("points", "box"),
        config={"displayModeBar": False},
        alt=f"The image that the model is asked about, {shape[0]} by {shape[1]} pixels",
    )
    touched = [point["customdata"] for point in event.selection.points if "customdata" in point]
    if touched:
        _paint(touched, full if pen == "ink" else 0.0, key, prefix)
    _edit_numbers(grid, key, prefix, n_strokes)
    return dict(st.session_state[key])


def canvas(shape: tuple[int, int], *, full: float, prefix: str) -> np.ndarray:
    """Draw an empty image that clicks and boxes ink; give it as it is now.

    Parameters
    ----------
    shape : tuple of int
        Height and width.
    full : float
        Value of full ink.
    prefix : str
        Of the widget keys.
    """
    key = f"{prefix}.image"
    names = [f"pixel_{row}_{column}" for row in range(shape[0]) for column in range(shape[1])]
    st.session_state.setdefault(key, dict.fromkeys(names, 0.0))
    n_strokes = st.session_state.setdefault(f"{prefix}.strokes", 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pen = st.segmented_control(
            "Pen",
            ["ink", "erase"],
            default="ink",
            required=True,
            key=f"{prefix}.pen",
            format_func={"ink": "Ink", "erase": "Erase"}.__getitem__,
        )
        if st.button("Empty", key=f"{prefix}.empty", icon=":material/delete:"):
            st.session_state[key] = dict.fromkeys(names, 0.0)
            st.session_state[f"{prefix}.strokes"] += 1
            st.rerun(scope="fragment")
    grid = grid_of(st.session_state[key], shape)
    event = st.plotly_chart(
        _canvas(grid, full),
        key=f"{prefix}.canvas.{n_strokes}",
        on_select="rerun",
        selection_mode=("points", "box", "lasso"),
        config={"displayModeBar": False},
        alt=f"An image to draw, {shape[0]} by {shape[1]} pixels",
    )
    touched = [point["customdata"] for point in event.selection.points if "customdata" in point]
    if touched:
        _paint(touched, full if pen == "ink" else 0.0, key, prefix)
    return grid


def _canvas(grid: np.ndarray, full: float) -> go.Figure:
    figure = plots.pixels(grid, maximum=full)
    rows, columns = grid.shape
    size = max(6, 240 // max(rows, columns))
    figure.add_scatter(
        x=[c for _ in range(rows) for c in range(columns)],
        y=[r for r in range(rows) for _ in range(columns)],
        mode="markers",
        marker={"symbol": "square", "size": size, "opacity": 0},
        customdata=[f"pixel_{r}_{c}" for r in range(rows) for c in range(columns)],
        hovertemplate="%{customdata}<extra></extra>",
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )
    figure.update_layout(dragmode="select", clickmode="event+select")
    return figure


def _paint(touched: list[Any], value: float, key: str, prefix: str) -> None:
    image = dict(st.session_state[key])
    for name in touched:
        name = name[0] if isinstance(name, list) else name
        if name in image:
            image[name] = value
    st.session_state[key] = image
    st.session_state[f"{prefix}.strokes"] += 1
    st.rerun(scope="fragment")


def _start_from(signature: Signature, background: pl.DataFrame, prefix: str) -> None:
    def fill() -> None:
        st.session_state[f"{prefix}.image"] = _example(signature, background, st.session_state[f"{prefix}.start"])
        st.session_state[f"{prefix}.strokes"] = st.session_state.get(f"{prefix}.strokes", 0) + 1

    st.selectbox(
        "Start from",
        [*range(min(background.height, EXAMPLES)), None],
        format_func=lambda i: "An empty image" if i is None else f"Example image {i + 1}",
        key=f"{prefix}.start",
        on_change=fill,
        help="One of the training images that the model carries.",
    )


def _example(signature: Signature, background: pl.DataFrame, row: int | None) -> dict[str, Any]:
    if row is None or row >= background.height:
        return dict.fromkeys(signature.column_names, 0.0)
    values = background.row(row, named=True)
    return {name: values.get(name) for name in signature.column_names}


def _edit_numbers(grid: np.ndarray, key: str, prefix: str, n_strokes: int) -> None:
    with st.expander(
        "Edit the pixels as numbers", icon=":material/grid_on:", key=f"{prefix}.as_numbers", on_change="rerun"
    ) as box:
        if not box.open:
            return
        names = [str(c) for c in range(grid.shape[1])]
        before = pl.DataFrame(grid, schema=names)
        after = st.data_editor(
            before,
            hide_index=True,
            key=f"{prefix}.numbers.{n_strokes}",
            column_config={name: st.column_config.NumberColumn(width=44) for name in names},
            alt="Value of each pixel",
        )
        changed = np.argwhere(~np.isclose(after.to_numpy(), grid, equal_nan=True))
        if len(changed):
            image = dict(st.session_state[key])
            for r, c in changed:
                if f"pixel_{r}_{c}" in image:
                    image[f"pixel_{r}_{c}"] = float(after.to_numpy()[r, c])
            st.session_state[key] = image
            st.session_state[f"{prefix}.strokes"] = n_strokes + 1
            st.rerun(scope="fragment")
