"""The frame of every page: title, the line that says what is open, "As code", and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import as_code, draft_notice, messages, open_line, pages, state
from workbench.ui.pages import go
from workbench.ui.state import Open

__all__ = ["Need", "empty", "go", "require", "start"]

Need = Literal["table", "recipe", "run", "model"]

_MISSING: dict[Need, tuple[str, str, str, str]] = {
    # need: title, what the page will show, button, page that the button opens
    "table": ("No table is open", "{purpose} It needs a table first.", "Use the Titanic sample", "titanic"),
    "recipe": ("No target is chosen", "{purpose} It needs the column to predict.", "Choose it on Prepare", "prepare"),
    "run": (
        "No run is open",
        "{purpose} It needs a run: start one, or open one from the line above.",
        "Train a model",
        "train",
    ),
    "model": (
        "No model is open",
        "{purpose} It needs a published model: publish a run, or open one from the line above.",
        "See the models",
        "models",
    ),
}


def start(title: str, purpose: str, *, needs: Sequence[Need] = ()) -> Open:
    """Draw the frame and give what is open; without what the page `needs`, say so, offer the way there, and stop.

    Parameters
    ----------
    title, purpose : str
        The page's name, as in the navigation, and one sentence on what it is for.
    needs : sequence of {"table", "recipe", "run", "model"}
        ``recipe`` means a draft whose target is chosen.

    Returns
    -------
    Open
        What is open; each of `needs` is then there.
    """
    opened = Open()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(title, anchor=False, help=purpose, width="content")
        as_code.popover(opened, title.lower())
    open_line.draw(opened)
    if refused := st.session_state.pop("open.refused", None):
        messages.error(
            f"No draft can be called {refused[:60]!r}. Use up to 40 letters, digits, - and _; the shared draft is open."
        )
    for problem in opened.problems:
        messages.error(problem)
    if title in ("Data", "Prepare", "Train") and opened.table is not None:
        draft_notice.draw(opened.table)
    require(opened, purpose, *needs)
    return opened


def require(opened: Open, purpose: str, *needs: Need) -> None:
    """End the page with an empty state when one of `needs` isn't open."""
    for need in needs:
        if _is_missing(opened, need):
            _explain_missing(need, purpose)
            st.stop()


def empty(title: str, text: str, *, button: str, key: str, icon: str = ":material/arrow_forward:") -> bool:
    """Draw an empty state with its one button; True when it was clicked."""
    with st.container(border=True, horizontal_alignment="center"):
        st.subheader(title, anchor=False, text_alignment="center")
        st.markdown(text, text_alignment="center")
        return st.button(button, key=key, type="primary", icon=icon)


def _is_missing(opened: Open, need: Need) -> bool:
    if need == "recipe":
        return opened.draft is None or (opened.draft.target is None and not opened.draft.finds)
    return getattr(opened, need) is None


def _explain_missing(need: Need, purpose: str) -> None:
    title, text, button, target = _MISSING[need]
    if not empty(title, text.format(purpose=purpose), button=button, key=f"page.missing.{need}"):
        return
    if need == "table":
        state.show(table=target)
        st.rerun()
    try:
        pages.go(target)
    except WorkbenchError as problem:
        messages.error(problem)
