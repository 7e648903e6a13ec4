"""Any frame's columns as the types that a table holds, for figures about frames that were never stored."""

from __future__ import annotations

import numpy as np
import polars as pl


def usual_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring columns of any frame to the types that a table holds; NaN and infinity become missing."""
    return pl.DataFrame([_usual(series) for series in frame])


def _usual(values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if dtype.is_float():
        # NumPy's view of the column, since each method of a Polars series costs 100 µs in a table of 10,000 of them.
        numbers = values.to_numpy()
        if int(np.isfinite(numbers).sum()) + values.null_count() < len(numbers):
            return values.set(~values.is_finite(), None)
        return values
    if dtype.is_decimal() or dtype in (pl.Int128, pl.UInt128, pl.UInt64):
        return values.cast(pl.Float64)
    if isinstance(dtype, pl.Duration):
        return (values.dt.total_microseconds() / 1e6).alias(values.name)
    if isinstance(dtype, (pl.Categorical, pl.Enum, pl.Null, pl.Time)):
        return values.cast(pl.String)
    return values
