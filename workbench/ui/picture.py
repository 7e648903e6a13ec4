"""A picture on a page: drawn with the reader's theme, with its numbers one click away and as PNG, SVG and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas  # noqa: F401 - Plotly asks for it if it is loaded, and must not find it half loaded by another thread
import polars as pl
import streamlit as st

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHOWN_ROWS = 1_000
BUTTONS_LEFT_OUT = ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"]


def picture(
    figure: go.Figure, *, key: str, numbers: pl.DataFrame | None = None, name: str | None = None, **chart: Any
) -> Any:
    """Draw a figure of `workbench.plots`.

    Parameters
    ----------
    figure : Figure
    key : str
        Widget key, ``page.picture``.
    numbers : DataFrame, optional
        What the picture shows, offered as a table and as CSV.
    name : str, optional
        File name of the downloads, without ending; from `key` when absent.
    **chart
        Passed to `st.plotly_chart`, for example ``on_select="rerun"``.

    Returns
    -------
    The selection, where ``on_select`` was passed.
    """
    name = name or key.replace(".", "-")
    file_format = st.session_state.get("picture.format", "PNG").lower()
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": BUTTONS_LEFT_OUT,
        "toImageButtonOptions": {"format": file_format, "filename": name, "scale": 2},
    }
    event = st.plotly_chart(figure, key=key, config=config, alt=_alternative(figure), **chart)
    if numbers is not None:
        numbers_of(numbers, key=key, name=name)
    return event


def _alternative(figure: go.Figure) -> str | None:
    meta = figure.layout.meta
    return str(meta["alt"]) if isinstance(meta, dict) and meta.get("alt") else None


def numbers_of(numbers: pl.DataFrame, *, key: str, name: str) -> None:
    """Offer the numbers behind a picture as a table and as CSV."""
    popover = st.popover("Numbers", icon=":material/table:", type="tertiary", key=f"{key}.numbers", on_change="rerun")
    if not popover.open:
        return
    with popover:
        if numbers.height > SHOWN_ROWS:
            st.caption(f"{SHOWN_ROWS:,} of {numbers.height:,} rows; the CSV has all.")
        st.dataframe(numbers.head(SHOWN_ROWS), hide_index=True, height="content" if numbers.height < 12 else 400)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.download_button(
                "CSV",
                lambda: numbers.write_csv(),
                file_name=f"{name}.csv",
                mime="text/csv",
                key=f"{key}.csv",
                icon=":material/download:",
                on_click="ignore",
            )
            chosen = st.segmented_control(
                "The picture's camera saves",
                ["PNG", "SVG"],
                default=st.session_state.get("picture.format", "PNG"),
                key=f"{key}.format",
                required=True,
                wrap=True,
            )
        if chosen and chosen != st.session_state.get("picture.format", "PNG"):
            st.session_state["picture.format"] = chosen
            st.rerun()
