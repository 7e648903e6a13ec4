"""What there is to know of a stored file of rows, column by column: its digest, its columns, a sample of its rows.

Only a part of one column is in memory at a time, so the table may be larger than the memory.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from workbench.data.columns import Column
from workbench.data.digests import Piece, column_head, feed, missing_bits, pieces_of, table_head
from workbench.data.kinds import kind_of
from workbench.data.stored_rows import SAMPLE_ROWS, sample_positions

_PART_ROWS = 1 << 20  # a multiple of eight, as `missing_bits` needs
_PART_BYTES = 64 << 20
_KEPT_ROWS = 4 * _PART_ROWS  # columns of up to so many rows are read once and kept
_WIDEST_RANGE = 1 << 22
_MERGED_VALUES = 1 << 22


@dataclass(frozen=True)
class Contents:
    """What a file of rows holds.

    Parameters
    ----------
    path : Path
        Of a Parquet file.
    schema : dict of str to DataType
    n_rows : int
    n_missing : dict of str to int
    n_bytes : int
        Memory that all rows take as a frame.
    """

    path: Path
    schema: dict[str, pl.DataType]
    n_rows: int
    n_missing: dict[str, int]
    n_bytes: int


@dataclass(frozen=True)
class Examined:
    """Digest, columns, and the rows at `sample_positions`, if there are more rows than that."""

    digest: str
    columns: list[Column]
    sample: pl.DataFrame | None


def examine(contents: Contents) -> Examined:
    """Compute digest, column descriptions and sample of a stored file."""
    positions = sample_positions(contents.n_rows) if contents.n_rows > SAMPLE_ROWS else None
    digest = hashlib.sha256(table_head(contents.n_rows))
    columns, sampled = [], []
    with ThreadPoolExecutor(1, "digest") as pool:
        hashing = _Hashing(digest, pool)
        for name, dtype in contents.schema.items():
            hashing.add(column_head(name, dtype))
            parts = _parts(contents, name, dtype)
            n_unique, drawn = _pass_through(parts, dtype, contents, contents.n_missing[name], positions, hashing.add)
            columns.append(_describe(contents, name, dtype, n_unique, parts))
            if drawn is not None:
                sampled.append(drawn)
        hashing.finish()
    return Examined(digest.hexdigest(), columns, pl.DataFrame(sampled) if sampled else None)


class _Hashing:
    """Digests in a thread of its own, at most a few parts behind: hashing holds no lock."""

    def __init__(self, digest: hashlib._Hash, pool: ThreadPoolExecutor) -> None:
        self._digest = digest
        self._pool = pool
        self._waiting: deque[Future[None]] = deque()

    def add(self, piece: Piece) -> None:
        self._waiting.append(self._pool.submit(feed, self._digest, piece))
        while len(self._waiting) > 3:
            self._waiting.popleft().result()

    def finish(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()


Parts = Callable[[], Iterable[pl.Series]]


def _parts(contents: Contents, name: str, dtype: pl.DataType) -> Parts:
    """Give a function that goes through the column; a short one is kept for the next time."""
    n_rows = _PART_ROWS
    if dtype == pl.Binary or dtype == pl.String:
        per_row = max(1, contents.n_bytes // contents.n_rows)
        n_rows = max(1024, min(_PART_ROWS, _PART_BYTES // per_row // 8 * 8))
    column = pl.scan_parquet(contents.path).select(name)

    def read() -> Iterator[pl.Series]:
        for start in range(0, contents.n_rows, n_rows):
            yield column.slice(start, n_rows).collect()[name]

    if contents.n_rows <= min(_KEPT_ROWS, 4 * n_rows):
        kept = list(read())
        return lambda: kept
    return read


def _pass_through(
    parts: Parts,
    dtype: pl.DataType,
    contents: Contents,
    n_missing: int,
    positions: np.ndarray | None,
    add: Callable[[Piece], None],
) -> tuple[int, pl.Series | None]:
    """Digest the values; count the different ones and draw the sample on the way."""
    passes = list(pieces_of(dtype))
    if n_missing:
        passes.insert(0, missing_bits)
    else:
        add(bytes((contents.n_rows + 7) // 8))
    different = _Different()
    drawn = []
    for place, pieces in enumerate(passes):
        start = 0
        for part in parts():
            piece = pieces(part)
            add(piece)
            if place == len(passes) - 1:
                different.add(part, piece)
                if positions is not None:
                    first, last = np.searchsorted(positions, [start, start + len(part)])
                    drawn.append(part[positions[first:last] - start])
                start += len(part)
    return different.count(), pl.concat(drawn).rechunk() if drawn else None


class _Different:
    """Counts different values that aren't missing, in memory for them alone."""

    def __init__(self) -> None:
        self._found: list[pl.Series] = []
        self._n_found = 0

    def add(self, part: pl.Series, filled: Piece) -> None:
        """Count the values of a part; `filled` are its numbers with 0 in place of the missing ones."""
        values = _marked(filled, part.null_count()) if isinstance(filled, np.ndarray) else None
        if values is None:
            present = part.drop_nulls()
            # As numbers of 64 bits: two of ten million texts fall together once in 400,000 such columns.
            values = (present.hash() if part.dtype in (pl.String, pl.Binary) else present.to_physical()).unique()
        if part.dtype not in (pl.String, pl.Binary):
            values = values.cast(pl.Float64 if part.dtype.is_float() else pl.Int64)
        self._found.append(values.alias(""))
        self._n_found += len(values)
        if len(self._found) > 1 and self._n_found > _MERGED_VALUES:
            self._merge()

    def _merge(self) -> None:
        merged = pl.concat(self._found).unique()
        self._found, self._n_found = [merged], len(merged)

    def count(self) -> int:
        if len(self._found) > 1:
            self._merge()
        return self._n_found


def _marked(filled: np.ndarray, n_missing: int) -> pl.Series | None:
    """Find the different whole numbers of a narrow range by marking them, ten times as fast as by hashing."""
    if not len(filled) or (filled.dtype.kind == "f" and not (filled[:1000] == np.floor(filled[:1000])).all()):
        return None
    low, high = filled.min(), filled.max()
    if not int(high) - int(low) < _WIDEST_RANGE:
        return None
    places = filled.astype(np.int64) - int(low)
    if filled.dtype.kind == "f" and not (places + int(low) == filled).all():
        return None
    marks = np.zeros(int(high) - int(low) + 1, dtype=bool)
    marks[places] = True
    if n_missing and np.count_nonzero(filled == 0) == n_missing:
        marks[-int(low)] = False  # all zeros stand for missing values
    return pl.Series(np.flatnonzero(marks) + int(low), dtype=pl.Int64)


def _describe(contents: Contents, name: str, dtype: pl.DataType, n_unique: int, parts: Parts) -> Column:
    n_missing = contents.n_missing[name]
    counts_rows = dtype.is_integer() and n_unique >= 0.98 * contents.n_rows
    values = pl.concat(parts()) if counts_rows else next(iter(parts()))
    kind = kind_of(values, n_unique=n_unique, n_rows=contents.n_rows, n_present=contents.n_rows - n_missing)
    return Column(name=name, kind=kind, dtype=str(dtype), n_missing=n_missing, n_unique=n_unique)
