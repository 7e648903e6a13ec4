"""Where rows stand among the sorted different values of a column, in few bytes a row, however many rows there are.

Whole-column calls of NumPy and Polars hold several columns of eight bytes beside the one that they look at. Here rows
are numbered and values are placed in four bytes, and what needs more is held for a stretch of rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

ROW = np.uint32  # numbers a row: no frame of Polars has more than 2**32 of them
_STRETCH = 262_144
_FEW_PLACES = 32
_PLACED_BY_RANK = (pl.Decimal, pl.Int128, pl.UInt128, pl.Binary, pl.List, pl.Array, pl.Struct)


def number_rows(n_rows: int) -> np.ndarray:
    """Give the numbers of so many rows."""
    return np.arange(n_rows, dtype=ROW)


def rows_where(holds: np.ndarray) -> np.ndarray:
    """Give the rows for which a mask holds, sorted."""
    found: np.ndarray = np.flatnonzero(holds).astype(ROW)
    return found


def stretches(n_rows: int) -> Iterator[slice]:
    """Cut rows into stretches of a size at which eight bytes a row are little."""
    return (slice(start, min(start + _STRETCH, n_rows)) for start in range(0, n_rows, _STRETCH))


def find_places(values: pl.Series) -> tuple[np.ndarray, pl.Series]:
    """Give each row's place among the sorted different values, and these values.

    Parameters
    ----------
    values : Series
        Without missing values.

    Returns
    -------
    place_of_row : ndarray of uint32, of shape (n_rows,)
    different : Series, sorted; text where `values` is of an enumeration

    Examples
    --------
    >>> place_of_row, different = find_places(pl.Series(["b", "a", "b"]))
    >>> place_of_row.tolist(), different.to_list()
    ([1, 0, 1], ['a', 'b'])
    """
    if values.dtype in (pl.String, pl.Categorical):
        values = values.cast(pl.Enum(values.unique().cast(pl.String).sort()))
    if isinstance(values.dtype, pl.Enum):
        return _places_of_words(values)
    if isinstance(values.dtype, _PLACED_BY_RANK):
        return values.rank("dense").to_numpy().astype(ROW) - ROW(1), values.unique().sort()
    ordered = ordered_numbers(values)
    different = ordered[_begins(ordered)]
    del ordered
    place_of_row = np.empty(len(values), dtype=ROW)
    for rows in stretches(len(values)):
        place_of_row[rows] = np.searchsorted(different, numbers_in(values, rows))
    kind = pl.UInt8 if values.dtype == pl.Boolean else values.to_physical().dtype
    return place_of_row, pl.Series(values.name, different, dtype=kind).cast(values.dtype)


def _places_of_words(values: pl.Series) -> tuple[np.ndarray, pl.Series]:
    """Give the places of an enumeration's words; it may list them in any order, and some that don't occur."""
    listed = values.dtype.categories  # type: ignore[attr-defined]
    codes = values.to_physical()
    occurs = np.zeros(len(listed), dtype=bool)
    occurs[codes.unique().to_numpy()] = True
    words = listed.filter(pl.Series(occurs)).sort()
    place_of_code = np.zeros(len(listed), dtype=ROW)
    place_of_code[words.cast(values.dtype).to_physical().to_numpy()] = number_rows(len(words))
    place_of_row = np.empty(len(values), dtype=ROW)
    for rows in stretches(len(values)):
        place_of_row[rows] = place_of_code[codes[rows].to_numpy()]
    return place_of_row, words.alias(values.name)


def look_up(of_place: np.ndarray, place_of_row: np.ndarray) -> np.ndarray:
    """Give each row what belongs to its place."""
    of_row = np.empty(len(place_of_row), dtype=of_place.dtype)
    for rows in stretches(len(place_of_row)):
        of_row[rows] = of_place[place_of_row[rows]]
    return of_row


def numbers_in(values: pl.Series, rows: slice) -> np.ndarray:
    """Give some rows of numbers, dates, times or yes and no as plain numbers."""
    found: np.ndarray = values[rows].to_physical().to_numpy()
    return found.view(np.uint8) if found.dtype == bool else found


def ordered_numbers(values: pl.Series) -> np.ndarray:
    """Give numbers, dates, times or yes and no as plain numbers in order; the one copy is what is sorted."""
    ordered = np.empty(len(values), dtype=numbers_in(values, slice(0, 1)).dtype)
    for rows in stretches(len(values)):
        ordered[rows] = numbers_in(values, rows)
    ordered.sort()
    return ordered


def _begins(ordered: np.ndarray) -> np.ndarray:
    """Say where among ordered numbers another one begins."""
    begins = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins


def count_places(place_of_row: np.ndarray, n_places: int) -> np.ndarray:
    """Count the rows of each place."""
    counts = np.zeros(n_places, dtype=np.int64)
    for rows in stretches(len(place_of_row)):
        found = np.bincount(place_of_row[rows])
        counts[: len(found)] += found
    return counts


def members_of(place_of_row: np.ndarray, sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Give the rows of each place in order, one place at a time."""
    if len(sizes) <= _FEW_PLACES:
        yield from (rows_where(place_of_row == place) for place in range(len(sizes)))
        return
    ordered = np.empty(len(place_of_row), dtype=ROW)
    begin = np.cumsum(sizes) - sizes
    following = begin.copy()
    for rows in stretches(len(place_of_row)):
        order = np.argsort(place_of_row[rows], kind="stable")
        found = place_of_row[rows][order]
        first = np.flatnonzero(_begins(found))
        n_found = np.diff(first, append=len(found))
        ordered[np.arange(len(found)) + np.repeat(following[found[first]] - first, n_found)] = order + rows.start
        following[found[first]] += n_found
    yield from (ordered[start : start + size] for start, size in zip(begin.tolist(), sizes.tolist(), strict=True))


