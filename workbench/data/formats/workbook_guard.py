"""What a workbook would take in memory, found out before it is opened: a sheet is held as a full grid.

One cell in the last row and column of a sheet of a few kilobytes makes a grid of 17 billion cells, and a repeated row
of an .ods does the same. So the sheets are unpacked piece by piece and their cells counted, nothing kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from workbench.data.formats.archives import ZipArchive
from workbench.data.formats.merged_cells import SheetFiles, Valueless, column_number
from workbench.data.formats.shared_texts import SharedTexts
from workbench.errors import ReadError
from workbench.settings import Settings

MAX_CELLS = 40_000_000  # some 1.3 GB while the sheet is read
_CELL = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br=[\"']([A-Za-z]+)(\d+)")
_PIECE = 1 << 20
_OVERLAP = 200
_LONGEST_CELL = 64 << 10
_MAX_LIST_BYTES = 16 << 20
_CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"


def check_workbook(path: Path, settings: Settings) -> SheetFiles:
    """Refuse a workbook (.xlsx or .ods) that would unpack to too much or to too large a grid.

    Returns
    -------
    SheetFiles
        What is merged in each sheet, found on the way.

    Raises
    ------
    ReadError
        If it is damaged or beyond a limit.
    """
    archive = ZipArchive.look(path, settings, everything=True)
    sheets, texts = SheetFiles(), SharedTexts()
    try:
        for member in archive.members:
            with archive.open(member) as stream:
                if member == "content.xml":
                    _check_repeats(path.name, stream, sheets)
                else:
                    # Every file, whatever its name: the workbook's lists may call any of them a sheet.
                    check_grid(path.name, member, *_corners(stream, member, sheets, texts))
                archive.n_unpacked += stream.raw.n_bytes  # type: ignore[attr-defined]
        archive.n_unpacked = 0  # looked at once more, not unpacked once more
        texts.check(path.name, archive.members, archive.open)
        for member in archive.members:
            if member.lower() in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
                with archive.open(member) as stream:
                    sheets.add_list(member, stream.read(_MAX_LIST_BYTES))
    finally:
        archive.close()
    return sheets


def _corners(stream: Any, member: str, sheets: SheetFiles, texts: SharedTexts) -> tuple[int, int]:
    """Give the last row and column that any cell names, and note merged cells and shared texts."""
    n_rows = n_columns = 0
    rest = begun = b""
    valueless = Valueless()
    while piece := stream.read(_PIECE):
        cut = max(piece.rfind(b"</c>"), piece.rfind(b":c>")) + 4
        if cut > 3:
            valueless.add(begun + piece[:cut])
            begun = b""
        begun = (begun + piece[cut if cut > 3 else 0 :])[-_LONGEST_CELL:]
        texts.add(member, piece)
        cells = _CELL.findall(rest + piece)
        if cells:
            n_rows = max(n_rows, max(int(row[:12]) for _, row in cells))
            n_columns = max(n_columns, max(map(column_number, {letters for letters, _ in cells})))
        if b"mergeCell" in piece:
            sheets.add_sheet(member, rest + piece)
        rest = piece[-_OVERLAP:]
    if valueless.n_errors or valueless.n_formulas:
        sheets.valueless[member.lower()] = valueless
    return n_rows, n_columns


def check_grid(name: str, sheet: str, n_rows: int, n_columns: int) -> None:
    """Refuse a sheet of too many cells.

    Raises
    ------
    ReadError
    """
    if n_rows * n_columns > MAX_CELLS:
        raise ReadError(
            f"Got {name} with a sheet of {n_rows:,} rows and {n_columns:,} columns ({sheet}), needed at most "
            f"{MAX_CELLS:,} cells. Delete cells far from the table, or save the sheet as CSV."
        )


@dataclass
class _Grid:
    """Rows and columns of an .ods sheet with repeated ones multiplied out, as they would be held."""

    n_rows: int = 0
    n_columns: int = 0
    row_repeats: int = 1
    row_width: int = 0
    cell_repeats: int = 1
    cell_filled: bool = False
    pending_width: int = 0
    pending_rows: int = 0


def _check_repeats(name: str, stream: Any, sheets: SheetFiles) -> None:
    grid, title = _Grid(), ""
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal title
        if attributes.get(f"{_CALC} value-type") == "error":
            sheets.valueless.setdefault(title, Valueless()).n_errors += 1
        if tag == f"{_TABLE} table":
            title = attributes.get(f"{_TABLE} name", "")
            grid.n_rows = grid.n_columns = grid.pending_rows = 0
        elif tag == f"{_TABLE} table-row":
            grid.row_repeats = _count(attributes.get(f"{_TABLE} number-rows-repeated", "1"))
            grid.row_width = grid.pending_width = 0
        elif tag in (f"{_TABLE} table-cell", f"{_TABLE} covered-table-cell"):
            grid.cell_repeats = _count(attributes.get(f"{_TABLE} number-columns-repeated", "1"))
            grid.cell_filled = any("value" in key for key in attributes)
        else:
            grid.cell_filled = grid.cell_filled or tag.endswith(" p")

    def end(tag: str) -> None:
        if tag in (f"{_TABLE} table-cell", f"{_TABLE} covered-table-cell"):
            grid.pending_width += grid.cell_repeats
            if grid.cell_filled:
                grid.row_width = grid.pending_width
            grid.cell_filled = False
        elif tag == f"{_TABLE} table-row":
            grid.pending_rows += grid.row_repeats
            if grid.row_width:
                grid.n_rows, grid.n_columns = grid.pending_rows, max(grid.n_columns, grid.row_width)
            check_grid(name, "content.xml", grid.n_rows, grid.n_columns)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        while piece := stream.read(_PIECE):
            parser.Parse(piece)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ReadError(f"Got {name}, a damaged workbook ({error}). Needed a complete one; save it again.") from error


def _count(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 12 else 10**12 if text.isdigit() else 1
