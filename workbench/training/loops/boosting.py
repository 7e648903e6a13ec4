"""Histogram boosting, watched from inside one `fit`.

Growing it by warm starts costs 80 to 90 % more time than one fit, since each start bins all rows again and predicts
them anew. With early stopping on, scikit-learn measures the loss of every round anyway, in a method of its own that
also decides whether to go on. That method of the one estimator that is fitted here is ours: history, stop and
checkpoint have their turn after each round, in the thread that trains.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from workbench.estimators.native import NativeModel
from workbench.estimators.split_edges import move_split_edges
from workbench.training.live import Live
from workbench.training.loops.material import Material
from workbench.training.loops.rounds import Rounds
from workbench.training.loops.stored_trees import Growth, predictor_arrays, predictors_from

_NEVER = 2**31 - 1


def fit_boosting(material: Material, live: Live) -> NativeModel:
    """Boost round by round; the same trees as one plain `fit` with the same seed, resumed or not.

    What ends it early, and what is kept then, `Rounds` describes.
    """
    model = material.build()
    # Early stopping makes scikit-learn measure each round; when to stop, we decide.
    model.set_params(
        early_stopping=True, scoring="loss", validation_fraction=None, n_iter_no_change=_NEVER, tol=0.0, warm_start=True
    )
    rounds = Rounds(material, live, total=model.max_iter)
    watch = _Watch(model, material, rounds)
    watch.resume()
    rounds.start(watch.n_rounds)
    if rounds.ended:  # nothing is left to grow, but what a fit sets besides
        model.set_params(max_iter=watch.n_rounds)
    model._check_early_stopping_loss = watch
    model.fit(
        with_values(material.X_train),
        material.y_train,
        sample_weight=material.weights,
        **validation_rows(material),
    )
    del model._check_early_stopping_loss
    rounds.finish(model)
    model.set_params(early_stopping=False, n_iter_no_change=10, tol=1e-7, warm_start=False)
    move_split_edges(model, material.X_train)
    return material.wrap(model)


def with_values(X: np.ndarray) -> np.ndarray:
    """Put 0 into columns without any value: scikit-learn can't bin them, and no tree splits on a constant."""
    empty = np.isnan(X).all(axis=0)
    return np.where(empty, 0.0, X) if empty.any() else X


def validation_rows(material: Material) -> dict[str, np.ndarray]:
    """Give the validation rows whose class the training rows have; scikit-learn refuses others."""
    if not material.has_validation:
        return {}
    X, y = material.X_validation, material.y_validation
    if material.task == "classification":
        known = np.isin(y, np.unique(material.y_train))
        X, y = X[known], y[known]
    return {"X_val": X, "y_val": y} if len(y) else {}


class _Watch:
    """Stands in for the method of the estimator that measures a round and says whether to stop."""

    def __init__(self, model: Any, material: Material, rounds: Rounds) -> None:
        self._model, self._material, self._rounds = model, material, rounds
        self._measured = type(model)._check_early_stopping_loss
        self._growth = Growth(material.checkpoint, "boosting")
        self._accuracy = _Accuracy(material) if material.task == "classification" else None
        self.n_rounds = 0

    def resume(self) -> None:
        """Take up the rounds of an earlier attempt, where there is one."""
        found = self._growth.load()
        if found is None:
            return
        saved, parts = found
        model, arrays = self._model, saved.arrays
        model._predictors = [trees for part in parts for trees in predictors_from(part)]
        model.train_score_, model.validation_score_ = arrays["train_score"], arrays["validation_score"]
        model._baseline_prediction = arrays["baseline"]
        # The seed bins the rows, the generator draws the columns of each split: both go on, they don't begin anew.
        model._random_seed = np.uint64(saved.document["seed"])
        model._feature_subsample_rng = np.random.default_rng()
        model._feature_subsample_rng.bit_generator.state = saved.document["generator"]
        self.n_rounds = len(model._predictors)
        self._rounds.recall(saved.document["rounds"])

    def __call__(self, *arguments: Any, **named: Any) -> bool:
        """Measure the round that was just added; scikit-learn asks before the first one, too."""
        model = self._model
        self._measured(model, *arguments, **named)
        self.n_rounds = len(model._predictors)
        if self.n_rounds == 0:
            return False
        validation = model.validation_score_
        values = _losses(self._material, model.train_score_[-1], validation[-1] if len(validation) else None)
        if self._accuracy is not None:
            values |= self._accuracy.of(model, *arguments, **named)
        ended = self._rounds.record(self.n_rounds, values)
        if (ended and self._rounds.stopped) or self._growth.due():
            self._save()
        return ended

    def _save(self) -> None:
        model = self._model
        document = {
            "rounds": self._rounds.memory(),
            "seed": int(model._random_seed),
            "generator": model._feature_subsample_rng.bit_generator.state,
        }
        arrays = {
            "train_score": np.asarray(model.train_score_),
            "validation_score": np.asarray(model.validation_score_),
            "baseline": model._baseline_prediction,
        }
        self._growth.save(document, self.n_rounds, lambda first: predictor_arrays(model._predictors[first:]), arrays)


