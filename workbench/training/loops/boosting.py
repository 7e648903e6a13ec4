"""Histogram boosting, watched while one `fit` runs.

Growing it by warm starts costs 80 to 90 % more time than one fit, since each start bins all rows again and predicts
them anew. scikit-learn measures the loss of every round anyway when early stopping is on, and looks at its stopping
parameters after each round. So one fit runs in this thread, another thread reads the scores as they come and, to stop,
sets those parameters.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from typing import Any

import numpy as np

from workbench.estimators.native import NativeModel
from workbench.training.live import Live
from workbench.training.loops.material import Material

_POLL_SECONDS = 0.1
_ACCURACY_SECONDS = 0.5
_NEVER = 2**31 - 1
_FAR_WORSE = 1.25


def fit_boosting(material: Material, live: Live) -> NativeModel:
    """Boost round by round; the same trees as one plain `fit` with the same seed.

    With early stopping, no round of the last `patience` being better than the one before them ends it, and the rounds
    after the best are cut off; so they are after a stop.
    """
    from workbench.estimators.classical import keep_rounds

    model = material.build()
    total = model.max_iter
    early = material.training.early_stopping
    model.set_params(
        early_stopping=True,  # which also makes it measure each round
        scoring="loss",
        validation_fraction=None,
        n_iter_no_change=early.patience if early else _NEVER,
        tol=early.min_delta if early else 0.0,
    )
    watch = _Watch(model, material, live, total)
    watch.start()
    try:
        model.fit(
            _with_values(material.X_train),
            material.y_train,
            sample_weight=material.weights,
            **_validation_rows(material),
        )
    finally:
        watch.finish()
    watch.raise_error()
    n_rounds = model.n_iter_
    if n_rounds < total and early and not watch.stopped:
        live.note(f"Stopped early after {n_rounds} of {total} rounds: no better loss for {early.patience} rounds.")
    if n_rounds < total and live.best_step:
        keep_rounds(model, live.best_step)
        live.note(f"The best {live.best_step} rounds are kept.")
    if not early and not watch.stopped and material.has_validation and (note := _worsened(model)):
        live.note(note)
    model.set_params(early_stopping=False, n_iter_no_change=10, tol=1e-7)
    return material.wrap(model)


def _worsened(model: Any) -> str:
    """Say so where the last round is far worse than the best one; with rare classes the loss can even explode."""
    losses = -np.asarray(model.validation_score_)
    best, last = int(losses.argmin()), len(losses) - 1
    if losses[last] <= _FAR_WORSE * losses[best]:
        return ""
    return (
        f"The validation loss was lowest after {best} of {last} rounds and {losses[last] / losses[best]:.3g} times as "
        "high at the end. Turn on early stopping, or lower learning_rate."
    )


def _with_values(X: np.ndarray) -> np.ndarray:
    """Put 0 into columns without any value: scikit-learn can't bin them, and no tree splits on a constant."""
    empty = np.isnan(X).all(axis=0)
    return np.where(empty, 0.0, X) if empty.any() else X


def _validation_rows(material: Material) -> dict[str, np.ndarray]:
    """Give the validation rows whose class the training rows have; scikit-learn refuses others."""
    if not material.has_validation:
        return {}
    X, y = material.X_validation, material.y_validation
    if material.task == "classification":
        known = np.isin(y, np.unique(material.y_train))
        X, y = X[known], y[known]
    return {"X_val": X, "y_val": y} if len(y) else {}


class _Watch:
    """Reads the scores of a fit under way and writes them as history."""

    def __init__(self, model: Any, material: Material, live: Live, total: int) -> None:
        self._model, self._material, self._live, self._total = model, material, live, total
        self._seen = 0
        self._accuracy = _RunningAccuracy(model, material) if material.task == "classification" else None
        self._next_measure = 0.0
        self._last = time.time()
        self._error: BaseException | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="boosting-watch", daemon=True)
        self.stopped = False

    def start(self) -> None:
        self._live.count(0, self._total, "round")
        self._thread.start()

    def finish(self) -> None:
        self._done.set()
        self._thread.join()
        if self._error is None and hasattr(self._model, "n_iter_"):
            self._guarded(self._take)

    def raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        # A second team of threads would compete with the fit for the cores and slow it threefold: one is enough.
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        with threadpool_limits(limits=1, user_api="openmp"):
            while not self._done.wait(_POLL_SECONDS) and self._error is None:
                self._guarded(self._poll)

    def _poll(self) -> None:
        self._take()
        if not self.stopped and self._live.stop_requested():
            self.stopped = True
            self._end_fit()

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:
            self._error = error
            self._end_fit()

    def _end_fit(self) -> None:
        """Let scikit-learn's own early stopping end the fit after the round that it is in."""
        self._model.tol = math.inf
        self._model.n_iter_no_change = 1

    def _take(self) -> None:
        """Write the rounds that were added since the last look, spread over the time that passed."""
        train = list(getattr(self._model, "train_score_", ()))  # the first is the score before any round
        validation = list(getattr(self._model, "validation_score_", ()))
        rounds = min(len(train), len(validation) or len(train), self._total + 1) - 1
        if not self._done.is_set():
            rounds -= 1  # the newest waits for the next look: the very last one gets its accuracy
        if rounds <= self._seen:
            return
        now, first = time.time(), self._seen
        for n in range(first + 1, rounds + 1):
            values = _losses(self._material, train[n], validation[n] if n < len(validation) else None)
            if n == rounds and self._accuracy is not None and (now >= self._next_measure or self._done.is_set()):
                values |= self._accuracy.after(n)  # the RMSE of a regression comes with its loss
                self._next_measure = now + _ACCURACY_SECONDS
            self._live.record(n, n, values, at=self._last + (now - self._last) * (n - first) / (rounds - first))
            self._seen = n
        self._last = now
        self._live.count(rounds, self._total, "round")


class _RunningAccuracy:
    """Accuracy on training and validation rows; a point costs a prediction by the rounds since the last one."""

    def __init__(self, model: Any, material: Material) -> None:
        self._model = model
        self._n_rounds = 0
        self._rows = {"accuracy": material.curve_rows()}
        if material.has_validation:
            self._rows["val_accuracy"] = (material.X_validation, material.y_validation)
        self._raw: dict[str, np.ndarray] = {}

    def after(self, n_rounds: int) -> dict[str, float]:
        added = copy.copy(self._model)
        added._predictors = list(self._model._predictors[self._n_rounds : n_rounds])
        vars(added).pop("_in_fit", None)  # or it would take the rows for binned ones
        if self._n_rounds:
            added._baseline_prediction = np.zeros_like(self._model._baseline_prediction)
        self._n_rounds = n_rounds
        values = {}
        for name, (X, y) in self._rows.items():
            raw = self._raw[name] = self._raw.get(name, 0.0) + added.decision_function(X)
            predicted = raw.argmax(axis=1) if raw.ndim == 2 else (raw > 0).astype(np.int64)
            values[name] = float(np.mean(added.classes_[predicted] == y))
        return values


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
    return values
