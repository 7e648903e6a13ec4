"""The parts of a date, in Polars and as exact arithmetic in a graph.

A date enters a graph as seconds since 1970-01-01 UTC in double, which is exact to less than a microsecond up to the
year 2242 and to the second far beyond; every intermediate number is whole and below 2**53.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from workbench.graph import GraphBuilder
from workbench.recipe.spec import DatePart

_DAY = 86_400.0
_PARTS: dict[DatePart, Callable[[pl.Expr], pl.Expr]] = {
    "year": lambda date: date.dt.year(),
    "quarter": lambda date: date.dt.quarter(),
    "month": lambda date: date.dt.month(),
    "week": lambda date: date.dt.week(),
    "day": lambda date: date.dt.day(),
    "weekday": lambda date: date.dt.weekday(),
    "day_of_year": lambda date: date.dt.ordinal_day(),
    "hour": lambda date: date.dt.hour(),
    "minute": lambda date: date.dt.minute(),
    "second": lambda date: date.dt.second(),
    "is_weekend": lambda date: date.dt.weekday() >= 6,
}


def seconds(date: pl.Expr) -> pl.Expr:
    """Give seconds since 1970-01-01 UTC as a double."""
    return date.dt.epoch("us").cast(pl.Float64) / 1e6


def part_of(date: pl.Expr, part: DatePart) -> pl.Expr:
    """Give a part of dates as a double.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame({"born": [datetime(2024, 12, 31, 23, 59), None]})
    >>> frame.select(part_of(pl.col("born"), "weekday")).to_series().to_list()
    [2.0, None]
    """
    return seconds(date) if part == "seconds_since_1970" else _PARTS[part](date).cast(pl.Float64)


def emit_part(graph: GraphBuilder, tensor: str, part: DatePart) -> str:
    """Add the graph of a part of dates that are given as seconds, NaN for missing."""
    return _Arithmetic(graph, tensor).part(part)


class _Arithmetic:
    """Whole-number arithmetic on doubles.

    Source: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, 2013 (civil_from_days).
    """

    def __init__(self, graph: GraphBuilder, tensor: str) -> None:
        self.graph = graph
        self.tensor = tensor

    def part(self, part: DatePart) -> str:
        if part == "seconds_since_1970":
            return self.tensor
        whole = self._op("Floor", self.tensor)
        days = self._floor_divided(whole, _DAY)
        of_day = self._minus(whole, self._times(days, _DAY))
        if part == "hour":
            return self._floor_divided(of_day, 3_600.0)
        if part == "minute":
            return self._modulo(self._floor_divided(of_day, 60.0), 60.0)
        if part == "second":
            return self._modulo(of_day, 60.0)
        if part in ("weekday", "is_weekend"):
            weekday = self._plus(self._modulo(self._plus(days, 3.0), 7.0), 1.0)  # 1970-01-01 was a Thursday
            return weekday if part == "weekday" else self._when(weekday, 6.0, 1.0, 0.0)
        return self._of_calendar(days, part)

    def _of_calendar(self, days: str, part: DatePart) -> str:
        year, month, day = self._civil(days)
        if part == "year":
            return year
        if part == "month":
            return month
        if part == "day":
            return day
        if part == "quarter":
            return self._floor_divided(self._plus(month, 2.0), 3.0)
        if part == "day_of_year":
            return self._plus(self._minus(days, self._new_year(year)), 1.0)
        # The ISO week is that of the Thursday of the same week, counted from that Thursday's new year.
        weekday = self._modulo(self._plus(days, 3.0), 7.0)
        thursday = self._plus(self._minus(days, weekday), 3.0)
        of_year = self._minus(thursday, self._new_year(self._civil(thursday)[0]))
        return self._plus(self._floor_divided(of_year, 7.0), 1.0)

    def _civil(self, days: str) -> tuple[str, str, str]:
        shifted = self._plus(days, 719_468.0)  # days since 0000-03-01
        era = self._floor_divided(shifted, 146_097.0)
        of_era = self._minus(shifted, self._times(era, 146_097.0))
        corrected = self._minus(of_era, self._floor_divided(of_era, 1_460.0))
        corrected = self._op("Add", corrected, self._floor_divided(of_era, 36_524.0))
        corrected = self._minus(corrected, self._floor_divided(of_era, 146_096.0))
        year_of_era = self._floor_divided(corrected, 365.0)
        before = self._times(year_of_era, 365.0)
        before = self._op("Add", before, self._floor_divided(year_of_era, 4.0))
        before = self._minus(before, self._floor_divided(year_of_era, 100.0))
        of_year = self._minus(of_era, before)  # from March 1
        march_month = self._floor_divided(self._plus(self._times(of_year, 5.0), 2.0), 153.0)
        start = self._floor_divided(self._plus(self._times(march_month, 153.0), 2.0), 5.0)
        day = self._plus(self._minus(of_year, start), 1.0)
        month = self._plus(march_month, 3.0)
        late = self._when(march_month, 10.0, 1.0, 0.0)  # January and February belong to the next year
        month = self._minus(month, self._times(late, 12.0))
        year = self._op("Add", self._op("Add", year_of_era, self._times(era, 400.0)), late)
        return year, month, day

    def _new_year(self, year: str) -> str:
        """Give the days from 1970-01-01 to January 1 of a year."""
        before = self._plus(year, -1.0)
        days = self._times(before, 365.0)
        for every, sign in ((4.0, "Add"), (100.0, "Sub"), (400.0, "Add")):
            days = self._op(sign, days, self._floor_divided(before, every))
        return self._plus(days, -719_162.0)

    def _op(self, op_type: str, *tensors: str) -> str:
        return str(self.graph.node(op_type, *tensors))

    def _number(self, value: float) -> str:
        return self.graph.constant(np.array([[value]]))

    def _plus(self, tensor: str, value: float) -> str:
        return self._op("Add", tensor, self._number(value))

    def _minus(self, tensor: str, other: str) -> str:
        return self._op("Sub", tensor, other)

    def _times(self, tensor: str, value: float) -> str:
        return self._op("Mul", tensor, self._number(value))

    def _floor_divided(self, tensor: str, value: float) -> str:
        return self._op("Floor", self._op("Div", tensor, self._number(value)))

    def _modulo(self, tensor: str, value: float) -> str:
        return self._minus(tensor, self._times(self._floor_divided(tensor, value), value))

    def _when(self, tensor: str, least: float, then: float, otherwise: float) -> str:
        reached = self._op("GreaterOrEqual", tensor, self._number(least))
        chosen = self._op("Where", reached, self._number(then), self._number(otherwise))
        missing = self._op("IsNaN", tensor)
        return self._op("Where", missing, self._number(np.nan), chosen)
