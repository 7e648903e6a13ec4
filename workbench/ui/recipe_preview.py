"""What the recipe makes of a stated sample: before and after, changed cells marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from workbench.api.preparing import preview_recipe
from workbench.errors import RecipeError, WorkbenchError
from workbench.settings import current
from workbench.ui import checks, messages, words

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.recipe import Preview
    from workbench.ui.drafts import Draft

SHOWN_ROWS = 100
SHOWN_COLUMNS = 60
_MARK = "background-color: rgba(230, 159, 0, 0.28)"  # readable under light and dark text


def compute(table: Table, draft: Draft) -> Preview | WorkbenchError:
    """Preview the recipe, or give what is wrong with it."""
    try:
        recipe = draft.spec().to_yaml().split("split:")[0]  # what the preview depends on, as a key
        return _cached(f"{table.digest} {recipe}", current().preview_rows, table, draft)
    except WorkbenchError as problem:
        return problem


@st.cache_resource(max_entries=32, show_spinner="Fitting the recipe on the sample …")
def _cached(key: str, n_rows: int, _table: Table, _draft: Draft) -> Preview:
    return preview_recipe(_table, _draft.recipe, target=_draft.target, n_rows=n_rows)


def draw(table: Table, draft: Draft, preview: Preview | WorkbenchError) -> None:
    """Draw the preview, or the message with its remedy."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Preview", anchor=False, width="content")
        side = st.segmented_control(
            "Show",
            ["Before", "After"],
            default="After",
            key="prepare.side",
            required=True,
            label_visibility="collapsed",
        )
    if isinstance(preview, WorkbenchError):
        messages.error(preview)
        if isinstance(preview, RecipeError):
            checks.offer_suggestion(table, draft, key="prepare.use_suggested")
        return
    frame = preview.before if side == "Before" else preview.after
    sampled = min(current().preview_rows, table.n_rows)
    shown = min(SHOWN_ROWS, frame.height)
    columns = f", {SHOWN_COLUMNS} of {frame.width} columns" if frame.width > SHOWN_COLUMNS else ""
    st.caption(
        f"{shown:,} of {words.plural(frame.height, 'row')}{columns}; the recipe was fitted on {sampled:,} of "
        f"{words.plural(table.n_rows, 'row')}."
        + (" Changed and new cells are :orange-background[marked]." if side == "After" else "")
    )
    part = frame.head(SHOWN_ROWS).select(frame.columns[:SHOWN_COLUMNS])
    data = _marked(part, preview) if side == "After" else part
    st.dataframe(
        data, key=f"prepare.preview.{side}", height=440, hide_index=True, alt=f"The sample {side.lower()} the recipe"
    )


def _marked(part: pl.DataFrame, preview: Preview) -> object:
    marks = _changed(part, preview)
    pandas = part.to_pandas()
    styles = marks.to_pandas().map(lambda changed: _MARK if changed else "")
    styles.index, styles.columns = pandas.index, pandas.columns
    return pandas.style.apply(lambda _: styles, axis=None).format(precision=4, na_rep="missing")
