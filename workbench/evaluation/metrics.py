"""The metrics: one table of names, meanings and directions, and how predictions are measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench.data.spec import Task
from workbench.errors import EvaluationError
from workbench.evaluation import measures
from workbench.evaluation.measures import Weighted

MetricName = Literal[
    "accuracy",
    "balanced_accuracy",
    "roc_auc",
    "log_loss",
    "f1_macro",
    "precision_macro",
    "recall_macro",
    "r2",
    "rmse",
    "mae",
    "median_ae",
]


@dataclass(frozen=True)
class Metric:
    """One metric: its name as in scikit-learn, what it says, and which direction is better."""

    name: str
    title: str
    better: Literal["higher", "lower"]
    in_target_unit: bool
    meaning: str


def metrics_for(task: Task) -> dict[str, Metric]:
    """Give the metrics of a task by name, in the order in which they are shown."""
    return {metric.name: metric for metric, _ in _TABLE[task]}


def main_metric(task: Task, n_classes: int | None = None) -> str:
    """Name the metric that a page shows first.

    Examples
    --------
    >>> main_metric("classification", 2), main_metric("classification", 10), main_metric("regression")
    ('roc_auc', 'accuracy', 'rmse')
    """
    if task == "regression":
        return "rmse"
    return "roc_auc" if n_classes == 2 else "accuracy"


def evaluate_predictions(
    y_true: Any, scores: Any, *, task: Task, classes: Sequence[str | int] | None = None, split: str = ""
) -> dict[str, float]:
    """Measure predictions. A metric that isn't defined for these rows is absent.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels (members of `classes`, never class indices) or numbers.
    scores : array-like of shape (n, n_classes), (n, 1) or (n,)
        Probabilities in the order of `classes`, or predicted numbers.
    task : {"classification", "regression"}
    classes : sequence, of length n_classes
        Needed for classification.
    split : str
        Named in messages only.

    Returns
    -------
    dict
        Classification: ``accuracy``, ``balanced_accuracy``, ``roc_auc`` (binary: of the second class; else one class
        against the rest, unweighted mean, absent when a class has no row), ``log_loss`` (natural logarithm),
        ``f1_macro``, ``precision_macro``, ``recall_macro``. Regression: ``r2``, ``rmse``, ``mae``, ``median_ae``.
        Empty for zero rows.

    Raises
    ------
    EvaluationError
        If shapes differ, a label isn't among `classes`, or a score isn't finite.

    Examples
    --------
    >>> scores = [[0.9, 0.1], [0.2, 0.8]]
    >>> measured = evaluate_predictions(["no", "yes"], scores, task="classification", classes=["no", "yes"])
    >>> measured["accuracy"], measured["roc_auc"]
    (1.0, 1.0)
    """
    y, checked = check_predictions(y_true, scores, task=task, classes=classes, split=split)
    if not len(y):
        return {}
    ones = np.ones(len(y))
    measured = {metric.name: factory(y, checked)(ones) for metric, factory in _TABLE[task]}
    return {name: float(value) for name, value in measured.items() if value is not None}


def weighted_metric(name: str, y: np.ndarray, scores: np.ndarray, *, task: Task) -> Weighted:
    """Prepare one metric as a function of row weights; `y` and `scores` come from `check_predictions`.

    Raises
    ------
    EvaluationError
        If the task has no metric of that name.
    """
    for metric, factory in _TABLE[task]:
        if metric.name == name:
            return factory(y, scores)
    raise EvaluationError(
        f"Got the metric {name!r}, needed one for {task}. Choose from {', '.join(metrics_for(task))}."
    )


def check_predictions(
    y_true: Any, scores: Any, *, task: Task, classes: Sequence[str | int] | None, split: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Turn labels into class indices and scores into a float array of shape (n, k); see `evaluate_predictions`."""
    where = f"the {split} split" if split else "the predictions"
    checked = np.asarray(scores, dtype=np.float64)
    if checked.ndim == 1:
        checked = checked[:, None]
    n_rows = len(y_true)
    width = 1 if task == "regression" else len(classes or ())
    if checked.shape != (n_rows, width):
        raise EvaluationError(
            f"Got scores of shape {checked.shape} for {n_rows} rows of {where}, needed {(n_rows, width)}. "
            "Pass one row of scores for each row, with one column for each class (one for regression)."
        )
    if not np.isfinite(checked).all():
        n_bad = int((~np.isfinite(checked)).any(axis=1).sum())
        raise EvaluationError(
            f"Got scores that aren't finite for {n_bad} of {n_rows} rows of {where}, needed numbers. "
            "The model has diverged: scale the columns or lower the learning rate."
        )
    if task == "regression":
        return np.asarray(y_true, dtype=np.float64), checked
    return _class_indices(y_true, list(classes or ()), where), checked


