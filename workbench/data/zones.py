"""Time zones: moments as a place's clocks show them, and back.

A moment is one point in time, counted in UTC; a wall-clock time is what the clocks of a zone show then. Where clocks
are set back, a wall-clock time occurs twice and means the first of the two; one that clocks skip is counted from the
hour before, so 02:30 on the day that 02:00 becomes 03:00 is 03:30. Both are what Python's `datetime` takes them for
(``fold=0``, PEP 495).

The offsets are read out of Polars once for each zone, so that Polars, NumPy and a model's graph reckon alike.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache

import numpy as np
import polars as pl

_DTYPE_ZONE = re.compile(r"time_zone='([^']+)'")
# Before the first, zones have the local mean time of their town; after the last, Polars follows no summer time.
_FIRST, _LAST = datetime(1840, 1, 1), datetime(2110, 1, 1)
_OFFSET = re.compile(r"(?:UTC)?([+-]\d{2}:?\d{2})")
# Zones that have kept these offsets all year, for at least the last 40 years, where Polars knows whole hours only.
_KEPT = {
    "+04:30": "Asia/Kabul",
    "+05:30": "Asia/Kolkata",
    "+05:45": "Asia/Kathmandu",
    "+06:30": "Asia/Yangon",
    "+09:30": "Australia/Darwin",
    "-09:30": "Pacific/Marquesas",
}
_TAKEN = "POLARS_IGNORE_TIMEZONE_PARSE_ERROR"
_ETC = re.compile(r"Etc/GMT([+-])(\d{1,2})")


def zone_of(dtype: pl.DataType | type[pl.DataType] | str) -> str | None:
    """Give the time zone of a type or of a type's name; None where it has none.

    Examples
    --------
    >>> zone_of(pl.Datetime("us", "Europe/Berlin")), zone_of(str(pl.Datetime("us", "UTC"))), zone_of(pl.Date)
    ('Europe/Berlin', 'UTC', None)
    """
    if isinstance(dtype, str):
        found = _DTYPE_ZONE.search(dtype)
        return found.group(1) if found else None
    return getattr(dtype, "time_zone", None)


def zones_of(schema: dict[str, pl.DataType] | pl.Schema) -> dict[str, str]:
    """Give the time zone of each column that has one."""
    return {name: zone for name, dtype in schema.items() if (zone := zone_of(dtype))}


def kept_in_utc(name: str) -> str:
    """Say of a column of text with offsets that its moments are kept, and its zone isn't known."""
    return (
        f"The times in {name!r} have offsets and are kept in UTC; the step parse_dates gives them the time zone that "
        "is meant."
    )


def zone_label(zone: str) -> str:
    """Give a zone's name as people write it.

    Examples
    --------
    >>> zone_label("Europe/Berlin"), zone_label("Etc/GMT-2")
    ('Europe/Berlin', 'UTC+02:00')
    """
    found = _ETC.fullmatch(zone)
    if not found:
        return zone
    return f"UTC{'-' if found.group(1) == '+' else '+'}{int(found.group(2)):02}:00"  # POSIX counts to the west


@contextmanager
def taking_offsets(names: Iterable[str | None]) -> Iterator[None]:
    """Let Polars take times whose zone is an offset such as +05:30, which it knows no zone for.

    It would panic on their type; `in_known_zone` then gives them one that it knows.
    """
    if not any(name and _OFFSET.fullmatch(name) and not is_zone(name) for name in names):
        yield
        return
    before = os.environ.get(_TAKEN)
    os.environ[_TAKEN] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_TAKEN, None)
        else:
            os.environ[_TAKEN] = before


def in_known_zone(values: pl.Series) -> tuple[pl.Series, str | None]:
    """Bring times whose zone is an offset that Polars has no zone for into one that has this offset, else into UTC.

    Returns
    -------
    values : Series
    note : str or None
        What a reader should know, where the offset couldn't be kept.
    """
    name = zone_of(values.dtype)
    found = _OFFSET.fullmatch(name) if name else None
    if name is None or found is None or is_zone(name):
        return values, None
    moments = pl.Series(values.name, values.to_physical()).cast(pl.Datetime(values.dtype.time_unit))  # type: ignore[attr-defined]
    offset = found.group(1)
    zone = _KEPT.get(offset if ":" in offset else f"{offset[:3]}:{offset[3:]}")
    placed = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(zone or "UTC")
    if zone is not None:
        return placed, None
    return placed, (
        f"The times in {values.name!r} have the offset {offset}, which is of no time zone all year; they are kept in "
        "UTC. The step parse_dates sets the zone that is meant."
    )


@cache
def is_zone(name: str) -> bool:
    """Say whether there is a time zone of that name.

    Examples
    --------
    >>> is_zone("America/New_York"), is_zone("Europe/Atlantis")
    (True, False)
    """
    try:
        # `convert_time_zone` takes any name within `taking_offsets`, and panics when it reckons.
        pl.Series([datetime(2000, 1, 1)]).dt.replace_time_zone(name, ambiguous="earliest", non_existent="null")
    except (pl.exceptions.PolarsError, ValueError):
        return False
    return True


