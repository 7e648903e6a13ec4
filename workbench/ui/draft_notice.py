"""What is said where two browsers change the same draft, and the way to a draft of one's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import draft_names, drafts, messages, state, words

if TYPE_CHECKING:
    from workbench.data import Table


def draw(table: Table) -> None:
    """Say that another browser or tab changes this draft, too, until somebody says that this is meant."""
    name = draft_names.current()
    key = f"draft.together.{table.digest}.{name}"
    opened: dict[str, float] = st.session_state.setdefault(key, {"since": time.time()})
    others = {
        mark: at
        for mark, at in drafts.editors(table).items()
        if mark != draft_names.editor() and mark not in opened and time.time() - at < draft_names.HOURS * 3600
        if draft_names.is_here(mark) or at > opened["since"]
    }
    if not others:
        return

    def go_on() -> None:
        opened.update(others)

    with st.container(border=True, key="draft.together"):
        what = f"draft “{name}”" if name else "draft"
        st.markdown(
            f":orange[:material/group:] **This {what} of {messages.plain(table.name)} is also being changed in another "
            f"browser or tab**, last {words.ago(max(others.values()))}. You see each other's changes at the next click."
        )
        with st.container(horizontal=True):
            st.button(
                "Work on a copy of my own",
                key="draft.copy",
                icon=":material/content_copy:",
                on_click=copy,
                args=(table,),
                help="The copy has its own address (?draft=…): reload it, or send the link.",
            )
            st.button("Go on together", key="draft.go_on", type="tertiary", on_click=go_on)


def copy(table: Table) -> None:
    """Store what is open as a draft of its own, and open it."""
    from workbench.ui import forms

    try:
        state.show(draft=drafts.copy(table))
    except WorkbenchError as problem:
        st.session_state[forms.PROBLEM] = str(problem)


def menu(table: Table) -> None:
    """Draw the menu beside the recipe: the draft that all share, the named ones, and a copy of one's own."""
    here = draft_names.current()
    choices = {f"={name}": f"Draft “{name}”" for name in drafts.names(table) if name != here}
    if here:
        choices = {"shared": "The draft that all browsers share", **choices}
    choices["copy"] = "A copy of this draft, of my own"
    picked = st.menu_button(
        "",
        list(choices),
        key="open.switch.draft",
        icon=":material/swap_horiz:",  # also names the button for a screen reader
        type="tertiary",
        format_func=choices.__getitem__,
        help="Open another draft of this table",
    )
    if picked is None:
        return
    if picked == "shared":
        state.close("draft")
    elif picked == "copy":
        copy(table)
    else:
        state.show(draft=picked[1:])
    st.rerun()
