"""Delimited text to a frame of strings: encoding, delimiter, quoting, and lines that don't fit."""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from workbench.errors import ReadError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_SNIFFED_CHARACTERS = 256 * 1024
_SNIFFED_LINES = 200

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
    """Read delimited text as it stands: every cell a string, every line with as many cells as the header.

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
        If the data is empty, binary or without rows, a line has more or fewer cells than the header, or two columns share a name.
    """
    report = TextReport()
    text = _decode(data, name, report)
    del data
    report.delimiter = _sniff_delimiter(text, tabs)
    header = _header(text, report.delimiter, name, max_columns, report)
    lines = pl.Series("line", [text]).str.split("\n").explode()
    frame = _read_rows(text, lines, header, name, report)
    if frame.height == 0:
        raise ReadError(
            f"Got {name} with a header of {len(header)} columns but no rows, needed at least one row. Check that the file is complete."
        )
    return frame.rename(dict(zip(frame.columns, header, strict=True))), report


def _decode(data: bytes, name: str, report: TextReport) -> str:
    for start, what in _MAGIC.items():
        if data.startswith(start):
            raise ReadError(
                f"Got {name}, which is {what}, needed CSV, TSV or Parquet. Save the table in one of these formats."
            )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        report.encoding = "utf-16"
    elif b"\0" in data:
        place = data.index(b"\0")
        raise ReadError(
            f"Got {name} with a NUL byte at position {place:,}, so it is binary or damaged; needed text. Export the table as CSV or Parquet again."
        )
    text = _decode_as(data, name, report)
    sample = text[:100_000]
    n_control = sum(character < " " and character not in "\t\r\n\f" for character in sample)
    if n_control > 0.01 * len(sample):
        raise ReadError(
            f"Got {name} with binary content ({n_control:,} control characters near its start), needed text. Check that it is a CSV file."
        )
    text = text.lstrip("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")
    text = text.strip("\n")
    if not text.strip():
        raise ReadError(
            f"Got {name}, which is empty, needed a header and at least one row. Check that the file was written completely."
        )
    return text


