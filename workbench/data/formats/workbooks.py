"""Workbooks (.xlsx, .xls, .ods): a sheet's table found among titles, empty rows and merged cells."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.cell_types import Plan
from workbench.data.cells import CellReport, CellRules, Tally, report_of, type_columns, without_numbers
from workbench.data.expecting import columns_document
from workbench.data.footers import may_be_notes, notes_at_end, said_of
from workbench.data.formats.merged_cells import fill_merged
from workbench.data.formats.old_workbook_guard import check_old_workbook
from workbench.data.formats.opened import BATCH_ROWS, Reading, pick
from workbench.data.formats.typing_by_hand import check_types, set_type
from workbench.data.formats.workbook_guard import check_workbook
from workbench.data.sniffing import may_be_labels, n_label_lines, name_apart, said_of_labels
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError
from workbench.settings import Settings

_PROBED_ROWS = 100
_ONE_TYPE_LETTERS = re.compile(r"^-?\d+(\.\d+)?$|^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?$|^(true|false)$")


def read_workbook(
    path: Path, *, name: str, options: ReaderOptions, settings: Settings, n_rows: int | None = None
) -> Reading:
    """Read one sheet.

    The header is the first row that is filled about as far as the table is wide; rows above it are titles. Numbers
    that are all whole become whole numbers, dates without a time become dates.

    Raises
    ------
    ReadError
        If it is damaged, protected by a password, a bomb, has no such sheet or no table in it.
    """
    import fastexcel

    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
    sheets = check_workbook(path, settings) if zipped else check_old_workbook(path)
    with _workbook_errors(name):
        book = fastexcel.read_excel(path)
    sheet, probe = _choose_sheet(book, options.sheet, name)
    header, names, notes = _header(probe, options.header_line, name)
    n_labels, proposed = _labels(probe[header:] if header else [], options.label_lines, notes)
    first_row = header + n_labels
    with _workbook_errors(name):
        loaded = book.load_sheet(
            sheet, header_row=None, skip_rows=first_row, n_rows=n_rows, schema_sample_rows=None, whitespace_as_null=True
        )
        frame: pl.DataFrame = loaded.to_polars()
    frame, n_merged = fill_merged(frame, loaded.selected_columns, sheets.in_sheet(sheet), first_row)
    if n_merged:
        notes.append(f"{n_merged:,} merged cell{'s were' if n_merged > 1 else ' was'} read as their value in each row.")
    notes += sheets.valueless_in(sheet).notes()
    if n_rows is None:
        frame = _without_footer(frame, options.footer_lines, notes, proposed)
    frame = _tidy(frame, names, notes, name)
    frame, missing, cells = _typed(frame, options, notes, name)
    report: dict[str, Any] = {"notes": notes, "missing": missing, "misfits": cells.misfits}
    report |= {"columns": columns_document(cells.plans), **({"proposed": proposed} if proposed else {})}
    found = {"sheet": sheet, "header_line": header, "missing_marks": options.missing_marks or cells.marks or None}
    resolved = options.model_copy(update=found)
    choices = {"sheet": list(book.sheet_names)} if len(book.sheet_names) > 1 else {}
    batches = (frame.slice(start, BATCH_ROWS) for start in range(0, frame.height, BATCH_ROWS))
    return Reading("excel", batches, report, resolved, choices)


def _choose_sheet(book: Any, asked: str | None, name: str) -> tuple[str, list[tuple[str | None, ...]]]:
    """Give the sheet asked for, else the first that holds a table, with its first rows as text."""
    names = list(book.sheet_names)
    if asked is not None:
        names = [pick("sheet", asked, names, name=name, first=False)]
    for sheet in names:
        probe = _probe(book, sheet, name)
        if sum(any(cell is not None for cell in row) for row in probe) > 1:
            return sheet, probe
    raise ReadError(
        f"Got {name} with no table in {'sheet ' + repr(asked) if asked else f'any of its {len(names)} sheets'} "
        "(they are empty or hold one row), needed a header and at least one row. Choose another sheet or file."
    )


def _probe(book: Any, sheet: str, name: str) -> list[tuple[str | None, ...]]:
    with _workbook_errors(name):
        loaded = book.load_sheet(
            sheet, header_row=None, skip_rows=0, n_rows=_PROBED_ROWS, dtypes="string", whitespace_as_null=True
        )
        rows: list[tuple[str | None, ...]] = loaded.to_polars().rows()
    return rows


def _header(
    probe: list[tuple[str | None, ...]], asked: int | None, name: str
) -> tuple[int, list[str | None], list[str]]:
    """Give how many rows end with the header, its names (None: none given), and notes."""
    width = len(probe[0]) if probe else 0
    if asked is not None:
        if asked > len(probe):
            raise ReadError(
                f"Got header line {asked}, needed one of the first {len(probe)} rows of the sheet in {name}. "
                "Correct it."
            )
        return asked, list(probe[asked - 1]) if asked else [None] * width, []
    filled = [sum(cell is not None for cell in row) for row in probe]
    usual = max(filled)
    place = next(index for index, n in enumerate(filled) if n >= max(1, 0.6 * usual))
    notes = []
    n_titles = sum(n > 0 for n in filled[:place])
    row = probe[place]
    if _is_data(row, probe[place + 1 :]):
        notes.append("No header was found; the columns are numbered.")
        return place, [None] * width, notes
    if n_titles:
        notes.append(
            f"{n_titles} title row{'s'[: n_titles > 1]} above the header (row {place + 1}) "
            f"{'were' if n_titles > 1 else 'was'} passed over."
        )
    return place + 1, list(row), notes


def _is_data(row: tuple[str | None, ...], below: list[tuple[str | None, ...]]) -> bool:
    """Whether a row holds numbers and dates where the rows below do, so that it is none of names."""
    typed = [place for place, cell in enumerate(row) if cell is not None and _ONE_TYPE_LETTERS.match(cell)]
    if not typed or not below or len(typed) < len([cell for cell in row if cell is not None]) / 2:
        return False
    next_row = next((cells for cells in below if any(cell is not None for cell in cells)), row)
    # 2019, 2020, 2021 above numbers are names of columns; numbers of any kind beside text are data.
    years = all(re.fullmatch(r"(19|20)\d\d", str(row[place])) for place in typed)
    return not years and all(
        next_row[place] is None or _ONE_TYPE_LETTERS.match(str(next_row[place])) for place in typed
    )


def _labels(rows: list[tuple[str | None, ...]], asked: int | None, notes: list[str]) -> tuple[int, dict[str, Any]]:
    """Give the number of rows of labels below the header, and what is proposed where they only look like it."""
    if asked is not None:
        if asked:
            notes.append(said_of_labels(rows[:asked]))
        return asked, {}
    n_lines = n_label_lines(rows)
    if n_lines:
        notes.append(may_be_labels(n_lines))
        return 0, {"label_lines": n_lines}
    return 0, {}


def _without_footer(frame: pl.DataFrame, asked: int | None, notes: list[str], proposed: dict[str, Any]) -> pl.DataFrame:
    """Leave out the rows at the end that hold sources and notes."""
    filled = frame.select(series.name for series in frame if series.null_count() < frame.height)
    upwards = ([str(cell) if cell is not None else "" for cell in row] for row in filled.reverse().iter_rows())
    found = notes_at_end(upwards, filled.width, asked)
    if found is None:
        return frame
    n_rows, lines, is_sure = found
    if is_sure:
        notes.append(said_of(lines))
        return frame.head(frame.height - n_rows)
    proposed["footer_lines"] = len(lines)
    notes.append(may_be_notes(len(lines)))
    return frame


def _tidy(frame: pl.DataFrame, names: list[str | None], notes: list[str], name: str) -> pl.DataFrame:
    """Name the columns, and leave out rows and columns without any value."""
    names = (names + [None] * frame.width)[: frame.width]
    kept = [
        place for place, series in enumerate(frame) if names[place] is not None or series.null_count() < frame.height
    ]
    n_rows = frame.height
    frame = frame.select(pl.nth(kept))
    frame = frame.filter(~pl.all_horizontal(pl.all().is_null())) if frame.width else frame
    if frame.height == 0:
        raise ReadError(
            f"Got {name} with a header but no rows below it, needed at least one. "
            "Check the sheet, or give the line of the header."
        )
    if frame.height < n_rows:
        n_empty = n_rows - frame.height
        notes.append(f"{n_empty:,} empty row{'s'[: n_empty > 1]} {'were' if n_empty > 1 else 'was'} left out.")
    given = [" ".join((names[place] or f"column_{place + 1}").split()) for place in kept]
    titles, renamed = name_apart(given)
    notes += renamed
    return frame.rename(dict(zip(frame.columns, titles, strict=True)))


def _typed(
    frame: pl.DataFrame, options: ReaderOptions, notes: list[str], name: str
) -> tuple[pl.DataFrame, dict[str, dict[str, int]], CellReport]:
    """Give the columns their types; also say what was missing in which, and what was recognised in cells of text."""
    check_types(options.types, frame.columns, name)
    texts = [series.name for series in frame if series.dtype == pl.String]
    missing: dict[str, dict[str, int]] = {}
    report = CellReport()
    rules = CellRules.of(options, prefers_comma=False)
    numbers, tallies = [], {}
    for series in frame:
        if series.dtype.is_numeric():
            tallies[series.name] = Tally()
            numbers.append(without_numbers(series, rules.numbers, tallies[series.name]))
    if numbers:
        frame = frame.with_columns(numbers)
        plans = {column: Plan("number") for column in tallies}
        notes += report_of(plans, tallies).notes
        missing |= {column: tally.missing for column, tally in tallies.items() if tally.missing}
    if texts:
        typed, report = type_columns(frame.select(texts), rules=rules)
        missing |= {column: found for column, found in report.missing.items() if set(found) != {""}}
        notes += report.notes
        frame = frame.with_columns(typed)
    lost: dict[str, int] = {}
    columns = []
    for series in frame:
        if series.dtype == pl.Float64 and _is_whole(series):
            series = series.cast(pl.Int64)
        elif isinstance(series.dtype, pl.Datetime):
            zone = series.dtype.time_zone
            series = series.cast(pl.Datetime("us", zone))
            if zone is None and (series.dt.time() == dt.time(0)).all():
                series = series.dt.date()
        if series.name in options.types:
            series = set_type(series, options.types[series.name], lost)
        columns.append(series)
    notes += [
        f"{n:,} values of {column!r} are no {options.types[column]} and were read as missing."
        for column, n in lost.items()
    ]
    return pl.DataFrame(columns), missing, report


def _is_whole(values: pl.Series) -> bool:
    present = values.drop_nulls()
    return len(present) > 0 and bool(((present == present.floor()) & (present.abs() < 2**53)).all())


@contextmanager
def _workbook_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (GeneratorExit, KeyboardInterrupt, ReadError):
        raise
    except BaseException as error:
        module = type(error).__module__
        if not module.startswith(("fastexcel", "_fastexcel", "pyo3")) and not isinstance(
            error, (OSError, ValueError, pl.exceptions.PolarsError)
        ):
            raise
        said = (str(error).splitlines() or [type(error).__name__])[0]
        if "password" in str(error).lower() or "encrypt" in str(error).lower():
            raise ReadError(
                f"Got {name}, a workbook protected by a password, needed one without. Save it without a password."
            ) from error
        raise ReadError(
            f"Got {name}, a damaged Excel workbook or one of an unknown kind ({said}). Needed .xlsx, .xls or .ods; "
            "save it again."
        ) from error
