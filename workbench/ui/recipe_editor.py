"""The recipe as a list of cards: added, edited, moved, switched off, and what each of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.api.preparing import suggest_recipe
from workbench.data.encoding import input_type
from workbench.errors import WorkbenchError
from workbench.ui import forms, messages, words
from workbench.ui.forms import bound
from workbench.ui.recipe_changes import CLASSES, OPTIONAL_COLUMNS, TITLES, append, move, remove, replace, set_steps

if TYPE_CHECKING:
    from workbench.data import Column, Table
    from workbench.recipe import StepEffect
    from workbench.ui.drafts import Draft

_SHOWN_NAMES = 6


def draw(table: Table, draft: Draft, effects: dict[int, StepEffect]) -> None:
    """Draw the cards, "Add step" and "Suggest"."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Recipe", anchor=False, width="content")
        with st.container(horizontal=True, width="content"):
            _add(table, draft)
            _suggest(table, draft)
    forms.show_problem()
    if not draft.recipe:
        st.caption(
            "No steps yet: the columns go to the estimator as they are. Start from the suggestion, or add a step."
        )
    for position, step in enumerate(draft.recipe):
        _card(table, draft, position, step, effects.get(position))


def _card(table: Table, draft: Draft, position: int, step: Any, effect: StepEffect | None) -> None:
    with st.container(border=True, gap="xsmall", key=f"prepare.card.{position}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{position + 1} · {_title(step)}**", width="content")
            _controls(table, draft, position, step)
        st.caption(_about(step))
        if not step.enabled:
            st.caption(":gray-badge[switched off]")
        elif effect is not None:
            st.caption(f":material/bolt: {effect_text(effect)}")


def _title(step: Any) -> str:
    strategy = f" ({step.strategy.replace('_', ' ')})" if step.step == "impute" else ""
    return f"{TITLES.get(step.step, step.step)}{strategy}"


def _about(step: Any) -> str:
    names: Sequence[str] = step.columns or ()
    if not names:
        return "all columns"
    shown = ", ".join(messages.plain(name) for name in names[:_SHOWN_NAMES])
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return shown + more


def effect_text(effect: StepEffect) -> str:
    """Say what a step changed on the sample."""
    parts = []
    if effect.rows_after != effect.rows_before:
        parts.append(f"{words.plural(effect.rows_before - effect.rows_after, 'row')} dropped")
    if effect.columns_after != effect.columns_before:
        parts.append(f"{effect.columns_before} → {words.plural(effect.columns_after, 'column')}")
    if effect.n_changed_cells:
        parts.append(f"{words.plural(effect.n_changed_cells, 'cell')} changed")
    return " · ".join([*(parts or ["nothing changed"]), f"{effect.milliseconds:.0f} ms"])


def _controls(table: Table, draft: Draft, position: int, step: Any) -> None:
    last = len(draft.recipe) - 1
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        st.toggle(
            "On",
            label_visibility="collapsed",
            help="Switch this step off without losing it",
            **bound(f"prepare.on.{position}", step.enabled, lambda on: replace(table, position, enabled=on)),
        )
        for name, icon, offset in (("up", "arrow_upward", -1), ("down", "arrow_downward", 1)):
            st.button(
                "",
                key=f"prepare.{name}.{position}",
                icon=f":material/{icon}:",
                type="tertiary",
                help=f"Move {name}",
                disabled=not 0 <= position + offset <= last,
                on_click=move,
                args=(table, position, offset),
            )
        with st.popover("", icon=":material/edit:", type="tertiary", help="Edit", key=f"prepare.edit.{position}"):
            _fields(table, draft, position, step)
        st.button(
            "",
            key=f"prepare.remove.{position}",
            icon=":material/delete:",
            type="tertiary",
            help="Remove",
            on_click=remove,
            args=(table, position),
        )


