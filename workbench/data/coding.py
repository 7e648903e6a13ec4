"""Columns of few different values, kept in memory as small codes: what holds for a value holds for all of its rows.

Most columns are such, also in tables of many millions of rows, and take one or two bytes a cell then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

_MAX_VALUES = 32_000
_MISSING = np.iinfo(np.int16).min
_MAX_WHOLE = 2**31
_MAX_COLUMNS = 256
_MAX_BYTES = 128 * 1024 * 1024  # of all columns together
_TABLE_BITS = 18
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)  # odd, with bits that mix well
_BYTES_A_KEY = 200
_CHUNK_ROWS = 16_384  # stay in the processor's cache
_INLINE = 12  # bytes of a text that stand in its view


@dataclass(frozen=True)
class Coded:
    """A column as places in a list of values.

    Parameters
    ----------
    values : Series
        First the missing value, then each value that occurs, and some others perhaps.
    parts : list of ndarray
        The place of each row's value, 0 where it is missing.
    """

    values: pl.Series
    parts: list[np.ndarray]

    def counts(self) -> np.ndarray:
        """Count the rows of each value."""
        return sum(
            (np.bincount(part, minlength=len(self.values)) for part in self.parts),
            start=np.zeros(len(self.values), dtype=np.int64),
        )

    def spread(self, of_values: np.ndarray) -> Iterator[np.ndarray]:
        """Give for each row what is known of its value, a part of the rows at a time."""
        return (of_values.take(part) for part in self.parts)

    def series(self) -> Iterator[pl.Series]:
        """Give the rows themselves, a part of them at a time."""
        return (self.values.gather(part) for part in self.parts)


class RowWords:
    """The codes of several columns together as one integer a row: as many columns as fit.

    Parameters
    ----------
    n_rows : int
    """

    def __init__(self, n_rows: int) -> None:
        self._words = np.zeros(n_rows, dtype=np.uint64)
        self._n_different = 1

    def add(self, coded: Coded) -> bool:
        """Add a column; False where it no longer fits."""
        n_values = len(coded.values)
        if self._n_different * n_values > 2**64:
            return False
        self._n_different *= n_values
        start, factor = 0, np.uint64(n_values)
        for part in coded.parts:
            words = self._words[start : start + len(part)]
            words *= factor
            words += part.view(f"u{part.itemsize}")
            start += len(part)
        return True

    def hashes(self, seed: int) -> np.ndarray:
        """Give a hash of each row, and begin anew."""
        found: np.ndarray = pl.Series(self._words).hash(seed).to_numpy()
        self._words[:] = 0
        self._n_different = 1
        return found


class Coders:
    """Codes the columns of a table as its rows pass, as long as they have few different values.

    Parameters
    ----------
    schema : mapping of str to DataType

    Examples
    --------
    >>> coders = Coders({"port": pl.String()})
    >>> coders.add(pl.DataFrame({"port": ["S", None, "C", "S"]}))
    >>> found = coders.finish()["port"]
    >>> found.values.to_list(), found.counts().tolist()
    ([None, 'S', 'C'], [1, 2, 1])
    """

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self._coders: dict[str, _RangeCoder | _LookUpCoder] = {}
        for name, dtype in schema.items() if len(schema) <= _MAX_COLUMNS else ():
            if dtype.is_integer() or dtype == pl.Float64:
                self._coders[name] = _RangeCoder(name, dtype)
            elif dtype.is_temporal() or dtype == pl.String:
                self._coders[name] = _LookUpCoder(name, dtype)

    def add(self, rows: pl.DataFrame) -> None:
        """Take some rows."""
        for name, coder in list(self._coders.items()):
            if rows.height and not coder.add(rows[name]):
                del self._coders[name]
        while sum(coder.n_bytes for coder in self._coders.values()) > _MAX_BYTES:
            del self._coders[max(self._coders, key=lambda name: self._coders[name].n_bytes)]

    def finish(self) -> dict[str, Coded]:
        """Give the columns that had few different values."""
        return {name: coder.finish() for name, coder in self._coders.items()}


class _RangeCoder:
    """Whole numbers within a short range, as their distance from its lower end."""

    n_bytes = 0

    def __init__(self, name: str, dtype: pl.DataType) -> None:
        self._name, self._dtype = name, dtype
        self._parts: list[np.ndarray] = []
        self._base: int | None = None
        self._low = self._high = 0

    def add(self, rows: pl.Series) -> bool:
        """Take some rows; say whether they are such numbers."""
        low, high = rows.min(), rows.max()
        if low is not None and high is not None:
            if not -_MAX_WHOLE < low <= high < _MAX_WHOLE:  # type: ignore[operator]
                return False
            if self._base is None:
                self._base = self._low = self._high = int(low)  # type: ignore[call-overload]
            self._low, self._high = min(self._low, int(low)), max(self._high, int(high))  # type: ignore[call-overload]
        if self._high - self._low >= _MAX_VALUES:
            return False
        numbers = (rows.fill_null(0) if rows.null_count() else rows).to_numpy()
        whole = numbers
        if numbers.dtype.kind == "f":
            whole = numbers.astype(np.int32)
            if not np.array_equal(whole.astype(np.float64).view(np.int64), numbers.view(np.int64)):
                return False  # by their bits, since -0.0 equals 0.0
        codes = whole.astype(np.int16)  # what is cut off comes back in the difference
        codes -= np.array(self._base or 0).astype(np.int16)
        if rows.null_count():
            codes[rows.is_null().to_numpy()] = _MISSING
        self._parts.append(codes)
        self.n_bytes += codes.nbytes
        return True

    def finish(self) -> Coded:
        """Give the column."""
        shift = np.int16((self._base or 0) - self._low + 1)
        n_values = self._high - self._low + 2
        parts = []
        while self._parts:
            codes = self._parts.pop(0)
            missing = codes == _MISSING
            codes += shift
            codes[missing] = 0
            parts.append(codes.astype(np.uint8) if n_values <= 256 else codes)
        values = pl.Series(self._name, [None, *range(self._low, self._high + 1)], dtype=pl.Int64)
        return Coded(values.cast(self._dtype), parts)


class _LookUpCoder:
    """Finds values by their bits in a table, and those that share a place in it with another by their keys."""

    def __init__(self, name: str, dtype: pl.DataType) -> None:
        self._values = [pl.Series(name, [None], dtype=dtype)]
        self._parts: list[np.ndarray] = []
        self._codes: dict[tuple[int, ...], int] = {}
        self._table = np.zeros(1 << _TABLE_BITS, dtype=np.int16)
        self._keys = np.zeros((2 if dtype == pl.String else 1, _MAX_VALUES + 1), dtype=np.uint64)
        self.n_bytes = self._table.nbytes + self._keys.nbytes

    def add(self, rows: pl.Series) -> bool:
        """Take some rows; say whether there are still few values."""
        words = _words_of(rows)
        if words is None:
            return False
        codes = np.empty(len(rows), dtype=np.int16)
        missing = rows.is_null().to_numpy() if rows.null_count() else None
        for start in range(0, len(rows), _CHUNK_ROWS):
            chunk = slice(start, start + _CHUNK_ROWS)
            is_missing = None if missing is None else missing[chunk]
            if not self._look_up([word[chunk] for word in words], is_missing, codes[chunk], rows, start):
                return False
        self._parts.append(codes.astype(np.uint8) if len(self._codes) < 256 else codes)
        self.n_bytes += self._parts[-1].nbytes
        return True

    def finish(self) -> Coded:
        """Give the column."""
        return Coded(pl.concat(self._values).rechunk(), self._parts)

    def _look_up(
        self, words: list[np.ndarray], missing: np.ndarray | None, codes: np.ndarray, rows: pl.Series, start: int
    ) -> bool:
        slots = words[0] * _FACTORS[0]
        for word, factor in zip(words[1:], _FACTORS[1:], strict=False):
            slots += word * factor
        slots >>= np.uint64(64 - _TABLE_BITS)
        places = slots.view(np.int64)
        n_tried = 256
        while True:
            self._table.take(places, out=codes, mode="clip")
            is_other = codes == 0
            for word, known in zip(words, self._keys, strict=True):
                is_other |= known.take(codes) != word
            if missing is not None:
                codes[missing] = 0
                is_other &= ~missing
            others = np.flatnonzero(is_other)
            if not len(others):
                return True
            # A few at first: where values are new, these are likely to be what the others are, too.
            tried = others[:n_tried]
            n_known = len(self._codes)
            found = self._found([word[tried] for word in words], places[tried], rows, start + tried)
            if found is None:
                return False
            if len(tried) == len(others):
                codes[others] = found
                return True
            n_tried = 4 * n_tried if len(self._codes) > n_known else len(others)

    def _found(
        self, words: list[np.ndarray], places: np.ndarray, rows: pl.Series, positions: np.ndarray
    ) -> list[int] | None:
        """Give the codes of values that aren't at their place in the table; those that are new get one."""
        codes, new = [], []
        for row, key in enumerate(zip(*(word.tolist() for word in words), strict=True)):
            code = self._codes.get(key)
            if code is None:
                code = len(self._codes) + 1
                if code > _MAX_VALUES:
                    return None
                self._codes[key] = code
                new.append(row)
            codes.append(code)
        if new:
            last = len(self._codes) + 1
            first = last - len(new)
            self._values.append(rows.gather(positions[new]))
            self.n_bytes += _BYTES_A_KEY * len(new)
            for word, known in zip(words, self._keys, strict=True):
                known[first:last] = word[new]
            is_free = self._table[places[new]] == 0
            self._table[places[new][is_free]] = np.arange(first, last)[is_free]
        return codes


def _words_of(rows: pl.Series) -> list[np.ndarray] | None:
    """Give each cell as one or two integers that no other value has; None where texts are too long for that."""
    if rows.dtype == pl.String:
        if int(rows.str.len_bytes().max() or 0) > _INLINE:  # type: ignore[call-overload]
            return None
        array = rows.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
        views = np.frombuffer(array.buffers()[1], dtype=np.uint64)[2 * array.offset : 2 * (array.offset + len(array))]
        return [np.ascontiguousarray(views[::2]), np.ascontiguousarray(views[1::2])]
    physical = rows.to_physical()
    values = (physical.fill_null(0) if physical.null_count() else physical).to_numpy()
    bits = values.view(f"u{values.itemsize}")
    return [bits.astype(np.uint64, copy=False)]
