"""Values of a database or a JSON file to a column of one type, whatever they mix."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

_WHOLE = 2**63
_NUMBERS = {int, float, Decimal}
ISO_DATE = r"^\d{4}-\d{2}-\d{2}$"
ISO_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$"
ISO_TIME_ZONE = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$"


@dataclass
class Seen:
    """What one column has held so far.

    Parameters
    ----------
    kinds : Counter of str
        How many values of each kind: whole, number, text, boolean, date, datetime, bytes.
    dates : str or None
        What all its texts are: ``date``, ``datetime``, ``zoned`` or ``text``; None before the first text.
    texts_are_numbers, texts_are_whole : bool
        Whether all its texts are numbers, and whole ones.
    words : Counter of str
        Words that stand for missing values elsewhere, with their counts.
    marks : Counter of str
        Other words that may stand for a missing value among numbers, with their counts.
    missing : Counter of str
        What was set by hand to stand for a missing value, with the counts.
    examples : list of str
        First texts that are no numbers.
    listed, timed : bool
        Whether lists or objects became JSON text, and durations seconds.
    zoned : bool or None
        Whether all its times have a zone; None before the first one.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    dates: str | None = None
    texts_are_numbers: bool = True
    texts_are_whole: bool = True
    words: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    listed: bool = False
    timed: bool = False
    zoned: bool | None = None

    @property
    def dtype(self) -> pl.DataType:
        """The one type that holds all values without loss."""
        kinds = set(self.kinds)
        if not kinds:
            return pl.String()
        if kinds <= {"whole", "number"}:
            return pl.Float64() if "number" in kinds else pl.Int64()
        if kinds <= {"date", "datetime"}:
            return pl.Datetime("us") if "datetime" in kinds else pl.Date()
        if kinds == {"boolean"}:
            return pl.Boolean()
        return pl.Binary() if kinds == {"bytes"} else pl.String()


def to_series(
    name: str,
    values: Sequence[Any],
    seen: Seen,
    missing: frozenset[str],
    *,
    numbers: Mapping[float, str] | None = None,
    marks: tuple[str, ...] | None = None,
) -> pl.Series:
    """Make a column of plain Python values, and note what it held.

    Parameters
    ----------
    name : str
    values : sequence
        None is missing; so is text that is empty or one of `missing`.
    seen : Seen
        Is added to.
    missing : frozenset of str
        Words that stand for missing values.
    numbers : mapping of float to str, optional
        Numbers that do, with the words that were set for them.
    marks : tuple of str, optional
        Words that stand for missing values among numbers only; recognised when absent.

    Examples
    --------
    >>> seen = Seen()
    >>> to_series("age", [39, None, "unknown"], seen, frozenset()).to_list(), seen.dtype
    (['39', None, 'unknown'], String)
    """
    types = set(map(type, values))
    if missing and str in types:
        seen.missing.update(value for value in values if type(value) is str and value in missing)
    if numbers and types & _NUMBERS:
        found = [type(value) in _NUMBERS and value in numbers for value in values]
        seen.missing.update(numbers[value] for value, is_missing in zip(values, found, strict=True) if is_missing)
        values = [None if is_missing else value for value, is_missing in zip(values, found, strict=True)]
        types = set(map(type, values))
    if str in types:
        values = [None if value == "" or (type(value) is str and value in missing) else value for value in values]
        types = set(map(type, values))
    types.discard(type(None))
    if not types <= {int, float, bool, str}:
        values = [_plain(value, seen) for value in values]
        types = set(map(type, values)) - {type(None)}
    if types == {int} and all(-_WHOLE <= value < _WHOLE for value in values if value is not None):
        return _counted(pl.Series(name, values, dtype=pl.Int64), "whole", seen)
    if types and types <= {int, float} and all(abs(value) < _WHOLE for value in values if type(value) is int):
        return _counted(pl.Series(name, [None if v is None else float(v) for v in values], pl.Float64), "number", seen)
    if types == {bool}:
        return _counted(pl.Series(name, values, dtype=pl.Boolean), "boolean", seen)
    if types == {dt.date}:
        return _counted(pl.Series(name, values, dtype=pl.Date), "date", seen)
    if types and types <= {dt.date, dt.datetime}:
        have_zone = all(getattr(value, "tzinfo", None) is not None for value in values if value is not None)
        seen.zoned = have_zone and seen.zoned is not False
        moments = [_moment(value) for value in values]
        return _counted(pl.Series(name, moments, dtype=pl.Datetime("us")), "datetime", seen)
    if types == {bytes}:
        return _counted(pl.Series(name, values, dtype=pl.Binary), "bytes", seen)
    return _texts(name, values, seen, marks)


