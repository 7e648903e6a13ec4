"""One block of text to typed columns: by Polars at once where nothing is special about it, else cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import polars as pl

from workbench.data.blocks import Block, WrongEncodingError, are_quotes_doubtful, quoted_spans
from workbench.data.cell_types import Plan
from workbench.data.cells import CellRules, MisfitError, Tally, convert
from workbench.data.rows import Layout, read_rows

_LONGEST_EXACT = 1e16  # floats from here on may come from more digits than they keep
_OTHER_BLANKS = (b"\t", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f")


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
    n_rows : int
    has_doubt : bool
        Whether a quoted cell holds a line break, or quotes stand within cells: they may all be letters.
    """

    frame: pl.DataFrame | None
    tallies: dict[str, Tally]
    misfits: dict[str, pl.Series] = field(default_factory=dict)
    n_rows: int = 0
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
    has_quotes = b'"' in block.data
    n_lines = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
    frame = _at_once(block.data, n_lines, reader)
    if frame is None:
        frame = _cell_by_cell(block, reader)
    blanks = [mark for mark in _OTHER_BLANKS if mark != reader.layout.delimiter.encode()]
    has_blanks = (
        not is_ascii
        or b" " in block.data
        or frame.height < n_lines  # a line break may stand at the end of a cell
        or any(mark in block.data for mark in blanks)
    )
    typed = _convert(frame, reader, has_blanks=has_blanks)
    typed.n_rows = frame.height
    typed.has_doubt = (
        reader.quoted
        and has_quotes
        and (frame.height < n_lines or are_quotes_doubtful(block.data, reader.layout.delimiter))
    )
    return typed


def _at_once(data: bytes, n_lines: int, reader: BlockReader) -> pl.DataFrame | None:
    """Read a block whose rows are all even, in types where all cells are plain; None if anything is special."""
    layout, quoted = reader.layout, reader.quoted and b'"' in data
    if layout.n_columns == 1 or len(layout.delimiter.encode()) > 1:
        return None  # a blank line may be a missing value; a mark of several bytes isn't for Polars
    values = np.frombuffer(data, dtype=np.uint8)
    marks = values == ord(layout.delimiter)
    n_rows, n_marks = n_lines, np.count_nonzero(marks)
    if quoted:
        opens, closes, well_formed = quoted_spans(data, layout.delimiter)
        if not well_formed or (values[np.maximum(opens - 1, 0)] == ord(" ")).any():
            return None  # Polars takes a quote behind a blank for a letter
        n_marks -= _count_within(marks, opens, closes)
        n_rows -= _count_within(values == ord("\n"), opens, closes)
    if n_marks != n_rows * (layout.n_columns - 1):
        return None
    schema = {name: _direct_type(plan) for name, plan in reader.plans.items()}
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator=layout.delimiter,
            quote_char='"' if quoted else None,
            schema=schema,
            truncate_ragged_lines=False,
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.height != n_rows or _is_special(frame, data, values, marks, reader):
        return None
    return frame


def _count_within(marks: np.ndarray, opens: np.ndarray, closes: np.ndarray) -> int:
    bounds = np.stack([opens, closes], axis=1).ravel()
    return int(np.add.reduceat(marks, bounds, dtype=np.int64)[::2].sum())


def _direct_type(plan: Plan) -> pl.DataType:
    if plan.kind == "whole" and not plan.by_hand:
        return pl.Int64()
    return pl.Float64() if plan.kind == "number" and not plan.by_hand else pl.String()


def _is_special(frame: pl.DataFrame, data: bytes, values: np.ndarray, marks: np.ndarray, reader: BlockReader) -> bool:
    """Whether numbers were read that are better kept as text, or not numbers."""
    whole = [place for place, series in enumerate(frame) if series.dtype == pl.Int64]
    if whole and _leading_zeros(values, marks, len(frame.columns), whole, quoted=reader.quoted and b'"' in data):
        return True
    for series in frame:
        if series.dtype == pl.Float64 and len(series) > series.null_count():
            low, high, total = (cast("float", value) for value in (series.min(), series.max(), series.sum()))
            if total != total or max(abs(low), abs(high)) >= _LONGEST_EXACT:
                return True
    return False


def _leading_zeros(values: np.ndarray, marks: np.ndarray, n_columns: int, whole: list[int], *, quoted: bool) -> bool:
    """Whether a cell in one of these columns may be a whole number that begins with a zero too many."""
    begins = marks | (values == ord("\n"))
    if quoted:
        begins |= values == ord('"')
    # A zero, or a sign and then a zero, at the start of a cell, and a digit behind it.
    zeros = np.flatnonzero(begins[:-2] & (values[1:-1] == ord("0"))) + 1
    zeros = zeros[_is_digit(values[zeros + 1])]
    signs = np.flatnonzero(begins[:-3] & ((values[1:-2] == ord("-")) | (values[1:-2] == ord("+")))) + 1
    signs = signs[(values[signs + 1] == ord("0")) & _is_digit(values[signs + 2])]
    found = np.concatenate([zeros, signs])
    if len(values) > 1 and values[0] in (ord("0"), ord("+"), ord("-")):
        found = np.append(found, 0)
    if not len(found) or quoted:
        return bool(len(found))
    ends = np.flatnonzero(begins)
    columns = np.searchsorted(ends, found) % n_columns
    return bool(np.isin(columns, whole).any())


def _is_digit(values: np.ndarray) -> np.ndarray:
    return np.asarray((values >= ord("0")) & (values <= ord("9")))


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
            columns.append(series)
            continue
        try:
            columns.append(convert(series, reader.plans[series.name], reader.rules, tally, has_blanks=has_blanks))
        except MisfitError as misfit:
            misfits[series.name] = misfit.examples
    return Typed(None if misfits else pl.DataFrame(columns), tallies, misfits)
