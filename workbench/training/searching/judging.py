"""Arms side by side: which one leads, and which can't plausibly catch up with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.training.searching.arms import Arm
from workbench.training.searching.racing import can_catch_up, can_outgrow, pooled_spread


@dataclass(frozen=True)
class Judge:
    """Compares arms fold by fold, on the same rows.

    Parameters
    ----------
    sign : float
        1 where higher values are better, else -1.
    n_folds : int
        Of a whole trial.
    grows : bool
        Whether more trees only help, so that arms are compared with as many; boosting is by its best number of rounds.
    screened : int
        The number of trees that forests are first judged by; 0 where they aren't.
    """

    sign: float
    n_folds: int
    grows: bool = False
    screened: int = 0

    def shown(self, arm: Arm, stage: int, n_measured: int) -> list[float]:
        """Give the first scores that an arm is compared by, more being better; none while there are fewer.

        What was measured later doesn't count: a resumed search knows it already, and must decide as it did before.
        """
        stages = [stage] if self.grows else [each for each in arm.scores if each in arm.stages or not arm.listed]
        found = [
            [self.sign * arm.scores[each][fold] for fold in range(n_measured)]
            for each in sorted(stages)
            if all(fold in arm.scores.get(each, {}) for fold in range(n_measured))
        ]
        return max(found, key=math.fsum, default=[])

    def ahead(self, arms: Sequence[Arm], stage: int, n_measured: int) -> Arm | None:
        """Give the arm with the best mean over the folds measured so far, among those that have them all."""
        there = [arm for arm in arms if arm.status != "failed" and self.shown(arm, stage, n_measured)]
        if not there:
            return None
        return max(there, key=lambda arm: (math.fsum(self.shown(arm, stage, n_measured)), -arm.index))

    def is_behind(
        self,
        arm: Arm,
        leader: Arm,
        stage: int,
        n_measured: int,
        *,
        others: Sequence[Arm] = (),
        gains: Sequence[float] | None = None,
        is_whole: bool = True,
    ) -> bool:
        """Tell whether an arm can't plausibly catch up with the leader.

        Parameters
        ----------
        arm, leader : Arm
        stage : int
            Trees or rounds that both have come to.
        n_measured : int
            Folds that the arm has.
        others : sequence of Arm
            Whose differences to the leader tell how much chance there is.
        gains : sequence of float, optional
            What more trees have gained a forest, by fold.
        is_whole : bool
            Whether the leader was measured on all folds before; of the same batch, it may have come no further.
        """
        own = self.shown(arm, stage, n_measured)
        whole = self.shown(leader, stage, self.n_folds) if is_whole else []
        best = whole or self.shown(leader, stage, n_measured)
        if self.grows and (0 < stage < arm.top or stage == self.screened != 0):
            return not can_outgrow(own, best, gains)
        shown = [self.shown(each, stage, self.n_folds) for each in others if each is not leader]
        spread = pooled_spread([values for values in shown if values], best)
        return not can_catch_up(own, best, spread=spread, n_folds=self.n_folds)