def _fields(table: Table, draft: Draft, position: int, step: Any) -> None:
    st.caption(CLASSES[step.step].summary)
    st.multiselect(
        "Columns",
        _choices(table, draft),
        placeholder="all columns" if step.step in OPTIONAL_COLUMNS else "Choose columns",
        **bound(
            f"prepare.columns.{position}",
            _known(step.columns, table),
            lambda names: replace(table, position, columns=tuple(names) or None),
        ),
    )
    if step.step == "impute":
        st.selectbox(
            "Fill with",
            ["mean", "median", "most_frequent", "constant"],
            help="Learned on the training rows only. Mean and median take numbers, the others text too.",
            **bound(
                f"prepare.strategy.{position}",
                step.strategy,
                lambda name: replace(table, position, strategy=name, fill_value=None),
            ),
        )
        if step.strategy == "constant":
            st.text_input(
                "Value",
                help="A number for number columns, a word for text.",
                **bound(
                    f"prepare.fill.{position}",
                    "" if step.fill_value is None else str(step.fill_value),
                    lambda text: replace(table, position, fill_value=_value(text)),
                ),
            )


def _known(names: Sequence[str] | None, table: Table) -> list[str]:
    present = {column.name for column in table.columns}
    return [name for name in names or () if name in present]


def _value(text: str) -> float | str | None:
    try:
        return float(text)
    except ValueError:
        return text or None


def _choices(table: Table, draft: Draft) -> list[str]:
    return [column.name for column in table.columns if column.name != draft.target]


def _add(table: Table, draft: Draft) -> None:
    with st.popover("Add step", icon=":material/add:", key="prepare.add"):
        name = st.selectbox(
            "Step",
            list(CLASSES),
            key="prepare.add.step",
            format_func=lambda key: f"{CLASSES[key].purpose} · {TITLES[key]}",
        )
        st.caption(CLASSES[name].summary)
        names = st.multiselect(
            "Columns",
            _choices(table, draft),
            default=_likely(table, draft, name),
            key=f"prepare.add.columns.{name}",
            placeholder="all columns" if name in OPTIONAL_COLUMNS else "Choose columns",
        )
        strategy = None
        if name == "impute":
            strategy = st.selectbox(
                "Fill with", ["median", "mean", "most_frequent", "constant"], key="prepare.add.strategy"
            )
        st.button(
            "Add",
            key="prepare.add.go",
            icon=":material/add:",
            on_click=append,
            args=(table, name, tuple(names), strategy),
        )


def _likely(table: Table, draft: Draft, name: str) -> list[str]:
    """Preselect the columns that a step is usually for."""
    gone = {column for step in draft.recipe if step.enabled and step.step == "drop_columns" for column in step.columns}
    encoded = {
        column
        for step in draft.recipe
        if step.enabled and step.step in ("one_hot", "ordinal")
        for column in step.columns
    }
    rest = [column for column in table.columns if column.name not in gone and column.name != draft.target]
    return [column.name for column in rest if _fits(name, column, column.name in encoded)]


def _fits(name: str, column: Column, is_encoded: bool) -> bool:
    is_number = input_type(column.dtype) == "number"
    if name == "drop_columns":
        return column.kind in ("identifier", "constant", "text", "datetime")
    if name == "impute":
        return column.n_missing > 0 and is_number
    if name in ("one_hot", "ordinal"):
        return not is_number and column.kind in ("category", "boolean") and not is_encoded
    if name in ("standardize", "min_max"):
        return is_number and column.kind == "number"
    return False


def _suggest(table: Table, draft: Draft) -> None:
    with st.popover("Suggest", icon=":material/auto_fix_high:", key="prepare.suggest"):
        try:
            suggested = suggest_recipe(table, target=draft.target, estimator=draft.estimator.name)
        except WorkbenchError as problem:
            messages.error(problem)
            return
        if not suggested.steps:
            st.caption("Nothing is needed: all columns are numbers that the estimator takes.")
            return
        st.caption(f"For this table and {draft.estimator.name.replace('_', ' ')}:")
        for step, reason in zip(suggested.steps, suggested.reasons, strict=True):
            st.markdown(f"**{_title(step)}**: {messages.plain(reason)}")
        label = "Replace the recipe with these" if draft.recipe else "Use these steps"
        st.button(label, key="prepare.suggest.use", on_click=set_steps, args=(table, suggested.steps), type="secondary")
