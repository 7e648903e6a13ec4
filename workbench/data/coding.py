"""Columns of few different values, kept as small codes: what holds for a value holds for all of its rows.

Most columns are such, also in tables of many millions of rows, and take one or two bytes a cell then: the first of them
in memory, the others in a file that has no name and ends with the process that holds it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import polars as pl

from workbench.data.column_memory import CHUNK_ROWS, cells_of
from workbench.data.digests import width_of

_MAX_VALUES = 32_000
_MAX_WHOLE = 2**31
_MAX_COLUMNS = 256
_HELD_BYTES = 32 * 1024 * 1024  # in memory, of all columns together
_MAX_BYTES = 2 * 1024 * 1024 * 1024  # in the file, too
_TABLE_BITS = 16
_N_PLACES, _SHIFT = 1 << _TABLE_BITS, np.uint64(64 - _TABLE_BITS)
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)  # odd, with bits that mix well
_PROBED_ROWS, _LEAST_RUN = 4_096, 2  # equal values that follow each other, on average, are looked up together
_INLINE, _FIRST = 12, 4  # bytes of a text that stand in its view, and in the first of its two words


Part = np.ndarray | tuple[int, np.dtype, int]  # codes, or their place in the file, type and number


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
        if len(of_values) > 1 and (of_values[2:] == of_values[1:-1] + of_values.dtype.type(1)).all():
            return (_counted_on(of_values, part) for part in self.parts)
        return (of_values.take(part) for part in self.parts)

    def series(self) -> Iterator[pl.Series]:
        """Give the rows themselves, a part of them at a time."""
        return (self.values.gather(part) for part in self.parts)


class Shelf:
    """A context where codes wait until their column is asked for: in memory as long as they are few, then in a file.

    Parameters
    ----------
    folder : Path, optional
        For the file; without one all codes stay in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._n_held = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # what wasn't written yet doesn't matter any longer
                self._file.close()

    def put(self, codes: np.ndarray) -> Part:
        """Keep the codes of some rows.

        Raises
        ------
        OSError
            If the disk is full or refuses.
        """
        if self._folder is None or self._n_held + codes.nbytes <= _HELD_BYTES:
            self._n_held += codes.nbytes
            return codes
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        place = self._file.tell()
        self._file.write(codes.data)
        return place, codes.dtype, len(codes)

    def take(self, part: Part) -> np.ndarray:
        """Give the codes of some rows."""
        if isinstance(part, np.ndarray):
            return part
        place, dtype, n_rows = part
        codes: np.ndarray = np.empty(n_rows, dtype=dtype)
        file = cast("IO[bytes]", self._file)
        file.seek(place)
        file.readinto(codes.data)  # type: ignore[attr-defined]
        return codes


class Coders:
    """Codes the columns of a table as its rows pass, as long as they have few different values.

    Parameters
    ----------
    schema : mapping of str to DataType
    shelf : Shelf, optional
        For the codes; by default they all stay in memory.

    Examples
    --------
    >>> coders = Coders({"port": pl.String()})
    >>> coders.add(pl.DataFrame({"port": ["S", None, "C", "S"]}))
    >>> found = coders.take("port")
    >>> found.values.to_list(), found.counts().tolist()
    ([None, 'S', 'C'], [1, 2, 1])
    """

    def __init__(self, schema: Mapping[str, pl.DataType], shelf: Shelf | None = None) -> None:
        self._coders: dict[str, _RangeCoder | _LookUpCoder] = {}
        self._widths = dict.fromkeys(schema, 1)  # of the columns that have no coder
        shelf = shelf or Shelf()
        for name, dtype in schema.items() if len(schema) <= _MAX_COLUMNS else ():
            if dtype.is_integer() or dtype == pl.Float64:
                self._coders[name] = _RangeCoder(name, dtype, shelf)
            elif dtype.is_temporal() or dtype == pl.String:
                self._coders[name] = _LookUpCoder(name, dtype, shelf)

    def add(self, rows: pl.DataFrame) -> None:
        """Take some rows."""
        for name, coder in list(self._coders.items()):
            if rows.height and not coder.add(rows[name]):
                self._give_up(name)
        for series in rows:
            if series.name not in self._coders:
                self._widths[series.name] = max(self._widths[series.name], width_of(series))
        while sum(coder.n_bytes for coder in self._coders.values()) > _MAX_BYTES:
            self._give_up(max(self._coders, key=lambda name: self._coders[name].n_bytes))

    def _give_up(self, name: str) -> None:
        self._widths[name] = width_of(self._coders.pop(name).known())

    def texts(self) -> dict[str, Coded]:
        """Give the columns of texts as far as they are known, with the rows that were taken last."""
        coders = {name: coder for name, coder in self._coders.items() if isinstance(coder, _LookUpCoder)}
        return {name: coder.last() for name, coder in coders.items() if coder.dtype == pl.String}

    def __contains__(self, name: object) -> bool:
        """Whether the column has had few different values so far."""
        return name in self._coders

    def width_without(self, name: str) -> int:
        """Give the width (see `workbench.data.digests.width_of`) of a column that isn't in here."""
        return self._widths[name]

    def take(self, name: str) -> Coded:
        """Give a column that is in here when all rows were added, and let go of it."""
        return self._coders.pop(name).finish()


