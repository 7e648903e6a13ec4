"""Merged cells of an .xlsx sheet: a region that spans four rows is the region of all four."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

import polars as pl

_MERGED = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^>]*?\bref=[\"']\$?([A-Za-z]{1,3})\$?(\d{1,7}):\$?([A-Za-z]{1,3})\$?(\d{1,7})"
)
_MOST_MERGED = 200_000
_CELL_START = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br=[\"']\$?([A-Za-z]{1,3}\d{1,7})[\"']([^>]*)>")
_UNCOMPUTED = re.compile(
    _CELL_START.pattern + rb"\s*<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_IS_TEXT = re.compile(rb"\bt=[\"']str[\"']")
_IS_ERROR = re.compile(rb"\bt=[\"']e[\"']")


@dataclass
class Valueless:
    """Cells of one sheet that hold something, but no value.

    Parameters
    ----------
    n_formulas, n_errors : int
        Formulas whose results weren't stored, and errors such as ``#DIV/0!``.
    formula, error : str
        Where the first of each is.
    """

    n_formulas: int = 0
    n_errors: int = 0
    formula: str = ""
    error: str = ""

    def add(self, piece: bytes) -> None:
        """Count them in a piece of an .xlsx sheet that ends with a cell."""
        if b"<f" in piece or b":f" in piece:
            for cell, attributes in _UNCOMPUTED.findall(piece):
                if not _IS_TEXT.search(attributes):  # an empty text is the result there
                    self.n_formulas += 1
                    self.formula = self.formula or cell.decode()
        if b'"e"' in piece or b"'e'" in piece:
            for cell, attributes in _CELL_START.findall(piece):
                if _IS_ERROR.search(attributes):
                    self.n_errors += 1
                    self.error = self.error or cell.decode()

    def notes(self) -> list[str]:
        """Say what was read as missing."""
        notes = []
        if self.n_formulas:
            hold = _counted(self.n_formulas, "formula without a stored result", "formulas without stored results")
            notes.append(
                f"{hold} (such as in {self.formula}). Open the workbook in a spreadsheet program and save it there, so "
                "that they are computed."
            )
        if self.n_errors:
            where = f" (such as in {self.error})" if self.error else ""
            notes.append(f"{_counted(self.n_errors, 'error', 'errors')}{where}.")
        return notes


def _counted(n: int, one: str, several: str) -> str:
    return (
        f"1 cell that holds a {one} was read as missing".replace("a error", "an error")
        if n == 1
        else (f"{n:,} cells that hold {several} were read as missing")
    )


@dataclass
class SheetFiles:
    """Which file within the workbook holds which sheet, and what is merged in each.

    Parameters
    ----------
    targets : dict
        From relation to file.
    relations : dict
        From sheet name to relation.
    merged : dict
        From file to ranges: first row, last row, column, all from 0, of cells merged downwards.
    valueless : dict
        From file, or name in an .ods, to the cells that give no value.
    """

    targets: dict[str, str] = field(default_factory=dict)
    relations: dict[str, str] = field(default_factory=dict)
    merged: dict[str, set[tuple[int, int, int]]] = field(default_factory=dict)
    valueless: dict[str, Valueless] = field(default_factory=dict)

    def add_sheet(self, member: str, piece: bytes) -> None:
        """Find merged cells in a piece of a sheet's file."""
        found = self.merged.setdefault(member.lower(), set())
        for first, top, last, bottom in _MERGED.findall(piece):
            # Across columns a merged cell is a title or a total, which belongs to no single column.
            if first.upper() == last.upper() and top != bottom and len(found) < _MOST_MERGED:
                found.add((int(top) - 1, int(bottom) - 1, column_number(first) - 1))

    def add_list(self, member: str, content: bytes) -> None:
        """Read the list of sheets, or of their files."""

        def start(tag: str, attributes: Mapping[str, str]) -> None:
            name = tag.rpartition(" ")[2]
            given = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
            if name == "sheet" and "name" in given and "id" in given:
                self.relations[given["name"]] = given["id"]
            elif name == "Relationship" and "Id" in given and "Target" in given:
                path = given["Target"]
                self.targets[given["Id"]] = path.lstrip("/") if path.startswith("/") else posixpath.join("xl", path)

        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = start
        try:
            parser.Parse(content, True)
        except expat.ExpatError:
            return  # whoever opens the workbook says what is wrong with it

    def in_sheet(self, sheet: str) -> set[tuple[int, int, int]]:
        """Give the ranges of a sheet; none for what is no .xlsx."""
        return self.merged.get(self._file_of(sheet), set())

    def valueless_in(self, sheet: str) -> Valueless:
        """Give the cells of a sheet that give no value."""
        return self.valueless.get(self._file_of(sheet)) or self.valueless.get(sheet) or Valueless()

    def _file_of(self, sheet: str) -> str:
        return posixpath.normpath(self.targets.get(self.relations.get(sheet, ""), "")).lower()


def column_number(letters: bytes) -> int:
    """Give the number of a column from 1.

    Examples
    --------
    >>> column_number(b"A"), column_number(b"AB")
    (1, 28)
    """
    number = 0
    for letter in letters.upper()[:6]:
        number = number * 26 + letter - 64
    return number


def fill_merged(
    frame: pl.DataFrame, columns: list[Any], ranges: set[tuple[int, int, int]], first_row: int
) -> tuple[pl.DataFrame, int]:
    """Give each cell of a range the value of its first one, and the number of ranges.

    Parameters
    ----------
    frame : DataFrame
    columns : list
        What the reader says of each column; `absolute_index` is its place in the sheet.
    ranges : set of tuple
    first_row : int
        Row of the sheet that is the first of the frame, from 0.
    """
    places = {column.absolute_index: index for index, column in enumerate(columns)}
    by_column: dict[int, list[tuple[int, int]]] = {}
    for top, bottom, column in ranges:
        if column in places and top >= first_row and top - first_row < frame.height:
            by_column.setdefault(places[column], []).append(
                (top - first_row, min(bottom - first_row + 1, frame.height))
            )
    n_filled = 0
    for index, spans in by_column.items():
        values = frame.to_series(index)
        source = pl.Series(range(frame.height), dtype=pl.Int64).to_numpy().copy()
        for top, end in spans:
            source[top:end] = top
        frame = frame.with_columns(values.gather(source))
        n_filled += len(spans)
    return frame, n_filled
