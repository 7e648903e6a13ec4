"""The metrics: one table of names, and each metric as a function of row weights.

Weights serve the bootstrap: a resample of the rows is a vector of counts, so nothing is sorted or indexed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench.data.spec import Task
from workbench.errors import EvaluationError
from workbench.estimators.native import pick_class

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
Weighted = Callable[[np.ndarray], float | None]
_Factory = Callable[[np.ndarray, np.ndarray], Weighted]


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


def _from_confusion(measure: Callable[[np.ndarray], float | None]) -> _Factory:
    def factory(y: np.ndarray, scores: np.ndarray) -> Weighted:
        k = scores.shape[1]
        cell = y * k + pick_class(scores)
        return lambda weights: measure(np.bincount(cell, weights=weights, minlength=k * k).reshape(k, k))

    return factory


def _accuracy(confusion: np.ndarray) -> float:
    return float(np.trace(confusion) / confusion.sum())


def _balanced_accuracy(confusion: np.ndarray) -> float:
    support = confusion.sum(axis=1)
    present = support > 0
    return float((np.diag(confusion)[present] / support[present]).mean())


def _macro(which: Literal["precision", "recall", "f1"]) -> Callable[[np.ndarray], float]:
    def measure(confusion: np.ndarray) -> float:
        support, predicted, hit = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
        total = {"precision": predicted, "recall": support, "f1": (support + predicted) / 2}[which]
        present = support + predicted > 0
        # 0 where nothing was predicted or present, as scikit-learn's zero_division does
        return float(np.divide(hit, total, out=np.zeros_like(hit), where=total > 0)[present].mean())

    return measure


def _mean_of(
    per_row: Callable[[np.ndarray, np.ndarray], np.ndarray], finish: Callable[[float], float] = float
) -> _Factory:
    def factory(y: np.ndarray, scores: np.ndarray) -> Weighted:
        values = per_row(y, scores)
        return lambda weights: finish(weights @ values / weights.sum())

    return factory


def _row_log_loss(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    epsilon = np.finfo(np.float64).eps
    return -np.log(np.clip(scores[np.arange(len(y)), y], epsilon, 1 - epsilon))


def _roc_auc(y: np.ndarray, scores: np.ndarray) -> Weighted:
    k = scores.shape[1]
    rankings = [_Ranking(y == c, scores[:, c]) for c in ([1] if k == 2 else range(k))]

    def measure(weights: np.ndarray) -> float | None:
        areas = [ranking.area(weights) for ranking in rankings]
        defined = [area for area in areas if area is not None]
        return float(np.mean(defined)) if defined and len(defined) == len(areas) else None

    return measure


class _Ranking:
    """Rows sorted once by score, so that the area under the ROC curve costs two sums for each resample."""

    def __init__(self, positive: np.ndarray, score: np.ndarray) -> None:
        self.order = np.argsort(score, kind="stable")
        ordered = score[self.order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.positive = positive[self.order]

    def area(self, weights: np.ndarray) -> float | None:
        ordered = weights[self.order]
        positives = np.add.reduceat(np.where(self.positive, ordered, 0.0), self.starts)
        negatives = np.add.reduceat(np.where(self.positive, 0.0, ordered), self.starts)
        pairs = positives.sum() * negatives.sum()
        below = np.cumsum(negatives) - negatives / 2  # a tie counts half
        return float(positives @ below / pairs) if pairs > 0 else None


def _r2(y: np.ndarray, scores: np.ndarray) -> Weighted:
    squared = (y - scores[:, 0]) ** 2

    def measure(weights: np.ndarray) -> float | None:
        total = weights @ (y - weights @ y / weights.sum()) ** 2
        return float(1 - weights @ squared / total) if total > 0 and len(y) > 1 else None

    return measure


def _median_ae(y: np.ndarray, scores: np.ndarray) -> Weighted:
    distance = np.abs(y - scores[:, 0])
    order = np.argsort(distance)

    def measure(weights: np.ndarray) -> float:
        counts = np.cumsum(weights[order])
        middle = [np.floor((counts[-1] - 1) / 2), np.floor(counts[-1] / 2)]
        return float(distance[order][np.searchsorted(counts, middle, side="right")].mean())

    return measure


_TABLE: dict[Task, list[tuple[Metric, _Factory]]] = {
    "classification": [
        (
            Metric("accuracy", "Accuracy", "higher", False, "Share of rows whose predicted class is right."),
            _from_confusion(_accuracy),
        ),
        (
            Metric(
                "balanced_accuracy",
                "Balanced accuracy",
                "higher",
                False,
                "Mean over the classes of the share found; not fooled by a rare class.",
            ),
            _from_confusion(_balanced_accuracy),
        ),
        (
            Metric(
                "roc_auc",
                "ROC AUC",
                "higher",
                False,
                "How often a row of the class scores above a row of another; 0.5 is guessing.",
            ),
            _roc_auc,
        ),
        (
            Metric(
                "log_loss",
                "Log loss",
                "lower",
                False,
                "Penalty for probability put on the wrong class (natural logarithm); 0 is perfect.",
            ),
            _mean_of(_row_log_loss),
        ),
        (
            Metric(
                "f1_macro", "F1 (macro)", "higher", False, "Balance of precision and recall, mean over the classes."
            ),
            _from_confusion(_macro("f1")),
        ),
        (
            Metric(
                "precision_macro",
                "Precision (macro)",
                "higher",
                False,
                "Of the rows predicted as a class, the share that are; mean over the classes.",
            ),
            _from_confusion(_macro("precision")),
        ),
        (
            Metric(
                "recall_macro",
                "Recall (macro)",
                "higher",
                False,
                "Of the rows of a class, the share found; mean over the classes.",
            ),
            _from_confusion(_macro("recall")),
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
            _r2,
        ),
        (
            Metric("rmse", "RMSE", "lower", True, "Root of the mean squared error; large errors count more."),
            _mean_of(lambda y, scores: (y - scores[:, 0]) ** 2, lambda mean: float(np.sqrt(mean))),
        ),
        (
            Metric("mae", "MAE", "lower", True, "Mean absolute error."),
            _mean_of(lambda y, scores: np.abs(y - scores[:, 0])),
        ),
        (
            Metric("median_ae", "Median AE", "lower", True, "Half of the rows have a smaller absolute error."),
            _median_ae,
        ),
    ],
}
