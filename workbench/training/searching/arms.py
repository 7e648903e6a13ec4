"""One fit that is measured on folds, and the trials that it gives: one, or one for each number of trees it passes."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.recipe.spec import Step
from workbench.training.searching.space import Config
from workbench.training.searching.trials import Trial, TrialStatus, mean_and_std, split_config


@dataclass
class Arm:
    """A point of the space without trees or rounds, and what has been measured of it.

    Parameters
    ----------
    index : int
        From 0 on, in the order in which they are proposed.
    estimator : str
    config : dict
    nested : str, optional
        The parameter that counts trees or rounds.
    stages : tuple of int
        The numbers that are measured; one 0 where nothing is nested.
    listed : bool
        Whether each of them is a trial of its own; one trial keeps the best of them otherwise.
    recipe : tuple of Step, optional
        In place of the run's own.
    ending : tuple of Step
        The steps in `recipe` that the run's own hasn't.
    fixed : dict
        Parameters that aren't searched.
    judged_at : int, optional
        The number of trees at which arms are compared, since all of them come so far; their best one when absent.
    """

    index: int
    estimator: str
    config: Config
    nested: str | None = None
    stages: tuple[int, ...] = (0,)
    listed: bool = False
    recipe: tuple[Step, ...] | None = None
    ending: tuple[Step, ...] = ()
    fixed: Config = field(default_factory=dict)
    judged_at: int | None = None
    number: int = 0
    status: TrialStatus | None = None
    reason: str | None = None
    scores: dict[int, dict[int, float]] = field(default_factory=dict)  # stage -> fold -> score
    seconds: dict[int, float] = field(default_factory=dict)  # stage -> seconds since the one before
    curve: list[float] = field(default_factory=list)
    rungs: list[list[float]] = field(default_factory=list)
    latency_ms: float | None = None
    latency_by: str | None = None
    size_mib: float | None = None

    @property
    def n_trials(self) -> int:
        """Trials that it gives."""
        return len(self.stages) if self.listed else 1

    @property
    def top(self) -> int:
        """The largest number of trees or rounds."""
        return max(self.stages)

    def values(self, stage: int) -> list[float]:
        """Give the scores of a stage, in the order of the folds."""
        found = self.scores.get(stage, {})
        return [found[fold] for fold in sorted(found)]

    def _first_values(self, stage: int) -> list[float]:
        """Give the scores up to the first fold that never came to a stage."""
        found = self.scores[stage]
        return [found[fold] for fold in itertools.takewhile(found.__contains__, range(len(found)))]

    def mean(self, stage: int) -> float | None:
        """Give the mean of a stage; None where nothing was measured."""
        values = self.values(stage)
        return math.fsum(values) / len(values) if values else None

    def judged_stage(self, sign: float) -> int:
        """Give the stage at which it is compared with others."""
        at = self.judged_at
        return at if at is not None and self.scores.get(at) else self.best_stage(sign)

    def best_stage(self, sign: float) -> int:
        """Give the stage with the best mean; the smallest of those that are equal."""
        measured = [stage for stage in self.stages if self.scores.get(stage)]
        if not measured:  # it never got so far as its smallest trial
            return max(self.scores, default=self.top)
        # A stage that fewer folds have reached is no match for one with all.
        full = max(len(self.scores[stage]) for stage in measured)
        complete = [stage for stage in measured if len(self.scores[stage]) == full]
        return max(complete, key=lambda stage: (sign * (self.mean(stage) or 0.0), -stage))

    def seconds_to(self, stage: int) -> float:
        """Give the seconds that all folds took up to a number of trees or rounds."""
        everything = stage == 0 or stage >= self.top
        return math.fsum(spent for at, spent in self.seconds.items() if everything or 0 < at <= stage)

    def trials(self, n_folds: int, sign: float) -> list[Trial]:
        """Give the trials of an arm that has ended; of one that goes on, those that are finished."""
        stages = self.stages if self.listed else (self.best_stage(sign),)
        numbered = [(self.number + place, stage) for place, stage in enumerate(stages)]
        if self.status is None:
            numbered = [(number, stage) for number, stage in numbered if len(self.values(stage)) == n_folds]
        return [self._trial(number, stage, n_folds) for number, stage in numbered]

    def _trial(self, number: int, stage: int, n_folds: int) -> Trial:
        values = self.values(stage)
        status: TrialStatus = self.status or "finished"
        if status == "pruned" and self.listed and len(values) == n_folds and not self.rungs:
            status = "finished"  # its first trees were measured on all folds before it was ended
        mean, std = mean_and_std(values) if values else (None, None)
        if status == "pruned" and not values and number == self.number and self.scores:
            values = self.values(max(self.scores))  # with fewer trees than any trial has: it tells why it was ended
            mean, std, values = *mean_and_std(values), []
        params, training = split_config({**self.config, **({self.nested: stage} if self.nested else {})})
        path: list[list[float]] = []
        if number == self.number:  # what isn't a trial of its own stands with the first one
            others = [each for each in sorted(self.scores) if not self.listed or each not in self.stages]
            path = [[each, *self._first_values(each)] for each in others if each != stage]
        return Trial(
            number=number,
            estimator=self.estimator,
            params=params,
            training=training,
            status=status,
            value=mean if status != "failed" else None,
            values=values,
            std=std,
            seconds=round(self.seconds_to(stage), 4),
            step=len(values),
            reason=None if status == "finished" else self.reason,
            rungs=self.rungs,
            path=path,
            curve=self.curve,
            latency_ms=self.latency_ms,
            size_mib=self.size_mib,
            latency_by=self.latency_by,
            arm=self.index,
            recipe=[step.model_dump(mode="json", exclude_defaults=True) | {"step": step.step} for step in self.ending]
            or None,
        )


def remember(arm: Arm, trials: Sequence[Trial]) -> Arm:
    """Put what was recorded of an arm back into it."""
    first = trials[0]
    found = dataclasses.replace(arm, number=first.number, curve=list(first.curve), rungs=list(first.rungs))
    found.scores = {}
    for trial in trials:
        stage = int(trial.params[arm.nested]) if arm.nested and arm.nested in trial.params else 0
        found.scores[stage] = dict(enumerate(trial.values))
        found.scores |= {int(count): dict(enumerate(values)) for count, *values in trial.path}
    found.seconds = {max(found.scores, default=0): max(trial.seconds for trial in trials)}
    statuses: list[Any] = [trial.status for trial in trials]
    found.status = next((status for status in ("failed", "pruned") if status in statuses), "finished")
    found.reason = next((trial.reason for trial in trials if trial.reason), None)
    found.latency_ms, found.size_mib, found.latency_by = first.latency_ms, first.size_mib, first.latency_by
    return found
