"""Estimators that learn in one call: linear models, neighbours, support vectors, a tree. One point of history."""

from __future__ import annotations

import inspect
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import EstimatorError
from workbench.estimators.native import NativeModel
from workbench.training.live import Live
from workbench.training.loops.material import Material
from workbench.training.loops.stored_trees import few_rows
from workbench.training.measures import measure

_MANY_FEATURES, _PROBED_ROWS, _FEW = 500, 200, 0.05


def fit_single(material: Material, live: Live) -> NativeModel:
    """Fit in one call; it can't be cut short, so a stop waits for its end, and a resumed run begins it anew.

    Raises
    ------
    EstimatorError
        If the rows are weighed and the estimator can't weigh them, or one of the user's own fails.
    PackageError
        If one of the user's own couldn't be stored.
    """
    live.count(0, 1, "fit")
    estimator = material.build()
    if material.entry.family == "own":
        _try_to_store(material)
    _bound(estimator, material, live)
    weights = _weights(estimator, material)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _learn(estimator, material, weights)
    for warning in caught:
        live.log(str(warning.message))
        if warning.category.__name__ == "ConvergenceWarning":
            live.note("The solver ran out of steps before it converged: raise max_iter, or standardize the columns.")
    if material.entry.name in ("lasso", "elastic_net") and not np.any(estimator.coef_):
        live.note("All weights became zero, so each row gets the same answer: lower alpha.")
    model = material.wrap(estimator)
    plain = material.plain or material
    X, y = _measured_rows(plain)
    values = measure(material.task, y, model.scores(X))
    if material.has_validation:
        scores = model.scores(plain.X_validation)
        values |= measure(material.task, plain.y_validation, scores, prefix="val_")
    live.record(1, 1, values)
    live.count(1, 1, "fit")
    return model


def _try_to_store(material: Material) -> None:
    """Store a model of a few rows: that it can't be stored is better told now than after hours of learning."""
    estimator, rows = material.build(), few_rows(material.y_train, material.task)
    with suppress(Exception), warnings.catch_warnings():  # what is wrong with the fit, the whole one tells
        warnings.simplefilter("ignore")
        estimator.fit(material.X_train[rows], material.y_train[rows])
    with tempfile.TemporaryDirectory() as folder:
        material.wrap(estimator).save(Path(folder))


def _learn(estimator: Any, material: Material, weights: dict[str, np.ndarray]) -> None:
    X = _sparse(material.X_train) if material.entry.name == "logistic_regression" else material.X_train
    try:
        estimator.fit(X, material.y_train, **weights)
    except Exception as error:
        if material.entry.family != "own":
            raise
        raise EstimatorError(
            f"Got {type(error).__name__} from {type(estimator).__name__} ({material.entry.name}, an estimator of your "
            f"own): {error}. Correct its parameters, or the recipe."
        ) from error


def _sparse(X: np.ndarray) -> Any:
    """Leave out the zeros where nearly all are, as in words of texts: the same weights, much sooner."""
    if X.shape[1] < _MANY_FEATURES or np.count_nonzero(X[:_PROBED_ROWS]) > _FEW * X[:_PROBED_ROWS].size:
        return X
    from scipy.sparse import csr_matrix

    return csr_matrix(X)


def _bound(estimator: Any, material: Material, live: Live) -> None:
    """Keep to what the rows allow, and say what was done or what it will cost."""
    n_rows, entry = len(material.y_train), material.entry
    most = material.params.get("max_rows") if entry.name == "svm" else None
    if most is not None and n_rows > most:
        live.note(
            f"Learned from {most:,} of {n_rows:,} training rows, a random sample: the cost of a support vector machine "
            "grows with the square of the rows. Raise max_rows to use more."
        )
    elif entry.max_rows is not None and n_rows > entry.max_rows:
        live.note(
            f"{entry.title} has {n_rows:,} training rows to learn from; beyond {entry.max_rows:,} it is slow and takes "
            "much memory. Filter rows, or choose another estimator."
        )
    if entry.name == "nearest_neighbors" and estimator.n_neighbors > n_rows:
        live.note(f"All {n_rows:,} training rows are asked: n_neighbors is {estimator.n_neighbors:,}.")
        estimator.n_neighbors = n_rows


def _weights(estimator: Any, material: Material) -> dict[str, np.ndarray]:
    if material.weights is None:
        return {}
    if "sample_weight" not in inspect.signature(estimator.fit).parameters:
        raise EstimatorError(
            f"Got weighed classes for {material.entry.name}, which counts all rows alike; needed an estimator that can "
            "weigh them. Use the method oversample or undersample in the balance step."
        )
    return {"sample_weight": material.weights}


def _measured_rows(material: Material) -> tuple[np.ndarray, np.ndarray]:
    """Give the training rows for the one point: a sample where an answer costs a look at all of them."""
    return material.curve_rows() if material.entry.family == "neighbors" else material.measured_rows
