"""What to predict: the target, the task, and how the target's values are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.data.stored_rows import SAMPLE_ROWS
from workbench.estimators.catalogue import estimators_for
from workbench.estimators.spec import EstimatorSpec
from workbench.recipe.made_target import MAX_ROWS, is_made, makeable, target_column, task_for
from workbench.recipe.matching import without_columns
from workbench.recipe.spec import columns_of
from workbench.training.unsupervised import NEEDS_TARGET as TAKES_TARGET
from workbench.ui import drafts, messages, target_making, words
from workbench.ui.forms import bound
from workbench.ui.recipe_columns import TAKE_TARGET

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.ui.drafts import Draft


GOALS = {"predict": "Predict a column", "clustering": "Find groups", "outlier_detection": "Find outliers"}
_MEANING = {
    "clustering": "Rows that are alike are put into groups. Nothing is predicted, so nothing need be known beforehand.",
    "outlier_detection": "Rows that are unlike all others are found, without an example of one.",
}


def draw(table: Table, draft: Draft) -> None:
    """Draw goal, target and task; without any, say what they are for and stop."""
    goal_side, target_side, task_side, about = st.columns([4, 4, 5, 5], gap="medium", vertical_alignment="bottom")
    goal_side.selectbox(
        "Goal",
        list(GOALS),
        format_func=GOALS.__getitem__,
        help="Predict a column from the others, or find groups or outliers among the rows, which needs no target.",
        **bound(
            "prepare.goal",
            draft.task if draft.finds else "predict",
            lambda goal: _aim(table, goal),
        ),
    )
    if draft.finds:
        about.caption(_MEANING[str(draft.task)])
        return
    names = list(dict.fromkeys([*(column.name for column in table.columns), *makeable(draft.recipe)]))
    target_side.selectbox(
        "Target",
        names,
        placeholder="Choose the column to predict",
        help="The column that the model learns to predict from the others.",
        **bound(
            "prepare.target",
            draft.target,
            lambda name: _predict(table, name),
        ),
    )
    target_making.draw(table, draft)
    if not draft.target:
        target_making.button(about)
        st.info(
            "Choose the column to predict. Then the recipe, its preview and the split appear here.",
            icon=":material/flag:",
        )
        st.stop()
    with messages.shown(stop=True):
        suggested = task_for(table, draft.recipe, draft.target)
        column = target_column(table, draft.recipe, draft.target)
    task_side.segmented_control(
        "Task",
        ["classification", "regression"],
        required=True,
        wrap=True,
        help="Classification predicts one of several classes, regression a number; preset by its values.",
        **bound(
            "prepare.task",
            draft.task or suggested,
            lambda task: drafts.update(table, task=None if task == suggested else task),
        ),
    )
    missing = f" · {words.plural(column.n_missing, 'value')} missing" if column.n_missing else ""
    large = table.n_rows > MAX_ROWS and is_made(table, draft.recipe, draft.target)
    seen = f", seen in a sample of {SAMPLE_ROWS:,} rows" if large else ""
    about.caption(f"{column.kind} with {words.plural(column.n_unique, 'different value')}{missing}{seen}")
    target_making.button(about)


def _predict(table: Table, name: str) -> None:
    with drafts.editing(table) as draft:
        steps = without(draft.recipe, name)
        drafts.update(table, target=name, task=None, recipe=target_making.ready_for(table, list(steps), name))


def _aim(table: Table, goal: str) -> None:
    """Change between predicting and finding; what doesn't fit the other goes back to its default."""
    with drafts.editing(table) as draft:
        if goal == "predict":
            estimator = drafts.Draft(source="", digest="").estimator
            target = draft.answer or table.target
            recipe = without(draft.recipe, target)
            drafts.update(table, task=None, target=target, answer=None, estimator=estimator, recipe=recipe)
            return
        split = draft.split.model_copy(update={"folds": None})
        kept = tuple(step for step in draft.recipe if step.step not in TAKES_TARGET)
        name = next(found.name for found in estimators_for(goal))  # type: ignore[arg-type]
        estimator = EstimatorSpec(name=name)
        drafts.update(
            table,
            task=goal,
            target=None,
            answer=draft.target or draft.answer,
            recipe=kept,
            split=split,
            search=None,
            estimator=estimator,
        )


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
