"""Columns of a request turned into arrays, or refused with the column, the row and the remedy."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import polars as pl

from workbench.data.cell_types import FALSE_WORDS, TRUE_WORDS
from workbench.data.encoding import LATEST_SECOND, to_array
from workbench.data.zones import moment_seconds, zone_label, zone_of
from workbench.errors import InputError
from workbench.package.moments import seconds_of

ColumnType = Literal["number", "string", "datetime", "image"]

_PLAIN_NUMBERS = {int, float, type(None)}
_PLAIN_TEXTS = {str, type(None)}
_MISSING_REMEDY = "leave it empty (null) if it is missing"
_YES_OR_NO = {
    **{word: 1.0 for word in TRUE_WORDS if word.isalpha()},
    **{word: 0.0 for word in FALSE_WORDS if word.isalpha()},
}
_NEEDED = {
    "number": "a number",
    "string": "text",
    "datetime": "a date or time such as 2024-12-31, 2024-12-31T23:59 or 2024-12-31T23:59Z, or seconds since 1970",
}


def values_to_array(
    name: str, values: Sequence[Any], kind: ColumnType, *, yes_or_no: bool = False, zone: str | None = None
) -> np.ndarray:
    """Turn plain Python values (as from JSON) into an array.

    A number may be an int or float, and None or NaN for missing; in a column of yes and no also a bool, or one of the
    words for it, such as "true". Text must be a str, or None. A date or time may be ISO text, a Python or NumPy date or
    datetime, or a number of seconds since 1970-01-01 UTC; without a zone it is read by the clocks of `zone`, the
    column's own, and as UTC where the column has none.

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
        if yes_or_no:
            values = [_from_words(value) for value in values]
            types = set(map(type, values))
        if types <= _PLAIN_NUMBERS:
            try:
                return _finite(name, np.array(values, dtype=np.float64))
            except OverflowError:
                pass  # the loop below finds the row
        return _finite(name, np.array(_each(name, values, kind, yes_or_no=yes_or_no), dtype=np.float64))
    if kind == "datetime":
        return np.array(_each(name, values, kind, zone=zone), dtype=np.float64)
    if types == {str}:
        return _encodable(name, np.array(values, dtype=object))
    texts = [value or "" for value in values] if types <= _PLAIN_TEXTS else _each(name, values, kind)
    return _encodable(name, np.array(texts, dtype=object))


