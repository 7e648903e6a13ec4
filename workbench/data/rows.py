"""The lines of delimited text to rows of cells, none lost: Polars where it is right, Python's reader where it isn't.

Polars fills a line that is too short with missing values without a word, refuses some quotes that others take, and
reads a quote that isn't meant as one as the start of a cell over many lines. So its answer is checked here.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.data.blocks import are_quotes_doubtful, is_quote_left_open
from workbench.errors import ReadError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
ALIGNED = "\f"  # stands for the blanks of an aligned text; see `aligned`
_TITLES = {**DELIMITERS, ALIGNED: "spaces", " ": "spaces"}


def title_of(delimiter: str) -> str:
    """Give the delimiter in words."""
    return _TITLES.get(delimiter, repr(delimiter))


_CHUNK_BYTES = 16 * 1024 * 1024


class OpenQuoteError(ReadError):
    """A quote is never closed, and all before it enclose cells."""


class UnevenError(ReadError):
    """A line has more or fewer cells than the header."""


@dataclass(frozen=True)
class Layout:
    """What the rows of a file must look like.

    Parameters
    ----------
    name : str
        File name, for messages.
    delimiter : str
    n_columns : int
    n_skipped_lines : int
        Lines before the header, so that messages count as an editor does.
    """

    name: str
    delimiter: str
    n_columns: int
    n_skipped_lines: int = 0

    def ragged(self, line: int, n_cells: int) -> ReadError:
        """Give the error for a line with another number of cells than the header."""
        return UnevenError(
            f"Got {self.name} with {n_cells} cell{'s'[: n_cells != 1]} in line {line + self.n_skipped_lines:,}, "
            f"needed {self.n_columns} as in the header ({title_of(self.delimiter)}-separated). "
            "Correct that line, or put quotes around cells that contain the separator."
        )


def read_rows(data: bytes, layout: Layout, *, quoted: bool | None = None) -> tuple[pl.DataFrame, bool]:
    """Read all rows behind the header as strings.

    Parameters
    ----------
    data : bytes
        UTF-8, with newlines only.
    layout : Layout
    quoted : bool, optional
        Whether quotes enclose cells; found out when absent.

    Returns
    -------
    frame : DataFrame
        With columns named by Polars.
    quoted : bool
        Whether quotes enclose cells.

    Raises
    ------
    ReadError
        If a line has more or fewer cells than the header, or a quote is never closed.
    """
    lines = _measure_lines(data, layout)
    if quoted is False or b'"' not in data:
        wrong = _uneven(lines, layout)
        if wrong:
            raise layout.ragged(*wrong)
        return _read_unquoted(data, lines, layout), False
    if quoted is None and layout.n_columns > 1 and _uneven(lines, layout) is None:
        # As single lines everything fits. Then quotes within cells are letters, as all others are.
        if are_quotes_doubtful(data, layout.delimiter):
            return _read_unquoted(data, lines, layout), False
    frame = _try_quoted(data, layout)
    if frame is not None and layout.n_columns == 1:
        return frame.slice(1), True
    if frame is not None and frame.height == len(lines.starts) and not lines.blank.any():
        _check_short_rows(frame, data, lines, layout)
        return frame.slice(1), True
    return _read_carefully(data, frame, lines, layout, may_be_letters=quoted is None)


@dataclass(frozen=True)
class _Lines:
    starts: np.ndarray  # positions in the data
    ends: np.ndarray
    n_cells: np.ndarray  # with quotes taken as letters
    blank: np.ndarray


def _measure_lines(data: bytes, layout: Layout) -> _Lines:
    values = np.frombuffer(data, dtype=np.uint8)
    ends, cells, n_before = [], [], 0
    for offset in range(0, len(values), _CHUNK_BYTES):
        chunk = values[offset : offset + _CHUNK_BYTES]
        newlines = np.flatnonzero(chunk == ord("\n"))
        delimiters = np.flatnonzero(chunk == ord(layout.delimiter))
        ends.append(newlines + offset)
        cells.append(n_before + np.searchsorted(delimiters, newlines))
        n_before += len(delimiters)
    end = np.append(np.concatenate(ends), len(values))
    total = np.append(np.concatenate(cells), n_before)
    start = np.append(0, end[:-1] + 1)
    n_cells = np.diff(total, prepend=0) + 1
    blank = (end == start) & (n_cells == 1)
    if layout.n_columns > 1:
        for index in np.flatnonzero((n_cells == 1) & ~blank):
            blank[index] = not data[start[index] : end[index]].strip()
    return _Lines(start, end, n_cells, blank)


def _uneven(lines: _Lines, layout: Layout) -> tuple[int, int] | None:
    """Give number and cells of the first line with another number of cells, quotes taken as letters."""
    wrong = np.flatnonzero((lines.n_cells != layout.n_columns) & ~lines.blank)
    return (int(wrong[0]) + 1, int(lines.n_cells[wrong[0]])) if len(wrong) else None


def _read_unquoted(data: bytes, lines: _Lines, layout: Layout) -> pl.DataFrame:
    if layout.n_columns > 1 and lines.blank.any():
        kept = np.flatnonzero(~lines.blank)
        data = b"\n".join(data[lines.starts[index] : lines.ends[index]] for index in kept)
    return _parse(data, layout, quote=None).slice(1)


def _parse(data: bytes, layout: Layout, *, quote: str | None) -> pl.DataFrame:
    names = [f"c{place}" for place in range(layout.n_columns)]
    return pl.read_csv(
        data,
        separator=layout.delimiter,
        quote_char=quote,
        schema=dict.fromkeys(names, pl.String),
        has_header=False,
        truncate_ragged_lines=False,
    )


def _try_quoted(data: bytes, layout: Layout) -> pl.DataFrame | None:
    if layout.delimiter != "\t" and f'{layout.delimiter} "'.encode() in data:
        return None  # Polars takes the quote behind a blank as a letter
    try:
        return _parse(data, layout, quote='"')
    except pl.exceptions.PolarsError:
        return None


def _check_short_rows(frame: pl.DataFrame, data: bytes, lines: _Lines, layout: Layout) -> None:
    """Look again at lines whose last cell is empty: it may not be there."""
    for index in frame[frame.columns[-1]].is_null().arg_true():
        line = data[lines.starts[index] : lines.ends[index]].decode()
        n_cells = len(next(csv.reader([line], delimiter=layout.delimiter, skipinitialspace=layout.delimiter != "\t")))
        if n_cells != layout.n_columns:
            raise layout.ragged(index + 1, n_cells)


def _read_carefully(
    data: bytes, frame: pl.DataFrame | None, lines: _Lines, layout: Layout, *, may_be_letters: bool
) -> tuple[pl.DataFrame, bool]:
    n_rows, last_line, wrong = _count_rows(data, layout)
    n_filled = int((~lines.blank).sum())
    does_fit = not wrong and n_rows == n_filled
    may_be_letters = may_be_letters and layout.n_columns > 1 and not is_quote_left_open(data, layout.delimiter)
    if may_be_letters and not does_fit and _uneven(lines, layout) is None:
        # As single lines everything fits, as quoted cells it doesn't: the quotes are letters.
        return _read_unquoted(data, lines, layout), False
    if wrong:
        raise layout.ragged(*wrong)
    _refuse_open_quote(data, last_line, layout)
    if frame is not None and frame.height == n_rows:
        return frame.slice(1), True
    columns = list(zip(*(row for _, row in _python_rows(data, layout)), strict=True))
    return pl.DataFrame({f"c{place}": cells[1:] for place, cells in enumerate(columns)}), True


def _python_rows(data: bytes, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Give each row that isn't blank with the number of its first line."""
    csv.field_size_limit(sys.maxsize)
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    reader = csv.reader(text, delimiter=layout.delimiter, skipinitialspace=layout.delimiter != "\t")
    line = 1
    try:
        for row in reader:
            if row and not (len(row) == 1 and layout.n_columns > 1 and not row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise ReadError(
            f"Got {layout.name} with a line {line:,} that can't be read ({error}). Correct that line."
        ) from error


def _count_rows(data: bytes, layout: Layout) -> tuple[int, int, tuple[int, int] | None]:
    """Give the number of rows, the line of the last one, and line and cells of the first uneven one."""
    n_rows, line = 0, 1
    for line, row in _python_rows(data, layout):
        n_rows += 1
        if len(row) != layout.n_columns:
            return n_rows, line, (line, len(row))
    return n_rows, line, None


def _refuse_open_quote(data: bytes, last_line: int, layout: Layout) -> None:
    """Refuse a quote that swallows the rest of the file."""
    tail = io.StringIO(data.split(b"\n", last_line - 1)[-1].decode(), newline="")
    try:
        list(csv.reader(tail, delimiter=layout.delimiter, strict=True, skipinitialspace=layout.delimiter != "\t"))
    except csv.Error as error:
        if "unexpected end" in str(error):
            kind = OpenQuoteError if is_quote_left_open(data, layout.delimiter) else ReadError
            raise kind(
                f"Got {layout.name} with a quote opened in line {last_line + layout.n_skipped_lines:,} that is never "
                "closed, needed quotes in pairs. Close or remove it."
            ) from error
