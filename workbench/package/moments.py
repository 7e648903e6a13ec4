"""Dates and times as people and programs write them: read as seconds since 1970-01-01 UTC, written as ISO 8601."""

from __future__ import annotations

import math
import numbers
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from workbench.data.encoding import EARLIEST_SECOND, LATEST_SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MIDNIGHT = " 00:00:00"


def seconds_of(value: Any) -> float | None:
    """Read one moment; None where it isn't one.

    Parameters
    ----------
    value : str, date, datetime, numpy.datetime64, int or float
        Text as ISO 8601, with ``Z`` or an offset or without a zone, which means UTC; a number counts seconds.

    Returns
    -------
    float or None
        Seconds since 1970-01-01 UTC; NaN for empty text.

    Examples
    --------
    >>> seconds_of("1970-01-02"), seconds_of("1970-01-01T02:00+01:00"), seconds_of(60), seconds_of("soon")
    (86400.0, 3600.0, 60.0, None)
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, datetime):
        return _within(_of_datetime(value))
    if isinstance(value, date):
        return (value - _EPOCH.date()).days * 86_400.0
    if isinstance(value, np.datetime64):
        return _within(float((value - np.datetime64(0, "s")) / np.timedelta64(1, "s")))
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, numbers.Real) or type(value).__name__ == "Decimal":
        try:
            return _within(float(value))
        except OverflowError:
            return None
    return None


def _of_text(text: str) -> float | None:
    text = text.strip()
    if not text:
        return math.nan
    try:
        return _within(_of_datetime(datetime.fromisoformat(text.upper())))
    except ValueError:
        return None


def _of_datetime(moment: datetime) -> float:
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return float((moment - _EPOCH) / timedelta(seconds=1))


def _within(seconds: float) -> float | None:
    if math.isnan(seconds):
        return seconds
    return seconds if EARLIEST_SECOND <= seconds <= LATEST_SECOND else None


def written(value: Any, *, date_only: bool = False) -> str | None:
    """Write a moment of any form as ISO 8601 text in UTC, as requests and forms take it; None for a missing one.

    Examples
    --------
    >>> written(date(2024, 2, 29), date_only=True), written(datetime(2024, 2, 29, 12, 30)), written(None)
    ('2024-02-29', '2024-02-29 12:30:00', None)
    """
    return None if value is None else moment_text(seconds_of(value), date_only=date_only)


def moment_text(seconds: float | None, *, date_only: bool = False) -> str | None:
    """Write seconds since 1970-01-01 UTC as ISO 8601; None for a missing value.

    Parameters
    ----------
    seconds : float or None
    date_only : bool
        Leave the time out where it is midnight.

    Examples
    --------
    >>> moment_text(86400.0, date_only=True), moment_text(86400.5), moment_text(float("nan"))
    ('1970-01-02', '1970-01-02 00:00:00.500000', None)
    """
    if seconds is None or math.isnan(seconds):
        return None
    whole = math.floor(seconds)
    moment = _EPOCH + timedelta(seconds=whole, microseconds=round((seconds - whole) * 1e6))
    text = moment.replace(tzinfo=None).isoformat(sep=" ")
    return text.removesuffix(_MIDNIGHT) if date_only else text
