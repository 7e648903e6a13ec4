"""The list of runs: their state, their best value, the course of their loss, and several of them on one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl
import streamlit as st

from workbench import plots
from workbench.errors import WorkbenchError
from workbench.estimators.catalogue import catalogue
from workbench.ui import messages, state, words
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.training.run import Run

N_SHOWN = 100
N_POINTS = 60
_FIRST_METRIC = ("roc_auc", "accuracy", "rmse", "r2")
METRIC_TITLES = {"roc_auc": "ROC AUC", "r2": "R²", "rmse": "RMSE", "mae": "MAE", "f1_macro": "F1 (macro)"}


def metric_title(name: str) -> str:
    """Write a metric's name."""
    if name.startswith("val_"):
        return f"validation {metric_title(name[4:])}"
    return METRIC_TITLES.get(name, name.replace("_", " "))


def estimator_title(name: str) -> str:
    """Write an estimator's name as the catalogue does."""
    found = catalogue().get(name)
    return found.title if found else name


def loss_curve(run: Run) -> list[float]:
    """Give the course of the loss (validation where there is one), thinned to a sparkline's points."""
    history = run.history()
    name = next((name for name in ("val_loss", "loss") if name in history.columns), None)
    if name is None:
        return []
    values = history[name].drop_nulls()
    return values.gather_every(max(1, values.len() // N_POINTS)).to_list()


def best_text(run: Run) -> tuple[str, str]:
    """Name the value that matters most of a run, and write it."""
    test = run.metrics().get("test", {})
    for name in _FIRST_METRIC:
        if name in test:
            return f"{metric_title(name)}, test", words.number(float(test[name]), 4)
    best = run.state.best
    if best:
        return f"best {metric_title(best['metric'])}", words.number(float(best["value"]), 4)
    return "best so far", "–"


def draw() -> None:
    """Draw the list; a chosen row opens, several are compared."""
    from workbench.training.run import runs

    found: list[Run] = []
    with messages.shown(stop=True):
        found = runs()[:N_SHOWN]
    if not found:
        st.caption("Runs that you start are listed here, from the pages, a notebook or the command line alike.")
        return
    frame = pl.DataFrame([_row(run) for run in found])
    st.caption("Choose one run to open it, or several to compare their curves.")
    event = st.dataframe(
        frame,
        hide_index=True,
        key="train.runs",
        on_select="rerun",
        selection_mode="multi-row",
        height="content" if len(found) < 12 else 440,
        alt="Runs, newest first",
        column_config={
            "loss": st.column_config.LineChartColumn(
                "loss", help="Validation loss where there is one, else training loss."
            ),
            "value": st.column_config.NumberColumn("value", format="%.4g"),
        },
    )
    chosen = [found[position] for position in event.selection.rows if position < len(found)]
    if len(chosen) == 1 and st.button(f"Open {chosen[0].id}", key="train.open_run", icon=":material/visibility:"):
        state.show(run=chosen[0].id)
        st.rerun()
    if len(chosen) > 1:
        _compare(chosen)


def _row(run: Run) -> dict[str, object]:
    run_state = run.state
    try:
        label, value = best_text(run)
        return {
            "run": run.id,
            "status": run_state.status,
            "estimator": estimator_title(run.spec.estimator.name),
            "data": run.spec.data.source,
            "measure": label,
            "value": None if value == "–" else float(value.replace(",", "")),
            "loss": loss_curve(run),
            "time": words.duration(run_state.seconds),
            "started": words.ago(run_state.created),
        }
    except WorkbenchError:  # a damaged folder is still listed
        names = ("estimator", "data", "measure", "value", "loss", "time", "started")
        return {"run": run.id, "status": run_state.status, **dict.fromkeys(names)}


def _compare(chosen: list[Run]) -> None:
    histories = {run.id: run.history() for run in chosen}
    names = sorted(
        {name for history in histories.values() for name in history.columns if name not in ("time", "step", "epoch")}
    )
    if not names:
        st.caption("None of these runs has logged a curve yet.")
        return
    left, right = st.columns(2)
    preferred = "val_loss" if "val_loss" in names else names[0]
    metric = left.selectbox(
        "Measure", names, index=names.index(preferred), format_func=metric_title, key="train.compare_metric"
    )
    by: Literal["step", "time"] | None = right.segmented_control(
        "Axis", ["step", "time"], default="step", key="train.compare_by", required=True
    )
    numbers = pl.concat(
        [
            history.select("step", metric).with_columns(run=pl.lit(name))
            for name, history in histories.items()
            if metric in history.columns
        ]
    )
    picture(plots.compare_curves(histories, metric=metric, by=by or "step"), key="train.compare", numbers=numbers)
