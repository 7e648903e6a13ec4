"""One block of text to typed columns: by Polars at once where nothing is special about it, else cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import polars as pl

from workbench.data.blocks import Block, WrongEncodingError, are_quotes_doubtful, quoted_spans
from workbench.data.cell_types import Plan
from workbench.data.cells import CellRules, MisfitError, Tally, convert, without_numbers
from workbench.data.marks import Marks, find_marks
from workbench.data.rows import Layout, read_rows

_LONGEST_EXACT = 1e16  # floats from here on may come from more digits than they keep
_NEWLINE, _ZERO = ord("\n"), ord("0")


@dataclass(frozen=True)
class BlockReader:
    """How the blocks of a file are read.

    Parameters
    ----------
    layout : Layout
        For a line of names in front of the first row.
    names_line : bytes
    quoted : bool
        Whether quotes enclose cells.
    plans : mapping of str to Plan
    rules : CellRules
    """

    layout: Layout
    names_line: bytes
    quoted: bool
    plans: Mapping[str, Plan]
    rules: CellRules


@dataclass
class Typed:
    """A block that was read: no frame where cells didn't fit, of which there are examples then.

    Parameters
    ----------
    frame : DataFrame or None
    tallies : dict of str to Tally
    misfits : dict of str to Series
    n_rows, n_newlines : int
    has_doubt : bool
        Whether a quoted cell holds a line break, or quotes stand within cells: they may all be letters.
    """

    frame: pl.DataFrame | None
    tallies: dict[str, Tally]
    misfits: dict[str, pl.Series] = field(default_factory=dict)
    n_rows: int = 0
    n_newlines: int = 0
    has_doubt: bool = False


def type_block(block: Block, reader: BlockReader) -> Typed:
    """Read a block.

    Raises
    ------
    ReadError
        If a line has more or fewer cells than the header, or a quote is never closed.
    WrongEncodingError
        If it isn't UTF-8.
    """
    is_ascii = block.data.isascii()
    if not is_ascii:
        try:
            block.data.decode()
        except UnicodeDecodeError as error:
            raise WrongEncodingError(error) from error
    marks = find_marks(block.data, reader.layout.delimiter)
    n_lines = marks.n_newlines + (not block.data.endswith(b"\n"))
    frame = _at_once(block, marks, n_lines, reader)
    if frame is None:
        frame = _cell_by_cell(block, reader)
    # A line break may stand at the end of a quoted cell.
    has_blanks = not is_ascii or marks.has_blanks or frame.height < n_lines
    typed = _convert(frame, reader, has_blanks=has_blanks)
    typed.n_rows, typed.n_newlines = frame.height, marks.n_newlines
    typed.has_doubt = (
        reader.quoted
        and block.has_quotes
        and (frame.height < n_lines or are_quotes_doubtful(block.data, reader.layout.delimiter))
    )
    return typed


def _at_once(block: Block, marks: Marks, n_lines: int, reader: BlockReader) -> pl.DataFrame | None:
    """Read a block whose rows are all even, in types where all cells are plain; None if anything is special."""
    data, layout = block.data, reader.layout
    quoted = reader.quoted and block.has_quotes
    if layout.n_columns == 1 or len(layout.delimiter.encode()) > 1:
        return None  # a blank line may be a missing value; a mark of several bytes isn't for Polars
    if quoted:
        return _quoted_at_once(data, reader)
    # Polars refuses longer lines, except for an empty cell too many at the very end; so if all lines together have as
    # many cells as they should, each has.
    if marks.n_delimiters != n_lines * (layout.n_columns - 1) or data.endswith(layout.delimiter.encode()):
        return None
    frame = _parsed(data, reader, quote=None)
    if frame is None or frame.height != n_lines or _has_odd_floats(frame):
        return None
    if marks.has_padding and any(series.dtype.is_numeric() for series in frame):
        values = np.frombuffer(data, dtype=np.uint8)
        ends = _ends_of_cells(values, data, layout.delimiter, quoted=False)
        if ends is None or _has_leading_zeros(values, ends, frame):
            return None
    return frame


def _quoted_at_once(data: bytes, reader: BlockReader) -> pl.DataFrame | None:
    values, n_columns = np.frombuffer(data, dtype=np.uint8), reader.layout.n_columns
    ends = _ends_of_cells(values, data, reader.layout.delimiter, quoted=True)
    if ends is None or len(ends) % n_columns:
        return None
    n_rows, is_ended = len(ends) // n_columns, data.endswith(b"\n")
    last = ends[n_columns - 1 :: n_columns][: n_rows - 1]
    n_newlines = int(np.count_nonzero(values[ends[: -1 if not is_ended else None]] == _NEWLINE))
    if (values[last] != _NEWLINE).any() or n_newlines != n_rows - (not is_ended):
        return None  # uneven rows
    frame = _parsed(data, reader, quote='"')
    if frame is None or frame.height != n_rows or _has_odd_floats(frame) or _has_leading_zeros(values, ends, frame):
        return None
    return frame


def _parsed(data: bytes, reader: BlockReader, *, quote: str | None) -> pl.DataFrame | None:
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator=reader.layout.delimiter,
            quote_char=quote,
            schema={name: _direct_type(plan) for name, plan in reader.plans.items()},
            truncate_ragged_lines=False,
        )
    except pl.exceptions.PolarsError:
        return None
    # Once, for all who look at its memory; one column after the other, since the threads that would share it cost more.
    return pl.DataFrame([series.rechunk() for series in frame])


def _ends_of_cells(values: np.ndarray, data: bytes, delimiter: str, *, quoted: bool) -> np.ndarray | None:
    """Find the marks behind the cells, in order; None if the quotes are nothing for Polars."""
    ends = np.flatnonzero((values == ord(delimiter)) | (values == _NEWLINE))
    if quoted:
        opens, closes, well_formed = quoted_spans(data, delimiter)
        if not well_formed or (values[np.maximum(opens - 1, 0)] == ord(" ")).any():
            return None  # Polars takes a quote behind a blank for a letter
        spans = np.searchsorted(opens, ends) - 1
        ends = ends[(spans < 0) | (closes[spans] < ends)]
    return ends if data.endswith(b"\n") else np.append(ends, len(values))


def _direct_type(plan: Plan) -> pl.DataType:
    if plan.marks:
        return pl.String()  # words stand between the numbers
    if plan.kind == "whole" and not plan.by_hand:
        return pl.Int64()
    return pl.Float64() if plan.kind == "number" and not plan.by_hand else pl.String()


def _has_odd_floats(frame: pl.DataFrame) -> bool:
    """Whether numbers were read that have more digits than a float keeps, or that aren't numbers."""
    for series in frame:
        if series.dtype == pl.Float64 and len(series) > series.null_count():
            low, high, total = (cast("float", value) for value in (series.min(), series.max(), series.sum()))
            if total != total or max(abs(low), abs(high)) >= _LONGEST_EXACT:
                return True
    return False


