"""The form of delimited text, found from its beginning: delimiter, title lines, header."""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.data.rows import DELIMITERS
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

_SNIFFED_BYTES = 256 * 1024
_SNIFFED_LINES = 200
_HEADER_BYTES = 16 * 1024 * 1024
_MAX_TITLE_LINES = 30


@dataclass
class Form:
    """The form of a text.

    Parameters
    ----------
    delimiter : str
    header : list of str
        Names of the columns.
    header_line : int
        Line that they are in, counted from 1; 0 means that there is none.
    n_lines : int
        Lines up to the header's last.
    start : int
        Position of the first byte behind them.
    notes : list of str
    """

    delimiter: str
    header: list[str]
    header_line: int
    n_lines: int
    start: int
    notes: list[str] = field(default_factory=list)


def find_form(data: bytes, *, name: str, max_columns: int, tabs: bool, options: ReaderOptions, n_skipped: int) -> Form:
    """Find the form of a text.

    Parameters
    ----------
    data : bytes
        UTF-8 with newlines only, without blank lines at the start; the beginning will do.
    name : str
        For messages.
    max_columns : int
    tabs : bool
        Prefer tabs where the delimiter is in doubt.
    options : ReaderOptions
        What is set by hand.
    n_skipped : int
        Blank lines that were left out at the start.

    Raises
    ------
    ReadError
        If there is no such header line, too many columns, or two of the same name.
    """
    delimiter = options.delimiter or _sniff_delimiter(data, tabs, options)
    if options.header_line == 0:
        return _without_header(data, delimiter, name, max_columns)
    rows = _parse_start(
        data, delimiter, n_bytes=_HEADER_BYTES, limit=_MAX_TITLE_LINES * 3, quoted=options.quoted is not False
    )[0]
    if options.header_line is not None:
        place = next((place for place, row in enumerate(rows) if row.line + n_skipped >= options.header_line), None)
        if place is None:
            raise ReadError(
                f"Got header_line={options.header_line} for {name}, needed the line that holds the column names. "
                "Look at the first lines of the file, and count from 1."
            )
    else:
        place = _n_titles(rows, delimiter)
    row = rows[place]
    notes = []
    if options.header_line is None and place:
        titles = "; ".join(" ".join(filter(None, title.cells)) for title in rows[:place])
        shown = titles if len(titles) <= 80 else titles[:80] + "..."
        were = "lines above the column names were" if place > 1 else "line above the column names was"
        notes.append(f"{place} {were} left out ({shown}).")
    form = Form(delimiter, [cell.strip() for cell in row.cells], row.line + n_skipped, row.last_line, 0, notes)
    form.start = _start_of_line(data, row.last_line)
    _name_columns(form, name, max_columns)
    if len(form.header) == 1 and _looks_aligned(rows[place:]):
        form.notes.append(
            "All of it is one column, with stretches of blanks: where they set columns apart, the cells of its rows "
            "couldn't be told from each other. Save it with commas or tabs, or choose the blank as the delimiter."
        )
    return form


def _looks_aligned(rows: list[_Row]) -> bool:
    """Whether most lines of a single column have stretches of blanks in the middle."""
    n_aligned = sum(bool(re.search(r"\S {2,}\S", cell)) for row in rows for cell in row.cells)
    return len(rows) >= 3 and n_aligned > len(rows) / 2


@dataclass
class _Row:
    line: int  # of its first line, counted from 1
    last_line: int
    cells: list[str]


