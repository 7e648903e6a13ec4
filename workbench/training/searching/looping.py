"""Trials that run the loop of the run itself: networks, early stopping, estimators of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from workbench.training.live import Live
from workbench.training.loops import fit as fit_in_loop
from workbench.training.loops.material import Material
from workbench.training.progress import Progress
from workbench.training.searching.fold_fit import BehindError, Cancelled, CancelledError, TimedFit
from workbench.training.searching.racing import behind_on_epochs
from workbench.training.searching.scoring import Scorer


class LoopedFit(TimedFit):
    """The loop that the run itself uses: networks, early stopping, estimators of the user's own."""

    def __init__(
        self,
        material: Material,
        scorer: Scorer,
        cancelled: Cancelled,
        progress: Progress | None,
        others: Sequence[Sequence[float]],
    ) -> None:
        super().__init__(material, scorer)
        self._cancelled, self._progress, self._others = cancelled, progress, others

    def _advance(self, stage: int) -> float:
        if self._cancelled():
            raise CancelledError
        live = TrialLive(self._progress, self._cancelled, self._others)
        try:
            self._model = fit_in_loop(self._material, live)
            self.curve = live.curve
            if self._cancelled():
                raise CancelledError
            value = self._score(self._model.scores(self._material.X_validation))
            n_epochs = self._material.training.epochs
            if live.behind and len(live.curve) < n_epochs:
                epochs = f"{len(live.curve)} of {n_epochs} epochs"
                raise BehindError(f"its loss was above the median of the others after {epochs}", value)
            return value
        finally:
            if self._material.entry.engine == "keras":
                import keras

                keras.utils.clear_session()  # or the networks of all trials stay in memory


class TrialLive(Live):
    """What the loop of one trial reports to: its loss by epoch, and whether to end it."""

    def __init__(self, progress: Progress | None, cancelled: Cancelled, others: Sequence[Sequence[float]]) -> None:
        super().__init__(None, cast(Progress, progress), has_validation=True)  # nothing below asks it
        self._cancelled, self._others = cancelled, others
        self.curve: list[float] = []
        self.behind = False

    def record(self, step: int, epoch: float, values: Mapping[str, float], *, at: float | None = None) -> bool:
        """Keep the loss of a whole epoch, and compare it with that of others."""
        found = super().record(step, epoch, values, at=at)
        if float(epoch).is_integer() and self._watched in values:
            self.curve.append(float(f"{values[self._watched]:.6g}"))
            self.behind = self.behind or behind_on_epochs(self.curve, self._others)
        return found

    def stop_requested(self) -> bool:
        """Tell whether the trial isn't worth going on, or the search is over."""
        return self.behind or self._cancelled()

    def count(self, step: int, total: int, unit: str) -> None:
        """Leave the run's count alone: it counts trials."""
        self._unit = unit

    def note(self, text: str) -> None:
        """Keep it to itself: a trial's model isn't the run's."""

    def log(self, text: str) -> None:
        """Keep it to itself, for the same reason."""

    def _tell_best(self) -> None:
        """Keep it to itself, for the same reason."""