def _has_leading_zeros(values: np.ndarray, ends: np.ndarray, frame: pl.DataFrame) -> bool:
    """Whether a cell in a column of numbers begins with a zero and has one more digit behind it."""
    numeric = np.array([series.dtype.is_numeric() for series in frame])
    if not numeric.any():
        return False
    # Zeros, signs, quotes and blanks come before the other digits, as do most marks, of empty cells.
    odd = np.flatnonzero(values[1:][ends[:-1]] < ord("1")) + 1
    if values[0] < ord("1"):
        odd = np.append(odd, 0)
    odd = odd[numeric[odd % len(numeric)]]
    starts = np.where(odd > 0, ends[odd - 1] + 1, 0)
    behind = ends[odd]
    starts += values[starts] == ord('"')
    is_blank = (values[starts] == ord(" ")) | (values[starts] == ord("\t"))
    cells = zip(starts[is_blank].tolist(), behind[is_blank].tolist(), strict=True)
    if any(_is_code(values[start:end].tobytes().strip(b' "\t').lstrip(b"+-")) for start, end in cells):
        return True
    starts += (values[starts] == ord("+")) | (values[starts] == ord("-"))
    is_long = behind - starts > 1
    first, second = values[starts[is_long]], values[starts[is_long] + 1]
    return bool(((first == _ZERO) & (second >= _ZERO) & (second <= ord("9"))).any())


def _is_code(digits: bytes) -> bool:
    return digits.startswith(b"0") and digits[1:2].isdigit()


def _cell_by_cell(block: Block, reader: BlockReader) -> pl.DataFrame:
    layout = Layout(
        name=reader.layout.name,
        delimiter=reader.layout.delimiter,
        n_columns=reader.layout.n_columns,
        n_skipped_lines=reader.layout.n_skipped_lines + block.line,
    )
    data = block.data[:-1] if block.data.endswith(b"\n") else block.data
    frame, _ = read_rows(reader.names_line + data, layout, quoted=reader.quoted)
    return frame.rename(dict(zip(frame.columns, reader.plans, strict=True)))


def _convert(frame: pl.DataFrame, reader: BlockReader, *, has_blanks: bool) -> Typed:
    columns, misfits = [], {}
    tallies = {name: Tally() for name in reader.plans}
    for series in frame:
        tally = tallies[series.name]
        if series.dtype != pl.String:
            tally.n_rows += len(series)
            if series.null_count():
                tally.add_missing("", series.null_count())
            columns.append(without_numbers(series, reader.rules.numbers, tally))
            continue
        try:
            columns.append(convert(series, reader.plans[series.name], reader.rules, tally, has_blanks=has_blanks))
        except MisfitError as misfit:
            misfits[series.name] = misfit.examples
    return Typed(None if misfits else pl.DataFrame(columns), tallies, misfits)
