"""The digest of a table: the same contents give the same digest, whatever file they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import polars as pl

Piece = bytes | np.ndarray


def digest_of(frame: pl.DataFrame) -> str:
    """Give the SHA-256 of names, types and values, in 64 hexadecimal digits.

    Computed from the values, not from a file's bytes, so that another version of the Parquet writer changes nothing.

    Examples
    --------
    >>> digest_of(pl.DataFrame({"a": [1, None]})) == digest_of(pl.DataFrame({"a": [1, None]}))
    True
    """
    total = hashlib.sha256(table_head(frame.height))
    for series in frame:
        total.update(column_head(series.name, series.dtype))
        feed(total, missing_bits(series))
        for pieces in pieces_of(series.dtype):
            feed(total, pieces(series))
    return total.hexdigest()


def feed(total: hashlib._Hash, piece: Piece) -> None:
    """Digest a piece."""
    total.update(piece if isinstance(piece, bytes) else piece.data)


def table_head(n_rows: int) -> bytes:
    """Give what is digested first."""
    return f"workbench table 1\n{n_rows}\n".encode()


def column_head(name: str, dtype: pl.DataType) -> bytes:
    """Give what is digested in front of a column."""
    return f"{len(name.encode())}:{name}\n{dtype}\n".encode()


def missing_bits(series: pl.Series) -> Piece:
    """Give one bit a row. Parts of a column may be joined where all but the last have a multiple of eight rows."""
    return np.packbits(series.is_null().to_numpy())


def pieces_of(dtype: pl.DataType) -> tuple[Callable[[pl.Series], Piece], ...]:
    """Give what is digested of the values, one after the other, each of it over all rows."""
    if dtype == pl.String:
        return _text_lengths, _text
    if dtype == pl.Binary:
        return _binary_lengths, _binary
    return (_numbers,)


def _text_lengths(series: pl.Series) -> Piece:
    return series.str.len_bytes().fill_null(0).cast(pl.UInt64).to_numpy()


def _text(series: pl.Series) -> Piece:
    return bytes(series.str.join("").cast(pl.Binary)[0])  # missing values are passed over


def _binary_lengths(series: pl.Series) -> Piece:
    return series.bin.size().fill_null(0).cast(pl.UInt64).to_numpy()


def _binary(series: pl.Series) -> Piece:
    return b"".join(series.drop_nulls())


def _numbers(series: pl.Series) -> Piece:
    physical = series.to_physical()
    if physical.dtype == pl.Boolean:
        physical = physical.cast(pl.UInt8)
    return np.ascontiguousarray(physical.fill_null(0).to_numpy())