class _Accuracy:
    """Accuracy on training and validation rows, from the raw predictions that the fit keeps up to date anyway.

    Where training rows are repeated or left out to balance the classes, the rows as they are count: the trees added
    since the last look predict a sample of them.
    """

    def __init__(self, material: Material) -> None:
        self._learned = material.measured_rows[0] is material.X_train
        self._chosen = material.curve_positions()
        self._rows = material.curve_rows()
        self._n_validation = len(material.y_validation)
        self._raw: np.ndarray | float = 0.0
        self._n_rounds = 0

    def of(
        self,
        model: Any,
        *,
        raw_predictions: np.ndarray,
        y_train: np.ndarray,
        raw_predictions_val: np.ndarray | None,
        y_val: np.ndarray | None,
        **_others: Any,
    ) -> dict[str, float]:
        hits = _hits(raw_predictions[self._chosen], y_train[self._chosen]) if self._learned else self._predicted(model)
        values = {"accuracy": float(np.mean(hits))}
        if raw_predictions_val is not None and y_val is not None:
            # Rows of a class that training doesn't have aren't among them; they can't be right.
            values["val_accuracy"] = float(_hits(raw_predictions_val, y_val).sum()) / self._n_validation
        return values

    def _predicted(self, model: Any) -> np.ndarray:
        added = copy.copy(model)
        added._predictors = model._predictors[self._n_rounds :]
        vars(added).pop("_in_fit", None)  # or it would take the rows for binned ones
        if self._n_rounds:
            added._baseline_prediction = np.zeros_like(model._baseline_prediction)
        self._n_rounds = len(model._predictors)
        raw = added._raw_predict(self._rows[0])
        self._raw = self._raw + raw
        predicted = np.argmax(self._raw, axis=1) if raw.shape[1] > 1 else (np.ravel(self._raw) > 0).astype(np.int64)
        hits: np.ndarray = model.classes_[predicted] == self._rows[1]
        return hits


def _hits(raw: np.ndarray, y: np.ndarray) -> np.ndarray:
    predicted = raw.argmax(axis=1) if raw.shape[1] > 1 else raw[:, 0] > 0
    hits: np.ndarray = predicted == y
    return hits


def _losses(material: Material, train: float, validation: float | None) -> dict[str, float]:
    """Turn scikit-learn's scores, negative losses, into ours: log loss, or mean squared error (twice theirs)."""
    values = {}
    for prefix, score in (("", train), ("val_", validation)):
        if score is None:
            continue
        if material.task == "regression":
            values[f"{prefix}loss"] = -2.0 * score
            values[f"{prefix}rmse"] = math.sqrt(max(0.0, -2.0 * score))
        else:
            values[f"{prefix}loss"] = -score
    return material.in_unit(values) if material.task == "regression" else values
