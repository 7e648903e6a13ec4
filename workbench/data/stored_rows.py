"""Rows of a stored table, read a part at a time: a table may be larger than the memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

BATCH_ROWS = 262_144  # also the rows of a row group, so that a batch decodes no row twice
SAMPLE_ROWS = 10_000
_SAMPLE_SEED = 0


def read_batches(
    path: Path, n_total: int, columns: Sequence[str] | None = None, *, n_rows: int = BATCH_ROWS
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Give the rows of a Parquet file in order, with the position of the first of each batch."""
    rows = pl.scan_parquet(path)
    if columns is not None:
        rows = rows.select(list(columns))
    for start in range(0, n_total, n_rows):
        yield start, rows.slice(start, n_rows).collect()


def slice_batches(frame: pl.DataFrame, *, n_rows: int = BATCH_ROWS) -> Iterator[tuple[int, pl.DataFrame]]:
    """Give the rows of a frame as `read_batches` does."""
    for start in range(0, frame.height, n_rows):
        yield start, frame.slice(start, n_rows)


def take_rows(path: Path, n_total: int, positions: np.ndarray, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Give the rows at these positions in this order; only the batches that hold some of them are read."""
    rows = pl.scan_parquet(path)
    if columns is not None:
        rows = rows.select(list(columns))
    in_order = bool((positions[1:] > positions[:-1]).all())
    ascending, places = (positions, positions) if in_order else np.unique(positions, return_inverse=True)
    found = [rows.head(0).collect()]
    for start in range(0, n_total, BATCH_ROWS):
        # bounds of the same type, or NumPy would copy all positions to a common one
        first, last = np.searchsorted(ascending, np.array([start, start + BATCH_ROWS], dtype=ascending.dtype))
        if last > first:
            batch = rows.slice(start, BATCH_ROWS).collect()
            found.append(batch[ascending[first:last] - start])
    taken = pl.concat(found)
    return taken.rechunk() if in_order else taken[places]


def draw_positions(n_total: int, n_rows: int, *, seed: int) -> np.ndarray:
    """Draw positions evenly at random, in ascending order; all of them where no more are there.

    Up to 10,000 are drawn among the rows of the sample that is kept beside the table.
    """
    if n_rows >= n_total:
        return np.arange(n_total, dtype=np.int64)
    if n_rows <= SAMPLE_ROWS < n_total:
        positions: np.ndarray = sample_positions(n_total)[draw_from_sample(n_rows, seed=seed)]
        return positions
    return _draw(n_total, n_rows, seed)


def sample_positions(n_total: int) -> np.ndarray:
    """Give the positions of the rows in the sample beside the table."""
    return _draw(n_total, SAMPLE_ROWS, _SAMPLE_SEED)


def draw_from_sample(n_rows: int, *, seed: int) -> np.ndarray:
    """Give the places within the sample of the rows that `draw_positions` draws."""
    return _draw(SAMPLE_ROWS, n_rows, seed)


def _draw(n_total: int, n_rows: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).choice(n_total, size=min(n_rows, n_total), replace=False, shuffle=False)
    positions: np.ndarray = np.sort(drawn).astype(np.int64)
    return positions
