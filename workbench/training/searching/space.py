"""What a search moves in: one dimension for each parameter, with the values that it may take."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.estimators.parameters import Parameter

Config = dict[str, Any]

MAX_LISTED = 50  # values of one dimension that are tried one by one


@dataclass(frozen=True)
class Dimension:
    """One parameter, or training option, and what it may be: a list of values or a range.

    Parameters
    ----------
    name : str
        As in the space of a RunSpec: ``max_depth``, ``training.learning_rate``.
    parameter : Parameter
    values : tuple
        In ascending order where they are numbers, None (no limit) last; empty for a range.
    low, high : float
        Of a range, both included.
    log : bool
        Whether equal factors are equal distances.
    """

    name: str
    parameter: Parameter = field(repr=False)
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return self.parameter.type == "int"

    @property
    def is_ordered(self) -> bool:
        """Whether neighbouring values are alike: numbers are, names aren't."""
        return not self.values or all(value is None or _is_number(value) for value in self.values)

    @property
    def size(self) -> float:
        """Number of values; infinite for a range of numbers that aren't whole."""
        if self.values:
            return len(self.values)
        return self.high - self.low + 1 if self.is_whole else math.inf

    def at(self, share: float) -> Any:
        """Give the value at a share of the way from its smallest to its largest.

        Examples
        --------
        >>> leaves = Parameter("leaves", "int", 31, "", 2, 1024, "log")
        >>> [Dimension("leaves", leaves, low=4, high=64, log=True).at(share) for share in (0.0, 0.5, 1.0)]
        [4, 16, 64]
        """
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        if self.log:
            found = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            found = self.low + share * (self.high - self.low)
        return self.fitting(found)

    def fitting(self, value: float) -> Any:
        """Bring a number into the range, rounded to what a reader can take in."""
        if self.is_whole:
            return int(min(max(round(value), math.ceil(self.low)), math.floor(self.high)))
        return float(min(max(float(f"{value:.6g}"), self.low), self.high))

    def nearest(self, value: Any) -> Any:
        """Give the value that it may take which is nearest to a given one."""
        if not self.values:
            return self.fitting(float(value)) if _is_number(value) else self.at(0.5)
        if value in self.values:
            return value
        numbers = [each for each in self.values if _is_number(each)]
        if not _is_number(value) or not numbers:
            return None if None in self.values else self.values[0]
        return min(numbers, key=lambda each: abs(each - value))

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw a value at random."""
        return self.at(float(rng.random()))

    def spaced(self, n: int) -> tuple[Any, ...]:
        """Give all values of a list, or `n` of a range at equal distances with both ends."""
        if self.values:
            return self.values
        found = [self.at(step / max(n - 1, 1)) for step in range(n)]
        return tuple(dict.fromkeys(found))

    def words(self) -> str:
        """Say what it may be."""
        if self.values:
            return ", ".join("none" if value is None else str(value) for value in self.values)
        return f"{self.low:g} to {self.high:g}" + (", by factors" if self.log else "")


@dataclass(frozen=True)
class Space:
    """All dimensions of one estimator's search.

    Parameters
    ----------
    dimensions : tuple of Dimension
        Without the nested one.
    nested : Dimension, optional
        Trees or rounds: a fit that goes to the largest number passes all smaller ones, so one fit tries them all.
    """

    dimensions: tuple[Dimension, ...]
    nested: Dimension | None = None

    @property
    def all(self) -> tuple[Dimension, ...]:
        """The dimensions with the nested one."""
        return (*self.dimensions, self.nested) if self.nested else self.dimensions

    @property
    def n_arms(self) -> float:
        """Number of different fits, each passing all values of the nested dimension."""
        return math.prod((dimension.size for dimension in self.dimensions), start=1.0)

    @property
    def size(self) -> float:
        """Number of points."""
        listed = len(self.nested.values) if self.nested and self.nested.values else 1
        return self.n_arms * listed

    def point(self, choose: Any) -> Config:
        """Make a point by choosing each dimension's value."""
        return {dimension.name: choose(dimension) for dimension in self.dimensions}

    def grid(self, n: int = 3) -> Iterator[Config]:
        """Give all points in turn, `n` values of each range; made one at a time, since there may be millions."""
        values = [dimension.spaced(n) for dimension in self.dimensions]
        for index in range(self.grid_size(n)):
            yield self.grid_point(index, values)

    def grid_size(self, n: int = 3) -> int:
        """Count the points of `grid`."""
        return math.prod((len(dimension.spaced(n)) for dimension in self.dimensions), start=1)

    def grid_point(self, index: int, values: Sequence[Sequence[Any]]) -> Config:
        """Give one point of a grid by its number, the last dimension running fastest."""
        config: Config = {}
        for dimension, listed in zip(reversed(self.dimensions), reversed(values), strict=True):
            index, place = divmod(index, len(listed))
            config[dimension.name] = listed[place]
        return {dimension.name: config[dimension.name] for dimension in self.dimensions}


def key_of(config: Mapping[str, Any]) -> str:
    """Write a point so that equal points are equal words.

    Examples
    --------
    >>> key_of({"b": None, "a": 1}) == key_of({"a": 1, "b": None})
    True
    """
    return json.dumps({name: config[name] for name in sorted(config)}, default=list)


def in_order(values: Sequence[Any]) -> tuple[Any, ...]:
    """Sort numbers, with None for no limit last; leave names as they come. Repeated values are left out."""
    different = []
    for value in values:
        plain = tuple(value) if isinstance(value, list) else value
        if plain not in different:
            different.append(plain)
    numbers = [value for value in different if _is_number(value)]
    if len(numbers) + (None in different) < len(different):
        return tuple(different)
    return (*sorted(numbers), *((None,) if None in different else ()))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