class _RangeCoder:
    """Whole numbers within a short range, as their distance from its lower end."""

    n_bytes = 0

    def __init__(self, name: str, dtype: pl.DataType, shelf: Shelf) -> None:
        self._name, self._dtype, self._shelf = name, dtype, shelf
        self._parts: list[Part] = []
        self._base: int | None = None
        self._low = self._high = 0

    def add(self, rows: pl.Series) -> bool:
        """Take some rows; say whether they are such numbers."""
        numbers, missing = cells_of(rows)
        if missing is not None:
            numbers = np.where(missing, self._base or 0 if missing.all() else numbers[np.argmin(missing)], numbers)
        if rows.null_count() < len(rows):
            low, high = numbers.min(), numbers.max()
            if not -_MAX_WHOLE < low <= high < _MAX_WHOLE:
                return False
            if self._base is None:
                self._base = self._low = self._high = int(low)
            self._low, self._high = min(self._low, int(low)), max(self._high, int(high))
        if self._high - self._low >= _MAX_VALUES:
            return False
        whole = numbers
        if numbers.dtype.kind == "f":
            whole = numbers.astype(np.int32)
            if not np.array_equal(whole.astype(np.float64).view(np.int64), numbers.view(np.int64)):
                return False  # by their bits, since -0.0 equals 0.0
        codes = whole.astype(np.int16)  # what is cut off comes back in the difference
        codes -= np.array(self._base or 0).astype(np.int16)
        base = self._base or 0
        if max(base - self._low, self._high - base) < 128:
            codes = codes.astype(np.int8)
        if missing is not None:
            codes[missing] = np.iinfo(codes.dtype).min
        self._parts.append(self._shelf.put(codes))
        self.n_bytes += codes.nbytes
        return True

    def finish(self) -> Coded:
        """Give the column."""
        shift = np.int16((self._base or 0) - self._low + 1)
        n_values = self._high - self._low + 2
        parts = []
        for kept in self._parts:
            codes = self._shelf.take(kept)
            missing = codes == np.iinfo(codes.dtype).min
            codes = codes.astype(np.int16) + shift
            codes[missing] = 0
            parts.append(codes.astype(np.uint8) if n_values <= 256 else codes)
        return Coded(self.known(), parts)

    def known(self) -> pl.Series:
        """Give the missing value, and then all numbers within the range."""
        numbers = [] if self._base is None else range(self._low, self._high + 1)
        return pl.Series(self._name, [None, *numbers], dtype=pl.Int64).cast(self._dtype)


