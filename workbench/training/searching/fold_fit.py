"""What all fits of a trial on one fold have in common: their time, their score, and how they end early."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from workbench.estimators.native import NativeModel
from workbench.training.loops.material import Material
from workbench.training.searching.scoring import Scorer

Cancelled = Callable[[], bool]


class CancelledError(Exception):
    """The search was stopped, or its time was up, in the middle of a fit."""


class BehindError(Exception):
    """A network fell behind the others while it trained; `value` is the score that it had reached."""

    def __init__(self, reason: str, value: float) -> None:
        super().__init__(reason)
        self.value = value


class FoldFit(Protocol):
    """A fit under way."""

    seconds: float
    curve: list[float]

    def advance(self, stage: int) -> float | None:
        """Go to a number of trees or rounds (0 where there is none); give the score, None where it ended before."""
        ...

    def model(self) -> NativeModel | None:
        """Give the model, where the fit kept it."""
        ...


class TimedFit:
    """Counts the seconds of a fit; what is fitted, and how, its children know."""

    def __init__(self, material: Material, scorer: Scorer) -> None:
        self._material, self._scorer = material, scorer
        self._model: NativeModel | None = None
        self.seconds = 0.0
        self.curve: list[float] = []

    def advance(self, stage: int) -> float | None:
        """Go to a number of trees or rounds; give the score there, None where it ended before."""
        began = time.perf_counter()
        try:
            return self._advance(stage)
        finally:
            self.seconds += time.perf_counter() - began

    def model(self) -> NativeModel | None:
        """Give the model, where the fit kept it."""
        return self._model

    def _advance(self, stage: int) -> float | None:
        raise NotImplementedError

    def _score(self, scores: np.ndarray) -> float:
        scaling, plain = self._material.scaling, self._material.plain or self._material
        return self._scorer(plain.y_validation, scores if scaling is None else scaling.values(scores))
