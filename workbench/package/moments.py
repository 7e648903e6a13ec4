"""Dates and times as people and programs write them: read as seconds since 1970-01-01 UTC, written as ISO 8601."""

from __future__ import annotations

import math
import numbers
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from workbench.data.encoding import EARLIEST_SECOND, LATEST_SECOND
from workbench.data.zones import moment_second, wall_clock_seconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MIDNIGHT = " 00:00:00"


def seconds_of(value: Any, zone: str | None = None) -> float | None:
    """Read one moment; None where it isn't one.

    Parameters
    ----------
    value : str, date, datetime, numpy.datetime64, int or float
        Text as ISO 8601, with ``Z`` or an offset or without a zone; a number counts seconds since 1970-01-01 UTC.
    zone : str, optional
        By whose clocks a time without a zone is read; UTC when absent.

    Returns
    -------
    float or None
        Seconds since 1970-01-01 UTC; NaN for empty text.

    Examples
    --------
    >>> seconds_of("1970-01-02"), seconds_of("1970-01-01T02:00+01:00"), seconds_of(60), seconds_of("soon")
    (86400.0, 3600.0, 60.0, None)
    >>> seconds_of("1970-01-02 01:00", "Europe/Berlin")
    86400.0
    """
    if isinstance(value, str):
        return _of_text(value, zone)
    if isinstance(value, datetime):
        return _within(_of_datetime(value, zone))
    if isinstance(value, date):
        return _within(_moment((value - _EPOCH.date()).days * 86_400.0, zone))
    if isinstance(value, np.datetime64):
        return _within(_moment(float((value - np.datetime64(0, "s")) / np.timedelta64(1, "s")), zone))
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, numbers.Real) or type(value).__name__ == "Decimal":
        try:
            return _within(float(value))
        except OverflowError:
            return None
    return None


def _moment(shown: float, zone: str | None) -> float:
    return moment_second(shown, zone) if zone else shown


def _of_text(text: str, zone: str | None) -> float | None:
    text = text.strip()
    if not text:
        return math.nan
    try:
        return _within(_of_datetime(datetime.fromisoformat(text.upper()), zone))
    except ValueError:
        return None


def _of_datetime(moment: datetime, zone: str | None) -> float:
    if moment.tzinfo is not None:
        return float((moment - _EPOCH) / timedelta(seconds=1))
    return _moment(float((moment.replace(tzinfo=UTC) - _EPOCH) / timedelta(seconds=1)), zone)


def _within(seconds: float) -> float | None:
    if math.isnan(seconds):
        return seconds
    return seconds if EARLIEST_SECOND <= seconds <= LATEST_SECOND else None


def written(value: Any, *, date_only: bool = False, zone: str | None = None) -> str | None:
    """Write a moment of any form as ISO 8601 text, as requests and forms take it; None for a missing one.

    The text is what the clocks of `zone` show, with their offset, or the time in UTC without one.

    Examples
    --------
    >>> written(date(2024, 2, 29), date_only=True), written(datetime(2024, 2, 29, 12, 30)), written(None)
    ('2024-02-29', '2024-02-29 12:30:00', None)
    """
    return None if value is None else moment_text(seconds_of(value, zone), date_only=date_only, zone=zone)


def moment_text(seconds: float | None, *, date_only: bool = False, zone: str | None = None) -> str | None:
    """Write seconds since 1970-01-01 UTC as ISO 8601; None for a missing value.

    Parameters
    ----------
    seconds : float or None
    date_only : bool
        Leave the time out where it is midnight.
    zone : str, optional
        Whose clocks show the time that is written, with its offset; UTC without an offset when absent.

    Examples
    --------
    >>> moment_text(86400.0, date_only=True), moment_text(86400.5), moment_text(float("nan"))
    ('1970-01-02', '1970-01-02 00:00:00.500000', None)
    >>> moment_text(86400.0, zone="Europe/Berlin")
    '1970-01-02 01:00:00+01:00'
    """
    if seconds is None or math.isnan(seconds):
        return None
    ahead = float(wall_clock_seconds(np.array([seconds]), zone)[0]) - seconds if zone else 0.0
    seconds += round(ahead)
    whole = math.floor(seconds)
    try:
        moment = _EPOCH + timedelta(seconds=whole, microseconds=round((seconds - whole) * 1e6))
    except OverflowError:  # the first hours of the year 1, west of Greenwich
        return moment_text(seconds - round(ahead), date_only=date_only)
    text = moment.replace(tzinfo=None).isoformat(sep=" ")
    if date_only and text.endswith(_MIDNIGHT):
        return text.removesuffix(_MIDNIGHT)
    return text + _offset_text(round(ahead)) if zone else text


def _offset_text(ahead: int) -> str:
    minutes, seconds = divmod(abs(ahead), 60)
    text = f"{'-' if ahead < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds else text
