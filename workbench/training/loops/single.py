"""Estimators that learn in one call: baseline, linear and logistic regression. One point of history."""

from __future__ import annotations

import warnings

from workbench.estimators.native import NativeModel
from workbench.training.live import Live
from workbench.training.loops.material import Material
from workbench.training.measures import measure


def fit_single(material: Material, live: Live) -> NativeModel:
    """Fit in one call; it can't be cut short, so a stop waits for its end."""
    live.count(0, 1, "fit")
    estimator = material.build()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(material.X_train, material.y_train, sample_weight=material.weights)
    for warning in caught:
        live.log(str(warning.message))
        if warning.category.__name__ == "ConvergenceWarning":
            live.note("The solver ran out of steps before it converged: raise max_iter, or standardize the columns.")
    model = material.wrap(estimator)
    X, y = material.measured_rows
    values = measure(material.task, y, model.scores(X))
    if material.has_validation:
        scores = model.scores(material.X_validation)
        values |= measure(material.task, material.y_validation, scores, prefix="val_")
    live.record(1, 1, values)
    live.count(1, 1, "fit")
    return model
