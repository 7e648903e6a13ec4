"""One run, live: how far it is, its curves above the hardware on one axis, and what lies behind them.

The view only reads the run's folder, so it shows the same after a reload, in a second browser and after a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st

from workbench import plots
from workbench.ui import drafts, live_feed, live_view, messages, pages, run_details, run_status, state
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.training.run import Run
    from workbench.training.search_spec import SearchSpec
    from workbench.training.state import RunState


def show(run: Run, table: Table | None) -> None:
    """Draw the run; while it goes on, its numbers and curves move by themselves."""
    with messages.shown():
        run_state = run.state
        run_status.draw(run, run_state)
        if run_state.has_ended:
            _next_steps(run, table)
            _curves(run, run_state)
        else:
            live_view.show(run, run_state)
        run_details.draw(run, run_state)


def _curves(run: Run, run_state: RunState) -> None:
    history, unit = run.history(), live_feed.axis_unit(run_state)
    by: Literal["time", "step"] | None = st.segmented_control(
        "Axis",
        ["time", "step"],
        default="time",
        key="train.axis",
        required=True,
        wrap=True,
        label_visibility="collapsed",
        format_func=lambda name: "By time" if name == "time" else f"By {unit}",
    )
    figure = plots.live_curves(
        history,
        run.hardware(),
        by=by or "time",
        started=run_state.started,
        unit=unit,
        interrupted=run_state.interrupted,
    )
    picture(figure, key="train.curves", numbers=history, name=f"{run.id}-curves")


def _next_steps(run: Run, table: Table | None) -> None:
    with st.container(horizontal=True):
        if run.metrics_so_far() and st.button(
            "Evaluate", type="primary", key="train.evaluate", icon=":material/query_stats:"
        ):
            pages.go("evaluate", run=run.id)
        if run.metrics_so_far() and st.button("Publish", key="train.publish", icon=":material/deployed_code:"):
            pages.go("models", run=run.id)
        if run.status in ("stopped", "failed", "lost") and st.button(
            "Resume",
            key="train.resume",
            icon=":material/resume:",
            help="Goes on from the last state that was stored, to exactly the result that an uninterrupted run gives.",
        ):
            with messages.shown():
                run.resume()
                st.rerun()
        if run.spec.search is not None:
            _more_trials(run, run.spec.search)
        help_text = "Copy this run's RunSpec into the forms, to change and start it again."
        if table is not None and st.button(
            "Edit and run again", key="train.again", icon=":material/edit:", help=help_text
        ):
            with messages.shown():
                state.close("run")
                state.show(table=table.source)
                drafts.save(drafts.from_spec(run.spec, table))
                st.session_state["train.next_view"] = "setup"
                st.rerun()


def _more_trials(run: Run, search: SearchSpec) -> None:
    """Offer to go on with a search that has ended; what it has tried stays."""
    with st.popover("More trials", icon=":material/playlist_add:", key="train.more"):
        more = st.number_input(
            "trials more",
            1,
            10_000,
            20,
            key="train.more_trials",
            help=f"On top of the {search.n_trials:,} that this search was given; none is repeated.",
        )
        minutes = None
        if search.minutes is not None:
            minutes = st.number_input(
                "minutes",
                0.1,
                10_080.0,
                search.minutes,
                step=1.0,
                format="%g",
                key="train.more_minutes",
                help="Most minutes of searching from now on.",
            )
        st.caption("The best of all trials is trained anew, evaluated and packaged.")
        if st.button("Continue the search", type="primary", key="train.continue", icon=":material/resume:"):
            with messages.shown():
                run.resume(n_trials=search.n_trials + int(more), minutes=minutes)
                st.rerun()
