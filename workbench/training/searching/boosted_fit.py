"""Boosting on a fold: one fit to the largest number of rounds, the smaller ones measured on its way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from workbench.training.loops.boosting import validation_rows, with_values
from workbench.training.loops.material import Material
from workbench.training.searching.fold_fit import Cancelled, CancelledError, TimedFit
from workbench.training.searching.scoring import Scorer

_PATIENCE = 50  # rounds without a better validation loss; longer than a run's own, since the metric may lag behind
_NEVER = 2**31 - 1


class BoostedFit(TimedFit):
    """One fit; where it ends before some of the numbers that are measured, they are left out.

    Parameters
    ----------
    material : Material
    scorer : Scorer
    cancelled : callable
        Asked after each round.
    stages : sequence of int
        The numbers of rounds that are measured.
    ends : bool
        Whether it may end where its validation loss hasn't fallen for 50 rounds.
    """

    def __init__(
        self, material: Material, scorer: Scorer, cancelled: Cancelled, stages: Sequence[int], *, ends: bool
    ) -> None:
        super().__init__(material, scorer)
        self._cancelled, self._ends = cancelled, ends
        self._stages = sorted(stages)
        self._measured: dict[int, float] = {}

    def _advance(self, stage: int) -> float | None:
        if not self._measured:
            self._fit()
        return self._measured.get(stage or max(self._measured))

    def _fit(self) -> None:
        material = self._material
        booster = material.build()
        X, weights = with_values(material.X_train), material.weights
        if material.entry.name == "hist_gradient_boosting":
            watch = _Watch(booster, self._cancelled, ends=self._ends)
            booster.set_params(
                early_stopping=True, scoring="loss", validation_fraction=None, n_iter_no_change=_NEVER, tol=0.0
            )
            booster._check_early_stopping_loss = watch
            booster.fit(X, material.y_train, sample_weight=weights, **validation_rows(material))
            del booster._check_early_stopping_loss
        else:
            booster.fit(X, material.y_train, sample_weight=weights, monitor=lambda *_: _look(self._cancelled))
        self._model = material.wrap(booster)
        self._measure(booster)

    def _measure(self, booster: Any) -> None:
        regression = self._material.task == "regression"
        answers: Iterable[np.ndarray] = (booster.staged_predict if regression else booster.staged_predict_proba)(
            self._material.X_validation
        )
        n_rounds, scores = 0, np.empty(0)
        for n_rounds, scores in enumerate(answers, start=1):
            if n_rounds in self._stages:
                self._measured[n_rounds] = self._score(self._full(scores, booster))
        for stage in self._stages if not self._ends else self._stages[:1]:
            if stage > n_rounds:  # it could grow no further
                self._measured[stage] = self._score(self._full(scores, booster))

    def _full(self, scores: np.ndarray, booster: Any) -> np.ndarray:
        found = np.array(scores, dtype=np.float64)
        if self._material.task == "regression":
            return found.reshape(-1, 1)
        return self._material.full_scores(found, booster.classes_)


def _look(cancelled: Cancelled) -> bool:
    if cancelled():
        raise CancelledError
    return False


class _Watch:
    """Stands in for the method of the estimator that measures a round and says whether to stop."""

    def __init__(self, model: Any, cancelled: Cancelled, *, ends: bool) -> None:
        self._model, self._cancelled, self._ends = model, cancelled, ends
        self._measured = type(model)._check_early_stopping_loss

    def __call__(self, *arguments: Any, **named: Any) -> bool:
        _look(self._cancelled)
        self._measured(self._model, *arguments, **named)
        scores = self._model.validation_score_
        return self._ends and len(scores) > _PATIENCE and max(scores[:-_PATIENCE]) >= max(scores[-_PATIENCE:])
