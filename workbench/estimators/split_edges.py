"""Where boosting asks: never on a training value itself, so that the last bit of a computed feature decides nothing.

Histogram boosting splits at quantiles of the training rows, which are training values: a row with such a value goes
left of "at most". A step whose last bit NumPy and a graph compute differently (components, logarithms, powers) would
then send the row to the other side. scikit-learn's other trees split halfway between two values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_NOISE = 1e-10  # of a value's size: a hundred thousand times what steps differ by, and less than any data mean


def move_split_edges(estimator: Any, X: np.ndarray) -> None:
    """Move each split that lies on a training value a little off it, in place; no training row changes its side.

    Parameters
    ----------
    estimator : fitted HistGradientBoostingClassifier or HistGradientBoostingRegressor
    X : ndarray of shape (n_rows, n_features)
        The rows that it was fitted on.
    """
    nodes = [predictor.nodes for predictors in estimator._predictors for predictor in predictors]
    asked = [(part["is_leaf"] == 0) & np.isfinite(part["num_threshold"]) for part in nodes]
    used = {int(feature) for part, inner in zip(nodes, asked, strict=True) for feature in part["feature_idx"][inner]}
    for feature in used:
        here = [inner & (part["feature_idx"] == feature) for part, inner in zip(nodes, asked, strict=True)]
        edges = np.unique(np.concatenate([part["num_threshold"][rows] for part, rows in zip(nodes, here, strict=True)]))
        moved = _off_values(edges, X[:, feature])
        for part, rows in zip(nodes, here, strict=True):
            part["num_threshold"][rows] = moved[np.searchsorted(edges, part["num_threshold"][rows])]


def _off_values(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Keep edges at a distance from the values on either side, or halfway where these are too close together."""
    values = np.unique(values[np.isfinite(values)])
    if not len(values):
        return edges
    after = np.searchsorted(values, edges, side="right")
    below = np.where(after > 0, values[np.maximum(after - 1, 0)], -np.inf)
    above = np.where(after < len(values), values[np.minimum(after, len(values) - 1)], np.inf)
    noise = _NOISE * np.maximum(np.abs(edges), float(np.std(values)))
    with np.errstate(all="ignore"):
        halfway = below + (above - below) / 2
        moved = np.clip(edges, below + noise, above - noise)
        return np.where(above - below <= 2 * noise, halfway, moved)
