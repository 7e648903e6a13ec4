"""The numbers of one column in order: from one sort, or one count where they are few, everything else is read off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

_MAX_SPAN = 1 << 20  # whole numbers within this span are counted, which is five times faster than sorting them
_CACHED = 1 << 15  # rows at a time that stay in the processor's cache
_CHUNK = 1 << 20  # rows at a time, so that no step needs a second copy of the column


class Distribution:
    """Numbers in rising order, either each row or each different number with its count.

    Parameters
    ----------
    values : ndarray
        In rising order; all rows, or the different ones where `counts` are given. Not empty.
    counts : ndarray of int64, optional
    """

    def __init__(self, values: np.ndarray, counts: np.ndarray | None = None) -> None:
        self.values = values
        self.counts = counts
        self._reached = None if counts is None else np.cumsum(counts)
        self.n = len(values) if self._reached is None else int(self._reached[-1])
        self._n_unique: int | None = None if counts is None else len(values)

    @property
    def n_unique(self) -> int:
        """Different numbers."""
        if self._n_unique is None:
            self._n_unique = 1 + sum(int(np.count_nonzero(part[1:] != part[:-1])) for part in _overlapping(self.values))
        return self._n_unique

    def at(self, rank: int) -> int | float:
        """Give the number at a place of the order, from 0."""
        place = rank if self._reached is None else int(np.searchsorted(self._reached, rank, side="right"))
        value: int | float = self.values[place].item()
        return value

    def quantile(self, share: float) -> float:
        """Give a quantile, between two numbers linearly."""
        place = (self.n - 1) * share
        below = int(place)
        low, high = float(self.at(below)), float(self.at(min(below + 1, self.n - 1)))
        return low + (high - low) * (place - below)

    def n_below(self, bounds: np.ndarray, side: Literal["left", "right"] = "left") -> np.ndarray:
        """Count the rows below each bound; with ``right``, those equal to it, too."""
        if self.values.dtype.kind in "iu":  # whole numbers stay whole: converting them would copy the column
            limit = np.iinfo(self.values.dtype)
            rounded = np.ceil(bounds) if side == "left" else np.floor(bounds)
            inside = np.clip(rounded, float(limit.min), np.nextafter(float(limit.max), 0)).astype(self.values.dtype)
            places = np.searchsorted(self.values, inside, side=side)
        else:
            places = np.searchsorted(self.values, bounds, side=side)
        return places if self._reached is None else np.asarray(np.concatenate([[0], self._reached])[places])

    def moments(self) -> tuple[float, float | None, float | None]:
        """Give mean, standard deviation (n - 1) and skew; None where they aren't defined."""
        with np.errstate(over="ignore", invalid="ignore"):
            if self.counts is not None:
                values = self.values.astype(np.float64)
                mean = float(values @ self.counts / self.n)
                gaps = values - mean
                second, third = float(gaps**2 @ self.counts), float(gaps**3 @ self.counts)
            else:
                mean = float(self.values.mean(dtype=np.float64))
                second = third = 0.0
                for start in range(0, self.n, _CHUNK):
                    gaps = self.values[start : start + _CHUNK] - mean
                    squares = gaps * gaps
                    second += float(squares.sum())
                    third += float(squares @ gaps)
        deviation = (second / (self.n - 1)) ** 0.5 if self.n > 1 else None
        # Beyond 1e200 the power leaves the range of a double, and the third moment has long left it.
        spread = (second / self.n) ** 1.5 if second / self.n < 1e200 else 0.0
        return mean, deviation, (third / self.n / spread if spread > 0 else None)

    def top(self, n: int) -> list[tuple[int | float, int]]:
        """Give the most frequent numbers with their counts; of equally frequent ones the smallest first."""
        best: list[tuple[int | float, int]] = []
        for values, counts in self._runs():
            places = _largest(counts, n)
            best += zip(values[places].tolist(), counts[places].tolist(), strict=True)
            best = sorted(best, key=lambda pair: -pair[1])[:n]  # stable, so the smaller number stays in front
        return best

    def _runs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the different numbers and their counts, some at a time."""
        if self.counts is not None:
            yield self.values, self.counts
            return
        start = 0
        while start < self.n:
            last = self.values[min(start + _CHUNK, self.n) - 1]
            stop = int(np.searchsorted(self.values, last, side="right"))  # a run is never cut
            part = self.values[start:stop]
            firsts = np.concatenate([[0], np.flatnonzero(part[1:] != part[:-1]) + 1])
            yield part[firsts], np.diff(np.append(firsts, len(part)))
            start = stop


class HashCounts:
    """Counts 64-bit hashes as they come, as long as there aren't too many different ones.

    Parameters
    ----------
    limit : int
        Most different hashes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values = np.empty(0, dtype=np.uint64)
        self._counts = np.empty(0, dtype=np.int64)
        self._is_full = False

    def add(self, hashes: np.ndarray) -> None:
        """Count some more rows."""
        for start in range(0, len(hashes), _CHUNK):
            if self._is_full:
                return
            ordered = np.sort(hashes[start : start + _CHUNK])
            firsts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
            values = np.concatenate([self._values, ordered[firsts]])
            counts = np.concatenate([self._counts, np.diff(np.append(firsts, len(ordered)))])
            order = np.argsort(values)
            values, counts = values[order], counts[order]
            firsts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
            self._values, self._counts = values[firsts], np.add.reduceat(counts, firsts)
            self._is_full = len(self._values) > self._limit

    def counted(self) -> Distribution | None:
        """Give the different hashes with their counts; None where there were too many or none."""
        return None if self._is_full or not len(self._values) else Distribution(self._values, self._counts)


