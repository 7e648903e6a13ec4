"""The order of a search: batches of proposals, measured step by step, those behind ended early, the leader grown out.

Forests are compared on all folds with few trees first, which says more than one fold with many. Where their number of
trees is searched, the others wait so while the most promising one grows: of many that may yet win, few have to.
Everything else is compared fold by fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.estimators.catalogue import entry as find_entry
from workbench.training.searching.arena import Arena, Task
from workbench.training.searching.arms import Arm, remember
from workbench.training.searching.asking import NESTED, stages_of
from workbench.training.searching.judging import Judge
from workbench.training.searching.plan import Plan
from workbench.training.searching.proposing import Proposer
from workbench.training.searching.record import Record
from workbench.training.searching.space import Config

_FIRST_BATCH, _BATCH = 5, 4  # of a size of their own, not the machine's: the same trials on any machine
_SCREEN_SHARE, _LEAST_SCREEN = 0.3, 20  # trees of the smallest trial that a forest is first judged by
_OTHER_LOSSES = {"training.loss", "training.label_smoothing"}  # where they differ, so does what a loss means


def screen_of(smallest: int, n_folds: int) -> int:
    """Give the number of trees that forests are first judged by, 0 for none, where their smallest trial has so many."""
    screen = int(_SCREEN_SHARE * smallest)
    return screen if n_folds > 1 and screen >= _LEAST_SCREEN else 0


class Contest:
    """Measures what a proposer proposes until the trials, the time or the space are used up.

    Parameters
    ----------
    plan : Plan
    proposer : Proposer
    arena : Arena
    record : Record
    on_batch : callable, optional
        Called after each batch.
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
        entry = find_entry(plan.estimator)
        ends_itself = arena.ground.prepared.spec.training.early_stopping is not None
        self._grows = entry.progress == "trees" and entry.engine == "sklearn" and not ends_itself
        self._one_by_one = entry.engine == "keras"
        self._stages = tuple(int(stage) for stage in stages_of(plan.space.nested)) or (0,)
        self._listed = bool(plan.space.nested and plan.space.nested.values)
        self.arms: list[Arm] = []
        self.rivals: list[Arm] = []
        self._screened = self._screen()
        self._judge = Judge(self._sign, self._n_folds, grows=self._grows, screened=self._screened)
        self._waits = bool(plan.prune and self._listed and self._screened)
        self._leader: Arm | None = None
        self._probe: Arm | None = None  # the first one that grew to the smallest trial: it tells what more trees gain
        self._recorded = self._remembered()

    def run(self) -> None:
        """Go on from what is recorded to the end."""
        while self._n_taken() < self._plan.n_trials and not self._arena.cancelled():
            taken = self._n_taken()
            if not self.step(len(self.arms), taken + 1, self._plan.n_trials - taken):
                break
        self.finish_waiting()

    def step(self, index: int, number: int, left: int) -> list[Arm]:
        """Propose and measure one batch.

        Parameters
        ----------
        index, number : int
            Of its first arm, and of that one's first trial, in the whole search.
        left : int
            Trials that it may give at most.

        Returns
        -------
        list of Arm
            None where the space is used up.
        """
        batch = self._batch(index, number, left)
        if batch:
            self._race([arm for arm in batch if arm.status is None], batch)
            self.arms += batch
            self._follow_leader()
            if self._on_batch is not None:
                self._on_batch()
        return batch

    def _n_taken(self) -> int:
        return sum(arm.n_trials for arm in self.arms)

    def _batch(self, index: int, number: int, left: int) -> list[Arm]:
        hurries = self._one_by_one or self._arena.clock.is_up
        size = 1 if hurries else _BATCH if self.arms else _FIRST_BATCH
        batch: list[Arm] = []
        for place in range(size):
            if left <= 0:
                break
            found = self._recorded.get(index + place)
            if found is None:
                config = self._proposer.propose(len(self.arms) + place, self.arms, [arm.config for arm in batch])
                if config is None:
                    break
                found = self._arm(index + place, config, number, self._stages[-left:] if self._listed else self._stages)
            batch.append(found)
            number, left = number + found.n_trials, left - found.n_trials
        return batch

    def _arm(self, index: int, config: Config, number: int, stages: tuple[int, ...]) -> Arm:
        nested = NESTED.get(self._plan.estimator) if self._plan.space.nested else None
        return Arm(
            index, self._plan.estimator, config, nested=nested, stages=stages, listed=self._listed, number=number,
            fixed=dict(self._plan.fixed), recipe=self._plan.recipe, ending=self._plan.ending,
            judged_at=self._screened if self._waits else self._stages[0] if self._listed and self._grows else None,
        )  # fmt: skip

    def _remembered(self) -> dict[int, Arm]:
        """Rebuild the arms of an earlier attempt."""
        found: dict[int, Arm] = {}
        own = [trial for trial in self._record.trials.values() if trial.estimator == self._plan.estimator]
        for index in sorted({trial.arm for trial in own}):
            trials = [trial for trial in own if trial.arm == index]
            trials.sort(key=lambda trial: trial.number)
            config = dict(trials[0].config)
            nested = NESTED.get(self._plan.estimator) if self._plan.space.nested else None
            first = int(config.pop(nested, 0)) if nested else 0
            stages = self._stages
            if self._listed and first in stages:
                stages = stages[stages.index(first) :]
            arm = remember(self._arm(index, config, trials[0].number, stages), trials)
            if arm.status == "finished" and len(trials) < arm.n_trials:
                arm.status = None  # its larger trials were still to come
            found[index] = arm
            if arm.status == "finished":
                self._show_curve(arm)
        return found

    def _show_curve(self, arm: Arm) -> None:
        """Let later networks be compared with its loss by epoch, where losses are of one kind."""
        if arm.curve and self._plan.prune and not _OTHER_LOSSES & arm.config.keys():
            self._arena.curves.append(arm.curve)

    def _race(self, arms: Sequence[Arm], batch: Sequence[Arm]) -> None:
        legs = self._legs()
        for folds, stages in legs:
            self._measure(arms, folds, stages, arm_by_arm=(folds, stages) == legs[-1])
            if self._arena.cancelled():
                return
            if self._plan.prune:
                for arm in arms:
                    self._end_behind(arm, [*self.rivals, *self.arms, *batch], folds[-1] + 1, stages[-1])
            self._settle(arms)

    def _legs(self) -> list[tuple[list[int], tuple[int, ...]]]:
        """Say which folds are measured up to which number of trees, one leg after the other."""
        folds = list(range(self._n_folds))
        if not self._plan.prune:
            return [(folds, self._stages)]
        if self._grows:
            first = (self._stages[0],) if self._listed else self._stages
            if not self._screened:
                return [(folds, first)]
            screening = (folds, (self._screened,))
            return [screening] if self._waits else [screening, (folds, first)]
        parts = [folds[:1], folds[1:2], folds[2:]]
        return [(part, self._stages) for part in parts if part]

    def _screen(self) -> int:
        smallest = self._stages[0] or int(self._plan.fixed.get(NESTED.get(self._plan.estimator, ""), 200))
        return screen_of(smallest, self._n_folds) if self._grows else 0

    def _measure(
        self, arms: Sequence[Arm], folds: Sequence[int], stages: Sequence[int], *, arm_by_arm: bool = False
    ) -> None:
        """Measure folds up to a number of trees, fold by fold, or the most promising arm first."""
        alive = [arm for arm in arms if arm.status is None]
        pairs = [(fold, arm) for fold in folds for arm in alive]
        if arm_by_arm:  # whenever a stop comes, one is complete that may be kept
            alive.sort(key=lambda arm: -self._sign * (arm.mean(arm.best_stage(self._sign)) or 0.0))
            pairs = [(fold, arm) for arm in alive for fold in folds]
        tasks = []
        for fold, arm in pairs:
            passed = sorted({*stages, *(each for each in arm.stages if 0 < each < max(stages))})
            left = tuple(each for each in passed if fold not in arm.scores.get(each, {}))
            if left:
                tasks.append(Task(arm, fold, left))
        for _ in self._arena.run(tasks):
            self._settle(arms)

    def _settle(self, arms: Sequence[Arm]) -> None:
        """Write what has ended."""
        for arm in arms:
            complete = all(len(arm.scores.get(stage, {})) == self._n_folds for stage in arm.stages)
            if arm.status is None and complete:
                arm.status = "finished"
                self._show_curve(arm)
            if arm.status is not None:
                self._arena.leave(arm)
            if arm.status is not None or self._listed:
                self._record.add(arm.trials(self._n_folds, self._sign))

    def _end_behind(
        self, arm: Arm, field: Sequence[Arm], n_measured: int, stage: int, *, is_over: bool = False
    ) -> None:
        """End an arm that can't plausibly catch up with the best of the field at the same stage."""
        leader = self._judge.ahead(field, stage, n_measured)
        if arm.status is not None or leader is None or leader is arm:
            return
        if not self._judge.shown(arm, stage, n_measured):
            return
        behind = self._judge.is_behind(
            arm, leader, stage, n_measured,
            others=self.arms,
            gains=self._gains(leader, stage, is_over=is_over),
            is_whole=any(leader is each for each in (*self.rivals, *self.arms)),
        )  # fmt: skip
        if behind:
            arm.status = "pruned"
            trees = f" with {stage} trees" if stage and self._grows else ""
            arm.reason = (
                f"Ended after {n_measured} of {self._n_folds} folds{trees}: behind trial {leader.number} "
                "by more than chance explains."
            )

    def _gains(self, leader: Arm, stage: int, *, is_over: bool) -> list[float] | None:
        """Give what more trees have gained the leader, by fold, beyond a stage.

        While batches are measured only the first trial of an arm of an earlier batch counts: what else is known of it
        depends on when the search was resumed.
        """
        grown: Arm | None = leader
        if is_over:
            later = leader.best_stage(self._sign)
        elif stage != self._screened:
            return None
        elif self._waits:
            grown, later = self._probe, self._stages[0]
        elif any(leader is each for each in self.arms):
            later = leader.best_stage(self._sign)
        else:
            return None
        if grown is None:
            return None
        now, then = grown.values(stage), grown.values(later)
        if later == stage or len(now) != len(then):
            return None
        return [self._sign * (b - a) for a, b in zip(now, then, strict=True)]

    def _follow_leader(self) -> None:
        """Grow the leader out once it has led through a batch: one that is overtaken at once would be grown in vain.

        The first leader grows to the smallest trial at once, so that there is a best to keep, whenever a stop comes.
        """
        stage = self._screened if self._waits else self._stages[0]
        leader = self._judge.ahead(self.arms, stage, self._n_folds) if self._listed and self._grows else None
        if leader is None:
            return
        if self._waits and self._probe is None:
            self._probe = leader
            self._measure([leader], range(self._n_folds), leader.stages[:1])
        if leader is self._leader and leader.status is None:
            self._measure([leader], range(self._n_folds), leader.stages)
        self._leader = leader

    def finish_waiting(self) -> None:
        """Grow out whoever can still become the best, the most promising first."""
        stages = [self._screened, self._stages[0]] if self._waits else [self._stages[0]]
        waiting = [arm for arm in self.arms if arm.status is None and arm.values(stages[0])]
        waiting.sort(key=lambda arm: (-self._sign * (arm.mean(stages[0]) or 0.0), arm.index))
        for arm in waiting:
            for stage in stages:
                if self._arena.cancelled():
                    return
                self._measure([arm], range(self._n_folds), (stage,))
                if self._plan.prune:
                    self._end_behind(arm, self.arms, self._n_folds, stage, is_over=True)
            self._measure([arm], range(self._n_folds), arm.stages)
            self._settle([arm])
