"""What is known about a model: which version was live when, what was done by whom, and how faithful a version is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
import streamlit as st

from workbench import plots, registry
from workbench.registry import CHAMPION
from workbench.ui import messages, words
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.registry import Version

_ICONS = {"publish": ":material/publish:", "promote": ":material/arrow_upward:", "rollback": ":material/undo:"}
_DONE = {"publish": "published", "promote": "promoted", "rollback": "made live again"}


def live_spans(name: str) -> list[tuple[int, float, float]]:
    """Give which version was live from when to when (Unix seconds), oldest first."""
    moves = [(line["version"], float(line["time"])) for line in registry.audit(name) if line.get("alias") == CHAMPION]
    ends = [start for _, start in moves[1:]] + [time.time()]
    return [(version, start, end) for (version, start), end in zip(moves, ends, strict=True)]


def live_since(name: str) -> dict[int, float]:
    """Give since when each version was live the last time."""
    return {version: start for version, start, _ in live_spans(name)}


def history(name: str) -> None:
    """Draw which version was live when, and what was done by whom."""
    spans = live_spans(name)
    frame = pl.DataFrame(spans, schema=["version", "start", "end"], orient="row")
    if frame.height:
        picture(plots.version_timeline(frame), key="models.timeline", numbers=frame, name=f"{name}-live")
    for line in reversed(registry.audit(name)):
        when = moment(line["time"])
        before = f" instead of v{line['previous']}" if line.get("alias") and line.get("previous") else ""
        moved = before or (" · live from the start" if line.get("alias") else "")
        note = f" · “{messages.plain(line['note'])}”" if line.get("note") else ""
        st.markdown(
            f"{_ICONS.get(line['action'], ':material/history:')} {when:%d %b %Y, %H:%M} · "
            f"**v{line['version']}** {_DONE.get(line['action'], line['action'])} "
            f"by {messages.plain(line['by'])}{moved}{note}"
        )


def about(version: Version) -> None:
    """Draw what is known about a version: how faithful and fast its graph is, and its card."""
    from workbench.package import package_info

    with messages.shown():
        info = package_info(version.folder)
        graph = f"{words.number(info.latency_ms, 3)} ms" if info.latency_ms is not None else "–"
        native = f"{words.number(info.native_latency_ms, 3)} ms" if info.native_latency_ms is not None else "–"
        difference = "–" if info.max_difference is None else f"{info.max_difference:.1e}"
        with st.grid(4, min_column_width=170):
            st.metric("Engine", info.engine, border=True, help=info.reason or "The graph answers.")
            st.metric("One row, graph", graph, border=True, help="Median, measured when it was built.")
            st.metric("One row, native model", native, border=True, help="Median, measured when it was built.")
            st.metric(
                "Largest difference",
                difference,
                border=True,
                help=f"Graph against native model over {info.n_rows_checked:,} rows; "
                f"labels changed: {info.labels_changed}.",
            )
        card = version.folder / "card.md"
        if card.is_file():
            with st.container(border=True):
                st.markdown(card.read_text(encoding="utf-8"))


def moment(seconds: float | None) -> datetime | None:
    """Turn Unix seconds into the reader's own time."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, tz=ZoneInfo(timezone()))
    except (ZoneInfoNotFoundError, ValueError):
        return datetime.fromtimestamp(seconds, tz=UTC)


def timezone() -> str:
    """Give the reader's time zone, as the browser says."""
    return st.context.timezone or "UTC"