class _LookUpCoder:
    """Finds values by their bits in a table; those that share a place in it stand behind each other."""

    def __init__(self, name: str, dtype: pl.DataType, shelf: Shelf) -> None:
        self.dtype, self._shelf = dtype, shelf
        self._values = [pl.Series(name, [None], dtype=dtype)]
        self._n_values = 1
        self._parts: list[Part] = []
        self._last: np.ndarray = np.empty(0, dtype=np.uint8)
        self._table = np.zeros(_N_PLACES, dtype=np.int16)
        self._keys = np.zeros((2 if dtype == pl.String else 1, _MAX_VALUES + 1), dtype=np.uint64)
        self.n_bytes = self._table.nbytes + self._keys.nbytes

    def add(self, rows: pl.Series) -> bool:
        """Take some rows; say whether there are still few values."""
        cells, missing = cells_of(rows)
        if rows.dtype == pl.String:
            words = [cells[::2], cells[1::2]]
            lengths = words[0].astype(np.uint32)
            if missing is not None:
                lengths[missing] = 0
            longest = int(lengths.max()) if len(lengths) else 0
            if longest > _INLINE:
                return False
            if longest <= _FIRST:  # the other word is 0 then
                words.pop()
        else:
            words = [cells.view(f"u{cells.itemsize}").astype(np.uint64, copy=False)]
        n_rows, starts = len(rows), _starts_of_runs(words, missing)
        if starts is not None:
            words, rows = [word[starts] for word in words], rows.gather(starts)
            missing = None if missing is None else missing[starts]
        codes = np.empty(len(rows), dtype=np.int16)
        for start in range(0, len(rows), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            is_missing = None if missing is None else missing[chunk]
            near = [np.ascontiguousarray(word[chunk]) for word in words]
            if not self._look_up(near, is_missing, codes[chunk], rows[chunk]):
                return False
        if starts is not None:
            codes = np.repeat(codes, np.diff(starts, append=n_rows))
        self._last = codes.astype(np.uint8) if self._n_values <= 256 else codes
        self._parts.append(self._shelf.put(self._last))
        self.n_bytes += self._last.nbytes
        return True

    def last(self) -> Coded:
        """Give the rows that were taken last."""
        return Coded(self.known(), [self._last])

    def finish(self) -> Coded:
        """Give the column."""
        return Coded(self.known(), [self._shelf.take(part) for part in self._parts])

    def known(self) -> pl.Series:
        """Give the missing value, and then those that occurred."""
        if len(self._values) > 1:
            self._values = [pl.concat(self._values).rechunk()]
        return self._values[0]

    def _look_up(self, words: list[np.ndarray], missing: np.ndarray | None, codes: np.ndarray, rows: pl.Series) -> bool:
        slots = words[0] * _FACTORS[0]
        for word, factor in zip(words[1:], _FACTORS[1:], strict=False):
            slots += word * factor
        slots >>= _SHIFT
        places = slots.view(np.int64)
        is_other = self._differ(words, places, codes)
        if missing is not None:
            codes[missing] = 0
            is_other &= ~missing
        others, n_new = np.flatnonzero(is_other), 64
        while len(others):
            tried = [word[others] for word in words]
            found, places_tried = np.empty(len(others), dtype=np.int16), places[others]
            wrong = np.flatnonzero(self._differ(tried, places_tried, found))
            while len(further := wrong[found[wrong] != 0]):
                places_tried[further] = (places_tried[further] + 1) % _N_PLACES
                again = np.empty(len(further), dtype=np.int16)
                differs = self._differ([word[further] for word in tried], places_tried[further], again)
                found[further] = again
                wrong = further[differs]
            codes[others] = found
            others = others[found == 0]
            # A few at first: what is new among them is likely to be what the others are, too.
            if not self._add_new(others[:n_new], words, places, rows):
                return False
            n_new *= 4
        return True

    def _differ(self, words: list[np.ndarray], places: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Look up the codes at the places; say which aren't those of the words."""
        self._table.take(places, out=codes, mode="clip")
        differs: np.ndarray = codes == 0
        for word, known in zip(words, self._keys, strict=False):
            differs |= known.take(codes) != word
        return differs

    def _add_new(self, new: np.ndarray, words: list[np.ndarray], places: np.ndarray, rows: pl.Series) -> bool:
        firsts = dict(zip(zip(*(word[new].tolist() for word in words), strict=True), new.tolist(), strict=True))
        if self._n_values + len(firsts) > _MAX_VALUES + 1:
            return False
        for code, (key, row) in enumerate(firsts.items(), start=self._n_values):
            place = int(places[row])
            while self._table[place]:
                place = (place + 1) % _N_PLACES
            self._table[place] = code
            self._keys[: len(key), code] = key
        self._n_values += len(firsts)
        if firsts:
            self._values.append(rows.gather(list(firsts.values())))
        return True


def _starts_of_runs(words: list[np.ndarray], missing: np.ndarray | None) -> np.ndarray | None:
    """Give the rows that differ from the one before, where few do, as in ordered columns."""
    starts = None
    for n_rows in (_PROBED_ROWS, len(words[0])):
        begins = np.zeros(min(n_rows, len(words[0])), dtype=bool)
        begins[:1] = True
        for cells in words if missing is None else [*words, missing]:
            begins[1:] |= cells[1 : len(begins)] != cells[: len(begins) - 1]
        starts = np.flatnonzero(begins)
        if len(starts) * _LEAST_RUN > len(begins):
            return None
    return starts


def _counted_on(of_values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give the values of codes where each value but the first is one more than the one before: sooner than a look."""
    found: np.ndarray = codes.astype(of_values.dtype)
    found += of_values[1:2] - of_values.dtype.type(1)  # an array, in which a number may be cut off
    missing = codes == 0
    if missing.any():
        found[missing] = of_values[0]
    return found
