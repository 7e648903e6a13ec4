"""A look at a file before it is read: what was recognised in its beginning, the first rows, what could be corrected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.files import check_size, find_file
from workbench.data.formats import open_format, open_member
from workbench.data.normalize import normalize_frame
from workbench.data.spec import ReaderOptions
from workbench.data.texts import open_text
from workbench.settings import Settings, current

LOOKED_AT_BYTES = 512 * 1024
SHOWN_ROWS = 100
_SHOWN_LINES = 20
_LONGEST_LINE = 500
_ENCODINGS = ["utf-8", "cp1252", "latin-1", "utf-16"]
_MISSING_WORDS = ("unknown", "missing", "none", "-", "--", ".", "n.a.", "k.a.", "-999", "-9999", "#N/A", "nil")
_MIN_SHARE = 0.001
_REASONS = {
    "label_lines": "{n} line{s} below the column names may hold labels or units rather than values.",
    "footer_lines": "{n} line{s} at the end may hold notes rather than rows.",
}


@dataclass(frozen=True)
class Proposal:
    """A correction worth thinking about, which isn't made by default.

    Parameters
    ----------
    option : str
        Name of the reader option.
    value : object
        What to set it to.
    reason : str
        In one sentence.
    """

    option: str
    value: Any
    reason: str


@dataclass(frozen=True)
class FileLook:
    """What a look at a file shows.

    Parameters
    ----------
    format : str
        ``csv``, ``parquet``, ``excel`` and so on.
    options : ReaderOptions
        All that applies to the format is filled in.
    choices : dict of str to list of str
        What else an option could be: sheets, tables, members, encodings.
    frame : DataFrame
        The first rows, typed as far as these rows tell.
    lines : list of str
        The first lines of delimited text as they stand.
    notes : list of str
    n_bytes : int
        Size of the file.
    proposals : list of Proposal
    """

    format: str
    options: ReaderOptions
    choices: dict[str, list[str]]
    frame: pl.DataFrame
    lines: list[str]
    notes: list[str]
    n_bytes: int
    proposals: list[Proposal] = field(default_factory=list)

    def with_proposals(self) -> ReaderOptions:
        """Give the options with all proposals accepted, as far as something was recognised or proposed."""
        return self.options.model_copy(update={proposal.option: proposal.value for proposal in self.proposals})


def look_at(path: str | Path, *, options: ReaderOptions | None = None, settings: Settings | None = None) -> FileLook:
    """Look at the beginning of a file; nothing is stored.

    Parameters
    ----------
    path : str or Path
        Also searched below the folder that ``WORKBENCH_DATA`` names.
    options : ReaderOptions, optional
        Corrects what is recognised.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError
        If there is no such file.
    ReadError
        If its beginning shows already that it can't be read.

    Examples
    --------
    >>> look_at("bank_full.csv.gz").proposals[0].value  # doctest: +SKIP
    ('?', 'NA', 'N/A', 'n/a', '#N/A', 'NaN', 'nan', 'null', 'NULL', 'unknown')
    """
    settings, options = settings or current(), options or ReaderOptions()
    found = find_file(path, settings=settings)
    n_bytes = check_size(found, settings) if found.is_file() else 0
    reading = open_format(found, options=options, settings=settings, n_rows=SHOWN_ROWS)
    if reading is not None:
        with reading:
            frame = _first(iter(reading.batches))
            frame, notes = normalize_frame(frame, name=found.name, max_columns=settings.max_columns)
            notes = [*reading.report.get("notes", []), *notes]
            proposals = _proposals_of(reading.report)
            return FileLook(
                reading.format, reading.options, reading.choices, frame, [], notes, n_bytes, proposals=proposals
            )
    text = open_text(found, options=options, settings=settings, n_bytes=LOOKED_AT_BYTES)
    assert text.frame is not None, "so few bytes are read at once"  # noqa: S101
    report = text.report
    resolved = ReaderOptions.model_validate(report["options"])
    choices = {"encoding": list(dict.fromkeys([report["encoding"], *_ENCODINGS]))}
    if text.found.get("choices"):
        choices["member"] = text.found["choices"]
    frame, notes = normalize_frame(text.frame, name=found.name, max_columns=settings.max_columns)
    return FileLook(
        format="csv",
        options=resolved,
        choices=choices,
        frame=frame.head(SHOWN_ROWS),
        lines=_lines(found, report["encoding"], options, settings),
        notes=[*report["notes"], *notes],
        n_bytes=n_bytes,
        proposals=[*_proposals_of(report), *_proposals(frame, resolved, options)],
    )


def _first(batches: Iterator[pl.DataFrame]) -> pl.DataFrame:
    frame = next(batches, None)
    return pl.DataFrame() if frame is None else frame.head(SHOWN_ROWS)


def _lines(path: Path, encoding: str, options: ReaderOptions, settings: Settings) -> list[str]:
    with open_member(path, options=options, settings=settings, first=True) as stream:
        start = stream.read(64 * 1024)
    lines = start.decode(encoding, errors="replace").removeprefix("\ufeff").splitlines()
    return [line[:_LONGEST_LINE] for line in lines[:_SHOWN_LINES]]


def _proposals_of(report: dict[str, Any]) -> list[Proposal]:
    """Give what the reader proposes itself."""
    return [
        Proposal(option, value, _REASONS[option].format(n=value, s="s" * (value > 1)))
        for option, value in report.get("proposed", {}).items()
    ]


def _proposals(frame: pl.DataFrame, resolved: ReaderOptions, given: ReaderOptions) -> list[Proposal]:
    found = []
    if given.missing is None:
        words = _missing_words(frame)
        if words:
            shown = "; ".join(f"{word!r} in {_some(columns)}" for word, columns in words.items())
            found.append(
                Proposal(
                    "missing",
                    (*(resolved.missing or ()), *words),
                    f"Words that may stand for a missing value were kept as values: {shown}.",
                )
            )
    if given.header_line is None and _may_be_data(frame):
        where = "only" if all(_is_number(name) for name in frame.columns) else "where the lines below do"
        found.append(Proposal("header_line", 0, f"The first line holds numbers {where}, so it may be data."))
    if given.date_order is None:
        doubtful = [series.name for series in frame if series.dtype == pl.String and _are_dates(series)]
        if doubtful:
            reason = f"The dates in {doubtful[0]!r} may be day/month or month/day."
            found.append(Proposal("date_order", "day_month_year", reason))
    return found


def _some(columns: list[str]) -> str:
    more = f" and {len(columns) - 4} more" if len(columns) > 4 else ""
    return ", ".join(columns[:4]) + more


def _missing_words(frame: pl.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for series in frame:
        if series.dtype != pl.String:
            continue
        lower = series.str.to_lowercase().str.replace_all(" ", "", literal=True)  # "k. A." is "k.a.", too
        counts = dict(lower.filter(lower.is_in(_MISSING_WORDS)).value_counts().iter_rows())
        for word, count in counts.items():
            if count >= max(1, _MIN_SHARE * len(series)):
                spelling = series.filter(lower == word)[0]
                found.setdefault(spelling, []).append(series.name)
    return found


def _are_dates(series: pl.Series) -> bool:
    present = series.drop_nulls()
    pattern = r"^\d{1,2}[/-]\d{1,2}[/-]\d{4}( \d{1,2}:\d{2}.*)?$"
    return len(present) > 0 and bool(present.str.contains(pattern).all())


def _may_be_data(frame: pl.DataFrame) -> bool:
    """Whether the names of all number columns are numbers, and not years, which do name columns."""
    names = [series.name for series in frame if series.dtype.is_numeric()]
    if all(_is_number(name) for name in frame.columns):
        return True
    years = all(re.fullmatch(r"(19|20)\d\d", name) for name in names)
    return bool(names) and not years and all(_is_number(name) for name in names)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