def _decode_as(data: bytes, name: str, report: TextReport) -> str:
    try:
        return data.decode("utf-8-sig" if report.encoding == "utf-8" else report.encoding)
    except UnicodeDecodeError as error:
        if report.encoding != "utf-8":
            raise ReadError(
                f"Got {name} with damaged UTF-16 text ({error.reason}), needed UTF-8. Save the file as UTF-8."
            ) from error
    # Every byte is a character in Latin-1, so this can't fail; Windows-1252 is what such files nearly always are.
    for encoding, title in (("cp1252", "Windows-1252"), ("latin-1", "Latin-1")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        report.encoding = encoding
        report.notes.append(f"The file isn't UTF-8 and was read as {title}. If letters look wrong, save it as UTF-8.")
        break
    return text


def _sniff_delimiter(text: str, tabs: bool) -> str:
    sample = text[:_SNIFFED_CHARACTERS]
    best, best_score = "\t" if tabs else ",", 0.0
    for delimiter in DELIMITERS:
        rows = list(_rows(sample, delimiter, limit=_SNIFFED_LINES))
        if len(sample) < len(text) and len(rows) > 1:
            rows.pop()  # may be cut
        n_cells = len(rows[0]) if rows else 1
        if n_cells < 2:
            continue
        agreeing = sum(len(row) == n_cells for row in rows) / len(rows)
        score = agreeing + min(n_cells, 1_000) / 100_000 + (0.5 if tabs and delimiter == "\t" else 0.0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _rows(text: str, delimiter: str, *, quoted: bool = True, limit: int | None = None) -> list[list[str]]:
    """Parse with Python's reader: slower than Polars, but right about quotes that Polars refuses."""
    csv.field_size_limit(sys.maxsize)
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=quoting,
        skipinitialspace=quoted and delimiter != "\t",
    )
    rows = []
    for row in reader:
        if row:
            rows.append(row)
        if limit is not None and len(rows) >= limit:
            break
    return rows


def _header(text: str, delimiter: str, name: str, max_columns: int, report: TextReport) -> list[str]:
    header = [cell.strip() for cell in _rows(text, delimiter, limit=1)[0]]
    if len(header) > max_columns:
        raise ReadError(
            f"Got {name} with {len(header):,} columns, needed at most {max_columns:,}. Leave some out, or raise WORKBENCH_MAX_COLUMNS."
        )
    unnamed = [place for place, cell in enumerate(header) if not cell]
    for place in unnamed:
        header[place] = _free_name(f"column_{place + 1}", header)
    if unnamed:
        report.notes.append(
            f"{len(unnamed)} column{'s'[: len(unnamed) > 1]} without a name became {', '.join(header[place] for place in unnamed[:5])}."
        )
    repeated = [cell for cell, count in Counter(header).items() if count > 1]
    if repeated:
        shown = ", ".join(f"{cell!r} ({header.count(cell)} times)" for cell in repeated[:5])
        raise ReadError(
            f"Got {name} with repeated column names: {shown}. Needed each name once. Rename the columns in its first line."
        )
    if all(_is_number(cell) for cell in header) and len(header) > len(unnamed):
        report.notes.append(
            "The first line was read as column names, although it holds numbers only. If it is data, put a line with names above it."
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
        return cell.startswith("column_")
    return True


def _read_rows(text: str, lines: pl.Series, header: list[str], name: str, report: TextReport) -> pl.DataFrame:
    delimiter, n_columns = report.delimiter, len(header)
    if '"' not in text:
        wrong = _wrong_line(lines, delimiter, n_columns)
        if wrong is not None:
            raise _ragged(name, header, delimiter, *wrong)
        return _read_fast(lines, text, delimiter, n_columns, quoted=False)
    # Each row with its own number of lines, so that a message can name the line.
    rows = _rows(text, delimiter)
    uneven = next((index for index, row in enumerate(rows) if len(row) != n_columns), None)
    if (
        n_columns > 1
        and (uneven is not None or len(rows) != _n_filled(lines))
        and _wrong_line(lines, delimiter, n_columns) is None
    ):
        report.quoted = False
        report.notes.append("Quotes were kept as part of the cells, since they don't enclose them throughout.")
        return _read_fast(lines, text, delimiter, n_columns, quoted=False)
    if uneven is not None:
        raise _ragged(name, header, delimiter, _line_of_row(rows, uneven), len(rows[uneven]))
    try:
        frame = _read_fast(lines, text, delimiter, n_columns, quoted=True)
        if frame.height == len(rows) - 1:
            return frame
    except pl.exceptions.PolarsError:
        pass  # quotes inside or behind cells, which only Python's reader takes
    return pl.DataFrame(
        rows[1:], schema=[f"c{place}" for place in range(n_columns)], orient="row", infer_schema_length=1
    )


def _n_filled(lines: pl.Series) -> int:
    return int((lines.str.strip_chars() != "").sum())


def _line_of_row(rows: list[list[str]], index: int) -> int:
    return 1 + index + sum(cell.count("\n") for row in rows[:index] for cell in row)


def _wrong_line(lines: pl.Series, delimiter: str, n_columns: int) -> tuple[int, int] | None:
    """Give number and cells of the first line that doesn't have `n_columns` cells, quotes ignored."""
    if n_columns == 1:
        return None
    counts = lines.str.count_matches(delimiter, literal=True) + 1
    wrong = ((counts != n_columns) & (lines.str.strip_chars() != "")).arg_true()
    return (int(wrong[0]) + 1, int(counts[int(wrong[0])])) if len(wrong) else None


def _ragged(name: str, header: list[str], delimiter: str, line: int, n_cells: int) -> ReadError:
    return ReadError(
        f"Got {name} with {n_cells} cell{'s'[: n_cells != 1]} in line {line:,}, needed {len(header)} as in the header "
        f"({DELIMITERS[delimiter]}-separated). Correct that line, or put quotes around cells that contain the separator."
    )


def _read_fast(lines: pl.Series, text: str, delimiter: str, n_columns: int, *, quoted: bool) -> pl.DataFrame:
    blank = lines.str.strip_chars() == ""
    if not quoted and n_columns > 1 and blank.any():
        text = "\n".join(lines.filter(~blank))
    if n_columns == 1 and not quoted:
        return lines.slice(1).to_frame("c0")
    return pl.read_csv(
        text.encode(),
        separator=delimiter,
        quote_char='"' if quoted else None,
        infer_schema=False,
        has_header=False,
        skip_rows=0,
    ).slice(1)
