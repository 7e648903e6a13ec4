"""The list of runs: found by words, status and tags, opened, compared and deleted."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import messages, run_comparison, state, words
from workbench.ui.run_words import best_text, estimator_title, loss_curve

if TYPE_CHECKING:
    from workbench.training.run import Run

N_SHOWN = 100
_STATUSES = ("queued", "running", "finished", "stopped", "failed", "lost")


def draw() -> None:
    """Draw the list; one chosen row opens, several are compared."""
    from workbench.training.listing import runs

    found: list[Run] = []
    with messages.shown(stop=True):
        found = runs()
    if not found:
        st.caption("Runs that you start are listed here, from the pages, a notebook or the command line alike.")
        return
    shown = _filtered(found)
    if not shown:
        st.caption(f"None of {words.plural(len(found), 'run')} fits. Take a filter away.")
        return
    chosen = _chosen(shown)
    if len(shown) < len(found) or len(shown) > N_SHOWN:
        st.caption(f"{min(len(shown), N_SHOWN):,} of {len(found):,} runs.")
    if chosen:
        _actions(chosen)
    if len(chosen) > 1:
        run_comparison.draw(chosen)


def _filtered(found: list[Run]) -> list[Run]:
    tags = sorted({tag for run in found for tag in run.about.tags})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search",
            key="train.runs_text",
            placeholder="name, estimator, data or note",
            help="Finds runs whose name, estimator, data or note has all of these words.",
        )
        statuses = st.multiselect("Status", _STATUSES, key="train.runs_status", placeholder="any")
        wanted = st.multiselect("Tags", tags, key="train.runs_tags", placeholder="any") if tags else []
    return [run for run in found if _fits(run, text, statuses, wanted)]


def _fits(run: Run, text: str, statuses: list[str], tags: list[str]) -> bool:
    if statuses and run.state.status not in statuses:
        return False
    about = run.about
    if not set(tags) <= set(about.tags):
        return False
    parts = [run.id, about.note, *about.tags]
    try:
        parts += [run.estimator, estimator_title(run.estimator), run.spec.data.source, run.data_name]
    except WorkbenchError:  # a damaged folder is still found by its name
        pass
    said = " ".join(parts).lower()
    return all(word in said for word in text.lower().split())


def _chosen(shown: list[Run]) -> list[Run]:
    listed = shown[:N_SHOWN]
    frame = pl.DataFrame([_row(run) for run in listed], infer_schema_length=None)
    st.caption("Choose one run to open it, or several to compare them; click a heading to sort.")
    event = st.dataframe(
        frame,
        hide_index=True,
        key=list_key([run.id for run in listed]),
        on_select="rerun",
        selection_mode="multi-row",
        height="content" if len(listed) < 12 else 440,
        alt="Runs, newest first",
        column_config={
            "loss": st.column_config.LineChartColumn(
                "loss", help="Validation loss where there is one, else training loss."
            ),
            "value": st.column_config.NumberColumn("value", format="%.5g"),
            # As times and not as words, so that a click on the heading sorts them.
            "time": st.column_config.NumberColumn(
                "time", format="localized", help="That it worked; waiting isn't counted."
            ),
            "started": st.column_config.DatetimeColumn("started", format="distance"),
            "tags": st.column_config.ListColumn("tags"),
        },
    )
    return [listed[position] for position in event.selection.rows if position < len(listed)]


def list_key(ids: Sequence[str]) -> str:
    """Give the widget's key, another for each list.

    Rows are chosen by their place: where the list has changed, another run would stand there, and be deleted.
    """
    return f"train.runs.{zlib.crc32(' '.join(ids).encode()):08x}"


def _row(run: Run) -> dict[str, object]:
    run_state = run.state
    row: dict[str, Any] = {"run": run.id, "status": run_state.status}
    try:
        label, value = best_text(run)
        return row | {
            "estimator": estimator_title(run.estimator),
            "data": run.data_name,
            "measure": label,
            "value": None if value == "–" else float(value.replace(",", "")),
            "loss": loss_curve(run),
            "time": timedelta(seconds=round(run_state.seconds)),
            "started": datetime.fromtimestamp(run_state.created, tz=UTC),
            "tags": list(run.about.tags),
            "note": run.about.note,
        }
    except WorkbenchError:  # a damaged folder is still listed
        names = ("estimator", "data", "measure", "value", "loss", "time", "started", "tags", "note")
        return row | dict.fromkeys(names)


def _actions(chosen: list[Run]) -> None:
    with st.container(horizontal=True):
        if len(chosen) == 1 and st.button(f"Open {chosen[0].id}", key="train.open_run", icon=":material/visibility:"):
            state.show(run=chosen[0].id)
            st.rerun()
        text = "Delete" if len(chosen) == 1 else f"Delete {len(chosen)} runs"
        with st.popover(text, key="train.delete_runs", icon=":material/delete:"):
            kept = _confirm(chosen)
    for problem in kept:
        messages.error(problem)


def _confirm(chosen: list[Run]) -> list[WorkbenchError]:
    """Ask once more; give why runs were kept, such as one whose model is live."""
    from workbench.api.managing import delete_run

    names = ", ".join(run.id for run in chosen[:5]) + (f" and {len(chosen) - 5} more" if len(chosen) > 5 else "")
    st.write(f"{messages.plain(names)}: curves, log, report and package go from this machine. Published versions stay.")
    kept: list[WorkbenchError] = []
    if st.button("Delete for good", type="primary", key="train.delete_confirmed", icon=":material/delete:"):
        for run in chosen:
            try:
                delete_run(run.id)
                if state.opened("run") == run.id:
                    state.close("run")
            except WorkbenchError as problem:
                kept.append(problem)
        if not kept:
            st.rerun()
    return kept
