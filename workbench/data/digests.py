"""The digest of a table: the same contents give the same digest, whatever file they came from."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl


def digest_of(frame: pl.DataFrame) -> str:
    """Give the SHA-256 of names, types and values, in 64 hexadecimal digits.

    Computed from the values, not from a file's bytes, so that another version of the Parquet writer changes nothing.

    Examples
    --------
    >>> digest_of(pl.DataFrame({"a": [1, None]})) == digest_of(pl.DataFrame({"a": [1, None]}))
    True
    """
    total = hashlib.sha256(f"workbench table 1\n{frame.height}\n".encode())
    for series in frame:
        total.update(f"{len(series.name.encode())}:{series.name}\n{series.dtype}\n".encode())
        _add_values(total, series)
    return total.hexdigest()


def _add_values(total: hashlib._Hash, series: pl.Series) -> None:
    total.update(np.packbits(series.is_null().to_numpy()).tobytes())
    if series.dtype == pl.String:
        filled = series.fill_null("")
        total.update(filled.str.len_bytes().cast(pl.UInt64).to_numpy().tobytes())
        total.update(str(filled.str.join("")[0]).encode())
        return
    if series.dtype == pl.Binary:
        images = series.fill_null(b"")
        total.update(images.bin.size().cast(pl.UInt64).to_numpy().tobytes())
        for image in images:
            total.update(image)
        return
    physical = series.to_physical()
    if physical.dtype == pl.Boolean:
        physical = physical.cast(pl.UInt8)
    total.update(np.ascontiguousarray(physical.fill_null(0).to_numpy()).tobytes())
