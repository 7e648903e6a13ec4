"""Dates that are stored as text, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_LOOKED_AT = 1_000
_LEAST_SHARE = 0.95
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S")
_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?Z?$"


@dataclass(frozen=True)
class DateFormat:
    """How dates are written: a pattern as `parse_dates` takes it, None for ISO dates."""

    pattern: str | None


def date_format(values: pl.Series) -> DateFormat | None:
    """Find out whether text holds dates, and how they are written; None where it doesn't.

    Examples
    --------
    >>> date_format(pl.Series(["31.12.2024", "01.01.2025", None]))
    DateFormat(pattern='%d.%m.%Y')
    """
    texts = values.drop_nulls().head(_LOOKED_AT).str.strip_chars()
    if len(texts) < 2 or texts.n_unique() < 2:
        return None
    least = _LEAST_SHARE * len(texts)
    if int(texts.str.contains(r"\d").sum()) < least or int((texts.str.len_chars() <= 40).sum()) < least:
        return None
    if int(texts.str.contains(_ISO).sum()) >= least:
        return DateFormat(None)
    for time in _TIMES:
        for day in _DAYS:
            read = texts.str.strptime(pl.Datetime("us"), day + time, strict=False) if time else None
            if read is None:
                read = texts.str.strptime(pl.Date, day, strict=False)
            if len(texts) - read.null_count() >= least:
                return DateFormat(day + time)
    return None
