"""A run on a table: the order of the work, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from workbench.estimators.catalogue import check_params
from workbench.estimators.image_forms import entry_taking
from workbench.settings import Settings
from workbench.training import state as files
from workbench.training.balancing import check_balance
from workbench.training.checkpoint import Checkpoint
from workbench.training.cross_validation import validate_folds
from workbench.training.history import HistoryWriter
from workbench.training.learning import Ready, make_ready
from workbench.training.live import Live
from workbench.training.loops import fit
from workbench.training.memory import release_memory
from workbench.training.preparing import Preparation, prepare_rows
from workbench.training.progress import Progress
from workbench.training.results import evaluate_model, package_model, stopped_after, stopped_early, stopped_search
from workbench.training.spec import RunSpec
from workbench.training.split_steps import without_part_column
from workbench.training.state import Status


def run_table_pipeline(
    spec: RunSpec, folder: Path, *, progress: Progress, settings: Settings
) -> tuple[Status, str | None]:
    """Do the work of a run on a table; see `run_pipeline`."""
    prepared = _prepare(spec, progress, settings)
    live = Live(HistoryWriter(folder), progress, has_validation=len(prepared.split.validation) > 0)
    _tell_sample(prepared, live, progress)
    searched = progress.state
    if spec.search is not None:
        chosen = _search(prepared, folder, live, progress)
        if chosen is None:
            return "stopped", stopped_early(progress)
        searched = progress.state
        prepared = with_spec(prepared, chosen)
    folds: list[dict[str, Any]] | None = []
    if prepared.folds:
        progress.enter("cross-validating")
        folds = validate_folds(prepared, progress)
    if folds is None or progress.stop_requested():
        return "stopped", stopped_early(progress)
    ready = _make_ready(prepared, folder, live)
    if progress.stop_requested():
        return "stopped", stopped_early(progress)
    progress.enter("training")
    model = fit(ready.material, live)
    stopped = progress.stop_requested()
    reached = progress.state
    progress.enter("evaluating")
    metrics = evaluate_model(prepared, ready, model, folder, folds)
    progress.enter("packaging")
    ready = ready.without_rows()
    release_memory()
    took_stop = progress.took_stop
    if stopped:  # what is packaged is kept: only a later stop hurries it
        progress.take_stop()
    info = package_model(prepared, ready, model, folder, metrics, is_stopped=progress.stop_requested)
    if info.engine == "native":
        live.note(info.reason)
    live.log(f"Package built: engine {info.engine}, {info.n_rows_checked:,} rows compared with the native model.")
    if stopped:
        return "stopped", stopped_after(reached)
    if took_stop:
        return "stopped", stopped_search(searched)
    return "finished", None


def _prepare(spec: RunSpec, progress: Progress, settings: Settings) -> Preparation:
    from workbench.data import resolve

    progress.enter("reading")
    table = resolve(spec.opened_data, settings=settings)
    progress.tell(table=table.digest)
    progress.enter("preparing")
    return prepare_rows(spec, table, settings)


def _tell_sample(prepared: Preparation, live: Live, progress: Progress) -> None:
    for note in prepared.notes:
        live.note(note)
    if prepared.is_sampled:
        progress.tell(n_train_rows=prepared.n_train_rows, n_sampled_rows=len(prepared.split.train))


def _make_ready(prepared: Preparation, folder: Path, live: Live) -> Ready:
    checkpoint = Checkpoint(folder / files.CHECKPOINT, seconds=prepared.settings.checkpoint_seconds)
    ready = make_ready(prepared, prepared.split, checkpoint=checkpoint)
    for note in ready.notes:
        live.note(note)
    split = prepared.spec.split
    if split.by == "group" and split.column in ready.recipe.input_columns:
        live.log(
            f"Warning: the group column {split.column!r} is also a feature. What the model learns of single groups "
            f"doesn't help on new ones; leave it out with the step drop_columns, columns [{split.column}]."
        )
    return ready


def _search(prepared: Preparation, folder: Path, live: Live, progress: Progress) -> RunSpec | None:
    """Give the spec with the best parameters found; None where it was stopped before there were any."""
    run_search = import_module("workbench.training.searching").run_search
    chosen: RunSpec | None = run_search(prepared, folder, live=live, progress=progress)
    return chosen


def with_spec(prepared: Preparation, spec: RunSpec) -> Preparation:
    """Give the same rows with another estimator, other parameters or other training options.

    Raises
    ------
    EstimatorError
        If a parameter is out of range.
    """
    entry = entry_taking(prepared.entry.takes, spec.estimator.name)
    params = check_params(entry, spec.estimator.params)
    balance = check_balance(spec.recipe, prepared.task, params)
    steps = without_part_column(spec.recipe, spec.split)
    return replace(prepared, spec=spec, entry=entry, params=params, steps=steps, balance=balance)
