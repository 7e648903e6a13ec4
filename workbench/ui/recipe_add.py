"""A new step: found by what it is for, with the columns it is usually for already chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui import recipe_fields
from workbench.ui.recipe_changes import CLASSES, EDITING, insert, place_for
from workbench.ui.recipe_columns import choices, columns_at, likely

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.ui.drafts import Draft

ADDING = "prepare.adding"
_STEP = "prepare.add.step"
_VALUES = "prepare.add.values"
_FAMILIES = {
    "row": "Decides which rows there are, before the split. It never runs on a request.",
    "column": "Computes each row from itself alone, so it can't leak. It travels in the model.",
    "learned": "Learned on the training rows only, so that nothing of the test rows leaks. It travels in the model.",
    "image": "Size and scale travel in the model; augmentation changes training images only.",
    "training": "Acts on the training rows after everything was learned. Validation and test stay as they are.",
}
_FIRST: dict[str, dict[str, Any]] = {
    "sample": {"n_rows": 10_000},
    "convert": {"to": "number"},
}  # where a required choice has a usual answer


def draw(table: Table, draft: Draft) -> None:
    """Draw the button, or the form of the step that is being added."""
    if not st.session_state.get(ADDING):
        st.button("Add step", icon=":material/add:", key="prepare.add", width="stretch", on_click=_open, args=(True,))
        return
    with st.container(border=True, gap="small", key="prepare.adding_card"):
        st.markdown("**New step**")
        name = _chosen()
        if name:
            _form(table, draft, name)
        else:
            st.caption("Choose what the step is for, or type what it should do.")
        with st.container(horizontal=True, gap="xsmall"):
            st.button(
                "Add",
                key="prepare.add.go",
                icon=":material/add:",
                disabled=not name,
                on_click=_add,
                args=(table, draft, name),
            )
            st.button("Cancel", key="prepare.add.cancel", type="tertiary", on_click=_open, args=(False,))


def purposes() -> dict[str, list[str]]:
    """Group the steps by what they are for, in the order of a recipe's work."""
    groups: dict[str, list[str]] = {}
    for name, kind in CLASSES.items():
        groups.setdefault(kind.purpose, []).append(name)
    return groups


def _chosen() -> str | None:
    groups = purposes()
    purpose = st.pills("For", list(groups), key="prepare.add.purpose", label_visibility="collapsed")
    names = groups[purpose] if purpose else [name for group in groups.values() for name in group]
    if st.session_state.get(_STEP) not in names:
        st.session_state[_STEP] = names[0] if len(names) == 1 else None
    return st.selectbox(
        "Step",
        names,
        key=_STEP,
        format_func=lambda name: f"{CLASSES[name].title} · {CLASSES[name].purpose.lower()}",
        placeholder=f"Choose one of {len(names)}, or type to search",
    )


def _form(table: Table, draft: Draft, name: str) -> None:
    kind = CLASSES[name]
    place = place_for(draft.recipe, name)
    known = columns_at(table, draft.recipe, place)
    st.caption(f"{kind.summary} {_FAMILIES[kind.family]}")
    recipe_fields.draw(
        recipe_fields.Form(
            kind=kind,
            values=_values(table, draft, name),
            save=lambda field, value: _keep(name, field, value),
            key=lambda field: f"prepare.add.{field}.{name}",
            columns=choices(kind, known, draft.target),
            known={entry.name: entry.type for entry in known.values()},
        )
    )
    if place < len(draft.recipe):
        st.caption(f"It goes to place {place + 1}, before the steps that work after it.")


def _values(table: Table, draft: Draft, name: str) -> dict[str, Any]:
    """Give what the form holds: what was chosen, beside what is usual."""
    kind = CLASSES[name]
    values: dict[str, Any] = dict(_FIRST.get(name, {}))
    if "columns" in kind.model_fields:
        known = columns_at(table, draft.recipe, place_for(draft.recipe, name))
        values["columns"] = tuple(likely(kind, known, draft.target)) or None
    return {**values, **st.session_state.get(_VALUES, {}).get(name, {})}


def _keep(name: str, field: str, value: Any) -> None:
    kept = st.session_state.setdefault(_VALUES, {}).setdefault(name, {})
    kept[field] = value
    if value is None or CLASSES[name].model_fields[field].get_default() is not None:
        return
    for other in _FIRST.get(name, {}):  # of two that exclude each other the one that was just given counts
        if other != field:
            kept[other] = None


def _add(table: Table, draft: Draft, name: str) -> None:
    if insert(table, name, _values(table, draft, name)):
        _open(False)


def _open(is_open: bool) -> None:
    for key in (_VALUES, _STEP, "prepare.add.purpose"):
        st.session_state.pop(key, None)
    st.session_state[ADDING] = is_open
    st.session_state.pop(EDITING, None)
