"""Batches whose types are known only at the end: kept on the disk until then, handed on with one type a column.

A database column holds what it holds, and a field that was a number in a million records is a text in the next. So
the source is gone through once, each batch in its own types, and every column then gets the type that holds all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from workbench.data.cells import MISSING_MARKERS, numbers_among
from workbench.data.formats.opened import Reading, Scratch
from workbench.data.formats.typing_by_hand import check_types, set_type
from workbench.data.formats.values import Seen, to_dates, to_series
from workbench.data.spec import ReaderOptions
from workbench.data.zones import kept_in_utc
from workbench.errors import ReadError
from workbench.settings import Settings
from workbench.storage import disk_errors

_IN_MEMORY_BYTES = 64 * 1024 * 1024
_SHARE_OF_MARKERS = 0.5


@dataclass
class Settling:
    """Collects batches, then gives them back in their final types.

    Parameters
    ----------
    name : str
        For messages.
    options : ReaderOptions
        Missing-value words and types set by hand.
    settings : Settings
    """

    name: str
    options: ReaderOptions
    settings: Settings
    seen: dict[str, Seen] = field(default_factory=dict)
    n_rows: int = 0
    _kept: list[pl.DataFrame] = field(default_factory=list)
    _kept_bytes: float = 0
    _scratch: Scratch | None = None
    _n_files: int = 0

    def __enter__(self) -> Settling:
        """Begin; what was kept on the disk goes if the source fails on the way."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            self.discard()

    def discard(self) -> None:
        """Delete what was kept on the disk."""
        if self._scratch is not None:
            self._scratch.remove()

    def declare(self, column: str) -> None:
        """Name a column before its first value."""
        if column not in self.seen:
            self.seen[column] = Seen()

    def add(self, columns: dict[str, list[Any]], n_rows: int) -> float:
        """Take a batch of plain values, column by column, and give its size in bytes.

        Raises
        ------
        ReadError
            If there are more columns than ``max_columns``.
        """
        missing = frozenset(self.options.missing or ())
        for column in columns:
            self.declare(column)
        if len(self.seen) > self.settings.max_columns:
            raise ReadError(
                f"Got {self.name} with more than {self.settings.max_columns:,} columns, needed at most that. "
                "Leave some out, or raise WORKBENCH_MAX_COLUMNS."
            )
        marks = self.options.missing_marks
        numbers = numbers_among((*missing, *(marks or ())))
        series = [
            to_series(column, values, self.seen[column], missing, numbers=numbers, marks=marks)
            for column, values in columns.items()
        ]
        frame = pl.DataFrame(series) if series else pl.DataFrame(height=n_rows)
        self.n_rows += n_rows
        self._keep(frame)
        return frame.estimated_size()

    def _keep(self, frame: pl.DataFrame) -> None:
        self._kept.append(frame)
        self._kept_bytes += frame.estimated_size()
        if self._kept_bytes > _IN_MEMORY_BYTES:
            self._scratch = self._scratch or Scratch(self.settings)
            for kept in self._kept:
                path = self._scratch.folder / f"rows-{self._n_files:06}.arrow"
                with disk_errors(path):
                    kept.write_ipc(path)
                self._n_files += 1
            self._kept, self._kept_bytes = [], 0

    def reading(self, format: str, report: dict[str, Any], options: ReaderOptions) -> Reading:
        """Give the rows in their final types, with notes on what was mixed.

        Raises
        ------
        ReadError
            If there are no rows, or a type is set for a column that isn't there.
        """
        check_types(options.types, list(self.seen), self.name)
        if not self.n_rows:
            raise ReadError(
                f"Got {self.name} without rows, needed at least one. Check that this is the right file or query."
            )
        notes: list[str] = report.setdefault("notes", [])
        _note_missing(self.seen, notes)
        plans = {
            name: _plan(
                name, seen, notes, set_by_hand=name in options.types, are_marks_given=options.missing_marks is not None
            )
            for name, seen in self.seen.items()
        }
        if options.missing_marks is None:
            marks = {mark for plan in plans.values() for mark in plan.marks}
            options = options.model_copy(update={"missing_marks": tuple(sorted(marks)) or None})
        return Reading(format, self._settled(plans, options, notes), report, options, at_end=[self.discard])

    def _settled(self, plans: dict[str, _Plan], options: ReaderOptions, notes: list[str]) -> Iterator[pl.DataFrame]:
        lost: dict[str, int] = {}
        for frame in self._frames():
            columns = []
            for name, plan in plans.items():
                if plan.dropped:
                    continue
                values = frame[name] if name in frame.columns else pl.Series(name, [None] * frame.height, pl.String)
                settled = _settle(values, plan)
                if name in options.types:
                    settled = set_type(settled, options.types[name], lost)
                columns.append(settled)
            yield pl.DataFrame(columns)
        notes += [
            f"{n:,} values of {name!r} are no {options.types[name]} and were read as missing."
            for name, n in lost.items()
        ]

    def _frames(self) -> Iterator[pl.DataFrame]:
        if self._scratch is not None:
            for place in range(self._n_files):
                path = self._scratch.folder / f"rows-{place:06}.arrow"
                yield pl.read_ipc(path)
                path.unlink(missing_ok=True)
        while self._kept:
            yield self._kept.pop(0)
        self.discard()