@cache
def offsets_of(zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Give when a zone's clocks were changed, and by how much they differ from UTC.

    Returns
    -------
    changes : ndarray of float64 of shape (n,)
        Seconds since 1970-01-01 UTC, ascending.
    offsets : ndarray of float64 of shape (n + 1,)
        Seconds ahead of UTC before the first change, between two, and after the last.

    Examples
    --------
    >>> changes, offsets = offsets_of("Europe/Berlin")
    >>> float(offsets[np.searchsorted(changes, 1_719_786_600.0, side="right")])
    7200.0
    """
    days = pl.datetime_range(_FIRST, _LAST, "1d", time_unit="us", eager=True).cast(pl.Int64).to_numpy() // 1_000_000
    found = _offsets_at(days, zone)
    places = np.flatnonzero(found[1:] != found[:-1])
    low, high, before = days[places], days[places + 1], found[places]
    while (high - low > 1).any():
        middle = (low + high) // 2
        same = _offsets_at(middle, zone) == before
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    offsets = np.append(found[:1], _offsets_at(high, zone))
    return high.astype(np.float64), offsets.astype(np.float64)


def _offsets_at(seconds: np.ndarray, zone: str) -> np.ndarray:
    moments = pl.Series(seconds * 1_000_000).cast(pl.Datetime("us"))
    shown = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return np.asarray(shown.cast(pl.Int64).to_numpy() // 1_000_000 - seconds)


@cache
def first_shown(zone: str) -> np.ndarray:
    """Give for each change of a zone's clocks the wall-clock time from which the later offset holds, in seconds."""
    changes, offsets = offsets_of(zone)
    return np.asarray(changes + np.maximum(offsets[:-1], offsets[1:]))


def wall_clock_seconds(seconds: np.ndarray, zone: str) -> np.ndarray:
    """Turn moments, as seconds since 1970-01-01 UTC, into what a zone's clocks show, counted alike; NaN stays."""
    changes, offsets = offsets_of(zone)
    return np.asarray(seconds + offsets[np.searchsorted(changes, _sortable(seconds), side="right")])


def moment_seconds(shown: np.ndarray, zone: str) -> np.ndarray:
    """Turn wall-clock times, counted as if they were UTC, into seconds since 1970-01-01 UTC; NaN stays.

    Examples
    --------
    >>> moment_seconds(np.array([1_719_793_800.0]), "Europe/Berlin")  # 00:30 on 1 July 2024
    array([1.7197866e+09])
    """
    _, offsets = offsets_of(zone)
    return np.asarray(shown - offsets[np.searchsorted(first_shown(zone), _sortable(shown), side="right")])


def moment_second(shown: float, zone: str) -> float:
    """Turn one wall-clock time into seconds since 1970-01-01 UTC, as `moment_seconds` does, in a tenth of the time."""
    bounds, offsets = _listed(zone)
    return shown - offsets[bisect_right(bounds, shown)]


@cache
def _listed(zone: str) -> tuple[list[float], list[float]]:
    return first_shown(zone).tolist(), offsets_of(zone)[1].tolist()


def _sortable(seconds: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(seconds), 0.0, seconds)


def wall_clock(moment: pl.Expr, zone: str) -> pl.Expr:
    """Turn moments (UTC, in a type without a zone) into what a zone's clocks show, in a type without a zone."""
    return moment.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)


def moment_of(shown: pl.Expr, zone: str) -> pl.Expr:
    """Turn wall-clock times into moments (UTC), both in a type without a zone.

    Examples
    --------
    >>> frame = pl.DataFrame({"t": [datetime(2024, 3, 31, 2, 30), datetime(2024, 10, 27, 2, 30)]})
    >>> [str(moment) for moment in frame.select(moment_of(pl.col("t"), "Europe/Berlin")).to_series()]
    ['2024-03-31 01:30:00', '2024-10-27 00:30:00']
    """
    found = _existing(shown, zone)
    # A time that clocks skipped lies a day after one that they showed, by the offset of before.
    day = pl.duration(days=1)
    return pl.coalesce(found, _existing(shown - day, zone) + day)


def _existing(shown: pl.Expr, zone: str) -> pl.Expr:
    placed = shown.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return placed.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def placed(values: pl.Series, zone: str) -> pl.Series:
    """Give a column of dates or times the type of moments in a zone.

    One without a zone is taken for wall-clock times there; one with another zone keeps its moments.
    """
    if not zone_of(values.dtype):
        shown = values.cast(pl.Datetime("us")).to_frame()
        values = shown.select(moment_of(pl.col(values.name), zone).dt.replace_time_zone("UTC")).to_series()
    return values.cast(pl.Datetime("us", zone))
