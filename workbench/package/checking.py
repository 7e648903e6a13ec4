"""Columns of a request turned into arrays, or refused with the column, the row and the remedy."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from workbench.errors import InputError

ColumnType = Literal["number", "string"]

_PLAIN_NUMBERS = {int, float, bool, type(None)}
_PLAIN_TEXTS = {str, type(None)}
_MISSING_REMEDY = "leave it empty (null) if it is missing"


def values_to_array(name: str, values: Sequence[Any], kind: ColumnType) -> np.ndarray:
    """Turn plain Python values (as from JSON) into an array.

    A number may be an int, float or bool, and None or NaN for missing; text must be a str, or None.

    Returns
    -------
    ndarray of shape (n_rows,)
        float64 with NaN for missing, or str objects with ``""`` for missing.

    Raises
    ------
    InputError
        For the first value that is of the wrong type, infinite, or beyond a double.
    """
    types = set(map(type, values))
    if kind == "number":
        if types <= _PLAIN_NUMBERS:
            try:
                return _finite(name, np.array(values, dtype=np.float64))
            except OverflowError:
                pass  # the loop below finds the row
        return _finite(name, np.array(_each(name, values, _to_number), dtype=np.float64))
    if types == {str}:
        return np.array(values, dtype=object)
    texts = [value or "" for value in values] if types <= _PLAIN_TEXTS else _each(name, values, _to_text)
    return np.array(texts, dtype=object)


def series_to_array(name: str, series: pl.Series, kind: ColumnType) -> np.ndarray:
    """Turn a column of a data frame (as from a file) into an array.

    More is understood than from JSON, since a file's reader guesses types: numbers written as text, and text that looks
    like numbers.

    Raises
    ------
    InputError
        For the first value that can't be understood.
    """
    dtype = series.dtype
    if dtype == pl.Null:
        series = series.cast(pl.Float64 if kind == "number" else pl.String)
    elif dtype == pl.Object:
        return values_to_array(name, series.to_list(), kind)
    return _numbers(name, series) if kind == "number" else _texts(series)


def _numbers(name: str, series: pl.Series) -> np.ndarray:
    dtype = series.dtype
    if dtype.is_temporal() or dtype.is_nested() or dtype == pl.Binary:
        raise InputError(
            f"Got column {name!r} as {dtype}, needed numbers. Convert it before predicting, as it was for training."
        )
    if dtype.is_numeric() or dtype == pl.Boolean:
        parsed = series.cast(pl.Float64)
    else:
        texts = series.cast(pl.String).str.strip_chars()
        texts = texts.set(texts == "", None)
        parsed = texts.cast(pl.Float64, strict=False)
        wrong = parsed.is_null() & texts.is_not_null()
        if wrong.any():
            _refuse(name, int(wrong.arg_true()[0]), series[int(wrong.arg_true()[0])], len(series), int(wrong.sum()))
    return _finite(name, parsed.fill_null(float("nan")).to_numpy())


def _texts(series: pl.Series) -> np.ndarray:
    if series.dtype.is_float():
        # A file's reader makes 7 with a missing neighbour 7.0: whole numbers lose that ending again.
        values = series.fill_nan(None)
        whole = bool(((values % 1) == 0).all()) and bool((values.abs() < 2**53).all())
        series = values.cast(pl.Int64) if whole else values
    return np.array(series.cast(pl.String).fill_null("").to_list() or [], dtype=object)


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    infinite = np.isinf(array)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise InputError(
            f"Got {array[row]} in column {name!r}, row {row + 1} of {len(array)}, needed a finite number. "
            f"Correct it, or {_MISSING_REMEDY}."
        )
    return array


def _each(name: str, values: Sequence[Any], convert: Callable[[Any], Any]) -> list[Any]:
    converted = []
    for row, value in enumerate(values):
        result = convert(value)
        if result is None:
            n_wrong = sum(convert(other) is None for other in values)
            _refuse(name, row, value, len(values), n_wrong, number=convert is _to_number)
        converted.append(result)
    return converted


def _refuse(name: str, row: int, value: Any, n_rows: int, n_wrong: int, *, number: bool = True) -> None:
    needed = "a number" if number else "text"
    if number and isinstance(value, numbers.Real):
        needed = "a number that fits a 64-bit float"
    remedy = f"Correct it, or {_MISSING_REMEDY}."
    if number and isinstance(value, str) and _is_number(value):
        remedy = "Send it without quotes."
    elif not number and isinstance(value, int | float):
        remedy = "Send it in quotes."
    others = f" ({n_wrong} such rows)" if n_wrong > 1 else ""
    shown = value if isinstance(value, str) else str(value)
    raise InputError(
        f"Got {_shorten(shown)!r} ({type(value).__name__}) in column {name!r}, row {row + 1} of {n_rows}{others}, "
        f"needed {needed}. {remedy}"
    )


def _to_number(value: Any) -> float | None:
    """Give the number behind one value of any origin, NaN for missing, None where it isn't one."""
    if _is_missing(value):
        return math.nan
    if isinstance(value, numbers.Real | np.bool_) or type(value).__name__ == "Decimal":
        try:
            return float(value)
        except (OverflowError, ValueError):
            return None
    return None


def _to_text(value: Any) -> str | None:
    if _is_missing(value):
        return ""
    return str(value) if isinstance(value, str) else None


def _is_missing(value: Any) -> bool:
    # pandas writes a missing value in three ways; none of them may need an import of pandas here.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
