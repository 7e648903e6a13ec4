"""Which of a table's drafts this browser works on, and who else works on it.

A table has one draft that all browsers share, and any number of named ones: ``?draft=maria`` in the address. Each
change notes its editor, so that two who change the same draft are told of each other.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
MAX_EDITORS = 20
HOURS = 12  # a change that is older is no longer news

_sessions: dict[str, str] = {}  # editor -> Streamlit's id of the session, which must not be written into a file


def current() -> str:
    """Give the name of the draft that is open in this browser; empty for the one that all share."""
    if get_script_run_ctx(suppress_warning=True) is None:  # a notebook, a test: nobody has an address
        return ""
    name = str(st.session_state.get("open.draft") or "")
    return name if NAME.fullmatch(name) else ""


def editor() -> str:
    """Give a mark of this session, to tell its changes from others'; empty outside of the app."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return ""
    mark: str = st.session_state.setdefault("draft.editor", _mark(context.session_id))
    _sessions[mark] = context.session_id
    return mark


def _mark(session_id: str) -> str:
    return hashlib.sha256(f"{session_id} {secrets.token_hex(4)}".encode()).hexdigest()[:12]


def is_here(mark: str) -> bool:
    """Whether the session of an editor is open in a browser now, as far as this process knows."""
    return mark in _sessions and Runtime.exists() and Runtime.instance().is_active_session(_sessions[mark])


def noted(before: Any) -> dict[str, float]:
    """Give who changed a draft when, with this session as the last; `before` is what the stored draft says."""
    mark = editor()
    found = editors(before)
    if mark:
        found[mark] = time.time()
    return dict(sorted(found.items(), key=lambda entry: entry[1])[-MAX_EDITORS:])


def editors(stored: Any) -> dict[str, float]:
    """Give who changed a stored draft when, in Unix seconds; whatever isn't that is passed over."""
    if not isinstance(stored, dict):
        return {}
    return {str(mark): float(at) for mark, at in stored.items() if isinstance(at, (int, float))}


def free_name(taken: list[str]) -> str:
    """Give a name that no draft of the table has."""
    number = next(number for number in range(1, len(taken) + 2) if f"copy-{number}" not in taken)
    return f"copy-{number}"
