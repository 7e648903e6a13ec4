"""Bring any Polars frame to the few types that a table holds, and refuse the rest."""

from __future__ import annotations

import polars as pl

from workbench.data.images import are_images
from workbench.errors import ReadError

_REFUSED = (pl.List, pl.Array, pl.Struct, pl.Object)


def normalize_frame(frame: pl.DataFrame, *, name: str, max_columns: int) -> tuple[pl.DataFrame, list[str]]:
    """Convert types without loss and turn NaN, infinity and empty text into missing values.

    Returns
    -------
    frame : DataFrame
        Numbers, booleans, strings, dates, datetimes and images (Binary) only.
    notes : list of str
        What was changed that a reader would want to know.

    Raises
    ------
    ReadError
        If there are no rows or columns, too many columns, or a column of a type that a table can't hold.
    """
    _check_shape(frame, name, max_columns)
    refused = [series for series in frame if isinstance(series.dtype, _REFUSED) or _is_foreign(series)]
    if refused:
        shown = ", ".join(f"{series.name!r} ({series.dtype})" for series in refused[:5])
        raise ReadError(
            f"Got {name} with {len(refused)} column{'s'[: len(refused) > 1]} of a type that a table can't hold: "
            f"{shown}. "
            "Needed numbers, text, booleans, dates or images. Leave those columns out of the file."
        )
    notes: list[str] = []
    return pl.DataFrame([_normalize(series, notes) for series in frame]), notes


def _is_foreign(series: pl.Series) -> bool:
    """Whether the cells are bytes that are no images."""
    return series.dtype == pl.Binary and not are_images(series)


def _check_shape(frame: pl.DataFrame, name: str, max_columns: int) -> None:
    if frame.width == 0:
        raise ReadError(f"Got {name} without columns, needed at least one. Check that this is the right file.")
    if frame.width > max_columns:
        raise ReadError(
            f"Got {name} with {frame.width:,} columns, needed at most {max_columns:,}. "
            "Leave some out, or raise WORKBENCH_MAX_COLUMNS."
        )
    if frame.height == 0:
        raise ReadError(
            f"Got {name} with {frame.width} column names but no rows, needed at least one row. "
            "Check that the file is complete."
        )


def _normalize(series: pl.Series, notes: list[str]) -> pl.Series:
    dtype = series.dtype
    if dtype.is_float():
        return _finite(series, notes)
    if dtype == pl.Int128 or dtype == pl.UInt128 or dtype == pl.UInt64:
        narrow = series.cast(pl.Int64, strict=False)
        return narrow if narrow.null_count() == series.null_count() else series.cast(pl.Float64)
    if isinstance(dtype, pl.Decimal):
        return series.cast(pl.Float64)
    if isinstance(dtype, pl.Duration):
        notes.append(f"The durations in {series.name!r} were read as seconds.")
        return (series.dt.total_microseconds() / 1e6).alias(series.name)
    if isinstance(dtype, (pl.Categorical, pl.Enum, pl.Null, pl.Time)):
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        return series.set(series == "", None)
    return series


def _finite(series: pl.Series, notes: list[str]) -> pl.Series:
    if series.dtype not in (pl.Float32, pl.Float64):
        series = series.cast(pl.Float32)
    n_infinite = int(series.is_infinite().sum() or 0)
    if n_infinite:
        notes.append(f"{n_infinite:,} infinite values in {series.name!r} were read as missing.")
        series = series.set(series.is_infinite(), None)
    return series.fill_nan(None)
