"""Changes to the recipe of a stored draft. Each reads the draft anew: another browser may have changed it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

import streamlit as st
from pydantic import ValidationError

from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.spec import Step
from workbench.ui import drafts, forms

if TYPE_CHECKING:
    from workbench.data import Table

CLASSES = {kind.model_fields["step"].default: kind for kind in get_args(get_args(Step)[0])}
TITLES = {
    "drop_columns": "Drop columns",
    "drop_duplicates": "Drop duplicate rows",
    "drop_missing": "Drop rows with missing values",
    "impute": "Impute",
    "one_hot": "One-hot",
    "ordinal": "Ordinal",
    "standardize": "Standardize",
    "min_max": "Min-max",
}
OPTIONAL_COLUMNS = ("drop_duplicates", "drop_missing")  # none means all


def set_steps(table: Table, steps: Sequence[Any]) -> None:
    """Store a whole recipe."""
    try:
        drafts.update(table, recipe=tuple(steps))
    except WorkbenchError as problem:
        st.session_state[forms.PROBLEM] = str(problem)


def append(table: Table, name: str, names: tuple[str, ...], strategy: str | None) -> None:
    """Add a step at the end."""
    try:
        parts: dict[str, Any] = {"columns": names or None} if name in OPTIONAL_COLUMNS else {"columns": names}
        if strategy:
            parts["strategy"] = strategy
        set_steps(table, [*drafts.load(table).recipe, CLASSES[name](**parts)])
    except ValidationError:
        st.session_state[forms.PROBLEM] = (
            f"Got {TITLES[name]!r} without columns, needed at least one. Choose columns for it."
        )


def replace(table: Table, position: int, **parts: Any) -> None:
    """Change parts of one step."""
    recipe = list(drafts.load(table).recipe)
    if position >= len(recipe):  # changed in another browser
        return
    step = recipe[position]
    try:
        recipe[position] = type(step).model_validate({**step.model_dump(), **parts})
    except ValidationError:
        raise RecipeError(
            f"Got {TITLES[step.step]!r} without columns, needed at least one. Choose some, or remove the step."
        ) from None
    drafts.update(table, recipe=tuple(recipe))


def move(table: Table, position: int, offset: int) -> None:
    """Swap a step with its neighbour."""
    recipe = list(drafts.load(table).recipe)
    if max(position, position + offset) < len(recipe):
        recipe[position], recipe[position + offset] = recipe[position + offset], recipe[position]
        set_steps(table, recipe)


def remove(table: Table, position: int) -> None:
    """Take a step out."""
    recipe = list(drafts.load(table).recipe)
    if position < len(recipe):
        del recipe[position]
        set_steps(table, recipe)
