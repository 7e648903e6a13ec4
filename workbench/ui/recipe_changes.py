"""Changes to the recipe of a stored draft. Each reads the draft anew: another browser may have changed it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import streamlit as st
from pydantic import ValidationError

from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.spec import Step
from workbench.ui import drafts, forms

if TYPE_CHECKING:
    from workbench.data import Table

CLASSES: dict[str, Any] = {kind.model_fields["step"].default: kind for kind in get_args(get_args(Step)[0])}
EDITING = "prepare.editing"  # place of the card whose fields are shown
_ORDER = {"row": 0, "column": 0, "learned": 1, "image": 1, "training": 2}


def set_steps(table: Table, steps: Sequence[Any]) -> None:
    """Store a whole recipe."""
    st.session_state.pop(EDITING, None)
    _store(table, steps)


def place_for(steps: Sequence[Any], name: str) -> int:
    """Give the place where a new step does its work: row and column steps before learned ones, those before training.

    Examples
    --------
    >>> from workbench.recipe.spec import DropColumns, Impute
    >>> steps = [DropColumns(columns=("a",)), Impute(columns=("b",))]
    >>> place_for(steps, "date_parts"), place_for(steps, "one_hot")
    (1, 2)
    """
    rank = _ORDER[CLASSES[name].family]
    later = (index for index, step in enumerate(steps) if _ORDER[step.family] > rank)
    return next(later, len(steps))


def insert(table: Table, name: str, values: Mapping[str, Any]) -> bool:
    """Add a step where it does its work; whether it could be built."""
    try:
        step = build(name, values)
    except RecipeError as problem:
        st.session_state[forms.PROBLEM] = str(problem)
        return False
    st.session_state.pop(EDITING, None)
    with drafts.editing(table) as draft:
        steps = list(draft.recipe)
        steps.insert(place_for(steps, name), step)
        return _store(table, steps)


def build(name: str, values: Mapping[str, Any]) -> Any:
    """Build a step from what a form holds.

    Raises
    ------
    RecipeError
        In the words of the form.
    """
    kind = CLASSES[name]
    given = {field: value for field, value in values.items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise RecipeError(explain(error, kind)) from None


def replace(table: Table, position: int, **parts: Any) -> None:
    """Change parts of one step.

    Raises
    ------
    RecipeError
        If the step can't be so; it then stays as it was.
    """
    with drafts.editing(table) as draft:
        recipe = list(draft.recipe)
        if position >= len(recipe):  # changed in another browser
            return
        step = recipe[position]
        now = step.model_dump()
        try:
            recipe[position] = type(step).model_validate({**now, **parts})
        except ValidationError as error:
            eased = _eased(type(step), {**now, **parts}, parts)
            if eased is None:
                raise RecipeError(explain(error, type(step))) from None
            recipe[position] = eased
        drafts.update(table, recipe=tuple(recipe))


def _eased(kind: Any, values: dict[str, Any], kept: Mapping[str, Any]) -> Any:
    """Try without another optional value: of `n_rows` and `fraction` the one that was just given counts."""
    for name, field in kind.model_fields.items():
        if name not in kept and field.default is None and values.get(name) is not None:
            try:
                return kind.model_validate({**values, name: None})
            except ValidationError:
                continue
    return None


def move(table: Table, position: int, offset: int) -> None:
    """Swap a step with its neighbour."""
    to = position + offset
    with drafts.editing(table) as draft:
        recipe = list(draft.recipe)
        if max(position, to) < len(recipe):
            recipe[position], recipe[to] = recipe[to], recipe[position]
            if st.session_state.get(EDITING) in (position, to):  # the open card goes with its step
                st.session_state[EDITING] = position + to - st.session_state[EDITING]
            _store(table, recipe)


def remove(table: Table, position: int) -> None:
    """Take a step out."""
    with drafts.editing(table) as draft:
        recipe = list(draft.recipe)
        if position < len(recipe):
            del recipe[position]
            editing = st.session_state.get(EDITING)
            if editing is not None and editing >= position:
                st.session_state[EDITING] = editing - 1 if editing > position else None
            _store(table, recipe)


def undo(table: Table, redo: bool = False) -> None:
    """Take the last change back, or bring it again."""
    st.session_state.pop(EDITING, None)
    try:
        drafts.undo(table, redo=redo)
    except WorkbenchError as problem:
        st.session_state[forms.PROBLEM] = str(problem)


def explain(error: ValidationError, kind: Any) -> str:
    """Say in the form's words why a step can't be so."""
    problem = error.errors()[0]
    name = str(problem["loc"][0]) if problem["loc"] else ""
    given = problem.get("input")
    if name in ("columns", "names") and not given or problem["type"] == "missing" and name in ("columns", "names"):
        return f"Got {kind.title!r} without columns, needed at least one. Choose columns for it."
    words = str(problem["msg"]).removeprefix("Value error, ")
    if not name:
        return f"Got {kind.title!r} with values that don't go together: {words}."
    label = (kind.model_fields[name].title or name).lower() if name in kind.model_fields else name
    if problem["type"] == "missing" or given in ("", None):
        return f"Got {kind.title!r} without {label}, needed it. Fill it in."
    return f"Got {given!r} as {label} of {kind.title!r}; {words[:1].lower()}{words[1:]}. Change it."


def _store(table: Table, steps: Sequence[Any]) -> bool:
    try:
        drafts.update(table, recipe=tuple(steps))
    except WorkbenchError as problem:
        st.session_state[forms.PROBLEM] = str(problem)
        return False
    return True
