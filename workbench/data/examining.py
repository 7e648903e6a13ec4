"""What there is to know of a stored file of rows, column by column: its digest, its profile, a sample of its rows.

Only a part of one column is in memory at a time, so the table may be larger than the memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from workbench.data.coding import Coded, Coders
from workbench.data.digests import Piece, column_head, digest_of_columns, feed, missing_bits, pieces_of, width_of
from workbench.data.orders import Orders
from workbench.data.stored_rows import SAMPLE_ROWS, sample_positions
from workbench.data.summaries import Parts
from workbench.data.summarizing import Summarizer, TableSummary

_PART_ROWS = 1 << 20  # a multiple of eight, as `missing_bits` needs
_PART_BYTES = 64 << 20
_KEPT_ROWS = 4 * _PART_ROWS  # columns of up to so many rows are read once and kept


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
    coded : Coders
        Has seen all rows, and holds columns that needn't be read again.
    wait : callable
        Waits until the file is whole.
    orders : dict of str to tuple of str
        The order of the words of each ordered category.
    """

    path: Path
    schema: dict[str, pl.DataType]
    n_rows: int
    n_missing: dict[str, int]
    n_bytes: int
    coded: Coders
    wait: Callable[[], None]
    orders: Orders = field(default_factory=dict)


@dataclass(frozen=True)
class Examined:
    """Digest, summary of the columns, and the rows at `sample_positions`, if there are more rows than that."""

    digest: str
    summary: TableSummary
    sample: pl.DataFrame | None


def examine(contents: Contents) -> Examined:
    """Compute digest, summary and sample of a stored file, two columns at the same time where they aren't too long."""
    positions = sample_positions(contents.n_rows) if contents.n_rows > SAMPLE_ROWS else None
    digests: dict[str, bytes] = {}
    sampled: dict[str, pl.Series] = {}

    def digest(name: str, dtype: pl.DataType, parts: Parts | Coded) -> None:
        width = width_of(parts.values) if isinstance(parts, Coded) else contents.coded.width_without(name)
        column = hashlib.sha256(column_head(name, dtype, width))
        has_missing, add = contents.n_missing[name] > 0, partial(feed, column)
        if not has_missing:
            add(bytes((contents.n_rows + 7) // 8))
        if isinstance(parts, Coded):
            _digest_coded(parts, dtype, width, has_missing, add)
            drawn = [] if positions is None else [_draw_coded(parts, positions)]
        else:
            drawn = _digest_parts(parts, dtype, width, has_missing, positions, add)
        digests[name] = column.digest()
        if positions is not None:
            sampled[name] = pl.concat(drawn).rechunk()

    summarizer = Summarizer(contents.n_rows)
    summarizer.add_all(_columns(contents), also=digest)
    return Examined(
        digest_of_columns(contents.n_rows, (digests[name] for name in contents.schema)),
        summarizer.finish(),
        pl.DataFrame([sampled[name] for name in contents.schema]) if sampled else None,
    )


def _columns(contents: Contents) -> Iterator[tuple[str, pl.DataType, Parts | Coded]]:
    """Give the columns one after the other; narrow ones are read together, since each reading costs by their number."""
    unread = [name for name in contents.schema if name not in contents.coded]
    if unread:
        contents.wait()
    per_column = max(1, contents.n_bytes // len(contents.schema))
    at_once = max(1, _PART_BYTES // per_column) if contents.n_rows <= _PART_ROWS else 1
    read: dict[str, pl.Series] = {}
    for name, dtype in contents.schema.items():
        if name in contents.coded:
            yield name, dtype, contents.coded.take(name)
        elif at_once == 1:
            yield name, dtype, _parts(contents, name, dtype)
        else:
            if name not in read:
                group, unread = unread[:at_once], unread[at_once:]
                read = {series.name: series for series in pl.read_parquet(contents.path, columns=group)}
            yield name, dtype, _kept(read.pop(name))


def _kept(series: pl.Series) -> Parts:
    return lambda: [series]


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


def _digest_parts(
    parts: Parts,
    dtype: pl.DataType,
    width: int,
    has_missing: bool,
    positions: np.ndarray | None,
    add: Callable[[Piece], None],
) -> list[pl.Series]:
    """Digest the values of a column; give those at the positions."""
    *before, last = pieces_of(dtype, width)
    for pieces in [missing_bits, *before] if has_missing else before:
        for part in parts():
            add(pieces(part))
    drawn: list[pl.Series] = []
    start = 0
    for part in parts():
        add(last(part))
        if positions is not None:
            low, high = np.searchsorted(positions, [start, start + len(part)])
            drawn.append(part[positions[low:high] - start])
        start += len(part)
    return drawn


def _digest_coded(
    coded: Coded, dtype: pl.DataType, width: int, has_missing: bool, add: Callable[[Piece], None]
) -> None:
    if has_missing:
        add(np.packbits(np.concatenate([part == 0 for part in coded.parts])))
    for pieces in pieces_of(dtype, width):
        of_values = pieces(coded.values)
        widths = coded.values.str.len_bytes().drop_nulls().unique().to_list() if dtype == pl.String else []
        if isinstance(of_values, bytes) and len(widths) == 1:
            # texts of one length, without those that are missing
            texts = np.frombuffer(bytes(widths[0]) + of_values, dtype=f"V{widths[0]}")
            for part in coded.parts:
                add(texts.take(part[part > 0]).tobytes())
        elif isinstance(of_values, bytes):
            for rows in coded.series():
                add(pieces(rows))
        else:
            for of_rows in coded.spread(of_values):
                add(of_rows)


def _draw_coded(coded: Coded, positions: np.ndarray) -> pl.Series:
    """Give the values at the positions."""
    drawn, start = [], 0
    for part in coded.parts:
        low, high = np.searchsorted(positions, [start, start + len(part)])
        drawn.append(part[positions[low:high] - start])
        start += len(part)
    return coded.values.gather(np.concatenate(drawn))
