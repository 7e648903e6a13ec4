"""Each metric as a function of row weights, prepared once for given predictions.

Weights serve the bootstrap: a resample of the rows is a vector of counts, so nothing is sorted or indexed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from workbench.estimators.native import pick_class

Weighted = Callable[[np.ndarray], float | None]
Factory = Callable[[np.ndarray, np.ndarray], Weighted]


def from_confusion(measure: Callable[[np.ndarray], float | None]) -> Factory:
    """Make a metric of the confusion matrix, rows actual, columns predicted."""

    def factory(y: np.ndarray, scores: np.ndarray) -> Weighted:
        k = scores.shape[1]
        cell = y * k + pick_class(scores)
        return lambda weights: measure(np.bincount(cell, weights=weights, minlength=k * k).reshape(k, k))

    return factory


def accuracy(confusion: np.ndarray) -> float:
    """Share of rows on the diagonal."""
    return float(np.trace(confusion) / confusion.sum())


def balanced_accuracy(confusion: np.ndarray) -> float:
    """Mean share found, over the classes that occur."""
    support = confusion.sum(axis=1)
    present = support > 0
    return float((np.diag(confusion)[present] / support[present]).mean())


def macro(which: Literal["precision", "recall", "f1"]) -> Callable[[np.ndarray], float]:
    """Mean over the classes that occur or are predicted."""

    def measure(confusion: np.ndarray) -> float:
        support, predicted, hit = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
        total = {"precision": predicted, "recall": support, "f1": (support + predicted) / 2}[which]
        present = support + predicted > 0
        # 0 where nothing was predicted or present, as scikit-learn's zero_division does
        return float(np.divide(hit, total, out=np.zeros_like(hit), where=total > 0)[present].mean())

    return measure


def mean_of(
    per_row: Callable[[np.ndarray, np.ndarray], np.ndarray], finish: Callable[[float], float] = float
) -> Factory:
    """Make a metric that is a mean over rows."""

    def factory(y: np.ndarray, scores: np.ndarray) -> Weighted:
        values = per_row(y, scores)
        return lambda weights: finish(weights @ values / weights.sum())

    return factory


def row_log_loss(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Negative logarithm of the probability of each row's class, clipped as scikit-learn does."""
    epsilon = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(scores[np.arange(len(y)), y], epsilon, 1 - epsilon)))


def roc_auc(y: np.ndarray, scores: np.ndarray) -> Weighted:
    """Area under the ROC curve: of the second of two classes, else one against the rest."""
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


def r2(y: np.ndarray, scores: np.ndarray) -> Weighted:
    """Share of variance explained; not defined where the target is constant."""
    squared = (y - scores[:, 0]) ** 2

    def measure(weights: np.ndarray) -> float | None:
        total = weights @ (y - weights @ y / weights.sum()) ** 2
        return float(1 - weights @ squared / total) if total > 0 and len(y) > 1 else None

    return measure


def median_ae(y: np.ndarray, scores: np.ndarray) -> Weighted:
    """Median absolute error."""
    distance = np.abs(y - scores[:, 0])
    order = np.argsort(distance)

    def measure(weights: np.ndarray) -> float:
        counts = np.cumsum(weights[order])
        middle = [np.floor((counts[-1] - 1) / 2), np.floor(counts[-1] / 2)]
        return float(distance[order][np.searchsorted(counts, middle, side="right")].mean())

    return measure
