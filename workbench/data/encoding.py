"""How raw values become what a model takes: float64 numbers and strings, the same in training, package and service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from workbench.data.table import nearest
from workbench.errors import DataError

InputType = Literal["number", "string", "datetime"]

_NUMBER_NAMES = ("Int", "UInt", "Float", "Decimal", "Boolean")
_DATETIME_NAMES = ("Date", "Datetime", "Time", "Duration")


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
        float64 with NaN for missing numbers (booleans are 1.0 and 0.0); objects (str) with ``""`` for missing text.

    Raises
    ------
    DataError
        If a column is absent, or holds dates, for which there is no encoding.

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
        raise DataError(
            f"Got column {series.name!r} with dates ({series.dtype}), needed numbers or text. "
            "Leave it out with a drop_columns step."
        )
    texts = series.cast(pl.String).fill_null("")
    return np.array(texts.to_list(), dtype=object) if len(texts) else np.empty(0, dtype=object)


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        hint = nearest(name, frame.columns) or " Add the column."
        raise DataError(f"Got rows without column {name!r}, needed it among {', '.join(frame.columns[:20])}.{hint}")
    return frame[name]
