"""The numbers and curves of a run that goes on: drawn by the browser, which asks for them once a second by itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from plotly.offline import get_plotlyjs_version

from workbench.ui import live_feed
from workbench.ui.picture import BUTTONS_LEFT_OUT, numbers_of

if TYPE_CHECKING:
    from workbench.training.run import Run
    from workbench.training.state import RunState

_HERE = Path(__file__)
_NAME = "workbench_live_view"
_mount = st.components.v2.component(
    _NAME,
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,  # Plotly writes its own rules into the page's head
)


def show(run: Run, run_state: RunState) -> None:
    """Draw a run that goes on. The page is run again when what lies around its numbers and curves has to change."""
    data = {
        "run": run.id,
        "page": live_feed.page_mark(run, run_state),
        "drawn": time.time(),
        "left_out": BUTTONS_LEFT_OUT,
        "format": st.session_state.get("picture.format", "PNG").lower(),
    }
    _mount(key="train.live", data=_common() | data, on_moved_change=_nothing)
    numbers_of(run.history(), key="train.curves", name=f"{run.id}-curves")


def get_ready() -> None:
    """Load the library that draws while the reader still looks at something else."""
    _mount(key="train.live.ready", data=_common() | {"run": None}, height=1)


def _common() -> dict[str, object]:
    return {"plotly": f"live/plotly-{get_plotlyjs_version()}.js"}


def _nothing() -> None:
    """Let the page run: it finds the new state by itself."""
