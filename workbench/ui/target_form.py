"""What to predict: the target, the task, and how the target's values are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from workbench.recipe.spec import columns_of
from workbench.ui import drafts, messages, words
from workbench.ui.forms import bound

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.ui.drafts import Draft


def draw(table: Table, draft: Draft) -> None:
    """Draw target and task; without a target, say what it is for and stop."""
    target_side, task_side, about = st.columns([2, 2, 3], gap="medium", vertical_alignment="bottom")
    names = [column.name for column in table.columns]
    target_side.selectbox(
        "Target",
        names,
        placeholder="Choose the column to predict",
        help="The column that the model learns to predict from the others.",
        **bound(
            "prepare.target",
            draft.target,
            lambda name: drafts.update(table, target=name, task=None, recipe=_without(draft, name)),
        ),
    )
    if not draft.target:
        st.info(
            "Choose the column to predict. Then the recipe, its preview and the split appear here.",
            icon=":material/flag:",
        )
        st.stop()
    with messages.shown(stop=True):
        suggested = table.suggested_task(draft.target)
        column = table.column(draft.target)
    task_side.segmented_control(
        "Task",
        ["classification", "regression"],
        required=True,
        help="Classification predicts one of several classes, regression a number; preset by its values.",
        **bound(
            "prepare.task",
            draft.task or suggested,
            lambda task: drafts.update(table, task=None if task == suggested else task),
        ),
    )
    missing = f" · {words.plural(column.n_missing, 'value')} missing" if column.n_missing else ""
    about.caption(f"{column.kind} with {words.plural(column.n_unique, 'different value')}{missing}")


def _without(draft: Draft, name: str) -> tuple[object, ...]:
    """Take a new target out of the steps' columns; a step with none left goes."""
    kept = []
    for step in draft.recipe:
        if name in columns_of(step):
            names = tuple(column for column in columns_of(step) if column != name)
            if not names:
                continue
            step = step.model_copy(update={"columns": names})
        kept.append(step)
    return tuple(kept)