def _parse_start(
    data: bytes, delimiter: str, *, n_bytes: int, limit: int, quoted: bool = True
) -> tuple[list[_Row], bool]:
    """Parse the first rows that aren't blank; also say whether the last of them may be cut."""
    csv.field_size_limit(sys.maxsize)
    lines = data[:n_bytes].decode("utf-8", errors="ignore").split("\n")
    rows: list[_Row] = []
    reader = csv.reader(
        (line + "\n" for line in lines),
        delimiter=delimiter,
        skipinitialspace=delimiter != "\t",
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    line = 1
    for cells in reader:
        if cells:
            rows.append(_Row(line, reader.line_num, cells))
        line = reader.line_num + 1
        if len(rows) >= limit:
            return rows, False
    return rows, n_bytes < len(data)


def _start_of_line(data: bytes, n_lines: int) -> int:
    start = 0
    for _ in range(n_lines):
        end = data.find(b"\n", start)
        if end < 0:
            return len(data)
        start = end + 1
    return start


def _sniff_delimiter(data: bytes, tabs: bool, options: ReaderOptions) -> str:
    """Choose the delimiter under which most lines have as many cells as the first."""
    best, best_score = "\t" if tabs else ",", 0.0
    for delimiter in DELIMITERS:
        rows, cut = _parse_start(
            data, delimiter, n_bytes=_SNIFFED_BYTES, limit=_SNIFFED_LINES, quoted=options.quoted is not False
        )
        if cut and len(rows) > 1:
            rows.pop()
        rows = rows[_n_titles(rows, delimiter) :]
        n_cells = len(rows[0].cells) if rows else 1
        if n_cells < 2:
            continue
        agreeing = sum(len(row.cells) == n_cells for row in rows) / len(rows)
        score = agreeing + min(n_cells, 1_000) / 100_000 + (0.5 if tabs and delimiter == "\t" else 0.0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _n_titles(rows: Sequence[_Row], delimiter: str) -> int:
    """Count the lines of one cell at the start, where a table with more columns follows that begins with names."""
    filled = [sum(bool(cell.strip()) for cell in row.cells) for row in rows]
    n_titles = next((place for place, count in enumerate(filled) if count > 1), 0)
    table = rows[n_titles:]
    if not 0 < n_titles <= _MAX_TITLE_LINES or len(table) < 2:
        return 0
    header = table[0].cells
    if filled[n_titles] != len(header) or any(_is_number(cell) for cell in header):
        return 0
    if delimiter == "," and len(header) == 2 and any(len(cell.split()) > 3 for cell in header):
        return 0  # a sentence with a comma
    agreeing = sum(len(row.cells) == len(header) for row in table) / len(table)
    return n_titles if agreeing >= 0.95 else 0


def _without_header(data: bytes, delimiter: str, name: str, max_columns: int) -> Form:
    rows, _ = _parse_start(data, delimiter, n_bytes=_HEADER_BYTES, limit=1)
    form = Form(delimiter, [f"column_{place + 1}" for place in range(len(rows[0].cells))], 0, 0, 0)
    _check_width(form.header, name, max_columns)
    return form


def _check_width(header: list[str], name: str, max_columns: int) -> None:
    if len(header) > max_columns:
        raise ReadError(
            f"Got {name} with {len(header):,} columns, needed at most {max_columns:,}. "
            "Leave some out, or raise WORKBENCH_MAX_COLUMNS."
        )


def _name_columns(form: Form, name: str, max_columns: int) -> None:
    header = form.header
    _check_width(header, name, max_columns)
    unnamed = [place for place, cell in enumerate(header) if not cell]
    numbers_only = len(unnamed) < len(header) and all(_is_number(cell) for cell in header if cell)
    taken = set(header)
    for place in unnamed:
        header[place] = _free_name(f"column_{place + 1}", taken)
        taken.add(header[place])
    if unnamed:
        given = ", ".join(header[place] for place in unnamed[:5])
        form.notes.append(f"{len(unnamed):,} of the columns had no name and got one: {given}.")
    repeated = [(cell, count) for cell, count in Counter(header).items() if count > 1]
    if repeated:
        shown = ", ".join(f"{cell!r} ({count} times)" for cell, count in repeated[:5])
        raise ReadError(
            f"Got {name} with repeated column names: {shown}. Needed each name once. Rename them in its first line."
        )
    if numbers_only:
        form.notes.append(
            "The first line was read as column names, although it holds numbers only. "
            "If it is data, put a line with names above it."
        )


def _free_name(wanted: str, taken: set[str]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