def _class_indices(y_true: Any, classes: list[str | int], where: str) -> np.ndarray:
    values, inverse = np.unique(np.asarray(y_true), return_inverse=True)
    if values.dtype.kind == "b":
        values = np.array([str(value).lower() for value in values.tolist()])
    index = {label: position for position, label in enumerate(classes)}
    unknown = [value for value in values.tolist() if value not in index]
    if unknown:
        raise EvaluationError(
            f"Got the label {unknown[0]!r} in {where}, needed one of the {len(classes)} classes "
            f"({', '.join(repr(label) for label in classes[:5])}{', ...' if len(classes) > 5 else ''}). "
            "Pass labels, not class indices."
        )
    positions = np.array([index[value] for value in values.tolist()], dtype=np.int64)
    return positions[inverse] if len(values) else np.zeros(0, dtype=np.int64)


_TABLE: dict[Task, list[tuple[Metric, measures.Factory]]] = {
    "classification": [
        (
            Metric("accuracy", "Accuracy", "higher", False, "Share of rows whose predicted class is right."),
            measures.from_confusion(measures.accuracy),
        ),
        (
            Metric(
                "balanced_accuracy",
                "Balanced accuracy",
                "higher",
                False,
                "Mean over the classes of the share found; not fooled by a rare class.",
            ),
            measures.from_confusion(measures.balanced_accuracy),
        ),
        (
            Metric(
                "roc_auc",
                "ROC AUC",
                "higher",
                False,
                "How often a row of the class scores above a row of another; 0.5 is guessing.",
            ),
            measures.roc_auc,
        ),
        (
            Metric(
                "log_loss",
                "Log loss",
                "lower",
                False,
                "Penalty for probability put on the wrong class (natural logarithm); 0 is perfect.",
            ),
            measures.mean_of(measures.row_log_loss),
        ),
        (
            Metric(
                "f1_macro", "F1 (macro)", "higher", False, "Balance of precision and recall, mean over the classes."
            ),
            measures.from_confusion(measures.macro("f1")),
        ),
        (
            Metric(
                "precision_macro",
                "Precision (macro)",
                "higher",
                False,
                "Of the rows predicted as a class, the share that are; mean over the classes.",
            ),
            measures.from_confusion(measures.macro("precision")),
        ),
        (
            Metric(
                "recall_macro",
                "Recall (macro)",
                "higher",
                False,
                "Of the rows of a class, the share found; mean over the classes.",
            ),
            measures.from_confusion(measures.macro("recall")),
        ),
    ],
    "regression": [
        (
            Metric(
                "r2",
                "R²",
                "higher",
                False,
                "Share of the target's variance that is explained; 0 is as good as the mean.",
            ),
            measures.r2,
        ),
        (
            Metric("rmse", "RMSE", "lower", True, "Root of the mean squared error; large errors count more."),
            measures.mean_of(lambda y, scores: (y - scores[:, 0]) ** 2, lambda mean: float(np.sqrt(mean))),
        ),
        (
            Metric("mae", "MAE", "lower", True, "Mean absolute error."),
            measures.mean_of(lambda y, scores: np.abs(y - scores[:, 0])),
        ),
        (
            Metric("median_ae", "Median AE", "lower", True, "Half of the rows have a smaller absolute error."),
            measures.median_ae,
        ),
    ],
}
