"""How raw values become what a model takes: float64 numbers and strings, the same in training, package and service.

A date or time is the number of seconds since 1970-01-01 00:00 UTC. A time with a zone is brought to UTC; in a column
without one it is taken as UTC, so that the same text gives the same number on every machine. What a zone's clocks show
is computed behind that, in the recipe and in the graph alike (`zones`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl

from workbench.data.table import nearest
from workbench.errors import DataError

InputType = Literal["number", "string", "datetime", "image"]

_NUMBER_NAMES = ("Int", "UInt", "Float", "Decimal", "Boolean")
_DATETIME_NAMES = ("Date", "Datetime", "Time", "Duration")

# What Python, Polars and ISO 8601 all can write: the years 1 to 9999. Anything beyond counts as missing.
EARLIEST_SECOND = -62_135_596_800.0
LATEST_SECOND = 253_402_300_799.0
_SECONDS_A_DAY = 86_400
_UNITS_A_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def input_type(dtype: pl.DataType | type[pl.DataType] | str) -> InputType:
    """Say as what a column of this type enters a model.

    Examples
    --------
    >>> input_type(pl.Boolean), input_type("Int64"), input_type(pl.String), input_type("Datetime(time_unit='us')")
    ('number', 'number', 'string', 'datetime')
    """
    name = str(dtype)
    if name.startswith(_NUMBER_NAMES):
        return "number"
    return "datetime" if name.startswith(_DATETIME_NAMES) else "string"


def to_arrays(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Turn columns into the arrays that a model's graph takes.

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of str, optional
        All columns by default.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        float64 with NaN for missing numbers (booleans are 1.0 and 0.0); float64 seconds since 1970-01-01 UTC with NaN
        for missing dates and times; objects (str) with ``""`` for missing text.

    Raises
    ------
    DataError
        If a column is absent, or holds times of day or durations, for which there is no encoding.

    Examples
    --------
    >>> to_arrays(pl.DataFrame({"age": [1, None], "sex": ["f", None]}))
    {'age': array([ 1., nan]), 'sex': array(['f', ''], dtype=object)}
    """
    return {name: to_array(_column(frame, name)) for name in (frame.columns if columns is None else columns)}


def to_array(series: pl.Series) -> np.ndarray:
    """Turn one column into the array that a model's graph takes; see `to_arrays`."""
    kind = input_type(series.dtype)
    if kind == "number":
        return series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if kind == "datetime":
        return _seconds(series)
    texts = series.cast(pl.String).fill_null("")
    return np.array(texts.to_list(), dtype=object) if len(texts) else np.empty(0, dtype=object)


def from_arrays(
    arrays: Mapping[str, np.ndarray | pl.Series], types: Mapping[str, InputType], zones: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Turn arrays as a graph takes them back into columns: the way back from `to_arrays`.

    Parameters
    ----------
    arrays : dict of str to ndarray of shape (n_rows,)
    types : dict of str to {"number", "string", "datetime"}
        Which columns, in which order, and what each array means.
    zones : dict of str to str, optional
        Time zones of columns that have one.

    Returns
    -------
    DataFrame
        Float64, String and Datetime (microseconds; in the column's zone, else in UTC without one); missing is null.

    Examples
    --------
    >>> from_arrays({"sold": np.array([86_400.0, np.nan])}, {"sold": "datetime"})["sold"].to_list()
    [datetime.datetime(1970, 1, 2, 0, 0), None]
    """
    frame = pl.DataFrame([_to_series(name, arrays[name], kind) for name, kind in types.items()])
    if not zones:
        return frame
    zoned = [
        pl.col(name).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        for name, zone in zones.items()
        if name in types
    ]
    return frame.with_columns(zoned)


def _to_series(name: str, array: np.ndarray | pl.Series, kind: InputType) -> pl.Series:
    if isinstance(array, pl.Series):  # whole numbers that a double would round
        return array.alias(name)
    if kind == "string":
        return pl.Series(name, [text or None for text in array.tolist()], dtype=pl.String)
    if kind == "number":
        return pl.Series(name, array, dtype=pl.Float64, nan_to_null=True)
    if kind == "image":
        from workbench.data.images import pack_pixels

        return pl.Series(name, pack_pixels(array), dtype=pl.Binary)
    known = (array >= EARLIEST_SECOND) & (array <= LATEST_SECOND)
    # Whole seconds and the rest apart: microseconds after the year 2255 don't fit into a double.
    usable = np.where(known, array, 0.0)
    whole = np.floor(usable)
    micros = whole.astype(np.int64) * 1_000_000 + np.rint((usable - whole) * 1e6).astype(np.int64)
    moments = pl.Series(name, micros).cast(pl.Datetime("us"))
    return moments if known.all() else moments.set(pl.Series(~known), None)


def _seconds(series: pl.Series) -> np.ndarray:
    dtype = series.dtype
    if dtype == pl.Date:
        seconds = series.cast(pl.Int32).cast(pl.Float64) * _SECONDS_A_DAY
    elif isinstance(dtype, pl.Datetime):
        units = series.to_physical()  # counted in UTC, also where the column has a zone
        a_second = _UNITS_A_SECOND[dtype.time_unit]
        seconds = (units // a_second).cast(pl.Float64) + (units % a_second).cast(pl.Float64) / a_second
    else:
        raise DataError(
            f"Got column {series.name!r} with times of day or durations ({dtype}), needed dates, numbers or text. "
            "Convert it to seconds, or leave it out with a drop_columns step."
        )
    array = seconds.fill_null(float("nan")).to_numpy()
    beyond = (array < EARLIEST_SECOND) | (array > LATEST_SECOND)
    return np.where(beyond, np.nan, array) if beyond.any() else array


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        hint = nearest(name, frame.columns) or " Add the column."
        raise DataError(f"Got rows without column {name!r}, needed it among {', '.join(frame.columns[:20])}.{hint}")
    return frame[name]
