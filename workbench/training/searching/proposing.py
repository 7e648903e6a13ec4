"""Which point of a space comes next: all of a grid, at random, or learned from the trials before (TPE).

What is proposed depends on the seed, the place in the order and the trials of earlier batches alone, never on which
thread was faster: so a search that is resumed proposes what it would have proposed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.estimators.entry import EstimatorEntry
from workbench.estimators.spec import TrainingSpec
from workbench.training.searching.arms import Arm
from workbench.training.searching.options import TRAINING_OPTIONS
from workbench.training.searching.space import Config, Dimension, Space, key_of

if TYPE_CHECKING:
    import optuna

_DRAWS = 200  # draws before a space counts as exhausted
_STREAM = 11  # beside the seed, so that draws differ from those of splits and folds
GRID_OF_RANGE = 3  # values of a range on a grid
_LISTED_GRID = 200_000  # points of a grid up to which an unseen one can be looked for by going through them

# Which end of a parameter makes a fit quick. The first trials start there: a quick good trial is what ends bad ones
# early. The idea: Wu, Wang and Huang, Frugal Optimization for Cost-related Hyperparameters, AAAI 2021.
_QUICK_END = {
    "max_depth": 0.0,
    "max_leaf_nodes": 0.0,
    "min_samples_split": 1.0,
    "min_samples_leaf": 1.0,
    "max_features": 0.0,
    "learning_rate": 1.0,
    "training.batch_size": 1.0,
    "training.epochs": 0.0,
}


def defaults_of(entry: EstimatorEntry, training: TrainingSpec, fixed: Config | None = None) -> Config:
    """Give an estimator's own values of everything that can be searched, by their names in a space."""
    options = {f"training.{each.name}": getattr(training, each.name) for each in TRAINING_OPTIONS}
    return {**{each.name: each.default for each in entry.parameters}, **options, **(fixed or {})}


class Proposer:
    """Proposes points of a space that haven't been tried.

    Parameters
    ----------
    space : Space
    seed : int
    defaults : dict
        The estimator's own values, near which one of the first trials lies.
    sign : float
        1 where higher values are better, else -1.
    """

    def __init__(self, space: Space, *, seed: int, defaults: Config, sign: float) -> None:
        self.space, self.seed, self.sign = space, seed, sign
        self._defaults = defaults

    def propose(self, index: int, known: Sequence[Arm], beside: Sequence[Config]) -> Config | None:
        """Give the point of an arm.

        Parameters
        ----------
        index : int
            The arm's place in the order, from 0.
        known : sequence of Arm
            Arms of earlier batches, with their scores.
        beside : sequence of dict
            Points of the same batch.

        Returns
        -------
        dict or None
            None where the space has no other point.
        """
        taken = {key_of(arm.config) for arm in known} | {key_of(config) for config in beside}
        if len(taken) >= self.space.n_arms:
            return None
        for config in self._candidates(index, known, beside):
            if key_of(config) not in taken:
                return config
        return self._unseen(index, taken)

    def _candidates(self, index: int, known: Sequence[Arm], beside: Sequence[Config]) -> Iterator[Config]:
        raise NotImplementedError

    def _unseen(self, index: int, taken: set[str]) -> Config | None:
        """Look for any point that hasn't been tried."""
        rng = np.random.default_rng((self.seed, _STREAM, index, 1))
        for _ in range(_DRAWS):
            config = self.space.point(lambda dimension: dimension.draw(rng))
            if key_of(config) not in taken:
                return config
        if self.space.n_arms > _LISTED_GRID:
            return None
        whole = int(max((dimension.size for dimension in self.space.dimensions if not dimension.values), default=1))
        return next((config for config in self.space.grid(whole) if key_of(config) not in taken), None)


class RandomProposer(Proposer):
    """Draws every point independently. Source: Bergstra and Bengio, Random Search, JMLR 13, 2012."""

    def _candidates(self, index: int, known: Sequence[Arm], beside: Sequence[Config]) -> Iterator[Config]:
        rng = np.random.default_rng((self.seed, _STREAM, index))
        for _ in range(_DRAWS):
            yield self.space.point(lambda dimension: dimension.draw(rng))


class GridProposer(Proposer):
    """Goes through all points in a shuffled order, so that a part of a large grid is spread over it."""

    def __init__(self, space: Space, *, seed: int, defaults: Config, sign: float) -> None:
        super().__init__(space, seed=seed, defaults=defaults, sign=sign)
        self._values = [dimension.spaced(GRID_OF_RANGE) for dimension in space.dimensions]
        self.n_points = space.grid_size(GRID_OF_RANGE)
        self._order = _Shuffle(self.n_points, seed)

    def propose(self, index: int, known: Sequence[Arm], beside: Sequence[Config]) -> Config | None:
        """Give the point of an arm; see `Proposer`."""
        if index >= self.n_points:
            return None
        return self.space.grid_point(self._order[index], self._values)


