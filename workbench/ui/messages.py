"""What the workbench says when something can't be done: calm, in three parts, and with a button where that helps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from workbench.errors import StorageError, WorkbenchError
from workbench.settings import current

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`'\"])")
_MARKUP = re.compile(r"([\\*_\[\]$~<>#|])")


def plain(text: object) -> str:
    """Escape Markdown, so that a column called ``*a_b*`` shows as it is; code in backticks stays code."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is text as well
        return _MARKUP.sub(r"\\\1", str(text)).replace("`", "\\`")
    return "`".join(part if index % 2 else _MARKUP.sub(r"\\\1", part) for index, part in enumerate(parts))


def split_message(message: str) -> tuple[str, str]:
    """Split a message into what came and was needed, and what to do."""
    lines = message.strip().splitlines() or [""]
    first, *rest = _SENTENCE.split(lines[0])
    return first, "\n\n".join([" ".join(rest), *lines[1:]]).strip()


def error(problem: WorkbenchError | str) -> None:
    """Show a message of the workbench: what came and what was needed as title, what to do below."""
    came, remedy = split_message(current().without_folders(str(problem)))
    show = st.error if isinstance(problem, StorageError) else st.warning
    show(plain(remedy) or "Change it and try again.", title=plain(came), icon=":material/info:")


@contextmanager
def shown(*, stop: bool = False) -> Iterator[None]:
    """Show a `WorkbenchError` raised inside instead of failing; anything else fails loudly.

    Parameters
    ----------
    stop : bool
        End the page after the message, for what the rest of the page needs.
    """
    try:
        yield
    except WorkbenchError as problem:
        error(problem)
        if stop:
            st.stop()
