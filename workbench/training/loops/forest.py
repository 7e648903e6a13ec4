"""Forests, grown by warm starts: some trees, a point on the curve, some more."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from workbench.estimators.native import NativeModel
from workbench.training.live import Live
from workbench.training.loops.material import Material
from workbench.training.measures import measure
from workbench.training.patience import Patience

_N_POINTS = 20  # points on the curve once it is under way


def fit_forest(material: Material, live: Live) -> NativeModel:
    """Grow a forest in chunks.

    The trees are those of one `fit` with the same seed. Early stopping counts chunks, a twentieth of the trees each,
    and cuts the forest back to its best size; so does a stop.
    """
    from workbench.estimators.classical import keep_rounds

    forest = material.build()
    total = forest.n_estimators
    early = material.training.early_stopping
    patience = Patience(early.patience, early.min_delta) if early else None
    curves = [_Curve(material, *material.curve_rows(), prefix="")]
    if material.has_validation:
        curves.append(_Curve(material, material.X_validation, material.y_validation, prefix="val_"))
    live.count(0, total, "tree")
    forest.set_params(warm_start=True)
    cut = False
    for n_trees in chunk_ends(total):
        _grow(forest, n_trees, material)
        values: dict[str, float] = {}
        for curve in curves:
            values |= curve.extend(forest)
        live.record(n_trees, n_trees, values)
        live.count(n_trees, total, "tree")
        if patience is not None and patience.exhausted_by(live.watched(values)):
            why = patience.words(live.watched_metric(values), "chunks")
            live.note(f"Stopped early at {n_trees} of {total} trees: {why}.")
            cut = True
            break
        if live.stop_requested() and n_trees < total:
            cut = True
            break
    if cut and live.best_step:
        keep_rounds(forest, live.best_step)
        live.note(f"The best {live.best_step} trees are kept.")
    forest.set_params(warm_start=False)
    return material.wrap(forest)


def chunk_ends(total: int) -> list[int]:
    """Say after how many trees the curve gets a point: 1, 2, 4, ... and from a twentieth on in equal steps.

    Examples
    --------
    >>> chunk_ends(100)[:8]
    [1, 2, 4, 8, 13, 18, 23, 28]
    """
    size = max(1, -(-total // _N_POINTS))
    ends, done = [], 0
    while done < total:
        done = min(total, done + min(size, max(1, done)))
        ends.append(done)
    return ends


def _grow(forest: Any, n_trees: int, material: Material) -> None:
    with warnings.catch_warnings():
        # "balanced" on a warm start warns that later rows may have other class shares; here they are the same rows.
        warnings.filterwarnings("ignore", message="class_weight presets", category=UserWarning)
        forest.set_params(n_estimators=n_trees).fit(material.X_train, material.y_train, sample_weight=material.weights)


class _Curve:
    """The forest's answer on some rows, a running sum over its trees: a point costs the new trees only."""

    def __init__(self, material: Material, X: np.ndarray, y: np.ndarray, *, prefix: str) -> None:
        self._material = material
        self._X = X.astype(np.float32)  # as the forest itself hands rows to its trees
        self._y = y
        self._prefix = prefix
        self._total: np.ndarray | float = 0.0
        self._n_trees = 0

    def extend(self, forest: Any) -> dict[str, float]:
        regression = self._material.task == "regression"
        for tree in forest.estimators_[self._n_trees :]:
            answer = tree.predict(self._X) if regression else tree.predict_proba(self._X)
            self._total = self._total + answer
            self._n_trees += 1
        scores = np.asarray(self._total) / self._n_trees
        if not regression:
            scores = self._material.full_scores(scores, forest.classes_)
        return measure(self._material.task, self._y, scores, prefix=self._prefix)
