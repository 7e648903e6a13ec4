"""What is left of a trained model: the report of every part, and the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.training import state as files
from workbench.training.bounding import draw_rows
from workbench.training.cross_validation import measured_fold, summary
from workbench.training.learning import Ready, features
from workbench.training.preparing import Preparation
from workbench.training.progress import Progress
from workbench.training.state import RunState

if TYPE_CHECKING:
    from workbench.estimators.native import NativeModel
    from workbench.package import PackageInfo

_PACKAGE_ROWS = 500_000  # on so many rows at most a package compares its graph with the model


def stopped_early(progress: Progress) -> str:
    """Say in words where a run without a model was stopped."""
    state = progress.state
    if state.phase == "cross-validating":
        return (
            f"Stopped on request while cross-validating, after {state.step} of {state.total} folds; there is no model."
        )
    if state.phase == "searching":
        return "Stopped on request before a trial had finished; there is no model. Resume it to go on."
    if state.resumed:
        return "Stopped on request before it went on; what it had stored before is kept. Resume it again."
    return "Stopped on request before it had learned anything; there is no model."


def stopped_search(searched: RunState) -> str:
    """Say in words that a search was stopped; `searched` is the state at its end."""
    return (
        f"Stopped on request after {searched.step} of {searched.total} trials; the best parameters so far trained the "
        "model. Resume it to go on searching."
    )


def stopped_after(reached: RunState) -> str:
    """Say in words after what a run with a model was stopped; `reached` is the state at the end of its training."""
    return f"Stopped on request after {reached.unit} {reached.step} of {reached.total}; the best so far is kept."


def evaluate_model(
    prepared: Preparation, ready: Ready, model: NativeModel, folder: Path, folds: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Measure every part, one after the other, and write the report.

    Parameters
    ----------
    folds : list of dict
        Of a cross-validation: what `measured_fold` gives for folds 2, 3, ...

    Returns
    -------
    dict
        Metrics by split, and ``"cross_validation"`` where there are folds.
    """
    from workbench.evaluation import evaluate_predictions, make_report

    predictions = {}
    for name, rows in prepared.split.parts().items():
        if len(rows):
            X = part_features(prepared, ready, name, rows)
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


def part_features(prepared: Preparation, ready: Ready, part: str, rows: np.ndarray) -> np.ndarray:
    """Give the features of one part as a request would be answered; those that the loop had where they are the same."""
    if part == "validation":
        return ready.material.X_validation
    cross_fitted = any(step.enabled and step.step == "target_encode" for step in prepared.steps)
    if part == "train" and not cross_fitted:  # else a request would be answered otherwise than the row was learned
        return ready.material.measured_rows[0]
    return features(prepared, ready.recipe, rows)


def package_model(
    prepared: Preparation,
    ready: Ready,
    model: NativeModel,
    folder: Path,
    metrics: dict[str, dict[str, Any]],
    *,
    is_stopped: Callable[[], bool] | None = None,
) -> PackageInfo:
    """Build the package of a trained model and compare its graph with it; `is_stopped` as for `build_package`."""
    from workbench.data.file_forms import FileForm
    from workbench.package import build_package, make_signature

    split, spec = prepared.split, prepared.spec
    train = prepared.answered(split.train)
    rows = np.concatenate([split.validation, split.test])
    if len(rows):
        rows = draw_rows(rows, _PACKAGE_ROWS, seed=spec.seed)
    signature = make_signature(
        ready.recipe, train, prepared.target, prepared.task, prepared.classes, orders=prepared.table.orders
    )
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
        file_form=FileForm.of(prepared.table),
        settings=prepared.settings,
        is_stopped=is_stopped,
    )
