"""From a RunSpec to a package: the order of the work, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.settings import Settings
from workbench.training import state as files
from workbench.training.bounding import draw_rows
from workbench.training.cross_validation import measured_fold, summary, validate_folds
from workbench.training.history import HistoryWriter
from workbench.training.learning import Ready, features, make_ready
from workbench.training.live import Live
from workbench.training.loops import fit
from workbench.training.preparing import Preparation, prepare_rows
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import Status

if TYPE_CHECKING:
    from workbench.estimators.native import NativeModel
    from workbench.package import PackageInfo

_PACKAGE_ROWS = 500_000  # on so many rows at most a package compares its graph with the model


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
    live = Live(HistoryWriter(folder), progress, has_validation=len(prepared.split.validation) > 0)
    _tell_sample(prepared, live, progress)
    folds: list[dict[str, Any]] | None = []
    if prepared.folds:
        progress.enter("cross-validating")
        folds = validate_folds(prepared, progress)
    if folds is None or progress.stop_requested():
        return "stopped", _stopped_early(progress)
    ready = _make_ready(prepared, folder, live)
    if progress.stop_requested():
        return "stopped", _stopped_early(progress)
    progress.enter("training")
    model = fit(ready.material, live)
    stopped = progress.stop_requested()
    reached = progress.state
    progress.enter("evaluating")
    metrics = _evaluate(prepared, ready, model, folder, folds)
    progress.enter("packaging")
    info = _package(prepared, ready, model, folder, metrics)
    if info.engine == "native":
        live.note(info.reason)
    live.log(f"Package built: engine {info.engine}, {info.n_rows_checked:,} rows compared with the native model.")
    if not stopped:
        return "finished", None
    return (
        "stopped",
        f"Stopped on request after {reached.unit} {reached.step} of {reached.total}; the best so far is kept.",
    )


def _prepare(spec: RunSpec, progress: Progress, settings: Settings) -> Preparation:
    from workbench.data import resolve

    progress.enter("reading")
    table = resolve(spec.data, settings=settings)
    progress.tell(table=table.digest)
    progress.enter("preparing")
    return prepare_rows(spec, table, settings)


def _tell_sample(prepared: Preparation, live: Live, progress: Progress) -> None:
    for note in prepared.notes:
        live.note(note)
    if prepared.is_sampled:
        progress.tell(n_train_rows=prepared.n_train_rows, n_sampled_rows=len(prepared.split.train))


def _stopped_early(progress: Progress) -> str:
    state = progress.state
    if state.phase == "cross-validating":
        return (
            f"Stopped on request while cross-validating, after {state.step} of {state.total} folds; there is no model."
        )
    return "Stopped on request before it had learned anything; there is no model."


def _make_ready(prepared: Preparation, folder: Path, live: Live) -> Ready:
    ready = make_ready(prepared, prepared.split, checkpoint=folder / files.CHECKPOINT)
    for note in ready.notes:
        live.note(note)
    split = prepared.spec.split
    if split.by == "group" and split.column in ready.recipe.input_columns:
        live.log(
            f"Warning: the group column {split.column!r} is also a feature. What the model learns of single groups "
            f"doesn't help on new ones; leave it out with the step drop_columns, columns [{split.column}]."
        )
    return ready


def _evaluate(
    prepared: Preparation, ready: Ready, model: NativeModel, folder: Path, folds: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Measure every part, one after the other, and write the report."""
    from workbench.evaluation import evaluate_predictions, make_report

    predictions = {}
    for name, rows in prepared.split.parts().items():
        if len(rows):
            X = _features_of(prepared, ready, name, rows)
            predictions[name] = (prepared.positions[rows], prepared.labels(rows), model.scores(X))
    cross_validation = None
    if prepared.folds:
        _, labels, scores = predictions["validation"]
        kept = evaluate_predictions(labels, scores, task=prepared.task, classes=prepared.classes, split="validation")
        first = measured_fold(1, prepared.folds[0], kept)
        cross_validation = summary([first, *folds], by=prepared.spec.split.by)
    report = make_report(
        folder / files.REPORT,
        predictions=predictions,
        task=prepared.task,
        classes=prepared.classes,
        target=prepared.target,
        cross_validation=cross_validation,
    )
    metrics: dict[str, dict[str, Any]] = {name: report.metrics(name) for name in predictions}
    return metrics | ({"cross_validation": cross_validation} if cross_validation else {})


def _features_of(prepared: Preparation, ready: Ready, part: str, rows: np.ndarray) -> np.ndarray:
    if part == "validation":
        return ready.material.X_validation
    cross_fitted = any(step.enabled and step.step == "target_encode" for step in prepared.steps)
    if part == "train" and not cross_fitted:  # else a request would be answered otherwise than the row was learned
        return ready.material.measured_rows[0]
    return features(prepared, ready.recipe, rows)


def _package(
    prepared: Preparation, ready: Ready, model: NativeModel, folder: Path, metrics: dict[str, dict[str, Any]]
) -> PackageInfo:
    from workbench.package import build_package, make_signature

    split, spec = prepared.split, prepared.spec
    train = prepared.answered(split.train)
    rows = np.concatenate([split.validation, split.test])
    if len(rows):
        rows = draw_rows(rows, _PACKAGE_ROWS, seed=spec.seed)
    signature = make_signature(ready.recipe, train, prepared.target, prepared.task, prepared.classes)
    return build_package(
        folder / files.PACKAGE,
        spec=spec.to_dict(),
        recipe=ready.recipe,
        model=model,
        signature=signature,
        train=train,
        evaluation=prepared.answered(rows) if len(rows) else train,
        metrics=metrics,
        notes=prepared.notes + ready.notes,
        settings=prepared.settings,
    )
