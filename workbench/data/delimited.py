"""Delimited text to a frame of strings: encoding, delimiter, header; `rows` does the rest."""

from __future__ import annotations

import codecs
import csv
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from workbench.data.rows import DELIMITERS, Layout, read_rows
from workbench.errors import ReadError

_SNIFFED_BYTES = 256 * 1024
_SNIFFED_LINES = 200
_HEADER_BYTES = 16 * 1024 * 1024

_MAGIC = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (an Excel workbook or .npz, for instance)",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite database",
    b"ARROW1": "an Arrow file",
    b"7z\xbc\xaf": "a 7z archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}


@dataclass
class TextReport:
    """What was recognised in the text.

    Parameters
    ----------
    encoding, delimiter : str
    quoted : bool
        Whether quotes enclose cells; otherwise they are part of them.
    notes : list of str
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quoted: bool = True
    notes: list[str] = field(default_factory=list)


def read_delimited(data: bytes, *, name: str, max_columns: int, tabs: bool = False) -> tuple[pl.DataFrame, TextReport]:
    """Read delimited text as it stands: every cell a string.

    Parameters
    ----------
    data : bytes
    name : str
        File name, for messages.
    max_columns : int
    tabs : bool, default False
        Prefer tabs where the delimiter is in doubt (the file is named .tsv).

    Raises
    ------
    ReadError
        If the data is empty, binary or without rows, a line has more or fewer cells than the header, or two columns
        share a name.
    """
    report = TextReport()
    data, n_skipped = _to_utf8(data, name, report)
    report.delimiter = _sniff_delimiter(data, tabs)
    header = _header(data, name, max_columns, report)
    layout = Layout(name=name, delimiter=report.delimiter, n_columns=len(header), n_skipped_lines=n_skipped)
    frame, report.quoted = read_rows(data, layout)
    if not report.quoted and b'"' in data:
        report.notes.append("Quotes were kept as part of the cells, since they don't enclose them throughout.")
    if frame.height == 0:
        raise ReadError(
            f"Got {name} with a header of {len(header)} columns but no rows, needed at least one row. "
            "Check that the file is complete."
        )
    return frame.rename(dict(zip(frame.columns, header, strict=True))), report


def _to_utf8(data: bytes, name: str, report: TextReport) -> tuple[bytes, int]:
    """Give the text as UTF-8 with newlines only, and the number of blank lines left out at its start."""
    _refuse_binary(data, name)
    data = _recode(data, name, report)
    if b"\r" in data:
        # A carriage return within a line ends it for some readers and not for others: a blank for all.
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b" ") if b"\n" in data else data.replace(b"\r", b"\n")
    n_skipped = len(data) - len(data.lstrip(b"\n")) if data.startswith(b"\n") else 0
    data = data.strip(b"\n") if data[:1] == b"\n" or data[-1:] == b"\n" else data
    if not data[:1000].strip() and not data.strip():
        raise ReadError(
            f"Got {name}, which is empty, needed a header and at least one row. "
            "Check that the file was written completely."
        )
    return data, n_skipped


def _refuse_binary(data: bytes, name: str) -> None:
    for start, what in _MAGIC.items():
        if data.startswith(start):
            raise ReadError(
                f"Got {name}, which is {what}, needed CSV, TSV or Parquet. Save the table in one of these formats."
            )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    place = data.find(b"\0")
    if place >= 0:
        raise ReadError(
            f"Got {name} with a NUL byte at position {place:,}, so it is binary or damaged; needed text. "
            "Export the table as CSV or Parquet again."
        )
    start_of_data = data[:100_000]
    n_control = sum(byte < 32 and byte not in b"\t\r\n\f" for byte in start_of_data)
    if n_control > 0.01 * len(start_of_data):
        raise ReadError(
            f"Got {name} with binary content ({n_control:,} control characters near its start), needed text. "
            "Check that it is a CSV file."
        )


def _recode(data: bytes, name: str, report: TextReport) -> bytes:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        report.encoding = "utf-16"
        try:
            return data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise ReadError(
                f"Got {name} with damaged UTF-16 text ({error.reason}), needed UTF-8. Save the file as UTF-8."
            ) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    for encoding, title in (("utf-8", ""), ("cp1252", "Windows-1252"), ("latin-1", "Latin-1")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        report.encoding = encoding
        if encoding == "utf-8":
            return data
        report.notes.append(f"The file isn't UTF-8 and was read as {title}. If letters look wrong, save it as UTF-8.")
        return text.encode()
    raise AssertionError("every byte is a character in Latin-1")


def _parse_start(data: bytes, delimiter: str, *, n_bytes: int, limit: int) -> tuple[list[list[str]], bool]:
    """Parse the first lines; also say whether the last of them may be cut."""
    csv.field_size_limit(sys.maxsize)
    lines = data[:n_bytes].decode("utf-8", errors="ignore").split("\n")
    rows: list[list[str]] = []
    for row in csv.reader((line + "\n" for line in lines), delimiter=delimiter, skipinitialspace=delimiter != "\t"):
        if row:
            rows.append(row)
        if len(rows) >= limit:
            return rows, False
    return rows, n_bytes < len(data)


def _sniff_delimiter(data: bytes, tabs: bool) -> str:
    """Choose the delimiter under which most lines have as many cells as the first."""
    best, best_score = "\t" if tabs else ",", 0.0
    for delimiter in DELIMITERS:
        rows, cut = _parse_start(data, delimiter, n_bytes=_SNIFFED_BYTES, limit=_SNIFFED_LINES)
        if cut and len(rows) > 1:
            rows.pop()
        n_cells = len(rows[0]) if rows else 1
        if n_cells < 2:
            continue
        agreeing = sum(len(row) == n_cells for row in rows) / len(rows)
        score = agreeing + min(n_cells, 1_000) / 100_000 + (0.5 if tabs and delimiter == "\t" else 0.0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _header(data: bytes, name: str, max_columns: int, report: TextReport) -> list[str]:
    rows, _ = _parse_start(data, report.delimiter, n_bytes=_HEADER_BYTES, limit=1)
    header = [cell.strip() for cell in rows[0]]
    if len(header) > max_columns:
        raise ReadError(
            f"Got {name} with {len(header):,} columns, needed at most {max_columns:,}. "
            "Leave some out, or raise WORKBENCH_MAX_COLUMNS."
        )
    unnamed = [place for place, cell in enumerate(header) if not cell]
    numbers_only = len(unnamed) < len(header) and all(_is_number(cell) for cell in header if cell)
    for place in unnamed:
        header[place] = _free_name(f"column_{place + 1}", header)
    if unnamed:
        given = ", ".join(header[place] for place in unnamed[:5])
        report.notes.append(f"{len(unnamed):,} of the columns had no name and got one: {given}.")
    repeated = [cell for cell, count in Counter(header).items() if count > 1]
    if repeated:
        shown = ", ".join(f"{cell!r} ({header.count(cell)} times)" for cell in repeated[:5])
        raise ReadError(
            f"Got {name} with repeated column names: {shown}. Needed each name once. Rename them in its first line."
        )
    if numbers_only:
        report.notes.append(
            "The first line was read as column names, although it holds numbers only. "
            "If it is data, put a line with names above it."
        )
    return header


def _free_name(wanted: str, taken: Sequence[str]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
