"""What lies behind a run's curves, in tabs: metrics, search, layers, hardware, log, RunSpec, note and tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from workbench import plots
from workbench.plots.panels import metric_title
from workbench.ui import hardware_panel, messages, search_view
from workbench.ui.forms import bound
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.training.logs import Level
    from workbench.training.run import Run
    from workbench.training.state import RunState

_LOG_LINES = 200
_SECONDS = 2.0
_STILL = ("Metrics", "Spec", "Note and tags")  # nothing of them moves while a run goes on
_LEVELS: dict[Level, str] = {"info": "All", "warning": "Warnings", "error": "Errors"}


def draw(run: Run, run_state: RunState) -> None:
    """Draw the tabs; only the open one reads anything, and while the run goes on it is drawn anew by itself."""
    spec = run.spec
    parts: dict[str, Callable[[], object]] = {"Metrics": lambda: _metrics(run, run_state)}
    if spec.search is not None:
        parts = {"Search": lambda: search_view.show(run), **parts}
    layers = run.layers()
    if layers.height:
        parts["Layers"] = lambda: _layers(run, layers)
    parts |= {
        "Hardware": lambda: hardware_panel.show(run),
        "Log": lambda: _log(run),
        "Spec": lambda: st.code(spec.to_yaml(), language="yaml"),
        "Note and tags": lambda: _about(run, run_state),
    }
    tabs = st.tabs(list(parts), key=f"train.details.{len(parts)}", on_change="rerun")
    for tab, (name, part) in zip(tabs, parts.items(), strict=True):
        if tab.open:
            moves = not run_state.has_ended and name not in _STILL
            with tab:
                st.fragment(_shown, run_every=_SECONDS if moves else None, key=f"train.details.{name}")(part)


def _shown(part: Callable[[], object]) -> None:
    with messages.shown():
        part()


def _metrics(run: Run, run_state: RunState) -> None:
    measured = {split: values for split, values in run.metrics_so_far().items() if split != "cross_validation"}
    if not measured:
        st.caption(
            "This run ended before it was measured."
            if run_state.has_ended
            else "Measured on train, validation and test when training ends."
        )
        return
    names = list(dict.fromkeys(name for part in measured.values() for name in part))
    frame = pl.DataFrame(
        [
            {"metric": metric_title(name), **{split: part.get(name) for split, part in measured.items()}}
            for name in names
        ],
        infer_schema_length=None,
    )
    config = {split: st.column_config.NumberColumn(split, format="%.5g") for split in measured}
    st.dataframe(frame, hide_index=True, column_config=config, alt="Metrics on train, validation and test")


def _layers(run: Run, layers: pl.DataFrame) -> None:
    st.caption(
        "How large each layer's weights and gradients are, and how many of its units are dead: they answer 0 to every "
        "row. Gradients that shrink towards the first layers teach them nothing; growing ones soon diverge."
    )
    picture(plots.layer_curves(layers), key="train.layers", numbers=layers, name=f"{run.id}-layers")


def _log(run: Run) -> None:
    level = st.segmented_control(
        "Level",
        list(_LEVELS),
        default="info",
        key="train.log_level",
        required=True,
        wrap=True,
        label_visibility="collapsed",
        format_func=_LEVELS.__getitem__,
    )
    text = run.log(tail=_LOG_LINES, level=level)
    st.caption(f"The last {_LOG_LINES} lines that the worker wrote.")
    st.code(text or "Nothing yet.", language=None, height=280 if text else "content")


def _about(run: Run, run_state: RunState) -> None:
    about = run.about
    st.text_area(
        "note",
        help="What was tried with this run, and what came of it.",
        **bound("train.run_note", about.note, lambda value: run.describe(note=value)),
    )
    st.multiselect(
        "tags",
        list(about.tags),
        accept_new_options=True,
        help="Words to find this run by.",
        **bound("train.run_tags", list(about.tags), lambda value: run.describe(tags=value)),
    )
    if run_state.status == "queued":
        st.number_input(
            "priority",
            -100,
            100,
            help="Of runs that wait for a free place the highest priority goes first.",
            **bound("train.run_priority", about.priority, lambda value: run.describe(priority=int(value))),
        )
    if run_state.resumed:
        st.caption(messages.plain(f"Resumed {run_state.resumed} time{'s' if run_state.resumed > 1 else ''}."))
