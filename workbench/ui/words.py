"""How numbers, times and states are written on the pages."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import polars as pl
import streamlit as st

KIND_ICONS = {
    "number": ":material/tag:",
    "category": ":material/category:",
    "text": ":material/notes:",
    "boolean": ":material/toggle_on:",
    "datetime": ":material/calendar_month:",
    "identifier": ":material/fingerprint:",
    "constant": ":material/horizontal_rule:",
    "image": ":material/image:",
}
Color = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "primary"]
_STATUS: dict[str, tuple[str, Color]] = {
    "queued": (":material/schedule:", "gray"),
    "running": (":material/progress_activity:", "blue"),
    "finished": (":material/check_circle:", "green"),
    "stopped": (":material/stop_circle:", "orange"),
    "failed": (":material/error:", "red"),
    "lost": (":material/link_off:", "red"),
}


def plural(n: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "row"), plural(1309, "row")
    ('1 row', '1,309 rows')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def number(value: object, digits: int = 4) -> str:
    """Write a number with thousands separators and sensible digits; a dash for none.

    Examples
    --------
    >>> number(0.812345), number(48712.3), number(None), number(12)
    ('0.8123', '48,712', '–', '12')
    """
    if not isinstance(value, (int, float)) or value != value:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def columns_shown(frame: pl.DataFrame) -> dict[str, Any]:
    """Let days be shown without a time; Streamlit shows every date with one."""
    return {name: st.column_config.DateColumn(name) for name, dtype in frame.schema.items() if dtype == pl.Date}


def distinct(choices: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Give a label for each choice; two files may be called alike, and Streamlit tells options apart by it.

    Examples
    --------
    >>> distinct([("a1b2c3", "sales · 3 rows"), ("d4e5f6", "sales · 3 rows"), ("iris", "Iris")])
    {'a1b2c3': 'sales · 3 rows · a1b2c3', 'd4e5f6': 'sales · 3 rows · d4e5f6', 'iris': 'Iris'}
    """
    counts = Counter(label for _, label in choices)
    return {key: f"{label} · {key}" if counts[label] > 1 else label for key, label in choices}


def duration(seconds: float | None) -> str:
    """Write a time span.

    Examples
    --------
    >>> duration(0.4), duration(75), duration(7322), duration(None)
    ('under 1 s', '1 min 15 s', '2 h 2 min', '–')
    """
    if seconds is None:
        return "–"
    if seconds < 1:
        return "under 1 s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def ago(moment: float | None) -> str:
    """Say how long ago a moment (Unix seconds) was."""
    if not moment:
        return "–"
    passed = time.time() - moment
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{passed / 60:.0f} min ago"
    if passed < 86400:
        return f"{passed / 3600:.0f} h ago"
    return time.strftime("%d %b %Y", time.localtime(moment))


def size(n_bytes: float) -> str:
    """Write a size on disk.

    Examples
    --------
    >>> size(900), size(5_300_000)
    ('900 B', '5.1 MiB')
    """
    for unit in ("B", "KiB", "MiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"


def status_badge(status: str) -> None:
    """Draw the state of a run."""
    icon, color = _STATUS.get(status, (":material/help:", "gray"))
    st.badge(status, icon=icon, color=color)
