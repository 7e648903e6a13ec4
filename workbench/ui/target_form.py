"""What to predict: the target, the task, and how the target's values are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.recipe.matching import without_columns
from workbench.recipe.spec import columns_of
from workbench.ui import drafts, messages, words
from workbench.ui.forms import bound
from workbench.ui.recipe_columns import TAKE_TARGET

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
            lambda name: drafts.update(table, target=name, task=None, recipe=without(draft.recipe, name)),
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


def without(steps: Sequence[Any], name: str | None) -> tuple[Any, ...]:
    """Take a column that becomes the target out of the steps that only take features; a step with none left goes."""
    kept = []
    for step in steps:
        names = columns_of(step)
        if name in names and step.step not in TAKE_TARGET:
            rest = without_columns(step, [str(name)])
            if rest is None:
                continue
            step = rest
        kept.append(step)
    return tuple(kept)
