"""Platt's sigmoid: from a score to a probability, fitted on rows that the score wasn't learned from."""

from __future__ import annotations

import numpy as np

_STEPS = 100
_RIDGE = 1e-12  # keeps the second derivatives invertible
_SMALLEST_STEP = 1e-10
_ENOUGH = 1e-10


def fit_sigmoid(scores: np.ndarray, is_class: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Find slope a and offset b of the probability 1 / (1 + exp(-(a score + b))).

    Source: Platt, Probabilistic Outputs for Support Vector Machines, 1999, with the solver of Lin, Lin and Weng, A Note
    on Platt's Probabilistic Outputs for Support Vector Machines, Machine Learning 68, 2007.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
    is_class : ndarray of bool of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional

    Examples
    --------
    >>> a, b = fit_sigmoid(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True]))
    >>> a > 0, abs(b) < 1e-6
    (True, True)
    """
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    n_yes, n_no = float(weights[is_class].sum()), float(weights[~is_class].sum())
    # Targets a little inside 0 and 1, or perfectly parted scores would want an infinite slope.
    target = np.where(is_class, (n_yes + 1.0) / (n_yes + 2.0), 1.0 / (n_no + 2.0))
    scale = float(np.abs(scores).max()) or 1.0
    x = scores / scale
    a, b = 0.0, float(np.log((n_yes + 1.0) / (n_no + 1.0)))
    loss = _loss(a * x + b, target, weights)
    for _ in range(_STEPS):
        p = sigmoid(a * x + b)
        gap, curve = weights * (p - target), weights * p * (1.0 - p)
        ga, gb = float((gap * x).sum()), float(gap.sum())
        if max(abs(ga), abs(gb)) < _ENOUGH:
            break
        haa, hbb, hab = float((curve * x * x).sum()) + _RIDGE, float(curve.sum()) + _RIDGE, float((curve * x).sum())
        determinant = haa * hbb - hab * hab
        da, db = -(hbb * ga - hab * gb) / determinant, -(haa * gb - hab * ga) / determinant
        step, slope = 1.0, ga * da + gb * db
        while step >= _SMALLEST_STEP:
            tried = _loss((a + step * da) * x + b + step * db, target, weights)
            if tried < loss + 1e-4 * step * slope:
                a, b, loss = a + step * da, b + step * db, tried
                break
            step /= 2.0
        else:
            break
    return a / scale, b


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Give 1 / (1 + exp(-z)) without overflow."""
    small = np.exp(-np.abs(z))
    answer: np.ndarray = np.where(z >= 0, 1.0, small) / (1.0 + small)
    return answer


def shares(values: np.ndarray) -> np.ndarray:
    """Scale each row to a sum of 1; a row of zeros becomes equal shares."""
    total = values.sum(axis=1, keepdims=True)
    answer: np.ndarray = np.where(total > 0, values, 1.0) / np.where(total > 0, total, values.shape[1])
    return answer


def _loss(z: np.ndarray, target: np.ndarray, weights: np.ndarray) -> float:
    return float((weights * (np.logaddexp(0.0, z) - target * z)).sum())
