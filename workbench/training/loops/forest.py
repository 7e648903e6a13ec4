"""Forests and extra trees, grown by warm starts: some trees, a point on the curve, some more."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from workbench.estimators.native import NativeModel
from workbench.training.live import Live
from workbench.training.loops.material import Material
from workbench.training.loops.stored_trees import Growth, few_rows, tree_arrays, trees_from
from workbench.training.patience import Patience

_N_POINTS = 20  # points on the curve once it is under way


def fit_forest(material: Material, live: Live) -> NativeModel:
    """Grow a forest in chunks.

    The trees are those of one `fit` with the same seed, also where it goes on from a checkpoint. Early stopping counts
    chunks, a twentieth of the trees each, and cuts the forest back to its best size; so does a stop.
    """
    from workbench.estimators.classical import keep_rounds

    forest = material.build()
    total = forest.n_estimators
    early = material.training.early_stopping
    patience = Patience(early.patience, early.min_delta) if early else None
    growth = Growth(material.checkpoint, "forest")
    forest.set_params(warm_start=True)
    done = _resumed(forest, material, growth, live, patience)
    curves = [_Curve(material, *material.curve_rows(), prefix="")]
    if material.has_validation:
        curves.append(_Curve(material, material.X_validation, material.y_validation, prefix="val_"))
    live.count(done, total, "tree")
    cut = False
    for n_trees in chunk_ends(total):
        if n_trees <= done:
            continue
        _grow(forest, n_trees, material)
        values: dict[str, float] = {}
        for curve in curves:
            values |= curve.extend(forest)
        live.record(n_trees, n_trees, values)
        live.count(n_trees, total, "tree")
        exhausted = patience is not None and patience.exhausted_by(live.watched(values))
        stop = live.stop_requested() and n_trees < total
        if stop or growth.due():
            _save(forest, growth, live, patience)
        if patience is not None and exhausted:
            why = patience.words(live.watched_metric(values), "chunks")
            live.note(f"Stopped early at {n_trees} of {total} trees: {why}.")
        cut = exhausted or stop
        if cut:
            break
    if cut and live.best_step:
        keep_rounds(forest, live.best_step)
        live.note(f"The best {live.best_step} trees are kept.")
    forest.set_params(warm_start=False)
    return material.wrap(forest)


def _save(forest: Any, growth: Growth, live: Live, patience: Patience | None) -> None:
    state = {"live": live.memory(), "patience": patience.memory() if patience else None}
    growth.save(state, len(forest.estimators_), lambda first: tree_arrays(forest.estimators_[first:]))


def _resumed(forest: Any, material: Material, growth: Growth, live: Live, patience: Patience | None) -> int:
    """Take up the trees of an earlier attempt; give their number."""
    found = growth.load()
    if found is None:
        return 0
    saved, parts = found
    rows = few_rows(material.y_train, material.task)
    template = material.build().set_params(n_estimators=1).fit(material.X_train[rows], material.y_train[rows])
    forest.estimators_ = [tree for part in parts for tree in trees_from(part, template.estimators_[0])]
    live.recall(saved.document["live"])
    if patience is not None and saved.document["patience"]:
        patience.recall(saved.document["patience"])
    if len(forest.estimators_) == forest.n_estimators:  # nothing is left to grow, but what a fit sets besides
        _grow(forest, forest.n_estimators, material)
    live.log(f"Went on from {len(forest.estimators_)} trees.")
    return len(forest.estimators_)


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
        warnings.filterwarnings("ignore", message="Warm-start fitting without increasing", category=UserWarning)
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
        return self._material.measure(self._y, scores, prefix=self._prefix)