def _counted(series: pl.Series, kind: str, seen: Seen) -> pl.Series:
    if series.null_count() < len(series):
        seen.kinds[kind] += len(series) - series.null_count()
    return series


def _plain(value: Any, seen: Seen) -> Any:
    """Bring what drivers give to a number, text, date or bytes."""
    if value is None or isinstance(value, (bool, int, float, str, bytes, dt.date)):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    if isinstance(value, dt.timedelta):
        seen.timed = True
        return value.total_seconds()
    if isinstance(value, (dict, list, tuple)):
        seen.listed = True
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)  # a time of day, a UUID, an address, a range


def _moment(value: Any) -> dt.datetime | None:
    if value is None:
        return None
    if not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def _texts(name: str, values: Sequence[Any], seen: Seen, marks: tuple[str, ...] | None) -> pl.Series:
    texts = [value for value in values if type(value) is str]
    for value in values:
        if value is not None and type(value) is not str:
            seen.kinds[_kind(value)] += 1
            if type(value) is int and not -_WHOLE <= value < _WHOLE:
                seen.texts_are_numbers = False  # a number of 20 digits is a code, and would lose its last ones
                seen.examples = [*seen.examples, str(value)][:3]
    if texts:
        seen.kinds["text"] += len(texts)
        _look_at_texts(pl.Series(name, texts, dtype=pl.String), seen, marks)
    if len(texts) == len(values):
        return pl.Series(name, values, dtype=pl.String)
    return pl.Series(name, [_as_text(value) for value in values], dtype=pl.String)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "whole" if -_WHOLE <= value < _WHOLE else "text"
    if isinstance(value, dt.date):
        return "datetime" if isinstance(value, dt.datetime) else "date"
    return "bytes" if isinstance(value, bytes) else "number"


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.hex() if isinstance(value, bytes) else str(value)


def _look_at_texts(texts: pl.Series, seen: Seen, marks: tuple[str, ...] | None) -> None:
    from workbench.data.cells import MISSING_MARKERS, are_marks

    marked = texts.is_in([*MISSING_MARKERS])
    if marked.any():
        seen.words.update(texts.filter(marked).to_list())
    if seen.texts_are_numbers and marks != ():
        beside = are_marks(texts, marks) & ~marked
        if beside.any():
            seen.marks.update(texts.filter(beside).to_list())
        marked |= beside
    if seen.dates != "text":
        found = _dates_in(texts)
        seen.dates = found if seen.dates in (None, found) else "text"
    seen.texts_are_whole &= not texts.filter(~marked).cast(pl.Int64, strict=False).null_count()
    others = texts.filter(~marked & texts.cast(pl.Float64, strict=False).is_null())
    if len(others):
        seen.texts_are_numbers = False
        seen.examples = (seen.examples + others.head(3).to_list())[:3]


def _dates_in(texts: pl.Series) -> str:
    first = texts.head(1)
    for kind, pattern in (("date", ISO_DATE), ("datetime", ISO_TIME), ("zoned", ISO_TIME_ZONE)):
        if first.str.contains(pattern).all():
            fits = texts.str.contains(pattern).all() and to_dates(texts, kind).null_count() == 0
            return kind if fits else "text"
    return "text"


def to_dates(texts: pl.Series, kind: str) -> pl.Series:
    """Read ISO dates and times; what doesn't fit becomes missing. Times with an offset are moments in UTC."""
    if kind == "date":
        return texts.str.to_date("%Y-%m-%d", strict=False)
    spaced = texts.str.replace("T", " ", literal=True)
    if kind == "zoned":
        return spaced.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", strict=False, time_zone="UTC")
    full = pl.select(pl.when(spaced.str.len_bytes() == 16).then(spaced + ":00").otherwise(spaced)).to_series()
    return full.alias(texts.name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
