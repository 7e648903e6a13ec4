"""The digest of a table: the same contents give the same digest, whatever file they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

import numpy as np
import polars as pl

from workbench.data.column_memory import cells_of

Piece = bytes | np.ndarray
_WIDTHS = (1, 2, 4, 8)
_LARGEST = _WIDTHS[-1]


def digest_of(frame: pl.DataFrame) -> str:
    """Give the SHA-256 of names, types and values, in 64 hexadecimal digits.

    Computed from the values, not from a file's bytes, so that another version of the Parquet writer changes nothing.

    Examples
    --------
    >>> digest_of(pl.DataFrame({"a": [1, None]})) == digest_of(pl.DataFrame({"a": [1, None]}))
    True
    """
    columns = []
    for series in frame:
        width = width_of(series)
        column = hashlib.sha256(column_head(series.name, series.dtype, width))
        feed(column, missing_bits(series))
        for pieces in pieces_of(series.dtype, width):
            feed(column, pieces(series))
        columns.append(column.digest())
    return digest_of_columns(frame.height, columns)


def digest_of_columns(n_rows: int, columns: Iterable[bytes]) -> str:
    """Put together the digests of a table's columns, in order; each may have been computed by a thread of its own."""
    return hashlib.sha256(b"".join([f"workbench table 3\n{n_rows}\n".encode(), *columns])).hexdigest()


def feed(column: hashlib._Hash, piece: Piece) -> None:
    """Digest a piece."""
    column.update(piece if isinstance(piece, bytes) else piece.data)


def width_of(series: pl.Series) -> int:
    """Give the bytes that each whole number of a column is digested in, or each length of a text: as few as will do.

    That of a column is the largest of its parts'. Floats that are all whole and not -0.0 take up to four bytes.

    Examples
    --------
    >>> [width_of(pl.Series(values)) for values in ([1, 127], [-129], [0.5], [517.0, None], ["a"])]
    [1, 2, 8, 2, 1]
    """
    dtype = series.dtype
    if dtype.is_integer() or dtype == pl.Float64:
        cells, missing = cells_of(series)
        present = cells if missing is None else cells[~missing]
        if dtype == pl.Float64 and not (_are_short_integers(present[:1_000]) and _are_short_integers(present)):
            return cells.itemsize
        low, high = _extremes(present)
        return next(width for width in _WIDTHS if -(1 << 8 * width - 1) <= low and high < 1 << 8 * width - 1)
    if dtype == pl.String or dtype == pl.Binary:
        longest = _longest(series)
        return next(width for width in _WIDTHS if longest < 1 << 8 * width)
    return 1 if dtype == pl.Boolean else series.to_physical()[:0].to_numpy().itemsize


def column_head(name: str, dtype: pl.DataType, width: int) -> bytes:
    """Give what is digested in front of a column's values."""
    return f"{len(name.encode())}:{name}\n{dtype}\n{width}\n".encode()


def missing_bits(series: pl.Series) -> Piece:
    """Give one bit a row. Parts of a column may be joined where all but the last have a multiple of eight rows."""
    return np.packbits(series.is_null().to_numpy())


def pieces_of(dtype: pl.DataType, width: int) -> tuple[Callable[[pl.Series], Piece], ...]:
    """Give what is digested of the values, one after the other, each of it over all rows."""
    if dtype == pl.String:
        return partial(_text_lengths, width=width), _text
    if dtype == pl.Binary:
        return partial(_binary_lengths, width=width), _binary
    if dtype.is_integer() or (dtype == pl.Float64 and width < _LARGEST):
        return (partial(_whole_numbers, width=width),)
    return (_numbers,)


def _are_short_integers(cells: np.ndarray) -> bool:
    """Whether all floats are whole numbers of 32 bits."""
    if len(cells) and not -(1 << 31) <= cells.min() <= cells.max() < 1 << 31:
        return False
    whole = cells.astype(np.int32)
    return np.array_equal(whole.astype(np.float64).view(np.int64), cells.view(np.int64))  # -0.0 isn't, by its bits


def _extremes(cells: np.ndarray) -> tuple[int, int]:
    return (int(cells.min()), int(cells.max())) if len(cells) else (0, 0)


def _longest(series: pl.Series) -> int:
    if series.dtype == pl.Binary:
        return cast("int", series.bin.size().max() or 0)
    cells, missing = cells_of(series)
    lengths = cells.view(np.uint32)[::4]
    return _extremes(lengths if missing is None else lengths[~missing])[1]


def _text_lengths(series: pl.Series, *, width: int) -> Piece:
    return series.str.len_bytes().fill_null(0).to_numpy().astype(f"u{width}")


def _text(series: pl.Series) -> Piece:
    return bytes(series.str.join("").cast(pl.Binary)[0])  # missing values are passed over


def _binary_lengths(series: pl.Series, *, width: int) -> Piece:
    return series.bin.size().fill_null(0).to_numpy().astype(f"u{width}")


def _binary(series: pl.Series) -> Piece:
    return b"".join(series.drop_nulls())


def _whole_numbers(series: pl.Series, *, width: int) -> Piece:
    return series.fill_null(0).to_numpy().astype(f"i{width}")


def _numbers(series: pl.Series) -> Piece:
    physical = series.to_physical()
    if physical.dtype == pl.Boolean:
        physical = physical.cast(pl.UInt8)
    return np.ascontiguousarray(physical.fill_null(0).to_numpy())
