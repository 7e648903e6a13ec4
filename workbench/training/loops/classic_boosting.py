"""Classic gradient boosting, watched by the hook that its `fit` calls after each round."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.estimators.native import NativeModel
from workbench.training.live import Live
from workbench.training.loops.material import Material
from workbench.training.loops.rounds import Rounds
from workbench.training.loops.stored_trees import Growth, few_rows, tree_arrays, trees_from

_OUT_OF_BAG = ("oob_improvement_", "oob_scores_")


def fit_classic_boosting(material: Material, live: Live) -> NativeModel:
    """Boost round by round; the same trees as one plain `fit` with the same seed, resumed or not.

    What ends it early, and what is kept then, `Rounds` describes.
    """
    model = material.build().set_params(warm_start=True)
    rounds = Rounds(material, live, total=model.n_estimators)
    watch = _Watch(model, material, rounds)
    watch.resume()
    rounds.start(watch.n_rounds)
    if rounds.ended:  # nothing is left to grow, but what a fit sets besides
        model.set_params(n_estimators=watch.n_rounds)
    model.fit(material.X_train, material.y_train, sample_weight=material.weights, monitor=watch)
    model.n_estimators_ = len(model.estimators_)
    rounds.finish(model)
    return material.wrap(model.set_params(warm_start=False))


class _Watch:
    """Called after each round, with the raw predictions of the training rows."""

    def __init__(self, model: Any, material: Material, rounds: Rounds) -> None:
        self._model, self._material, self._rounds = model, material, rounds
        self._growth = Growth(material.checkpoint, "classic_boosting")
        self._chosen = material.curve_positions()
        self._learned = material.measured_rows[0] is material.X_train
        self._parts = {"val_": (material.X_validation, material.y_validation)} if material.has_validation else {}
        if not self._learned:
            self._parts[""] = material.curve_rows()
        self._raw: dict[str, np.ndarray] = {}
        self.n_rounds = 0

    def resume(self) -> None:
        """Take up the rounds of an earlier attempt, where there is one."""
        found = self._growth.load()
        if found is None:
            return
        (saved, parts), model, material = found, self._model, self._material
        rows = few_rows(material.y_train, material.task)
        small = material.build().set_params(n_estimators=1).fit(material.X_train[rows], material.y_train[rows])
        n_trees = small.estimators_.shape[1]
        trees = [tree for part in parts for tree in trees_from(part, small.estimators_[0, 0])]
        model.estimators_ = np.empty((len(trees) // n_trees, n_trees), dtype=object)
        model.estimators_.flat = trees
        model.init_ = small.init_.fit(material.X_train, _as_learned(material), sample_weight=material.weights)
        for name in ("train_score_", *_OUT_OF_BAG):
            if name in saved.arrays:
                setattr(model, name, saved.arrays[name])
        model._rng = np.random.RandomState()
        state = saved.document["generator"]
        model._rng.set_state({**state, "state": {"key": saved.arrays["generator"], "pos": state["position"]}})
        self.n_rounds = len(model.estimators_)
        self._rounds.recall(saved.document["rounds"])

    def __call__(self, index: int, model: Any, local: dict[str, Any]) -> bool:
        """Measure the round, and say whether to stop."""
        self.n_rounds = index + 1
        ended = self._rounds.record(self.n_rounds, self._measured(model, local["raw_predictions"]))
        if (ended and self._rounds.stopped) or self._growth.due():
            self._save(model)
        return ended

    def _measured(self, model: Any, raw: np.ndarray) -> dict[str, float]:
        values: dict[str, float] = {}
        if self._learned:
            y = self._material.y_train[self._chosen]
            values |= self._measure(model, raw[self._chosen], y, prefix="")
        for prefix, (X, y) in self._parts.items():
            values |= self._measure(model, self._predicted(model, prefix, X), y, prefix=prefix)
        return values

    def _measure(self, model: Any, raw: np.ndarray, y: np.ndarray, *, prefix: str) -> dict[str, float]:
        if self._material.task == "regression":
            return self._material.measure(y, raw, prefix=prefix)
        p = model._loss.predict_proba(raw if raw.shape[1] > 1 else raw[:, 0])
        return self._material.measure(y, self._material.full_scores(p, model.classes_), prefix=prefix)

    def _predicted(self, model: Any, part: str, X: np.ndarray) -> np.ndarray:
        """Bring the raw predictions of a part up to date: only the trees that came since are asked."""
        rows = X.astype(np.float32)
        known = 0 if part not in self._raw else self.n_rounds - 1
        raw = self._raw[part] if known else model._raw_predict_init(X)
        for trees in model.estimators_[known : self.n_rounds]:
            for column, tree in enumerate(trees):
                raw[:, column] += model.learning_rate * tree.tree_.predict(rows)[:, 0]
        self._raw[part] = raw
        return raw

    def _save(self, model: Any) -> None:
        state = model._rng.get_state(legacy=False)
        generator = {key: value for key, value in state.items() if key != "state"}
        document = {
            "rounds": self._rounds.memory(),
            "generator": {**generator, "position": int(state["state"]["pos"])},
        }
        arrays = {"train_score_": model.train_score_[: self.n_rounds], "generator": state["state"]["key"]}
        arrays |= {name: getattr(model, name)[: self.n_rounds] for name in _OUT_OF_BAG if hasattr(model, name)}
        grown = model.estimators_[: self.n_rounds]
        self._growth.save(document, self.n_rounds, lambda first: tree_arrays(list(grown[first:].flat)), arrays)


def _as_learned(material: Material) -> np.ndarray:
    """Give the target as the estimator encodes it."""
    if material.task == "regression":
        return material.y_train
    encoded: np.ndarray = np.unique(material.y_train, return_inverse=True)[1].astype(np.float64)
    return encoded