@dataclass(frozen=True)
class _Plan:
    dtype: pl.DataType
    dates: str | None = None
    from_texts: bool = False
    marks: tuple[str, ...] = ()
    dropped: bool = False


def _note_missing(seen: dict[str, Seen], notes: list[str]) -> None:
    where: dict[str, list[str]] = {}
    for name, column in seen.items():
        for word, count in column.missing.items():
            where.setdefault(word, []).append(f"{name} ({count:,})")
    for word, columns in where.items():
        more = f" and {len(columns) - 8} more columns" if len(columns) > 8 else ""
        notes.append(f"{word!r} was read as missing in {', '.join(columns[:8])}{more}.")


def _plan(name: str, seen: Seen, notes: list[str], *, set_by_hand: bool, are_marks_given: bool) -> _Plan:
    dtype, kinds = seen.dtype, seen.kinds
    if seen.listed:
        notes.append(f"The lists or objects in {name!r} were kept as JSON text.")
    if seen.timed:
        notes.append(f"The durations in {name!r} were read as seconds.")
    if "bytes" in kinds and len(kinds) > 1:
        notes.append(f"{name!r} was left out, since it mixes bytes with {_counts(kinds, without='bytes')}.")
        return _Plan(dtype, dropped=True)
    if set(kinds) == {"datetime"} and seen.zoned:
        notes.append(kept_in_utc(name))
        return _Plan(pl.Datetime("us", "UTC"))
    if dtype != pl.String or set(kinds) <= {"text"}:
        if set(kinds) == {"text"} and not set_by_hand:
            if seen.dates in ("date", "datetime", "zoned"):
                if seen.dates == "zoned":
                    notes.append(kept_in_utc(name))
                    return _Plan(pl.Datetime("us", "UTC"), dates=seen.dates)
                return _Plan(pl.Date() if seen.dates == "date" else pl.Datetime("us"), dates=seen.dates)
            _note_words(name, seen, notes)
        return _Plan(dtype)
    # A word that occurs once may be an answer; one that is repeated among numbers only stands for a missing value.
    are_missing = are_marks_given or all(count > 1 for count in seen.marks.values())
    if seen.texts_are_numbers and are_missing and set(kinds) <= {"text", "whole", "number"}:
        words = ", ".join(f"{word!r} ({n:,})" for word, n in [*seen.words.items(), *seen.marks.items()])
        notes.append(
            f"{name!r} mixes numbers with text that is one and was read as numbers"
            + (f"; {words} became missing." if words else ".")
        )
        is_whole = seen.texts_are_whole and "number" not in kinds
        return _Plan(pl.Int64() if is_whole else pl.Float64(), from_texts=True, marks=tuple(seen.marks))
    examples = ", ".join(repr(text[:40]) for text in (seen.examples or [*seen.marks])[:3])
    notes.append(
        f"{name!r} mixes {_counts(kinds)} and was read as text" + (f" (such as {examples})." if examples else ".")
    )
    return _Plan(dtype)


def _counts(kinds: Any, without: str = "") -> str:
    words = {"whole": "whole numbers", "number": "numbers", "text": "texts", "boolean": "yes/no values"}
    words |= {"date": "dates", "datetime": "times", "bytes": "values of bytes"}
    return " and ".join(f"{n:,} {words[kind]}" for kind, n in kinds.most_common() if kind != without)


def _note_words(name: str, seen: Seen, notes: list[str]) -> None:
    for word, n in seen.words.items():
        notes.append(
            f"{word!r} occurs {n:,} times in {name!r} and was kept; name it among the missing-value words if it is one."
        )


def _settle(values: pl.Series, plan: _Plan) -> pl.Series:
    if plan.dates is not None:
        return to_dates(values, plan.dates).alias(values.name)
    if plan.from_texts and values.dtype == pl.String:
        values = values.set(values.is_in([*MISSING_MARKERS, *plan.marks]), None)
    return values if values.dtype == plan.dtype else values.cast(plan.dtype)
