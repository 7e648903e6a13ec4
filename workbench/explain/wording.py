"""Values, columns and contributions in words."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import polars as pl

from workbench.data.encoding import to_array
from workbench.data.zones import wall_clock_seconds, zone_of

MISSING = "missing"
MAX_CHARS = 80  # of a text in a picture or sentence
_MIDNIGHT = " 00:00:00"


def value_text(value: Any) -> str:
    """Write a raw value as a person reads it.

    Examples
    --------
    >>> [value_text(value) for value in (3.0, 0.12345, 1234567.0, None, "", "male", True)]
    ['3', '0.1235', '1,234,567', 'missing', 'missing', 'male', 'true']
    >>> [value_text(value) for value in (date(2024, 2, 29), datetime(2024, 2, 29), datetime(2024, 2, 29, 12, 30))]
    ['2024-02-29', '2024-02-29', '2024-02-29 12:30']
    >>> from zoneinfo import ZoneInfo
    >>> value_text(datetime(2024, 7, 1, 0, 30, tzinfo=ZoneInfo("Europe/Berlin")))
    '2024-07-01 00:30+02:00'
    """
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, datetime):
        shown = value.replace(tzinfo=None).isoformat(sep=" ").removesuffix(_MIDNIGHT).removesuffix(":00")
        offset = value.isoformat()[len(value.replace(tzinfo=None).isoformat()) :]
        return shown if offset in ("", "+00:00") else shown + offset
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return number_text(float(value))
    text = str(value)
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"


def number_text(value: float, *, sign: bool = False) -> str:
    """Write a number with thousands separators and about four digits."""
    plus = "+" if sign else ""
    if math.isinf(value):
        return f"{value:{plus}}"
    if value.is_integer() and abs(value) < 1e15:
        return f"{int(value):{plus},}"
    if abs(value) >= 1000:
        return f"{value:{plus},.0f}"
    return f"{value:{plus}.4g}"


def value_texts(series: pl.Series) -> list[str]:
    """Write a column of raw values."""
    return [value_text(value) for value in series.to_list()]


def numbers_of(series: pl.Series) -> pl.Series:
    """Give a column as numbers for an axis: null where missing, seconds since 1970 for moments, all null for text.

    Moments with a zone are told as its clocks show them.
    """
    if series.dtype.is_temporal():
        zone = zone_of(series.dtype)
        seconds = to_array(series)
        return pl.Series(series.name, wall_clock_seconds(seconds, zone) if zone else seconds, nan_to_null=True)
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        return series.cast(pl.Float64).fill_nan(None)
    return pl.Series(series.name, [None] * len(series), dtype=pl.Float64)


def sentence(
    *,
    output: str,
    prediction: float,
    base_value: float,
    background: str,
    contributions: list[tuple[str, str, float]],
    max_columns: int = 5,
) -> str:
    """Tell one row's explanation.

    Parameters
    ----------
    output : str
        What is predicted, for example "the probability of survived = 1".
    background : str
        What the base value is the mean of.
    contributions : list of (column, value in words, SHAP value)
    """
    told = sorted(contributions, key=lambda entry: -abs(entry[2]))
    told = [entry for entry in told if abs(entry[2]) > 1e-9 * max(abs(prediction), abs(base_value), 1e-12)]
    usual = number_text(base_value)
    parts = [f"For this row {output} is {number_text(prediction)}; over {background} it is {usual} on average."]
    shown, rest = told[:max_columns], told[max_columns:]
    for verb, chosen in (("raises", [c for c in shown if c[2] > 0]), ("lowers", [c for c in shown if c[2] < 0])):
        if chosen:
            listed = [
                f"{column} = {value} ({number_text(shap_value, sign=True)})" for column, value, shap_value in chosen
            ]
            parts.append(f"What {verb} it: {', '.join(listed)}.")
    if rest:
        total = sum(shap_value for _, _, shap_value in rest)
        parts.append(f"{len(rest)} other columns together: {number_text(total, sign=True)}.")
    if not told:
        parts.append("No column moves it.")
    return " ".join(parts)
