"""The form of delimited text, found from its beginning: delimiter, title lines, header."""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.data.cells import KNOWN_MARKS, MISSING_MARKERS
from workbench.data.rows import DELIMITERS
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

_SNIFFED_BYTES = 256 * 1024
_SNIFFED_LINES = 200
_HEADER_BYTES = 16 * 1024 * 1024
_MAX_TITLE_LINES = 30
_MOST_ROWS = 0.9
_MOST_LABEL_LINES = 2
_LEAST_BELOW = 3
_IMPORT_ID = re.compile(r"""\s*\{\s*["']?ImportId["']?\s*:""")
_NUMBER = re.compile(r"[+-]?[\d.,' ]*\d([eE][+-]?\d+)?")
_YEAR = re.compile(r"(19|20)\d\d")


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
    ends_empty : bool
        Whether a delimiter ends each row, so that the last column has neither name nor values and is to be left out.
    label_lines : int
        Lines below the names that hold labels rather than values and were left out.
    proposed : dict
        Reader options that are worth thinking about.
    """

    delimiter: str
    header: list[str]
    header_line: int
    n_lines: int
    start: int
    notes: list[str] = field(default_factory=list)
    ends_empty: bool = False
    label_lines: int = 0
    proposed: dict[str, Any] = field(default_factory=dict)


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
        If there is no such header line, or too many columns.
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
        place = _n_comments(rows)
        place += _n_titles(rows[place:], delimiter)
    row = rows[place]
    notes = []
    if options.header_line is None and place:
        titles = "; ".join(filter(None, (" ".join(filter(None, title.cells)) for title in rows[:place])))
        shown = titles if len(titles) <= 80 else titles[:80] + "..."
        were = "lines above the column names were" if place > 1 else "line above the column names was"
        notes.append(f"{place} {were} left out ({shown}).")
    form = Form(delimiter, [cell.strip() for cell in row.cells], row.line + n_skipped, row.last_line, 0, notes)
    form.start = _start_of_line(data, row.last_line)
    _leave_out_labels(form, data, rows[place + 1 :], options.label_lines)
    below = rows[place + 1 + form.label_lines :]
    if _are_row_names(form.header, below, data, row):
        form.header.insert(0, "")
    _settle_line_ends(form, below)
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


@dataclass(frozen=True)
class _Candidate:
    """What speaks for a delimiter."""

    splits_first_line: bool  # into as many names as the rows have cells, so that no title lines are needed
    agreeing: float  # share of rows with as many cells as the header
    well_quoted: bool
    is_rare: bool  # in texts and numbers, other than the comma
    n_cells: int

    @property
    def rank(self) -> tuple[bool, float, bool, bool, int]:
        return self.splits_first_line, self.agreeing, self.well_quoted, self.is_rare, self.n_cells


def _sniff_delimiter(data: bytes, tabs: bool, options: ReaderOptions) -> str:
    """Choose the delimiter that splits the first line into as many names as the rows have cells.

    Only where none does, title lines are supposed. Of several that do, most rows decide. The comma comes last, since it
    stands in names, texts and numbers more often than the others.
    """
    best, best_rank = "\t" if tabs else ",", (False, 0.0, False, False, 0)
    for delimiter in DELIMITERS:
        rows, cut = _parse_start(
            data, delimiter, n_bytes=_SNIFFED_BYTES, limit=_SNIFFED_LINES, quoted=options.quoted is not False
        )
        if cut and len(rows) > 1:
            rows.pop()
        found = _look_at_delimiter(rows, delimiter, prefers=tabs and delimiter == "\t")
        if found is not None and found.rank > best_rank:
            best, best_rank = delimiter, found.rank
    return best


def _look_at_delimiter(rows: Sequence[_Row], delimiter: str, *, prefers: bool) -> _Candidate | None:
    rows = rows[_n_comments(rows) :]
    splits_first_line = _is_header(rows)
    table = rows if splits_first_line else rows[_n_titles(rows, delimiter) :]
    n_cells = _n_names(table[0]) if table else 1
    if n_cells < 2:
        return None
    # Unequal lines at the end are footnotes, or one that was cut.
    fitting = [_fits(row, table[0]) for row in table]
    n_rows = len(fitting) - fitting[::-1].index(True)
    agreeing = sum(fitting) / (n_rows if n_rows > 1 else len(fitting))
    return _Candidate(
        splits_first_line or prefers,
        agreeing + 0.5 * prefers,
        _is_well_quoted(rows, delimiter),
        delimiter != ",",
        n_cells,
    )


def _is_header(rows: Sequence[_Row]) -> bool:
    """Whether the first line has as many cells as those below."""
    if len(rows) < 2 or _n_names(rows[0]) < 2 or _is_padded_title(rows[0]):
        return False
    fitting = [_fits(row, rows[0]) for row in rows[1:]]
    if not fitting[0]:
        return False
    n_rows = len(fitting) - fitting[::-1].index(True)  # footnotes may follow
    return sum(fitting) >= max(_MOST_ROWS * n_rows, 0.5 * len(fitting))


def _n_comments(rows: Sequence[_Row]) -> int:
    """Count the lines at the start that begin with #, without one that holds the names."""
    n_comments = next((place for place, row in enumerate(rows) if not row.cells[0].lstrip().startswith("#")), 0)
    if not n_comments:
        return 0
    following = rows[n_comments]
    behind = rows[n_comments + 1 : n_comments + 2]
    are_names = not any(map(_is_number, following.cells)) and any(
        _is_number(cell) for row in behind for cell in row.cells
    )
    holds_names = not are_names and len(rows[n_comments - 1].cells) == len(following.cells)
    return n_comments - holds_names


