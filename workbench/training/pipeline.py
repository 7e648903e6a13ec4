"""From a RunSpec to a package: the order of the work, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.spec import Task
from workbench.errors import EstimatorError, SplitError
from workbench.estimators.catalogue import EstimatorEntry, check_params
from workbench.estimators.catalogue import entry as find_entry
from workbench.settings import Settings
from workbench.training import state as files
from workbench.training.hardware import usable_cores
from workbench.training.history import HistoryWriter
from workbench.training.live import Live
from workbench.training.loops import Material, fit
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import Status

if TYPE_CHECKING:
    import polars as pl

    from workbench.data import Split, Table
    from workbench.estimators.native import NativeModel
    from workbench.package import PackageInfo
    from workbench.recipe import FittedRecipe


@dataclass(frozen=True)
class _Prepared:
    """The rows of a run after its recipe, and where they came from."""

    table: Table
    task: Task
    entry: EstimatorEntry
    frame: pl.DataFrame  # after the row steps
    positions: np.ndarray  # of its rows in the table
    split: Split
    recipe: FittedRecipe
    y: np.ndarray
    classes: list[str | int] | None
    X: dict[str, np.ndarray]  # by split, only splits with rows


def run_pipeline(spec: RunSpec, folder: Path, *, progress: Progress, settings: Settings) -> tuple[Status, str | None]:
    """Do the work of a run.

    Returns
    -------
    status : {"finished", "stopped"}
    reason : str, optional
        Why it was stopped.

    Raises
    ------
    WorkbenchError
        If the data, the recipe, the estimator or the disk refuse.
    """
    prepared = _prepare(spec, progress, settings)
    if progress.stop_requested():
        return "stopped", "Stopped on request before it had learned anything; there is no model."
    progress.enter("training")
    live = Live(HistoryWriter(folder), progress, has_validation="validation" in prepared.X)
    model = fit(_material(spec, prepared, folder), live)
    stopped = progress.stop_requested()
    reached = progress.state
    progress.enter("evaluating")
    metrics = _evaluate(prepared, model, spec, folder)
    progress.enter("packaging")
    info = _package(prepared, model, spec, folder, metrics, settings)
    if info.engine == "native":
        live.note(info.reason)
    live.log(f"Package built: engine {info.engine}, {info.n_rows_checked:,} rows compared with the native model.")
    if not stopped:
        return "finished", None
    return (
        "stopped",
        f"Stopped on request after {reached.unit} {reached.step} of {reached.total}; the best so far is kept.",
    )


def _prepare(spec: RunSpec, progress: Progress, settings: Settings) -> _Prepared:
    from workbench.data import check_target, encode_target, resolve, split_rows
    from workbench.recipe import apply_row_steps, check_recipe, fit_recipe

    progress.enter("reading")
    entry = find_entry(spec.estimator.name)
    table = resolve(spec.data, settings=settings)
    progress.tell(table=table.digest)
    target = spec.data.target
    raw = table.frame()
    progress.enter("preparing")
    task: Task = spec.data.task or table.suggested_task(target)
    if task not in entry.tasks:
        raise EstimatorError(
            f"Got {entry.name} for a {task} of {target!r}, needed an estimator for {task}: {entry.name} does "
            f"{' and '.join(entry.tasks)}. Choose another estimator, or set the task."
        )
    check_target(raw, target, task, allow_missing=True)
    check_recipe(spec.recipe, table.columns, target, handles_missing=entry.handles_missing)
    frame, positions = apply_row_steps(raw, spec.recipe, with_positions=True)
    check_target(frame, target, task)
    split = split_rows(frame, spec.split, target=target, task=task, seed=spec.seed)
    _check_classes(frame[target][split.train], target, task)
    recipe = fit_recipe(spec.recipe, frame[split.train], target=target, handles_missing=entry.handles_missing)
    y, classes = encode_target(frame[target], task)
    X = {name: recipe.transform(frame[rows]) for name, rows in split.parts().items() if len(rows)}
    return _Prepared(table, task, entry, frame, positions, split, recipe, y, classes, X)


def _check_classes(learned: pl.Series, target: str, task: Task) -> None:
    from workbench.data.targets import class_labels

    if task == "classification" and (labels := class_labels(learned)).n_unique() == 1:
        raise SplitError(
            f"Got {len(labels):,} training rows that are all of class {labels[0]!r} of {target!r}, needed at least two "
            "to tell apart. Split at random with stratify: true, or by another column."
        )


def _material(spec: RunSpec, prepared: _Prepared, folder: Path) -> Material:
    from workbench.estimators.native import missing_fill

    split, X = prepared.split, prepared.X
    X_train = X["train"]
    X_validation = X.get("validation", X_train[:0])
    fill = None
    if not prepared.entry.handles_missing:
        fill = missing_fill(X_train)
        gaps = np.isnan(X_validation)
        X_validation = np.where(gaps, fill, X_validation) if gaps.any() else X_validation
    return Material(
        entry=prepared.entry,
        params=check_params(prepared.entry, spec.estimator.params),
        training=spec.training,
        task=prepared.task,
        classes=prepared.classes,
        X_train=X_train,
        y_train=prepared.y[split.train],
        X_validation=X_validation,
        y_validation=prepared.y[split.validation],
        seed=spec.seed,
        n_jobs=usable_cores(),
        fill=fill,
        checkpoint=folder / files.CHECKPOINT,
    )


def _evaluate(prepared: _Prepared, model: NativeModel, spec: RunSpec, folder: Path) -> dict[str, dict[str, float]]:
    from workbench.evaluation import make_report

    predictions = {}
    for name, X in prepared.X.items():
        rows = prepared.split.parts()[name]
        y = prepared.y[rows]
        labels = y if prepared.classes is None else np.array(prepared.classes)[y]
        predictions[name] = (prepared.positions[rows], labels, model.scores(X))
    report = make_report(
        folder / files.REPORT,
        predictions=predictions,
        task=prepared.task,
        classes=prepared.classes,
        target=spec.data.target,
    )
    return {name: report.metrics(name) for name in predictions}


def _package(
    prepared: _Prepared,
    model: NativeModel,
    spec: RunSpec,
    folder: Path,
    metrics: dict[str, dict[str, float]],
    settings: Settings,
) -> PackageInfo:
    from workbench.package import build_package, make_signature

    split, frame = prepared.split, prepared.frame
    train = frame[split.train]
    evaluation = np.concatenate([split.validation, split.test])
    document: dict[str, Any] = spec.to_dict()
    signature = make_signature(prepared.recipe, train, spec.data.target, prepared.task, prepared.classes)
    return build_package(
        folder / files.PACKAGE,
        spec=document,
        recipe=prepared.recipe,
        model=model,
        signature=signature,
        train=train,
        evaluation=frame[evaluation] if len(evaluation) else train,
        metrics=metrics,
        settings=settings,
    )
