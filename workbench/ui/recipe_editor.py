"""The recipe as a list of cards: edited in place, moved, switched off, and what each of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.recipe.spec import columns_of
from workbench.ui import (
    drafts,
    forms,
    icon_buttons,
    messages,
    recipe_add,
    recipe_fields,
    recipe_finish,
    recipe_library,
    recipe_problems,
    words,
)
from workbench.ui.forms import bound
from workbench.ui.icon_buttons import icon_button
from workbench.ui.recipe_changes import CLASSES, EDITING, move, remove, replace, set_steps, undo
from workbench.ui.recipe_columns import choices, columns_at

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.recipe import StepEffect
    from workbench.ui.drafts import Draft
    from workbench.ui.recipe_preview import Computed

_SHOWN_NAMES = 6
_FAMILIES = {"row": "rows", "column": "columns", "learned": "learned", "image": "images", "training": "training rows"}


def draw(table: Table, draft: Draft, computed: Computed) -> None:
    """Draw undo and redo, the recipes that are saved, the cards, "Add step" and "Suggest"."""
    icon_buttons.style()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Recipe", anchor=False, width="content")
        with st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center"):
            _undo(table)
            _suggest(table, draft)
            recipe_library.draw(table, draft)
    forms.show_problem()
    if not draft.recipe:
        st.caption(
            "No steps yet: the columns go to the estimator as they are. Start from the suggestion, or add a step."
        )
    effects = computed.effects()
    for position, step in enumerate(draft.recipe):
        _card(table, draft, position, step, effects.get(position), computed.problems.by_step.get(position))
    if draft.recipe and not computed.problems.by_step:
        recipe_finish.draw(table, draft)
    recipe_add.draw(table, draft)


def _undo(table: Table) -> None:
    back, forth = drafts.undoable(table)
    with icon_buttons.row("undo"):
        icon_button(
            f"Undo: {back}" if back else "Nothing to undo",
            "undo",
            key="prepare.undo",
            disabled=not back,
            on_click=undo,
            args=(table,),
        )
        icon_button(
            f"Redo: {forth}" if forth else "Nothing to redo",
            "redo",
            key="prepare.redo",
            disabled=not forth,
            on_click=undo,
            args=(table, True),
        )


def _card(
    table: Table,
    draft: Draft,
    position: int,
    step: Any,
    effect: StepEffect | None,
    problem: WorkbenchError | None,
) -> None:
    with st.container(border=True, gap="xxsmall", key=f"prepare.card.{position}"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", wrap=False, gap="xsmall"
        ):
            st.toggle(
                f"**{position + 1} · {title_of(step)}**",
                **bound(f"prepare.on.{position}", step.enabled, lambda on: replace(table, position, enabled=on)),
            )
            _controls(table, draft, position)
        if st.session_state.get(EDITING) == position:
            _edited(table, draft, position, step)
        else:
            st.caption(_summary(step, effect))
        if problem is not None and step.enabled:
            _problem(table, draft, position, problem)


def _summary(step: Any, effect: StepEffect | None) -> str:
    """Say on two lines what the step takes and what it did."""
    done = "switched off" if not step.enabled else "" if effect is None else effect_text(effect)
    return f"{about(step)}  \n{' · '.join(part for part in (_FAMILIES[step.family], done) if part)}"


def title_of(step: Any) -> str:
    """Name a step as on its card: with the choice that says most of it."""
    name = next((name for name in ("strategy", "method", "to") if hasattr(step, name)), None)
    return f"{step.title} ({recipe_fields.word(getattr(step, name))})" if name else str(step.title)


def about(step: Any) -> str:
    """Say what a step is about: its columns, its expression, or its names."""
    if hasattr(step, "expression"):
        left = f"{messages.plain(step.name)} = " if hasattr(step, "name") else ""
        return f"{left}`{step.expression.replace('`', '')}`"
    if step.step == "rename":
        names: Sequence[str] = [f"{old} → {new}" for old, new in step.names.items()]
    else:
        names = columns_of(step)
    if not names:
        return "" if not hasattr(step, "columns") else "all columns"
    shown = ", ".join(messages.plain(name) for name in names[:_SHOWN_NAMES])
    return shown + (f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else "")


def effect_text(effect: StepEffect) -> str:
    """Say what a step changed on the sample."""
    parts = []
    if effect.rows_after != effect.rows_before:
        parts.append(f"{words.plural(effect.rows_before - effect.rows_after, 'row')} dropped")
    if effect.columns_after != effect.columns_before:
        parts.append(f"{effect.columns_before:,} → {words.plural(effect.columns_after, 'column')}")
    if effect.n_changed_cells:
        parts.append(f"{words.plural(effect.n_changed_cells, 'cell')} changed")
    return " · ".join([*(parts or ["nothing changed"]), f"{effect.milliseconds:.0f} ms"])


def _controls(table: Table, draft: Draft, position: int) -> None:
    last = len(draft.recipe) - 1
    what = f"step {position + 1}"
    with icon_buttons.row(f"card.{position}"):
        for name, icon, offset in (("up", "arrow_upward", -1), ("down", "arrow_downward", 1)):
            icon_button(
                f"Move {what} {name}",
                icon,
                key=f"prepare.{name}.{position}",
                help=f"Move {name}",
                disabled=not 0 <= position + offset <= last,
                on_click=move,
                args=(table, position, offset),
            )
        editing = st.session_state.get(EDITING) == position
        icon_button(
            f"Close {what}" if editing else f"Edit {what}",
            "check" if editing else "edit",
            key=f"prepare.edit.{position}",
            help="Done" if editing else "Edit",
            on_click=_edit,
            args=(None if editing else position,),
        )
        icon_button(
            f"Remove {what}",
            "delete",
            key=f"prepare.remove.{position}",
            help="Remove",
            on_click=remove,
            args=(table, position),
        )


def _edit(position: int | None) -> None:
    st.session_state[EDITING] = position
    st.session_state.pop(recipe_add.ADDING, None)


def _edited(table: Table, draft: Draft, position: int, step: Any) -> None:
    known = columns_at(table, draft.recipe, position)
    st.caption(CLASSES[step.step].summary)
    recipe_fields.draw(
        recipe_fields.Form(
            kind=type(step),
            values={name: getattr(step, name) for name in type(step).model_fields},
            save=lambda name, value: replace(table, position, **{name: value}),
            key=lambda name: f"prepare.{name}.{position}",
            columns=choices(type(step), known, draft.target),
            known={name: entry.type for name, entry in known.items()},
        )
    )


def _problem(table: Table, draft: Draft, position: int, problem: WorkbenchError) -> None:
    messages.error(problem)
    with st.container(horizontal=True, gap="xsmall"):
        for index, remedy in enumerate(recipe_problems.remedies(table, draft.recipe, position, draft.target_name)):
            st.button(
                messages.plain(remedy.label),
                key=f"prepare.remedy.{position}.{index}",
                icon=":material/build:",
                on_click=set_steps,
                args=(table, remedy.steps),
            )
        st.button(
            "Switch it off",
            key=f"prepare.remedy.{position}.off",
            type="tertiary",
            on_click=replace,
            args=(table, position),
            kwargs={"enabled": False},
        )


def _suggest(table: Table, draft: Draft) -> None:
    popover = st.popover(
        "Suggest",
        icon=":material/auto_fix_high:",
        key="prepare.suggest",
        help="The steps that this table needs, each with its reason",
    )
    with popover:
        try:
            suggested = recipe_finish.suggestion(table, draft)
        except WorkbenchError as problem:
            messages.error(problem)
            return
        if not suggested.steps:
            st.caption("Nothing is needed: all columns are numbers that the estimator takes.")
            return
        st.caption(f"For this table and {draft.estimator.name.replace('_', ' ')}:")
        for step, reason in zip(suggested.steps, suggested.reasons, strict=True):
            st.markdown(f"**{title_of(step)}**: {messages.plain(reason)}")
        label = "Replace the recipe with these" if draft.recipe else "Use these steps"
        st.button(label, key="prepare.suggest.use", on_click=set_steps, args=(table, suggested.steps), type="secondary")
