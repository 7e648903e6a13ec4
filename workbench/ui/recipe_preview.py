"""What the recipe makes of a stated sample: before and after, changed cells marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from workbench.api.preparing import preview_recipe
from workbench.errors import RecipeError, WorkbenchError
from workbench.settings import current
from workbench.ui import checks, messages, words

if TYPE_CHECKING:
    import polars as pl
    from pandas.io.formats.style import Styler

    from workbench.data import Table
    from workbench.recipe import Preview, StepEffect
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
    import sklearn.preprocessing  # noqa: F401 - seconds that no step should be charged for

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
    after = side == "After"
    frame = preview.after if after else preview.before
    positions = (preview.positions if after else preview.before_positions)[:SHOWN_ROWS]
    shown = min(SHOWN_ROWS, frame.height)
    columns = f", {SHOWN_COLUMNS} of {frame.width} columns" if frame.width > SHOWN_COLUMNS else ""
    st.caption(
        f"{shown:,} of {words.plural(frame.height, 'row')}{columns}. The recipe was fitted on a sample of "
        f"{preview.n_rows:,} of {words.plural(preview.n_rows_total, 'row')}; a run fits it on its training rows."
    )
    part = frame.head(SHOWN_ROWS).select(frame.columns[:SHOWN_COLUMNS]).to_pandas().set_axis(positions, axis=0)
    data = _marked(part, preview.changed) if after else part
    st.dataframe(data, key=f"prepare.preview.{side}", height=480, alt=f"The sample {side.lower()} the recipe")
    if after:
        st.caption(
            "Changed and new cells are :orange-background[marked]; the numbers at the left are the table's rows."
        )


def effects(preview: Preview | WorkbenchError) -> dict[int, StepEffect]:
    """Give what each step did, by its place in the recipe."""
    return {} if isinstance(preview, WorkbenchError) else {effect.step_index: effect for effect in preview.effects}


def _marked(part: pd.DataFrame, changed: pl.DataFrame) -> Styler:
    marks = changed.head(len(part)).select(list(part.columns)).to_numpy()
    styles = pd.DataFrame(np.where(marks, _MARK, ""), index=part.index, columns=part.columns)
    return part.style.apply(lambda _: styles, axis=None).format(_written)


def _written(value: object) -> str:
    if value is None or value != value:
        return ""
    return words.number(value) if isinstance(value, (int, float)) else str(value)