class Moments:
    """The different values of a column that orders the rows; each is known by its start, the number of rows before it.

    Parameters
    ----------
    values : Series
        Numbers or dates without missing values.

    Examples
    --------
    >>> moments = Moments(pl.Series([2, 1, 2, 3]))
    >>> moments.starts(9), moments.nearest(2.9, first=1, last=3), moments.not_before(3).tolist()
    ([0, 1, 3], 3, [False, False, False, True])
    """

    def __init__(self, values: pl.Series) -> None:
        self._values = pl.Series(find_places(values)[0]) if isinstance(values.dtype, _PLACED_BY_RANK) else values
        self._ordered = ordered_numbers(self._values)

    def starts(self, n_most: int) -> list[int]:
        """Give the starts of the earliest moments, `n_most` of them or all."""
        found = [0]
        while len(found) < n_most and (start := self.after(found[-1])) < len(self._ordered):
            found.append(start)
        return found

    def after(self, start: int) -> int:
        """Give the start of the next moment; the number of rows behind the last."""
        return int(np.searchsorted(self._ordered, self._ordered[start], side="right"))

    def before(self, start: int) -> int:
        """Give the start of the moment before."""
        return int(np.searchsorted(self._ordered, self._ordered[start - 1]))

    def nearest(self, row: float, *, first: int, last: int) -> int:
        """Give the start, from `first` to `last`, that is nearest to `row`; the earlier of two."""
        if row <= first:
            return first
        if row >= last:
            return last
        start = self.before(int(row) + 1)
        following = self.after(start)
        return start if row - start <= following - row else following

    def not_before(self, start: int) -> np.ndarray:
        """Say for each row whether its moment is that of `start` or a later one."""
        found = np.zeros(len(self._values), dtype=bool)
        if start < len(self._ordered):
            for rows in stretches(len(found)):
                np.greater_equal(numbers_in(self._values, rows), self._ordered[start], out=found[rows])
        return found