class TpeProposer(Proposer):
    """Learns from finished and ended trials where good points lie.

    Source: Bergstra, Bardenet, Bengio and Kégl, Algorithms for Hyper-Parameter Optimization, NIPS 24, 2011; Optuna's
    multivariate form. The first points are the quick end of the space, the defaults, and some at random.
    """

    def __init__(self, space: Space, *, seed: int, defaults: Config, sign: float) -> None:
        super().__init__(space, seed=seed, defaults=defaults, sign=sign)
        self.n_first = min(10, 2 + 2 * len(space.dimensions))

    def _candidates(self, index: int, known: Sequence[Arm], beside: Sequence[Config]) -> Iterator[Config]:
        if index == 0:
            yield self.space.point(self._quick)
        if index == 1:
            yield self.space.point(self._default)
        rng = np.random.default_rng((self.seed, _STREAM, index))
        if index < self.n_first or not any(arm.status != "failed" for arm in known):
            for _ in range(_DRAWS):
                yield self.space.point(lambda dimension: dimension.draw(rng))
            return
        for attempt in range(8):
            yield self._learned(index + attempt * 100_003, known, beside)

    def _quick(self, dimension: Dimension) -> Any:
        end = _QUICK_END.get(dimension.name)
        return dimension.nearest(self._defaults.get(dimension.name)) if end is None else dimension.at(end)

    def _default(self, dimension: Dimension) -> Any:
        return dimension.nearest(self._defaults.get(dimension.name))

    def _learned(self, number: int, known: Sequence[Arm], beside: Sequence[Config]) -> Config:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # multivariate sampling still counts as experimental there
            study = make_study(self.space.dimensions, known, self.sign, seed=self.seed * 1_000_003 + number)
            distributions = {each.name: distribution(each) for each in self.space.dimensions}
            for config in beside:  # taken for trials under way, so that the next point lies elsewhere
                study.enqueue_trial({each.name: to_optuna(each, config[each.name]) for each in self.space.dimensions})
                study.ask(distributions)
            asked: optuna.Trial = study.ask(distributions)
        return {each.name: from_optuna(each, asked.params[each.name]) for each in self.space.dimensions}


def make_study(dimensions: Sequence[Dimension], known: Sequence[Arm], sign: float, *, seed: int) -> optuna.Study:
    """Rebuild an Optuna study, in memory, from arms."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=1, multivariate=True, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([found for arm in known if (found := _frozen(arm, dimensions, sign)) is not None])
    return study


def _frozen(arm: Arm, dimensions: Sequence[Dimension], sign: float) -> optuna.trial.FrozenTrial | None:
    import optuna

    state = optuna.trial.TrialState
    if any(each.name not in arm.config for each in dimensions):
        return None
    common: dict[str, Any] = {
        "params": {each.name: to_optuna(each, arm.config[each.name]) for each in dimensions},
        "distributions": {each.name: distribution(each) for each in dimensions},
    }
    stage = arm.judged_stage(sign)
    mean = arm.mean(stage)
    if arm.status == "failed" or mean is None:
        return optuna.trial.create_trial(state=state.FAIL, **common)
    judged = arm.judged_at is not None and arm.judged_at in arm.scores
    if arm.status == "pruned" and not judged:
        step = arm.rungs[-1][0] if arm.rungs else len(arm.values(stage))
        return optuna.trial.create_trial(state=state.PRUNED, intermediate_values={int(step): sign * mean}, **common)
    return optuna.trial.create_trial(state=state.COMPLETE, value=sign * mean, **common)


def distribution(dimension: Dimension) -> optuna.distributions.BaseDistribution:
    """Give a dimension as Optuna knows it; a list of numbers counts by place, so that neighbours are near."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.values and dimension.is_ordered:
        return IntDistribution(0, len(dimension.values) - 1)
    if dimension.values:
        return CategoricalDistribution(tuple(range(len(dimension.values))))
    if dimension.is_whole:
        low, high = dimension.fitting(dimension.low), dimension.fitting(dimension.high)
        return IntDistribution(low, high, log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def to_optuna(dimension: Dimension, value: Any) -> Any:
    """Give a value as the dimension's distribution has it."""
    if not dimension.values:
        return value
    plain = tuple(value) if isinstance(value, list) else value
    return dimension.values.index(plain)


def from_optuna(dimension: Dimension, value: Any) -> Any:
    """Give the value that a distribution's stands for."""
    return dimension.values[int(value)] if dimension.values else dimension.fitting(float(value))


class _Shuffle:
    """The numbers below n in an order that depends on the seed; a million need no memory."""

    def __init__(self, n: int, seed: int) -> None:
        self._n = n
        self._order = np.random.default_rng((seed, _STREAM)).permutation(n) if n <= _LISTED_GRID else None
        # A step without a common divisor with n passes every number once.
        rng = np.random.default_rng((seed, _STREAM))
        self._first = int(rng.integers(0, n, dtype=np.int64)) if n < 2**62 else 0
        self._step = _coprime(n, int(n * 0.6180339887) or 1)

    def __getitem__(self, index: int) -> int:
        if self._order is not None:
            return int(self._order[index])
        return (self._first + index * self._step) % self._n


def _coprime(n: int, near: int) -> int:
    while math.gcd(n, near) != 1:
        near += 1
    return near
