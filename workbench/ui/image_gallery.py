"""Images of a report's rows as pictures with their answers: people look at the wrong ones."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from workbench.ui import words

if TYPE_CHECKING:
    from workbench.data import Table

SIDE = 96
AT_ONCE = 40


def image_column(table: Table | None) -> str | None:
    """Name the image column of a table; None where it has none."""
    if table is None:
        return None
    return next((column.name for column in table.columns if column.kind == "image"), None)


def draw(found: pl.DataFrame, table: Table, column: str, *, key: str) -> None:
    """Draw the images of some rows, each with what it is, what was predicted and how sure that was.

    Parameters
    ----------
    found : DataFrame
        ``row``, ``y_true``, ``prediction`` and, for classes, ``probability``; or ``residual``.
    table : Table
    column : str
        The image column.
    key : str
        Widget key.
    """
    n_pages = -(-found.height // AT_ONCE)
    number = st.pagination(n_pages, key=f"{key}.page") if n_pages > 1 else 1
    shown = found.slice((number - 1) * AT_ONCE, AT_ONCE)
    st.image(
        _thumbnails(table.digest, table, column, tuple(shown["row"].to_list())),
        caption=[_caption(row) for row in shown.iter_rows(named=True)],
        width=SIDE,
    )
    if n_pages > 1:
        first = (number - 1) * AT_ONCE
        st.caption(f"Images {first + 1:,} to {first + shown.height:,} of {words.plural(found.height, 'image')}.")


def _caption(row: dict[str, object]) -> str:
    if "residual" in row:
        return f"{row['y_true']:.4g}, predicted {row['prediction']:.4g}"
    if row["y_true"] == row["prediction"]:
        return f"{row['y_true']}, {row['probability']:.0%}"
    return f"{row['y_true']}, taken for {row['prediction']}, {row['probability']:.0%}"


@st.cache_data(max_entries=32, show_spinner=False)
def _thumbnails(digest: str, _table: Table, column: str, rows: tuple[int, ...]) -> list[str]:
    import numpy as np

    from workbench.data.images import thumbnails

    images = _table.take(np.array(rows), [column])[column]
    return [f"data:image/png;base64,{b64encode(png).decode()}" for png in thumbnails(images, size=SIDE)]
