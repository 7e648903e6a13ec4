"""Support vector machines of scikit-learn with probabilities, a standardised target, and a bound on their rows.

scikit-learn 1.9 deprecates the probabilities inside libsvm. Here they are Platt's sigmoids over margins of rows that
the machine that gave them hadn't seen: three folds, beside the one fit on all rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.data.spec import Task
from workbench.estimators.platt import fit_sigmoid, shares, sigmoid

_FOLDS = 3
_CACHE_MIB = 500


class SupportVectors:
    """A support vector machine for class indices or numbers, used as scikit-learn's estimators are.

    Parameters
    ----------
    task : {"classification", "regression"}
    kernel : {"rbf", "linear", "poly"}
    C : float
    gamma : float or "scale"
    degree : int
    epsilon : float
        In standard deviations of the target.
    class_weight : {"balanced"}, optional
    max_rows : int, optional
        A random sample of so many rows is learned from where there are more; with at least two rows of each class.
    seed : int
    """

    def __init__(
        self,
        *,
        task: Task,
        kernel: str = "rbf",
        C: float = 1.0,
        gamma: float | str = "scale",
        degree: int = 3,
        epsilon: float = 0.1,
        class_weight: str | None = None,
        max_rows: int | None = None,
        seed: int = 0,
    ) -> None:
        self.task = task
        self.kernel = kernel
        self.C = C
        self.gamma = gamma
        self.degree = degree
        self.epsilon = epsilon
        self.class_weight = class_weight
        self.max_rows = max_rows
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> SupportVectors:
        """Learn from rows, or a sample of them."""
        rows = self._drawn(y)
        X, y = X[rows], y[rows]
        weights = None if sample_weight is None else sample_weight[rows]
        if self.task == "regression":
            spread = float(np.std(y))
            self.mean_, self.std_ = float(np.mean(y)), spread if spread > 0 else 1.0
            self.machine_ = self._machine().fit(X, (y - self.mean_) / self.std_, sample_weight=weights)
            return self
        self.machine_ = self._machine().fit(X, y, sample_weight=weights)
        self.classes_ = self.machine_.classes_
        self._learn_probabilities(X, y, weights)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Give values, or the most probable class."""
        if self.task == "regression":
            values: np.ndarray = self.machine_.predict(X) * self.std_ + self.mean_
            return values
        chosen: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Give the probability of each class that training rows had."""
        p = sigmoid(_margins(self.machine_, X) * self.slopes_ + self.offsets_)
        return np.hstack([1.0 - p, p]) if p.shape[1] == 1 else shares(p)

    def _machine(self) -> Any:
        from sklearn.svm import SVC, SVR

        shape = {"kernel": self.kernel, "C": self.C, "gamma": self.gamma, "degree": self.degree}
        if self.task == "regression":
            return SVR(epsilon=self.epsilon, cache_size=_CACHE_MIB, **shape)
        return SVC(class_weight=self.class_weight, cache_size=_CACHE_MIB, random_state=self.seed, **shape)

    def _drawn(self, y: np.ndarray) -> np.ndarray:
        """Choose the rows to learn from, each class in its share."""
        if self.max_rows is None or len(y) <= self.max_rows:
            return np.arange(len(y))
        rng = np.random.default_rng(self.seed)
        if self.task == "regression":
            return np.sort(rng.choice(len(y), self.max_rows, replace=False))
        order = rng.permutation(len(y))
        order = order[np.argsort(y[order], kind="stable")]
        picked = order[(np.arange(self.max_rows) * len(y)) // self.max_rows]
        ordered = y[order]
        first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        second = first[:-1] + 1 if len(first) > 1 else first[:0]
        return np.unique(np.concatenate([picked, order[first], order[second]]))

    def _learn_probabilities(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> None:
        margins = _margins(self.machine_, X)
        fold = _folds(y, np.random.default_rng(self.seed))
        for number in range(_FOLDS):
            learned, asked = fold != number, fold == number
            if asked.any():
                part = None if weights is None else weights[learned]
                machine = self._machine().fit(X[learned], y[learned], sample_weight=part)
                margins[asked] = _margins(machine, X[asked])
        asked_for = self.classes_[1:] if margins.shape[1] == 1 else self.classes_
        found = [fit_sigmoid(margins[:, column], y == label, weights) for column, label in enumerate(asked_for)]
        self.slopes_ = np.array([slope for slope, _ in found])
        self.offsets_ = np.array([offset for _, offset in found])


def _margins(machine: Any, X: np.ndarray) -> np.ndarray:
    """Give the distance from the border: one column for two classes, else one a class (one against the rest)."""
    margins = np.asarray(machine.decision_function(X), dtype=np.float64)
    return margins.reshape(len(X), -1)


def _folds(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give each row its fold, each class spread evenly; -1 keeps a class of too few rows in training."""
    fold = np.full(len(y), -1)
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        if len(rows) >= _FOLDS:
            fold[rows] = np.arange(len(rows)) % _FOLDS
    return fold