def _n_names(header: _Row) -> int:
    """Count the cells, without an empty one behind a delimiter that ends the line."""
    return len(header.cells) - (not header.cells[-1].strip())


def _fits(row: _Row, header: _Row) -> bool:
    """Whether a row has as many cells as the header, but for an empty one behind a delimiter that ends the line."""
    beyond = len(row.cells) - len(header.cells)
    if beyond == 1:
        return not row.cells[-1].strip()
    return not beyond or (beyond == -1 and not header.cells[-1].strip())


def _is_padded_title(row: _Row) -> bool:
    """Whether one cell alone is filled, as where a spreadsheet fills up the line of a title."""
    filled = [place for place, cell in enumerate(row.cells) if cell.strip()]
    # An unnamed column in front of a single name is the index that pandas writes.
    return len(filled) <= 1 and (filled != [len(row.cells) - 1] or len(row.cells) > 3)


def _is_well_quoted(rows: Sequence[_Row], delimiter: str) -> bool:
    """Whether no cell holds a quote beside another delimiter, as the end of a quoted one and what is behind it do."""
    other = "".join(mark for mark in DELIMITERS if mark != delimiter)
    pattern = re.compile(rf'[{re.escape(other)}]"|"[{re.escape(other)}]')
    return not any(pattern.search(cell) for row in rows for cell in row.cells)