def distribution_of(numbers: np.ndarray, *, whole: bool | None = None, in_place: bool = False) -> Distribution:
    """Order numbers.

    Parameters
    ----------
    numbers : ndarray of integers or floats, at least one
        Without NaN.
    whole : bool, optional
        Whether all of them are whole; found out when absent.
    in_place : bool, default False
        Let the array itself be sorted.

    Examples
    --------
    >>> of = distribution_of(np.array([3, 1, 3]))
    >>> of.n_unique, of.quantile(0.5), of.top(1)
    (2, 3.0, [(3, 2)])
    """
    if are_near(numbers) and (are_whole(numbers) if whole is None else whole):
        return _counted(numbers, int(numbers.min()), int(numbers.max()), is_float=numbers.dtype.kind == "f")
    if in_place:
        numbers.sort()
        return Distribution(numbers)
    return Distribution(np.sort(numbers))


def are_near(numbers: np.ndarray) -> bool:
    """Say whether the numbers are so near to each other that whole ones are counted rather than sorted."""
    low, high = numbers.min().item(), numbers.max().item()
    return bool(high - low <= _MAX_SPAN and abs(low) < 2**52 and abs(high) < 2**52)


def _counted(numbers: np.ndarray, low: int, high: int, *, is_float: bool) -> Distribution:
    span = high - low + 1
    counts = np.zeros(span, dtype=np.int64)
    n_at_once = max(_CACHED, min(span, _CHUNK))
    for start in range(0, len(numbers), n_at_once):
        part = numbers[start : start + n_at_once].astype(np.int64)
        part -= low
        counts += np.bincount(part, minlength=span)
    seen = np.flatnonzero(counts)
    values = seen + low
    return Distribution(values.astype(np.float64) if is_float else values, counts[seen])


def are_whole(numbers: np.ndarray) -> bool:
    """Say whether all numbers are whole; most columns with fractions show it in their first rows."""
    if numbers.dtype.kind in "iub":
        return True
    first = numbers[:1_000]
    if not np.array_equal(first, np.rint(first)):
        return False
    return all(
        np.array_equal(part, np.rint(part))
        for part in (numbers[start : start + _CACHED] for start in range(0, len(numbers), _CACHED))
    )


def _overlapping(values: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, max(len(values) - 1, 1), _CHUNK):
        yield values[start : start + _CHUNK + 1]


def _largest(counts: np.ndarray, n: int) -> np.ndarray:
    """Give the places of the `n` largest counts, the largest first, equal ones in their order."""
    if len(counts) > n:
        least = np.partition(counts, len(counts) - n)[len(counts) - n]
        above = np.flatnonzero(counts > least)
        places = np.concatenate([above, np.flatnonzero(counts == least)[: n - len(above)]])
    else:
        places = np.arange(len(counts))
    return places[np.lexsort((places, -counts[places]))]
