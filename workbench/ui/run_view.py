"""One run, live: how far it is, its curves above the hardware on one axis, its log and its RunSpec.

The view only reads the run's folder, so it shows the same after a reload, in a second browser and after a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl
import streamlit as st

from workbench import plots
from workbench.training.state import ENDED
from workbench.ui import drafts, messages, pages, state, words
from workbench.ui.picture import picture
from workbench.ui.run_list import best_text, estimator_title, metric_title

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.training.run import Run
    from workbench.training.state import RunState, Status

SECONDS = 1.0


def show(run: Run, table: Table | None) -> None:
    """Draw the run; while it goes on, the view is redrawn each second, and not after."""
    status = run.state.status
    ended = status in ENDED
    live = st.fragment(_draw, run_every=None if ended else SECONDS, key="train.live")
    live(run, status)
    if ended:
        _next_steps(run, table)


def _draw(run: Run, drawn_status: Status) -> None:
    with messages.shown():
        run_state = run.state
        if run_state.status != drawn_status:
            st.rerun()  # the line above says the status, and an ended run needs no timer
        _status(run, run_state)
        _curves(run, run_state)
        _details(run)


def _status(run: Run, run_state: RunState) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {messages.plain(run.id)}", width="content")
        words.status_badge(run_state.status)
        if not run_state.has_ended:
            _stop_button(run)
    with st.grid(4, min_column_width=160):
        st.metric(*_progress(run_state), border=True, height="stretch")
        st.metric(*_time(run_state), border=True, height="stretch")
        st.metric(*best_text(run), border=True, height="stretch", help=_best_at(run_state))
        st.metric("Estimator", estimator_title(run.spec.estimator.name), border=True, height="stretch")
    if not run_state.has_ended:
        st.progress(run_state.progress, text=_phase(run, run_state))
    elif run_state.reason and run_state.status in ("failed", "lost"):
        messages.error(run_state.reason)
    elif run_state.reason or run_state.note:
        st.caption(messages.plain(" ".join(part for part in (run_state.reason, run_state.note) if part)))


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
        st.rerun(scope="fragment")


def _progress(run_state: RunState) -> tuple[str, str]:
    unit = run_state.unit.capitalize()
    if run_state.unit == "fit":
        return "Progress", "done" if run_state.step else run_state.phase
    return unit, f"{run_state.step:,} of {run_state.total:,}" if run_state.total else "–"


def _time(run_state: RunState) -> tuple[str, str]:
    if run_state.has_ended:
        return "Time taken", words.duration(run_state.seconds)
    if run_state.seconds_left is not None:
        return "Time left", f"about {words.duration(run_state.seconds_left)}"
    return "Running for", words.duration(run_state.seconds)


def _best_at(run_state: RunState) -> str | None:
    best = run_state.best
    return None if not best else f"Best {metric_title(best['metric'])} at {run_state.unit} {best['step']:,}."


def _phase(run: Run, run_state: RunState) -> str:
    if run.stop_requested:
        return "Stopping: keeping the best so far, then evaluating and packaging"
    if run_state.status == "queued":
        return "Starting the worker; loading its libraries takes a few seconds"
    texts = {
        "starting": "Loading libraries",
        "reading": "Reading the table",
        "preparing": "Fitting the recipe on the training rows",
        "cross-validating": f"Cross-validating, {run_state.step} of {run_state.total} folds done",
        "training": f"Training, {run_state.progress:.0%}",
        "evaluating": "Measuring on train, validation and test",
        "packaging": "Writing the graph and checking it against the model",
    }
    return texts.get(run_state.phase, run_state.phase)


def _curves(run: Run, run_state: RunState) -> None:
    history, hardware = run.history(), run.hardware()
    axis_unit = run_state.unit if run_state.unit in ("tree", "round") else "step"  # a network logs optimizer steps
    by: Literal["time", "step"] | None = st.segmented_control(
        "Axis",
        ["time", "step"],
        default="time",
        key="train.axis",
        required=True,
        label_visibility="collapsed",
        format_func=lambda name: "By time" if name == "time" else f"By {axis_unit}",
    )
    figure = plots.live_curves(history, hardware, by=by or "time", started=run_state.started, unit=axis_unit)
    picture(figure, key="train.curves", numbers=history, name=f"{run.id}-curves")


def _details(run: Run) -> None:
    metrics, log, spec = st.tabs(["Metrics", "Log", "Spec"], key="train.details", on_change="rerun")
    if metrics.open:
        with metrics:
            _metrics(run)
    if log.open:
        with log:
            text = run.log()
            st.caption("The last 200 lines that the worker wrote.")
            st.code(text or "Nothing yet.", language=None, height=280 if text else "content")
    if spec.open:
        with spec:
            st.code(run.spec.to_yaml(), language="yaml")


def _metrics(run: Run) -> None:
    measured = {split: values for split, values in run.metrics().items() if split != "cross_validation"}
    if not measured:
        st.caption("Measured on train, validation and test when training ends.")
        return
    names = list(dict.fromkeys(name for part in measured.values() for name in part))
    frame = pl.DataFrame(
        [
            {"metric": metric_title(name), **{split: part.get(name) for split, part in measured.items()}}
            for name in names
        ],
        infer_schema_length=None,
    )
    config = {split: st.column_config.NumberColumn(split, format="%.4g") for split in measured}
    st.dataframe(frame, hide_index=True, column_config=config, alt="Metrics on train, validation and test")


def _next_steps(run: Run, table: Table | None) -> None:
    with st.container(horizontal=True):
        if run.metrics() and st.button("Evaluate", type="primary", key="train.evaluate", icon=":material/query_stats:"):
            pages.go("evaluate", run=run.id)
        if run.metrics() and st.button("Publish", key="train.publish", icon=":material/deployed_code:"):
            pages.go("models", run=run.id)
        help_text = "Copy this run's RunSpec into the forms, to change and start it again."
        if table is not None and st.button(
            "Edit and run again", key="train.again", icon=":material/edit:", help=help_text
        ):
            with messages.shown():
                drafts.save(drafts.from_spec(run.spec, table))
                state.close("run")
                st.session_state["train.next_view"] = "setup"
                st.rerun()
