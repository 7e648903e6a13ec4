"""Curves and tables of one split, computed from predictions with NumPy alone, so that pages need no scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from workbench.estimators.native import pick_class
from workbench.evaluation.measures import Weighted

CALIBRATION_BINS = 10


def confusion_frame(y: np.ndarray, scores: np.ndarray, classes: Sequence[str | int]) -> pl.DataFrame:
    """Count each pair of actual and predicted class.

    Returns
    -------
    DataFrame
        ``actual``, ``predicted``, ``count``, ``share`` (of the rows of the actual class; null without any); k * k rows.
    """
    k = len(classes)
    counts = np.bincount(y * k + pick_class(scores), minlength=k * k).reshape(k, k)
    support = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, support, out=np.full((k, k), np.nan), where=support > 0)
    return pl.DataFrame(
        {
            "actual": [label for label in classes for _ in classes],
            "predicted": list(classes) * k,
            "count": counts.ravel(),
            "share": pl.Series(share.ravel()).fill_nan(None),
        }
    )


def shown_classes(classes: Sequence[str | int]) -> range:
    """Give the positions of the classes that have a curve: the second of two, else each against the rest."""
    return range(1, 2) if len(classes) == 2 else range(len(classes))


def roc_frame(y: np.ndarray, scores: np.ndarray, classes: Sequence[str | int]) -> pl.DataFrame:
    """Trace the ROC curve of each shown class; a class without rows, or with all of them, has no curve.

    Returns
    -------
    DataFrame
        ``class``, ``threshold`` (null at the origin), ``false_positive_rate``, ``true_positive_rate``.
    """
    parts = []
    for c in shown_classes(classes):
        threshold, hits, false_alarms = _counts_by_threshold(y == c, scores[:, c])
        if not len(hits) or hits[-1] == 0 or false_alarms[-1] == 0:
            continue
        corner = _corners(hits, false_alarms)
        parts.append(
            pl.DataFrame(
                {
                    "class": [classes[c]] * (len(corner) + 1),
                    "threshold": [None, *threshold[corner].tolist()],
                    "false_positive_rate": np.r_[0.0, false_alarms[corner] / false_alarms[-1]],
                    "true_positive_rate": np.r_[0.0, hits[corner] / hits[-1]],
                },
                schema_overrides={"threshold": pl.Float64},
            )
        )
    return pl.concat(parts) if parts else _empty(classes, "threshold", "false_positive_rate", "true_positive_rate")


def precision_recall_frame(y: np.ndarray, scores: np.ndarray, classes: Sequence[str | int]) -> pl.DataFrame:
    """Trace precision against recall for each shown class that has rows.

    Returns
    -------
    DataFrame
        ``class``, ``threshold``, ``recall``, ``precision``, ``prevalence`` (the precision of guessing).
    """
    parts = []
    for c in shown_classes(classes):
        threshold, hits, false_alarms = _counts_by_threshold(y == c, scores[:, c])
        if not len(hits) or hits[-1] == 0:
            continue
        n = len(hits)
        parts.append(
            pl.DataFrame(
                {
                    "class": [classes[c]] * n,
                    "threshold": threshold,
                    "recall": hits / hits[-1],
                    "precision": hits / (hits + false_alarms),
                    "prevalence": np.full(n, hits[-1] / len(y)),
                }
            )
        )
    return pl.concat(parts) if parts else _empty(classes, "threshold", "recall", "precision", "prevalence")


def calibration_frame(y: np.ndarray, scores: np.ndarray, classes: Sequence[str | int]) -> pl.DataFrame:
    """Compare predicted probability and observed share in ten bins of equal width; empty bins are left out.

    The interval is Wilson's for a share (E. B. Wilson, Probable Inference, the Law of Succession, and Statistical
    Inference, JASA 22, 1927), 95 %.

    Returns
    -------
    DataFrame
        ``class``, ``left``, ``right``, ``mean_predicted``, ``observed_share``, ``low``, ``high``, ``count``.
    """
    parts = []
    for c in shown_classes(classes):
        probability, positive = scores[:, c], y == c
        bin_index = np.clip((probability * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
        count = np.bincount(bin_index, minlength=CALIBRATION_BINS)
        used = np.flatnonzero(count)
        n = count[used]
        share = np.bincount(bin_index, weights=positive, minlength=CALIBRATION_BINS)[used] / n
        mean = np.bincount(bin_index, weights=probability, minlength=CALIBRATION_BINS)[used] / n
        low, high = _wilson(share, n)
        parts.append(
            pl.DataFrame(
                {
                    "class": [classes[c]] * len(used),
                    "left": used / CALIBRATION_BINS,
                    "right": (used + 1) / CALIBRATION_BINS,
                    "mean_predicted": mean,
                    "observed_share": share,
                    "low": low,
                    "high": high,
                    "count": n,
                }
            )
        )
    return pl.concat(parts)


def bootstrap_interval(
    measure: Weighted, n_rows: int, *, level: float = 0.95, n_resamples: int = 1000, seed: int = 0
) -> tuple[float, float] | None:
    """Give the percentile interval of a metric over resamples of the rows.

    Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Resamples in which the
    metric isn't defined are left out; fewer resamples (at least 200) are drawn from very long splits.

    Returns
    -------
    tuple of (low, high), or None
        None below two rows, or where fewer than half of the resamples define the metric.
    """
    if n_rows < 2:
        return None
    rng = np.random.default_rng(seed)
    n_draws = int(np.clip(20_000_000 // n_rows, 200, n_resamples))
    values = []
    for _ in range(n_draws):
        counts = np.bincount(rng.integers(n_rows, size=n_rows), minlength=n_rows).astype(np.float64)
        value = measure(counts)
        if value is not None:
            values.append(value)
    if len(values) < n_draws / 2:
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _counts_by_threshold(positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count hits and false alarms at or above each distinct score, highest score first."""
    order = np.argsort(-score, kind="stable")
    ordered, hit = score[order], positive[order]
    last_of_tie = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True]) if len(ordered) else np.zeros(0, dtype=int)
    hits = np.cumsum(hit)[last_of_tie]
    return ordered[last_of_tie], hits, last_of_tie + 1 - hits


def _corners(hits: np.ndarray, false_alarms: np.ndarray) -> np.ndarray:
    """Drop the points that lie on a straight line between their neighbours: the curve stays the same."""
    if len(hits) < 3:
        return np.arange(len(hits))
    bend = np.diff(hits)[1:] * np.diff(false_alarms)[:-1] != np.diff(hits)[:-1] * np.diff(false_alarms)[1:]
    return np.flatnonzero(np.r_[True, bend, True])


def _wilson(share: np.ndarray, n: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def _empty(classes: Sequence[str | int], *columns: str) -> pl.DataFrame:
    label = pl.Int64 if classes and isinstance(classes[0], int) else pl.String
    return pl.DataFrame(schema={"class": label, **dict.fromkeys(columns, pl.Float64)})