def _n_titles(rows: Sequence[_Row], delimiter: str) -> int:
    """Count the lines at the start that are much narrower than a table behind them that begins with names."""
    if _is_header(rows):
        return 0
    filled = [sum(bool(cell.strip()) for cell in row.cells) for row in rows]
    widths = Counter(len(row.cells) for row in rows)
    usual = max(widths, key=lambda width: (widths[width], width), default=1)
    # Half as many cells as the table has columns are a line of the report's facts; more are names with one missing.
    most = max(1, (usual - 1) // 2)
    n_titles = next((place for place, count in enumerate(filled) if count > most), 0)
    table = rows[n_titles:]
    if not 0 < n_titles <= _MAX_TITLE_LINES or len(table) < 2:
        return 0
    header = list(table[0].cells)
    if not header[-1].strip():
        header.pop()  # behind the delimiter that ends each line
    if not all(cell.strip() for cell in header[1:]) or _is_number(header[0]):
        return 0
    if any(_is_number(cell) and not _YEAR.fullmatch(cell.strip()) for cell in header):
        return 0
    if delimiter == "," and len(header) == 2 and any(len(cell.split()) > 3 for cell in header):
        return 0  # a sentence with a comma
    fitting = [_fits(row, table[0]) for row in table]
    n_rows = len(fitting) - fitting[::-1].index(True)  # footnotes may follow
    return n_titles if n_rows > 1 and sum(fitting) >= 0.95 * n_rows and sum(fitting) >= 0.5 * len(fitting) else 0


def _leave_out_labels(form: Form, data: bytes, rows: Sequence[_Row], asked: int | None) -> None:
    """Leave out the lines below the names that hold a survey's questions; propose to, where they only look like it."""
    form.label_lines = min(asked, len(rows)) if asked is not None else _n_import_lines(rows)
    if form.label_lines:
        last = rows[form.label_lines - 1]
        form.n_lines, form.start = last.last_line, _start_of_line(data, last.last_line)
        form.notes.append(said_of_labels([row.cells for row in rows[: form.label_lines]]))
    elif asked is None and (n_lines := n_label_lines([row.cells for row in rows])):
        form.proposed["label_lines"] = n_lines
        form.notes.append(may_be_labels(n_lines))


def said_of_labels(lines: Sequence[Sequence[str | None]]) -> str:
    """Give the note for lines of labels that were left out."""
    shown = "; ".join(" ".join(filter(None, cells)) for cells in lines)
    shown = shown if len(shown) <= 80 else shown[:80] + "..."
    were = "lines below the column names were" if len(lines) > 1 else "line below the column names was"
    return f"{len(lines)} {were} left out ({shown})."


def may_be_labels(n_lines: int) -> str:
    """Give the note for lines that look like labels."""
    them = "It seems" if n_lines == 1 else "They seem"
    lines = "The line" if n_lines == 1 else f"The {n_lines} lines"
    holds = "holds" if n_lines == 1 else "hold"
    return (
        f"{lines} below the column names {holds} words where the others hold numbers. {them} to be labels or units: "
        f"label_lines={n_lines} leaves {'it' if n_lines == 1 else 'them'} out."
    )


def _n_import_lines(rows: Sequence[_Row]) -> int:
    """Count the lines up to the one of import ids that Qualtrics puts below questions."""
    for place, row in enumerate(rows[:_MOST_LABEL_LINES]):
        filled = [cell for cell in row.cells if cell.strip()]
        if len(row.cells) > 1 and filled and all(map(_IMPORT_ID.match, filled)):
            return place + 1
    return 0


def n_label_lines(rows: Sequence[Sequence[str | None]]) -> int:
    """Count the lines at the start that hold words in all columns that hold numbers further down.

    Examples
    --------
    >>> n_label_lines([["name", "kg"], ["Ann", "61"], ["Bob", "70.5"], ["Cid", "82"]])
    1
    """
    for n_lines in range(1, _MOST_LABEL_LINES + 1):
        labels, below = rows[:n_lines], rows[n_lines : n_lines + _SNIFFED_LINES]
        if len(below) < _LEAST_BELOW:
            return 0
        width = len(labels[0])
        numeric = [place for place in range(width) if _are_numbers(row[place] for row in below if len(row) == width)]
        cells = [[(row[place] or "").strip() for row in labels if len(row) == width] for place in numeric]
        has_words = bool(cells) and all(any(map(_is_word, column)) for column in cells)
        if has_words and not any(_is_number(cell) or _is_mark(cell) for column in cells for cell in column):
            return n_lines
    return 0


def _are_numbers(cells: Iterable[str | None]) -> bool:
    present = [cell.strip() for cell in cells if cell and cell.strip() and not _is_missing(cell.strip())]
    return len(present) >= _LEAST_BELOW and all(_NUMBER.fullmatch(cell) for cell in present)


def _is_missing(cell: str) -> bool:
    return cell in MISSING_MARKERS or "".join(cell.lower().split()) in KNOWN_MARKS


def _is_mark(cell: str) -> bool:
    """Whether a word stands for a missing value; a dash is a unit of its own."""
    return _is_word(cell) and (_is_missing(cell) or cell.lower() in ("true", "false"))


def _is_word(cell: str) -> bool:
    return bool(re.search(r"[^\W\d_]|[%°]", cell))


def _are_row_names(header: list[str], rows: Sequence[_Row], data: bytes, first: _Row) -> bool:
    """Whether the first cells are names of rows, for which R writes no column name, but quotes."""
    if len(header) < 2 or len(rows) < 2 or any(len(row.cells) != len(header) + 1 for row in rows):
        return False
    start = _start_of_line(data, first.line - 1)
    lines = data[start : _start_of_line(data, rows[-1].line)].split(b"\n")
    is_quoted = all(line.startswith(b'"') for line in lines if line)
    return is_quoted and len({row.cells[0] for row in rows}) == len(rows) and any(row.cells[-1] for row in rows)


def _settle_line_ends(form: Form, rows: Sequence[_Row]) -> None:
    """Take a delimiter that ends each row for the end of it, not for one more column."""
    header = form.header
    if len(header) < 2 or not rows:
        return
    widths = Counter(len(row.cells) for row in rows)
    usual = max(widths, key=lambda width: (widths[width], width == len(header)))
    all_end = all(not row.cells[-1].strip() for row in rows if len(row.cells) == usual)
    if usual == len(header) + 1 and all_end:
        header.append("")
    elif usual == len(header) - 1 and not header[-1]:
        header.pop()
        return
    form.ends_empty = usual == len(header) > 2 and not header[-1] and all_end


def _without_header(data: bytes, delimiter: str, name: str, max_columns: int) -> Form:
    rows, cut = _parse_start(data, delimiter, n_bytes=_SNIFFED_BYTES, limit=_SNIFFED_LINES)
    if cut and len(rows) > 1:
        rows.pop()
    if cut and len(rows) == 1:
        rows, _ = _parse_start(data, delimiter, n_bytes=_HEADER_BYTES, limit=1)
    n_columns = len(rows[0].cells)
    form = Form(delimiter, [f"column_{place + 1}" for place in range(n_columns)], 0, 0, 0)
    form.ends_empty = n_columns > 2 and all(len(row.cells) == n_columns and not row.cells[-1].strip() for row in rows)
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
    if form.ends_empty:
        unnamed.remove(len(header) - 1)
    if unnamed:
        given = ", ".join(header[place] for place in unnamed[:5])
        form.notes.append(f"{len(unnamed):,} of the columns had no name and got one: {given}.")
    header[:], renamed = name_apart(header)
    form.notes += renamed
    if numbers_only:
        form.notes.append(
            "The first line was read as column names, although it holds numbers only. "
            "If it is data, put a line with names above it."
        )


def name_apart(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give the later ones of repeated column names a number, and a note that says so.

    Examples
    --------
    >>> name_apart(["a", "b", "a", "a_2"])
    (['a', 'b', 'a_3', 'a_2'], ["The column name 'a' is repeated; the later one was called 'a_3'."])
    """
    taken, seen = set(names), set[str]()
    given: list[str] = []
    renamed: dict[str, list[str]] = {}
    for name in names:
        number = 2
        new = name
        while new in seen or (new != name and new in taken):
            new = f"{name}_{number}"
            number += 1
        if new != name:
            renamed.setdefault(name, []).append(new)
        seen.add(new)
        given.append(new)
    if not renamed:
        return given, []
    first, later = next(iter(renamed.items()))
    said = f"{'one was' if len(later) == 1 else 'ones were'} called {_quoted(later)}"
    if len(renamed) == 1:
        return given, [f"The column name {first!r} is repeated; the later {said}."]
    all_new = [new for news in renamed.values() for new in news]
    return given, [f"{len(renamed):,} column names are repeated; the later ones were called {_quoted(all_new)}."]


def _quoted(names: list[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(map(repr, names[:5])) + more


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
