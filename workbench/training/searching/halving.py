"""Successive halving: many trials on few rows, the better third of them on three times as many, and so on.

Source: Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from workbench.training.searching.arena import Arena, Task
from workbench.training.searching.arms import Arm, remember
from workbench.training.searching.plan import Plan
from workbench.training.searching.proposing import Proposer
from workbench.training.searching.record import Record

FACTOR = 3
_FEWEST_ROWS = 100  # on fewer a fold says nothing


class Halving:
    """Runs brackets of successive halving until the trials are used up.

    Parameters
    ----------
    plan : Plan
    proposer : Proposer
        Proposes without looking at results.
    arena : Arena
    record : Record
    on_batch : callable, optional
        Called after each round.
    """

    def __init__(
        self,
        plan: Plan,
        proposer: Proposer,
        arena: Arena,
        record: Record,
        on_batch: Callable[[], object] | None = None,
    ) -> None:
        self._plan, self._proposer, self._arena, self._record = plan, proposer, arena, record
        self._on_batch = on_batch
        self._sign = arena.scorer.sign
        self._n_folds = arena.ground.n_folds
        self.arms: list[Arm] = []

    def run(self) -> None:
        """Go on from what is recorded to the end."""
        recorded = {trial.arm: trial for trial in self._record.trials.values()}
        while len(self.arms) < self._plan.n_trials and not self._arena.cancelled():
            bracket = self._bracket()
            if not bracket:
                return
            bracket = [remember(arm, [recorded[arm.index]]) if arm.index in recorded else arm for arm in bracket]
            self._halve(bracket)
            self.arms += bracket

    def _bracket(self) -> list[Arm]:
        """Propose the arms of a bracket: all that are left of the budget."""
        bracket: list[Arm] = []
        for index in range(len(self.arms), self._plan.n_trials):
            config = self._proposer.propose(index, [], [arm.config for arm in (*self.arms, *bracket)])
            if config is None:
                break
            number = index + 1
            bracket.append(Arm(index, self._plan.estimator, config, number=number, fixed=dict(self._plan.fixed)))
        return bracket

    def _halve(self, bracket: list[Arm]) -> None:
        alive = list(bracket)
        for n_rows in self.rounds(len(bracket)):
            self._round(alive, n_rows)
            if self._arena.cancelled():
                return
            alive = [arm for arm in alive if arm.status != "failed" and _reached(arm, n_rows) is not None]
            if n_rows == self._arena.ground.n_train_rows:
                break
            alive.sort(key=lambda arm: (-self._sign * (_reached(arm, n_rows) or 0.0), arm.index))
            kept = max(1, math.ceil(len(alive) / FACTOR))
            for arm in alive[kept:]:
                if arm.status is None:
                    arm.status = "pruned"
                    arm.reason = f"Not among the best {kept} of {len(alive)} on {n_rows:,} training rows."
                    self._record.add(arm.trials(self._n_folds, self._sign))
            alive = alive[:kept]
            if self._on_batch is not None:
                self._on_batch()

    def rounds(self, n_arms: int) -> list[int]:
        """Say how many training rows each round has; the last has all of a fold.

        As many rounds as the arms can be divided by three, while the first still has a hundred rows.
        """
        every = self._arena.ground.n_train_rows
        n_rounds = 1 + max(0, math.floor(math.log(max(n_arms, 1), FACTOR) + 1e-9))
        while n_rounds > 1 and every / FACTOR ** (n_rounds - 1) < _FEWEST_ROWS:
            n_rounds -= 1
        return [max(1, round(every / FACTOR**place)) for place in reversed(range(n_rounds))]

    def _round(self, arms: Sequence[Arm], n_rows: int) -> None:
        is_last = n_rows == self._arena.ground.n_train_rows
        left = [arm for arm in arms if arm.status is None and _reached(arm, n_rows) is None]
        for arm in left:
            arm.scores = {}  # those of fewer rows
        rows = 0 if is_last else n_rows
        tasks = [Task(arm, fold, arm.stages, rows) for arm in left for fold in range(self._n_folds)]
        for _ in self._arena.run(tasks):
            for arm in left:
                mean = arm.mean(arm.stages[0])
                complete = len(arm.values(arm.stages[0])) == self._n_folds
                if mean is not None and complete and _reached(arm, n_rows) is None:
                    arm.rungs.append([n_rows, mean])
                    self._arena.leave(arm)
                    if is_last:
                        arm.status = "finished"
                if arm.status is not None:
                    self._record.add(arm.trials(self._n_folds, self._sign))


def _reached(arm: Arm, n_rows: int) -> float | None:
    return next((mean for rows, mean in arm.rungs if rows == n_rows), None)