def _encodable(name: str, texts: np.ndarray) -> np.ndarray:
    """Refuse half a character (a lone surrogate), which neither Polars nor ONNX Runtime can hold."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        row = next(i for i, text in enumerate(texts) if any("\ud800" <= character <= "\udfff" for character in text))
        raise InputError(
            f"Got half a character in column {name!r}, row {row + 1} of {len(texts)}, needed text that UTF-8 can "
            "write. Read the file with its right encoding, or leave the value empty (null)."
        ) from None
    return texts


def _from_words(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return float(value)
    return _YES_OR_NO.get(value.strip().lower(), value) if isinstance(value, str) else value


def series_to_array(
    name: str, series: pl.Series, kind: ColumnType, *, yes_or_no: bool = False, zone: str | None = None
) -> np.ndarray:
    """Turn a column of a data frame (as from a file) into an array.

    More is understood than from JSON, since a file's reader guesses types: numbers written as text, and text that looks
    like numbers or dates.

    Raises
    ------
    InputError
        For the first value that can't be understood.
    """
    dtype = series.dtype
    if dtype == pl.Null:
        series = series.cast(pl.String if kind == "string" else pl.Float64)
    elif dtype == pl.Object:
        return values_to_array(name, series.to_list(), kind, yes_or_no=yes_or_no, zone=zone)
    if kind == "datetime":
        return _moments(name, series, zone)
    return _numbers(name, series, yes_or_no) if kind == "number" else _texts(series)


def whole_numbers(name: str, values: pl.Series | Sequence[Any]) -> pl.Series | None:
    """Give a column's whole numbers with all their digits, missing as null; None where it holds others.

    For columns beyond 2**53, where a double is rounded; what fits the column was checked before.
    """
    if isinstance(values, pl.Series) and values.dtype.is_integer():
        return values
    listed = values.to_list() if isinstance(values, pl.Series) else list(values)
    if isinstance(values, pl.Series) and values.dtype == pl.String:
        listed = [None if text is None or not text.strip() else _whole(text.strip()) for text in listed]
        if any(number is False for number in listed):
            return None
    found_ = [None if _is_missing(value) else value for value in listed]
    if not all(value is None or (isinstance(value, int) and not isinstance(value, bool)) for value in found_):
        return None
    for dtype in (pl.Int64, pl.UInt64):
        try:
            return pl.Series(name, found_, dtype=dtype)
        except (OverflowError, TypeError, pl.exceptions.PolarsError):
            continue
    return None


def _whole(text: str) -> int | bool:
    return int(text) if text.removeprefix("-").isdecimal() else False


def _moments(name: str, series: pl.Series, zone: str | None) -> np.ndarray:
    dtype = series.dtype
    if isinstance(dtype, pl.Date | pl.Datetime):
        seconds = to_array(series)
        return moment_seconds(seconds, zone) if zone and not zone_of(dtype) else seconds
    if dtype == pl.Boolean or dtype.is_temporal() or dtype.is_nested() or dtype == pl.Binary:
        raise InputError(
            f"Got column {name!r} as {dtype}, needed dates or times. Convert it before predicting, as it was for "
            "training."
        )
    if dtype.is_numeric():
        series = series.cast(pl.Float64)
        _refuse_calendar_numbers(name, series)
        return values_to_array(name, series.fill_null(float("nan")).to_list(), "datetime")
    return values_to_array(name, series.cast(pl.String).to_list(), "datetime", zone=zone)


def _refuse_calendar_numbers(name: str, seconds: pl.Series) -> None:
    """Refuse 20241231 in a file: as seconds it would silently be a day in 1970."""
    present = seconds.drop_nans().drop_nulls()
    if not len(present) or not ((present % 1 == 0) & (present >= 1000_01_01) & (present <= 9999_12_31)).all():
        return
    dates = present.cast(pl.Int64).cast(pl.String).str.to_date("%Y%m%d", strict=False)
    if not dates.null_count():
        raise InputError(
            f"Got {int(present[0])} and the like in column {name!r}, which are dates written as numbers, and would be "
            f"read as seconds since 1970. Needed {dates[0]}; write them so."
        )


def _numbers(name: str, series: pl.Series, yes_or_no: bool) -> np.ndarray:
    dtype = series.dtype
    if dtype == pl.Boolean and not yes_or_no and series.null_count() < len(series):
        raise InputError(
            f"Column {name!r} holds true and false, but the model was trained on numbers in it. Correct the column."
        )
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
        if yes_or_no:
            words = texts.str.to_lowercase().replace_strict(_YES_OR_NO, default=None, return_dtype=pl.Float64)
            parsed = parsed.fill_null(words)
        wrong = parsed.is_null() & texts.is_not_null()
        if wrong.any():
            row = int(wrong.arg_true()[0])
            _refuse(name, row, series[row], len(series), int(wrong.sum()), yes_or_no=yes_or_no)
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


def _each(
    name: str, values: Sequence[Any], kind: ColumnType, *, yes_or_no: bool = False, zone: str | None = None
) -> list[Any]:
    convert = _CONVERTERS[kind] if zone is None else partial(_to_moment, zone=zone)
    converted = []
    for row, value in enumerate(values):
        result = convert(value)
        if result is None:
            n_wrong = sum(convert(other) is None for other in values)
            _refuse(name, row, value, len(values), n_wrong, kind, yes_or_no=yes_or_no, zone=zone)
        converted.append(result)
    return converted


def _refuse(
    name: str,
    row: int,
    value: Any,
    n_rows: int,
    n_wrong: int,
    kind: ColumnType = "number",
    *,
    yes_or_no: bool = False,
    zone: str | None = None,
) -> None:
    needed = _NEEDED[kind]
    if zone is not None:
        needed += f"; a time without an offset is read by the clocks of {zone_label(zone)}"
    if yes_or_no:
        needed = "true or false"
    elif kind == "number" and not isinstance(value, bool) and isinstance(value, numbers.Real):
        needed = "a number that fits a 64-bit float"
    others = f" ({n_wrong} such rows)" if n_wrong > 1 else ""
    shown = value if isinstance(value, str) else str(value)
    raise InputError(
        f"Got {_shorten(shown)!r} ({type(value).__name__}) in column {name!r}, row {row + 1} of {n_rows}{others}, "
        f"needed {needed}. {_remedy(value, kind)}"
    )


def _remedy(value: Any, kind: ColumnType) -> str:
    if kind == "number" and isinstance(value, str) and _is_number(value):
        return "Send it without quotes."
    if kind == "number" and isinstance(value, bool | np.bool_):
        return "True and false are taken only where training saw nothing but yes and no. Send the number."
    if kind == "string" and isinstance(value, int | float):
        return "Send it in quotes."
    if kind == "datetime" and isinstance(value, str) and _is_number(value):
        return "Send seconds without quotes, or a date with its day and month."
    if kind == "datetime" and isinstance(value, int | float) and not isinstance(value, bool):
        if LATEST_SECOND < value <= LATEST_SECOND * 1000:
            return "Divide it by 1,000: it seems to count milliseconds."
        return "Send a moment in the years 1 to 9999."
    return f"Correct it, or {_MISSING_REMEDY}."


def _to_number(value: Any) -> float | None:
    """Give the number behind one value of any origin, NaN for missing, None where it isn't one."""
    if _is_missing(value):
        return math.nan
    if isinstance(value, bool | np.bool_):  # True is an int in Python, and 1 is no answer to "how old?"
        return None
    if isinstance(value, numbers.Real) or type(value).__name__ == "Decimal":
        try:
            return float(value)
        except (OverflowError, ValueError):
            return None
    return None


def _to_text(value: Any) -> str | None:
    if _is_missing(value):
        return ""
    return str(value) if isinstance(value, str) else None


def _to_moment(value: Any, zone: str | None = None) -> float | None:
    """Give the seconds behind one value of any origin, NaN for missing, None where it is no date or time."""
    return math.nan if _is_missing(value) else seconds_of(value, zone)


_CONVERTERS: dict[ColumnType, Callable[[Any], Any]] = {
    "number": _to_number,
    "string": _to_text,
    "datetime": _to_moment,
}


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
