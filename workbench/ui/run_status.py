"""Where a run stands: its status, progress, time left, best value, and the button that stops it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypedDict

import streamlit as st

from workbench.plots.panels import metric_title
from workbench.settings import current
from workbench.ui import messages, words
from workbench.ui.run_words import best_text, estimator_title

if TYPE_CHECKING:
    from workbench.training.run import Run
    from workbench.training.state import RunState


class Card(TypedDict):
    """A number with its name."""

    label: str
    value: str
    help: str | None


def draw(run: Run, run_state: RunState) -> None:
    """Draw the head of a run's view; while it goes on, its numbers stand in `live_view`."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {messages.plain(run.id)}", width="content")
        words.status_badge(run_state.status)
        for tag in run.about.tags:
            st.badge(messages.plain(tag), color="gray", icon=":material/sell:")
        if not run_state.has_ended:
            _stop_button(run)
            _kill_button(run)
    if run_state.has_ended:
        with st.grid(4, min_column_width=160):
            for card in cards(run, run_state):
                st.metric(card["label"], card["value"], border=True, height="stretch", help=card["help"])
    if run_state.reason and run_state.status in ("failed", "lost"):
        messages.error(run_state.reason)
    elif run_state.has_ended and (run_state.reason or run_state.note):
        st.caption(messages.plain(" ".join(part for part in (run_state.reason, run_state.note) if part)))


def cards(run: Run, run_state: RunState) -> list[Card]:
    """Give how far a run is, its time, its best value, and what it trains."""
    best = run_state.best
    best_at = None if not best else f"Best {metric_title(best['metric'])} at {run_state.unit} {best['step']:,}."
    return [
        _card(*_progress(run_state)),
        _card(*_time(run_state)),
        _card(*best_text(run), best_at),
        _card("Estimator", estimator_title(run.estimator)),
    ]


def _card(label: str, value: str, help_text: str | None = None) -> Card:
    return {"label": label, "value": value, "help": help_text}


def _stop_button(run: Run) -> None:
    asked = run.stop_requested
    if st.button(
        "Stopping …" if asked else "Stop",
        key="train.stop",
        icon=":material/stop_circle:",
        disabled=asked,
        help="Ends after the step under way. The best weights so far are kept, evaluated and packaged.",
    ):
        run.stop()
        st.rerun()


def can_be_killed(run: Run) -> bool:
    """Tell whether a run was asked to stop and had its time to do so."""
    waited = run.stop_waited
    return waited is not None and waited >= current().stop_grace_seconds


def _kill_button(run: Run) -> None:
    """Offer to end a run by force."""
    if not can_be_killed(run):
        return
    if st.button(
        "End by force",
        key="train.kill",
        icon=":material/dangerous:",
        help="It hasn't ended by itself. What was stored up to now is kept, and the run can be resumed from there.",
    ):
        with messages.shown():
            run.kill()
            st.rerun()


def _progress(run_state: RunState) -> tuple[str, str]:
    unit = run_state.unit.capitalize()
    if run_state.status == "queued":
        return "Progress", "waiting" if run_state.waiting_for else "starting"
    if run_state.unit == "fit":
        return "Progress", "done" if run_state.step else run_state.phase
    return unit, f"{run_state.step:,} of {run_state.total:,}" if run_state.total else "–"


def _time(run_state: RunState) -> tuple[str, str]:
    if run_state.has_ended:
        return "Time taken", words.duration(run_state.seconds)
    if run_state.status == "queued":
        return "Waiting for", words.duration(time.time() - (run_state.queued or run_state.created))
    if run_state.seconds_left is not None:
        return "Time left", f"about {words.duration(run_state.seconds_left)}"
    return "Running for", words.duration(run_state.seconds)


def phase(run: Run, run_state: RunState) -> str:
    """Say in a line what a run does now."""
    if run.stop_requested:
        return "Stopping: keeping the best so far, then evaluating and packaging"
    if run_state.status == "queued":
        return run_state.waiting_for or "Starting the worker; loading its libraries takes a few seconds"
    texts = {
        "starting": "Loading libraries",
        "reading": "Reading the table",
        "preparing": "Fitting the recipe on the training rows",
        "searching": f"Searching, {run_state.step:,} of {run_state.total:,} trials done",
        "cross-validating": f"Cross-validating, {run_state.step} of {run_state.total} folds done",
        "training": f"Training, {run_state.progress:.0%}",
        "evaluating": "Measuring on train, validation and test",
        "packaging": "Writing the graph and checking it against the model",
    }
    return texts.get(run_state.phase, run_state.phase)
