"""One fit on one fold: it goes to a number of trees or rounds, is measured there, and may go on from there later."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.estimators.catalogue import check_params
from workbench.estimators.native import NativeModel
from workbench.training.loops import fit as fit_in_loop
from workbench.training.loops.boosting import with_values
from workbench.training.loops.material import Material
from workbench.training.progress import Progress
from workbench.training.searching.boosted_fit import BoostedFit
from workbench.training.searching.fold_fit import Cancelled, CancelledError, FoldFit, TimedFit
from workbench.training.searching.ground import FoldRows
from workbench.training.searching.looping import LoopedFit, TrialLive
from workbench.training.searching.scoring import Scorer
from workbench.training.searching.trials import split_config

_CHUNK = 50  # trees between two looks at the clock and at the stop flag


def begin_fit(
    rows: FoldRows,
    config: Mapping[str, Any],
    stages: Sequence[int],
    *,
    nested: str | None,
    scorer: Scorer,
    cancelled: Cancelled,
    n_jobs: int = 1,
    fixed: Mapping[str, Any] | None = None,
    others: Sequence[Sequence[float]] = (),
    progress: Progress | None = None,
    keep_model: bool = False,
    ends: bool = False,
) -> FoldFit:
    """Choose how a trial is fitted on a fold: trees grow, rounds are measured on their way, all else runs its own loop.

    Parameters
    ----------
    rows : FoldRows
    config : mapping of str to object
        Searched values, without the nested one.
    stages : sequence of int
        Numbers of trees or rounds to measure at; empty where nothing is nested.
    nested : str, optional
        The parameter that counts them.
    scorer : Scorer
    cancelled : callable
    n_jobs : int, default 1
    fixed : mapping, optional
        Parameters that the RunSpec sets.
    others : sequence of sequence of float
        Loss by epoch of networks that went to their end, to compare with; none compares nothing.
    progress : Progress, optional
        Needed for what runs its own loop.
    keep_model : bool
        Whether the model is asked for later; a forest lets its trees go otherwise.
    ends : bool
        Whether boosting may end before the largest number, where its loss hasn't fallen for long.
    """
    counted = {nested: max(stages)} if nested and stages else {}
    material = material_of(rows, {**(fixed or {}), **counted}, config, n_jobs)
    if material.entry.engine == "sklearn" and not _needs_loop(material):
        material = _moved(rows, material)
        if material.entry.progress == "trees":
            return _Forest(material, rows, scorer, cancelled, keep_model)
        if material.entry.progress == "rounds" and nested:
            return BoostedFit(material, scorer, cancelled, stages, ends=ends)
        return _Single(material, scorer)
    return LoopedFit(material, scorer, cancelled, progress, others)


def material_of(rows: FoldRows, fixed: Mapping[str, Any], config: Mapping[str, Any], n_jobs: int) -> Material:
    """Put a trial's parameters and training options into a fold's material."""
    material = rows.material
    params, training = split_config(dict(config))
    checked = check_params(material.entry, {**fixed, **params})
    options = material.training.model_copy(update=training)
    changed = replace(material, params=checked, training=options, n_jobs=n_jobs)
    if material.entry.engine != "keras":
        return changed
    from workbench.training.learning import network_builder

    spec = rows.prepared.spec.model_copy(update={"training": options})
    prepared = replace(rows.prepared, spec=spec, entry=material.entry, params=checked)
    return replace(changed, network=network_builder(prepared, rows.recipe))


def _moved(rows: FoldRows, material: Material) -> Material:
    """Give rows and target as the estimator can take them, found once for all trials on a fold."""
    found = rows.material.scaled
    if found.scaling is None:
        return material
    return replace(found, params=material.params, training=material.training, n_jobs=material.n_jobs)


def _needs_loop(material: Material) -> bool:
    """Early stopping looks at the validation rows after each round, as the run itself will."""
    return material.training.early_stopping is not None and material.entry.progress in ("trees", "rounds")


class _Forest(TimedFit):
    """Trees are grown in chunks, answer for the validation rows and are let go: a sum is all that is kept of them.

    The trees are those of one fit with the same seed, since a warm start goes on where the random numbers were.
    """

    def __init__(
        self, material: Material, rows: FoldRows, scorer: Scorer, cancelled: Cancelled, keep_model: bool
    ) -> None:
        super().__init__(material, scorer)
        self._cancelled, self._keep = cancelled, keep_model
        narrow = rows.narrow if material.scaling is None else None
        self._X, self._X_validation = narrow or (material.X_train, material.X_validation.astype(np.float32))
        self._forest = material.build()
        self._most = int(self._forest.n_estimators)
        self._forest.set_params(warm_start=True)
        self._total: Any = 0.0
        self._n_trees = 0

    def model(self) -> NativeModel | None:
        return self._material.wrap(self._forest) if self._keep else None

    def _advance(self, stage: int) -> float:
        wanted = stage or self._most
        while self._n_trees < wanted:
            if self._cancelled():
                raise CancelledError
            self._grow(min(wanted, self._n_trees + _CHUNK))
        scores = self._total / self._n_trees
        if self._material.task == "regression":
            return self._score(scores.reshape(-1, 1))
        return self._score(self._material.full_scores(scores, self._forest.classes_))

    def _grow(self, n_trees: int) -> None:
        material = self._material
        self._forest.set_params(n_estimators=n_trees)
        self._forest.fit(self._X, material.y_train, sample_weight=material.weights)
        trees = self._forest.estimators_
        for place in range(self._n_trees, n_trees):
            tree = trees[place]
            answer = tree.predict if material.task == "regression" else tree.predict_proba
            self._total = self._total + answer(self._X_validation, check_input=False)
            if not self._keep:
                trees[place] = None  # a warm start only counts them
        self._n_trees = n_trees


class _Single(TimedFit):
    """One call of fit."""

    def _advance(self, stage: int) -> float:
        material = self._material
        estimator = material.build()
        weights = {} if material.weights is None else {"sample_weight": material.weights}
        estimator.fit(with_values(material.X_train), material.y_train, **weights)
        self._model = material.wrap(estimator)
        scores = self._model.scores((material.plain or material).X_validation)
        return self._score(scores if material.scaling is None else material.scaling.targets(scores))


def fit_plainly(rows: FoldRows, config: Mapping[str, Any], fixed: Mapping[str, Any]) -> float:
    """Fit once, without measuring anything but the seconds that it takes."""
    kept = {name: value for name, value in fixed.items() if name not in config}
    material = material_of(rows, kept, config, n_jobs=1)
    began = time.perf_counter()
    if material.entry.engine == "sklearn":
        weights = {} if material.weights is None else {"sample_weight": material.weights}
        X = rows.narrow[0] if rows.narrow is not None else with_values(material.X_train)
        material.build().fit(X, material.y_train, **weights)
    else:
        fit_in_loop(material, TrialLive(None, lambda: False, ()))
    return time.perf_counter() - began
