"""A row whose columns are the pixels of an image: seen as a picture, and drawn on with a pen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import streamlit as st

from workbench.ui import pen
from workbench.ui.pen_strokes import Stroke, Usual, fitted, painted, usual_of

if TYPE_CHECKING:
    from workbench.package import Signature

_PIXEL = re.compile(r"pixel_(\d+)_(\d+)")
EXAMPLES = 50
MEASURED = 200  # training images that say how drawings lie
SEEN_PIXELS = 140


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
    """Draw the image to ask about and the pen that changes it; give it as a row."""
    full = max((column.bounds[1] for column in signature.columns if column.bounds), default=1.0) or 1.0
    key = f"{prefix}.image"
    usual = _usual(prefix, background, shape, full)
    is_light = usual is None or usual.is_light
    empty = dict.fromkeys(signature.column_names, 0.0 if is_light else full)
    if key not in st.session_state:
        st.session_state[key] = _example(signature, background, 0) or empty
    _start_from(signature, background, empty, prefix)
    start = st.session_state[key]
    ink = _ink(start, shape, full, is_light)
    n_sheets = st.session_state.setdefault(f"{prefix}.sheets", 0)
    is_empty = start == empty
    strokes = pen.sheet(shape, key=f"{prefix}.pen.{n_sheets}", usual=usual, base=None if is_empty else ink)
    if is_empty:
        strokes = fit(strokes, shape, usual, key=f"{prefix}.fit")
    row = _inked(signature, start, ink, painted(strokes, ink), full, is_light)
    grid = grid_of(row, shape)
    if strokes:
        side = max(1, SEEN_PIXELS // max(shape))
        seen = np.kron(np.nan_to_num(grid / full).clip(0, 1), np.ones((side, side)))
        st.image(seen, caption="What the model sees", width=SEEN_PIXELS)
    _edit_numbers(grid, key, prefix, n_sheets)
    return row


def _ink(row: dict[str, Any], shape: tuple[int, int], full: float, is_light: bool) -> np.ndarray:
    brightness: np.ndarray = np.nan_to_num(grid_of(row, shape) / full).clip(0, 1)
    return brightness if is_light else 1.0 - brightness


def _inked(
    signature: Signature, start: dict[str, Any], before: np.ndarray, after: np.ndarray, full: float, is_light: bool
) -> dict[str, Any]:
    """Give the row with the pixels that lines have changed; the others stay exactly as they are."""
    row = dict(start)
    for column in signature.columns:
        place = _PIXEL.fullmatch(column.name)
        if place is None:
            continue
        at = int(place[1]), int(place[2])
        if not np.isclose(after[at], before[at]):
            value = full * float(after[at] if is_light else 1.0 - after[at])
            row[column.name] = float(round(value)) if column.integer else value
    return row


def fit(strokes: list[Stroke], shape: tuple[int, int], usual: Usual | None, *, key: str) -> list[Stroke]:
    """Offer to bring a drawing to where the training images have theirs, which is on at first."""
    if usual is None:
        return strokes
    wanted = st.toggle(
        "Centre and scale as the training images are",
        value=True,
        key=key,
        help="A model knows drawings only where it has learned them, such as MNIST's digits in the middle. Switch it "
        "off to ask about the drawing as it is.",
    )
    return fitted(strokes, shape, usual) if wanted else strokes


@st.cache_data(max_entries=16, show_spinner=False)
def _usual(prefix: str, _background: pl.DataFrame, shape: tuple[int, int], full: float) -> Usual | None:
    images = [np.nan_to_num(grid_of(row, shape) / full) for row in _background.head(MEASURED).iter_rows(named=True)]
    return usual_of(np.array(images).reshape(-1, *shape))


def _start_from(signature: Signature, background: pl.DataFrame, empty: dict[str, Any], prefix: str) -> None:
    def fill() -> None:
        chosen = st.session_state[f"{prefix}.start"]
        st.session_state[f"{prefix}.image"] = _example(signature, background, chosen) or empty
        st.session_state[f"{prefix}.sheets"] = st.session_state.get(f"{prefix}.sheets", 0) + 1

    st.selectbox(
        "Start from",
        [None, *range(min(background.height, EXAMPLES))],
        index=1 if background.height else 0,
        format_func=lambda i: "An empty image" if i is None else f"Example image {i + 1}",
        key=f"{prefix}.start",
        placeholder="An empty image",
        on_change=fill,
        help="One of the training images that the model carries.",
    )


def _example(signature: Signature, background: pl.DataFrame, row: int | None) -> dict[str, Any] | None:
    if row is None or row >= background.height:
        return None
    values = background.row(row, named=True)
    return {name: values.get(name) for name in signature.column_names}


def _edit_numbers(grid: np.ndarray, key: str, prefix: str, n_sheets: int) -> None:
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
            key=f"{prefix}.numbers.{n_sheets}",
            column_config={name: st.column_config.NumberColumn(width=44) for name in names},
            alt="Value of each pixel",
        )
        changed = np.argwhere(~np.isclose(after.to_numpy(), grid, equal_nan=True))
        if len(changed):  # what is there now, lines and all, becomes the image that is drawn on
            image = {name: _value(after.to_numpy(), name) for name in st.session_state[key]}
            st.session_state[key] = image
            st.session_state[f"{prefix}.sheets"] = n_sheets + 1
            st.rerun(scope="fragment")


def _value(grid: np.ndarray, name: str) -> float | None:
    place = _PIXEL.fullmatch(name)
    value = float(grid[int(place[1]), int(place[2])]) if place else float("nan")
    return None if np.isnan(value) else value
