"""What the coded checks found in data and recipe: a line that unfolds, with remedies that change the draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import checks, drafts, forms, messages, words

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.recipe.checks import Check
    from workbench.ui.drafts import Draft

_SEVERITIES: dict[str, tuple[str, str, str]] = {
    "error": ("problem", ":material/error:", "red"),
    "warning": ("warning", ":material/warning:", "orange"),
    "info": ("hint", ":material/info:", "blue"),
}


def draw(table: Table, draft: Draft, *, unfolded: bool = False) -> None:
    """Draw how many of each severity there are; unfolded, each with its explanation and its remedies.

    A problem is never folded away: it is what must be seen.
    """
    if draft.finds:
        return  # the checks ask what a target would be told
    found = look(table, draft)
    if isinstance(found, WorkbenchError):
        return  # the recipe's cards and the split say it where it can be mended
    if not found:
        st.caption(":material/check_circle: The checks found nothing wrong with data, recipe and split.")
        return
    unfolded = unfolded or any(check.severity == "error" for check in found)
    with st.expander(_counted(found), icon=_icon(found), expanded=unfolded, key="prepare.checks"):
        for index, check in enumerate(found):
            _check(table, index, check)


def look(table: Table, draft: Draft) -> tuple[Check, ...] | WorkbenchError:
    """Run the checks on the draft; once for each state of it."""
    task = checks.task_of(table, draft)
    return _cached(f"{table.digest} {draft.target} {task} {draft.recipe!r} {draft.split!r} {draft.seed}", table, draft)


def said(table: Table, draft: Draft) -> set[tuple[str, str]]:
    """Give what `draw` says: the code of each check with each of its columns, or with none where it is about rows."""
    found = () if draft.finds else look(table, draft)
    if isinstance(found, WorkbenchError):
        return set()
    return {(check.code, name) for check in found for name in check.columns or ("",)}


@st.cache_resource(max_entries=32, show_spinner=False)
def _cached(key: str, _table: Table, _draft: Draft) -> tuple[Check, ...] | WorkbenchError:
    from workbench.recipe.checks import check_data

    try:
        return tuple(
            check_data(
                _table,
                target=str(_draft.target),
                task=_draft.supervised_task,
                steps=_draft.recipe,
                split=_draft.split,
                seed=_draft.seed,
            )
        )
    except WorkbenchError as problem:
        return problem  # a cache keeps no exceptions, and finding it again would take as long


def _counted(found: tuple[Check, ...]) -> str:
    parts = []
    for severity, (word, _, _) in _SEVERITIES.items():
        if n := sum(check.severity == severity for check in found):
            parts.append(words.plural(n, word))
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _icon(found: tuple[Check, ...]) -> str:
    gravest = next(name for name in _SEVERITIES if any(check.severity == name for check in found))
    return _SEVERITIES[gravest][1]


def _check(table: Table, index: int, check: Check) -> None:
    word, icon, color = _SEVERITIES[check.severity]
    st.markdown(f":{color}[{icon}] **{messages.plain(check.message)}**  \n{messages.plain(check.explanation)}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for number, remedy in enumerate(check.remedies):
            st.button(
                messages.plain(remedy.label),
                key=f"prepare.check.{index}.{number}",
                icon=":material/build:",
                on_click=_apply,
                args=(table, remedy),
            )
        st.caption(f"{check.code} · {word}", width="content")


def _apply(table: Table, remedy: Any) -> None:
    from workbench.recipe.checks import apply_remedy

    try:
        with drafts.editing(table) as draft:
            parts: dict[str, Any] = {"recipe": tuple(apply_remedy(draft.recipe, remedy))}
            if remedy.split is not None:
                parts["split"] = remedy.split
            drafts.update(table, **parts)
    except WorkbenchError as problem:
        st.session_state[forms.PROBLEM] = str(problem)
