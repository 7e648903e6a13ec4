"""A target that is calculated: name and expression become a step of the recipe, and what it makes is the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.recipe.check_list import Remedy
from workbench.recipe.made_target import is_made, target_column, telling_columns
from workbench.recipe.remedies import apply_remedy
from workbench.recipe.spec import DropColumns, DropMissing
from workbench.ui import drafts, messages, recipe_fields
from workbench.ui.recipe_changes import CLASSES, build
from workbench.ui.recipe_columns import choices, columns_at

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.ui.drafts import Draft

_OPEN = "prepare.target.calculating"
_VALUES = "prepare.target.values"
_PROBLEM = "prepare.target.problem"


def button(place: Any) -> None:
    """Draw the button that opens the form."""
    place.button(
        "Calculate one",
        icon=":material/function:",
        key="prepare.target.calculate",
        type="tertiary",
        help="Predict what isn't a column yet but follows from some: whether a flight is late, from its delay.",
        disabled=bool(st.session_state.get(_OPEN)),
        on_click=_open,
        args=(True,),
    )


def draw(table: Table, draft: Draft) -> None:
    """Draw the form, where it is open."""
    if not st.session_state.get(_OPEN):
        return
    kind = CLASSES["calculate"]
    values = st.session_state.setdefault(_VALUES, {})
    known = columns_at(table, (), 0)
    with st.container(border=True, gap="small", key="prepare.target.card"):
        st.markdown("**A target from other columns**")
        st.caption(
            "A comparison gives two classes (`arr_delay > 15`), arithmetic a number. What it is calculated from is "
            "left out of the model, and no request has to give it."
        )
        recipe_fields.draw(
            recipe_fields.Form(
                kind=kind,
                values=values,
                save=values.__setitem__,
                key=lambda field: f"prepare.target.{field}",
                columns=choices(kind, known, None),
                known={entry.name: entry.type for entry in known.values()},
            )
        )
        if problem := st.session_state.get(_PROBLEM):
            messages.error(problem)
        with st.container(horizontal=True, gap="xsmall"):
            st.button(
                "Predict it",
                key="prepare.target.go",
                icon=":material/flag:",
                disabled=not (values.get("name") and values.get("expression")),
                on_click=_make,
                args=(table, values),
            )
            st.button("Cancel", key="prepare.target.cancel", type="tertiary", on_click=_open, args=(False,))


def _open(is_open: bool) -> None:
    st.session_state[_OPEN] = is_open
    for key in (_VALUES, _PROBLEM):
        st.session_state.pop(key, None)


def _make(table: Table, values: dict[str, Any]) -> None:
    try:
        step = build("calculate", values)
        with drafts.editing(table) as draft:
            steps = [step, *draft.recipe]
            drafts.update(table, target=step.name, task=None, recipe=ready_for(table, steps, step.name))
    except WorkbenchError as problem:
        st.session_state[_PROBLEM] = str(problem)
        return
    _open(False)


def ready_for(table: Table, steps: list[Any], target: str) -> tuple[Any, ...]:
    """Leave out what a target that the steps make is made from, and the rows that have none.

    Raises
    ------
    RecipeError
        If the steps don't fit the table.
    """
    if not is_made(table, steps, target):
        return tuple(steps)
    telling = tuple(telling_columns(table, steps, target))
    mending: list[Any] = [DropColumns(columns=telling)] if telling else []
    if target_column(table, steps, target).n_missing:
        mending.append(DropMissing(columns=(target,)))
    return apply_remedy(steps, Remedy("", tuple(mending)))
