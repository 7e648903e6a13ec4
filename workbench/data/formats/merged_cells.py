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
    """

    targets: dict[str, str] = field(default_factory=dict)
    relations: dict[str, str] = field(default_factory=dict)
    merged: dict[str, set[tuple[int, int, int]]] = field(default_factory=dict)

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
        target = self.targets.get(self.relations.get(sheet, ""), "")
        return self.merged.get(posixpath.normpath(target).lower(), set())


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
