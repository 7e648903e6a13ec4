"""Numbers that lie too far from 0, or too close to each other, for an estimator's arithmetic: moved in front of it.

scikit-learn's trees round features to float32, take two values less than 1e-7 apart as one, and lose the variance of a
target by cancellation where it is small beside the mean (an impurity below 2.2e-16 counts as pure). Networks compute in
float32. Neighbours and support vectors lose distances by cancellation. A clock in seconds since 1970, or a target in
farad, then teaches them nothing, without a word. What must be moved is moved before they learn, and before they answer;
all else stays as it is, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.data.spec import AnyTask
    from workbench.estimators.entry import EstimatorEntry
    from workbench.graph import GraphBuilder

_FAR = 256.0  # from 0, in spreads: float32 then has fewer than 65,536 steps over the spread
_VERY_FAR = 1e4  # a double loses 8 of its 16 digits in a squared distance
_NARROW = 1e-3  # a spread in which 1e-7 is one of 10,000 steps
_TARGET_FAR, _TARGET_SMALL, _TARGET_LARGE = 1e3, 1e-3, 1e9
_SAMPLE_ROWS, _SAMPLE_CELLS = 10_000, 4_000_000
_QUANTILES = np.array([0.05, 0.5, 0.95])

_MOVED_ONLY = ("nearest_neighbors", "svm", "logistic_regression", "kmeans", "hdbscan")


@dataclass(frozen=True)
class Scaling:
    """How rows are moved in front of an estimator, and its answers behind it.

    Parameters
    ----------
    center, step : ndarray of shape (n_features,), optional
        A row becomes ``(row - center) / step``; steps are powers of two, which lose no digit. None leaves rows alone.
    mean, std : float
        An answer becomes ``answer * std + mean``.

    Examples
    --------
    >>> scaling = Scaling(np.array([1.7e9]), np.array([4.0]), mean=10.0, std=2.0)
    >>> scaling.rows(np.array([[1.7e9 + 8.0]])).tolist(), scaling.targets(np.array([14.0])).tolist()
    ([[2.0]], [2.0])
    >>> scaling.values(np.array([2.0])).tolist()
    [14.0]
    """

    center: np.ndarray | None = None
    step: np.ndarray | None = None
    mean: float = 0.0
    std: float = 1.0

    @property
    def moves_target(self) -> bool:
        """Whether answers are changed."""
        return (self.mean, self.std) != (0.0, 1.0)

    @property
    def moved_features(self) -> np.ndarray:
        """Positions of the features that are changed."""
        if self.center is None or self.step is None:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero((self.center != 0.0) | (self.step != 1.0))

    def rows(self, X: np.ndarray) -> np.ndarray:
        """Give rows as the estimator sees them."""
        if self.center is None or self.step is None:
            return X
        moved: np.ndarray = (X - self.center) / self.step
        return moved

    def targets(self, y: np.ndarray) -> np.ndarray:
        """Give a target as the estimator learns it."""
        return (y - self.mean) / self.std if self.moves_target else y

    def values(self, answers: np.ndarray) -> np.ndarray:
        """Give the estimator's answers in the target's unit."""
        return answers * self.std + self.mean if self.moves_target else answers

    def emit_rows(self, graph: GraphBuilder, features: str) -> str:
        """Add the graph of `rows`."""
        if self.center is None or self.step is None:
            return features
        moved = graph.node("Sub", features, graph.constant(self.center[None, :]))
        return str(graph.node("Div", moved, graph.constant(self.step[None, :])))

    def emit_values(self, graph: GraphBuilder, answers: str) -> str:
        """Add the graph of `values`."""
        if not self.moves_target:
            return answers
        scaled = graph.node("Mul", answers, graph.constant(np.array([[self.std]])))
        return str(graph.node("Add", scaled, graph.constant(np.array([[self.mean]]))))

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {"center": self.center, "step": self.step, "mean": self.mean, "std": self.std}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Scaling:
        """Rebuild from `to_dict`."""
        center, step = (
            None if document[name] is None else np.array(document[name], dtype=np.float64)
            for name in ("center", "step")
        )
        return cls(center, step, float(document["mean"]), float(document["std"]))


def find_scaling(
    entry: EstimatorEntry, params: Mapping[str, Any], X: np.ndarray, y: np.ndarray | None, *, task: AnyTask
) -> Scaling | None:
    """Find what an estimator needs moved; None where it takes rows and target as they are, as it mostly does.

    Parameters
    ----------
    entry : EstimatorEntry
    params : mapping
        Checked.
    X : ndarray of shape (n_rows, n_features)
        Training rows.
    y : ndarray of shape (n_rows,), optional
        Their targets.
    task : {"classification", "regression", ...}
    """
    if X.ndim != 2 or not len(X) or entry.takes != "table":
        return None
    grows_trees = entry.engine == "sklearn" and entry.progress in ("trees", "rounds")
    grows_trees |= entry.name in ("decision_tree", "isolation_forest")
    mean, std = 0.0, 1.0
    if grows_trees and task == "regression" and y is not None:
        mean, std = _target(y)
    center = step = None
    if grows_trees and entry.name != "hist_gradient_boosting":  # which cuts doubles into bins
        center, step = _features(X, in_single=True)
    elif entry.engine == "keras" and entry.family == "networks":
        center, step = _features(X, in_single=True)
    elif entry.name in _MOVED_ONLY and params.get("kernel") != "poly":
        center, step = _features(X, in_single=False)
    if center is None and (mean, std) == (0.0, 1.0):
        return None
    return Scaling(center, step, mean, std)


def _target(y: np.ndarray) -> tuple[float, float]:
    mean, std = float(np.mean(y)), float(np.std(y))
    if not 0.0 < std < np.inf:
        return 0.0, 1.0
    usual = _TARGET_SMALL <= std <= _TARGET_LARGE and abs(mean) <= _TARGET_FAR * std
    return (0.0, 1.0) if usual else (mean, std)


def _features(X: np.ndarray, *, in_single: bool) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Give center and step of each feature; None where none is moved."""
    low, middle, high = _quantiles(X)
    spread = high - low
    with np.errstate(invalid="ignore"):
        far = (spread > 0) & (np.abs(middle) > (_FAR if in_single else _VERY_FAR) * spread)
        narrow = (spread > 0) & (spread < _NARROW) if in_single else np.zeros(len(spread), dtype=bool)
    if in_single:
        for place in np.flatnonzero(far & ~narrow):
            far[place] = _is_rounded(X[:, place])
    moved = far | narrow
    if not moved.any():
        return None, None
    center = np.where(far, middle, 0.0)
    step = np.ones(len(spread))
    if in_single:
        step[moved] = np.exp2(np.floor(np.log2(spread[moved])))
    return center, step


def _is_rounded(values: np.ndarray) -> bool:
    """Say whether float32 can't hold some value; whole numbers up to 16,777,216 it can."""
    present = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        return bool((present.astype(np.float32) != present).any())


def _quantiles(X: np.ndarray) -> np.ndarray:
    """Give three quantiles of each feature, of some rows from all over the table; NaN where there is no value."""
    n_rows = min(_SAMPLE_ROWS, max(200, _SAMPLE_CELLS // max(1, X.shape[1])))
    ordered = np.sort(X[:: max(1, len(X) // n_rows)], axis=0)  # NaN goes to the end
    counts = len(ordered) - np.isnan(ordered).sum(axis=0)
    places = np.rint(_QUANTILES[:, None] * np.maximum(counts - 1, 0)).astype(np.int64)
    return np.take_along_axis(ordered, places, axis=0)
