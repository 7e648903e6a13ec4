"""A run's search, live: the leaderboard, the history, the points that were tried, and what mattered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from workbench import plots, storage
from workbench.estimators.catalogue import catalogue
from workbench.evaluation.metrics import Metric, metrics_for
from workbench.training.searching.frames import leaderboard_frame, trials_frame
from workbench.training.searching.trials import CHOSEN, IMPORTANCES, Trial, read_trials
from workbench.ui import messages, words
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.training.run import Run

_SHOWN = 200
_FIRST = ("rank", "estimator", "value", "std", "number", "parameters")
_FIXED = ("number", "estimator", "status", "value", "std", "best", "seconds", "folds", "reason")


def show(run: Run, *, key: str = "search") -> None:
    """Draw the search of a run as it stands now; a sentence where the run has none.

    It only reads the run's folder, so it may be called in a fragment that is redrawn each second.

    Parameters
    ----------
    run : Run
    key : str
        In front of the widgets' keys.
    """
    search = run.spec.search
    if search is None:
        st.caption("This run has no search: it was trained once, with the parameters of its RunSpec.")
        return
    trials = read_trials(run.folder)
    if not trials:
        st.caption("Waiting for the first trial. Each is measured on rows that it doesn't learn from.")
        return
    tries = search.method == "everything"
    _summary(run, trials)
    leaderboard = leaderboard_frame(trials, by_estimator=tries)
    _leaderboard(leaderboard, trials, key, tries=tries)
    frame = trials_frame(trials)
    history, lines, importance = st.tabs(["History", "Parameters", "Importance"], key=f"{key}.tabs", on_change="rerun")
    metric = _metric(trials)
    if history.open:
        with history:
            st.caption(
                "Each point is a trial; the line is the best so far. Trials that fell behind were ended after some "
                "folds or trees, so their value is of fewer, and they can't win."
            )
            figure = plots.search_history(frame, metric=_title(metric), better=_better(metric))
            picture(figure, key=f"{key}.history", numbers=frame, name=f"{run.id}-trials")
    if lines.open:
        with lines:
            _parallel(frame, trials, metric, key)
    if importance.open:
        with importance:
            _importance(run, metric, key)


def _summary(run: Run, trials: list[Trial]) -> None:
    chosen = storage.read_json(run.folder / CHOSEN)
    counts = {status: sum(trial.status == status for trial in trials) for status in ("finished", "pruned", "failed")}
    said = [words.plural(counts["finished"], "trial") + " measured in full"]
    if counts["pruned"]:
        said.append(f"{counts['pruned']:,} ended early")
    if counts["failed"]:
        said.append(f"{counts['failed']:,} failed")
    if chosen:
        said.append(f"trial {chosen['number']} was chosen and trained")
    st.markdown(messages.plain(", ".join(said) + "."))


def _leaderboard(frame: pl.DataFrame, trials: list[Trial], key: str, *, tries: bool) -> None:
    metric = _metric(trials)
    titles = {name: entry.title for name, entry in catalogue().items()}
    st.caption(
        "Best first: mean over the folds ± their standard deviation. "
        + ("Time of one row and size are those of the graph that would serve the model. " if tries else "")
        + "Differences smaller than ± may be chance."
    )
    if tries:
        figure = plots.leaderboard_bars(frame, metric=_title(metric), titles=titles, better=_better(metric))
        picture(figure, key=f"{key}.bars", numbers=frame, name="leaderboard")
    shown = frame.head(_SHOWN).with_columns(
        pl.col("estimator").replace(titles), pl.col("parameters").str.replace_all("training.", "", literal=True)
    )
    left_out = [name for name in shown.columns if shown[name].is_null().all()]
    if not tries:  # the same in every row
        left_out += ["estimator", "n_trials"]
    shown = shown.drop(left_out)
    order = [name for name in _FIRST if name in shown.columns]
    numbers: dict[str, Any] = {
        "value": st.column_config.NumberColumn(_title(metric), format="%.5g"),
        "std": st.column_config.NumberColumn("±", format="%.2g"),
        "seconds": st.column_config.NumberColumn("fit seconds", format="%.3g", help="On all folds together."),
        "latency_ms": st.column_config.NumberColumn("ms a row", format="%.3g", help="One row at a time."),
        "latency_by": st.column_config.TextColumn("measured on", help="The graph, or the native model without one."),
        "size_mib": st.column_config.NumberColumn("MiB", format="%.3g", help="Size of the graph."),
        "n_trials": st.column_config.NumberColumn("trials", help="How many of this estimator were tried."),
        "number": st.column_config.NumberColumn("trial", help="In the order in which they were tried."),
        "parameters": st.column_config.TextColumn("parameters", width="large"),
    }
    st.dataframe(
        shown.select(*order, *(name for name in shown.columns if name not in order)),
        hide_index=True,
        height="content" if shown.height < 12 else 400,
        column_config=numbers,
        key=f"{key}.leaderboard",
        alt="Trials of the search, best first",
    )
    if frame.height > _SHOWN:
        st.caption(f"The first {_SHOWN:,} of {frame.height:,} trials; `workbench trials` lists all.")


def _parallel(frame: pl.DataFrame, trials: list[Trial], metric: Metric | None, key: str) -> None:
    estimators = frame["estimator"].unique(maintain_order=True).to_list()
    chosen = estimators[0]
    if len(estimators) > 1:
        leading = leaderboard_frame(trials)["estimator"][0]
        chosen = st.selectbox(
            "estimator", estimators, index=estimators.index(leading), key=f"{key}.parallel.estimator",
            help="Each estimator has parameters of its own.",
        )  # fmt: skip
    own = frame.filter(pl.col("estimator") == chosen)
    names = [name for name in own.columns if name not in _FIXED]
    st.caption(
        "Each line is a trial measured in full; the warmer its colour, the better. Drag along an axis to keep some of "
        "the lines."
    )
    figure = plots.search_parallel(own, names, metric=_title(metric), better=_better(metric), log=_log_names(chosen))
    picture(figure, key=f"{key}.parallel", numbers=own, name="trials")


def _importance(run: Run, metric: Metric | None, key: str) -> None:
    document = storage.read_json(run.folder / IMPORTANCES) or {}
    st.caption(
        "How much of the differences between trials each parameter explains by itself (fANOVA). One that explains "
        "little can stay at its default; one that explains much deserves a finer range."
    )
    found = document.get("of", [])
    for place, part in enumerate(found or [{"importances": {}, "n_trials": 0, "estimator": ""}]):
        if len(found) > 1:
            st.markdown(f"**{messages.plain(part['estimator'])}**")
        figure = plots.search_importance(part["importances"], metric=_title(metric), n_trials=part["n_trials"])
        picture(figure, key=f"{key}.importance.{place}")


def _metric(trials: list[Trial]) -> Metric | None:
    known = metrics_for("classification") | metrics_for("regression")
    return known.get(next((trial.metric for trial in trials if trial.metric), ""))


def _title(metric: Metric | None) -> str:
    return metric.title if metric else "value"


def _better(metric: Metric | None) -> str:
    return metric.better if metric else "higher"


def _log_names(estimator: str) -> list[str]:
    from workbench.training.searching.asking import searchable

    entry = catalogue().get(estimator)
    return [name for name, each in searchable(entry).items() if each.scale == "log"] if entry else []
