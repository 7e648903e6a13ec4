"""Delimited text to a frame of strings: encoding, delimiter, header; `rows` does the rest."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from workbench.data.footers import Footer, find_footer, may_be_notes
from workbench.data.rows import Layout, UnevenError, read_rows, title_of
from workbench.data.sniffing import Form, find_form
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

ENCODINGS = ("utf-8", "cp1252", "latin-1")
QUOTES_KEPT = "Quotes were kept as part of the cells, since they don't enclose them throughout."

_CONTROL = bytes(set(range(32)) - set(b"\t\r\n\f"))
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
    header_line : int
        Line that holds the column names; 0 where there is none.
    notes : list of str
    damage : Utf8Damage, optional
        Bytes that aren't UTF-8 in a text that is.
    proposed : dict
        Reader options that are worth thinking about.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quoted: bool = True
    header_line: int = 1
    notes: list[str] = field(default_factory=list)
    damage: Utf8Damage | None = None
    proposed: dict[str, Any] = field(default_factory=dict)


def read_delimited(
    data: bytes,
    *,
    name: str,
    max_columns: int,
    tabs: bool = False,
    options: ReaderOptions | None = None,
    is_whole: bool = True,
) -> tuple[pl.DataFrame, TextReport]:
    """Read delimited text as it stands: every cell a string.

    Parameters
    ----------
    data : bytes
    name : str
        File name, for messages.
    max_columns : int
    tabs : bool, default False
        Prefer tabs where the delimiter is in doubt (the file is named .tsv).
    options : ReaderOptions, optional
        What is set by hand.
    is_whole : bool, default True
        Whether this is the whole file, so that notes may stand at its end.

    Raises
    ------
    ReadError
        If the data is empty, binary or without rows, or a line has more or fewer cells than the header.
    """
    options = options or ReaderOptions()
    report = TextReport()
    data, n_skipped = _to_utf8(data, name, report, options.encoding)
    form = find_form(data, name=name, max_columns=max_columns, tabs=tabs, options=options, n_skipped=n_skipped)
    report.delimiter, report.header_line = form.delimiter, form.header_line
    report.notes += form.notes
    report.proposed = form.proposed
    layout = layout_of(form, name, n_skipped)
    body, footer = data[form.start :], None
    if is_whole:
        footer = find_footer(
            body,
            form.delimiter,
            n_columns=layout.n_columns,
            quoted=options.quoted is not False,
            n_lines=options.footer_lines,
        )
    if footer is not None and (footer.is_sure or options.footer_lines):
        body = body[: footer.start].rstrip(b"\n")
        report.notes.append(footer.note)
    try:
        frame, report.quoted = read_rows(names_line(form) + body, layout, quoted=options.quoted)
    except ReadError as error:
        raise proposing_footer(error, footer, options) from error
    propose_footer(report, footer, options)
    if not report.quoted and b'"' in body:
        report.notes.append(QUOTES_KEPT)
    if frame.height == 0:
        raise no_rows_behind(name, len(form.header))
    frame = frame.rename(dict(zip(frame.columns, form.header, strict=True)))
    if form.ends_empty:
        last = frame.to_series(-1)
        if last.str.strip_chars().fill_null("").eq("").all():
            frame = frame.drop(last.name)
            report.notes.append(ends_of_rows(form))
        else:
            report.notes.append(named_for(form))
    return frame, report


def proposing_footer(error: ReadError, footer: Footer | None, options: ReaderOptions) -> ReadError:
    """Add to an error about uneven lines that those at the end may be no rows, where that isn't sure."""
    if footer is None or footer.is_sure or options.footer_lines is not None or not isinstance(error, UnevenError):
        return error
    n = len(footer.lines)
    last = f"the last {n} lines are notes, leave them" if n > 1 else "the last line is a note, leave it"
    return ReadError(f"{error} If {last} out with footer_lines={n}.", options={"footer_lines": n})


def propose_footer(report: TextReport, footer: Footer | None, options: ReaderOptions) -> None:
    """Say that rows at the end look like notes, where that isn't sure."""
    if footer is None or footer.is_sure or options.footer_lines is not None:
        return
    report.proposed["footer_lines"] = len(footer.lines)
    report.notes.append(may_be_notes(len(footer.lines)))


def ends_of_rows(form: Form) -> str:
    """Give the note for a delimiter that ends each row."""
    return f"A {title_of(form.delimiter)} ends each row; it was read as its end, not as one more column."


def named_for(form: Form) -> str:
    """Give the note for a last column without a name that has values after all."""
    return f"1 of the columns had no name and got one: {form.header[-1]}."


def layout_of(form: Form, name: str, n_skipped: int) -> Layout:
    """Give what the rows behind a header must look like, if `names_line` stands in for it."""
    n_before = n_skipped + form.n_lines - 1
    return Layout(name=name, delimiter=form.delimiter, n_columns=len(form.header), n_skipped_lines=n_before)


def names_line(form: Form) -> bytes:
    """Give a line that stands in for the header in front of rows that are read without it."""
    return (form.delimiter.join(["c"] * len(form.header)) + "\n").encode()


def no_rows_behind(name: str, n_columns: int) -> ReadError:
    """Give the error for a file that ends behind its header."""
    return ReadError(
        f"Got {name} with a header of {n_columns} columns but no rows, needed at least one row. "
        "Check that the file is complete."
    )


def _to_utf8(data: bytes, name: str, report: TextReport, encoding: str | None) -> tuple[bytes, int]:
    """Give the text as UTF-8 with newlines only, and the number of blank lines left out at its start."""
    refuse_binary(data, name, may_hold_nul=_is_wide(encoding))
    data = recode(data, name, report, encoding)
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


def _is_wide(encoding: str | None) -> bool:
    return encoding is not None and encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))


def refuse_binary(data: bytes, name: str, *, may_hold_nul: bool = False) -> None:
    """Refuse what is no text.

    Raises
    ------
    ReadError
        Says what it is, where that is known.
    """
    for start, what in _MAGIC.items():
        if data.startswith(start):
            raise ReadError(
                f"Got {name}, which is {what}, needed CSV, TSV or Parquet. Save the table in one of these formats."
            )
    if may_hold_nul or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    place = data.find(b"\0")
    if place >= 0:
        raise ReadError(
            f"Got {name} with a NUL byte at position {place:,}, so it is binary or damaged; needed text. "
            "Export the table as CSV or Parquet again."
        )
    start_of_data = data[:100_000]
    n_control = len(start_of_data) - len(start_of_data.translate(None, delete=_CONTROL))
    if n_control > 0.01 * len(start_of_data):
        raise ReadError(
            f"Got {name} with binary content ({n_control:,} control characters near its start), needed text. "
            "Check that it is a CSV file."
        )


def recode(data: bytes, name: str, report: TextReport, wanted: str | None) -> bytes:
    """Give the text as UTF-8, from the encoding that is set or found, which the report then names.

    Raises
    ------
    ReadError
        If it isn't in the encoding that was set, or that its mark promises.
    """
    is_marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if wanted is not None or is_marked:
        report.encoding = known_encoding(wanted) if wanted else "utf-16"
        try:
            return data.decode(report.encoding).removeprefix("\ufeff").encode()
        except UnicodeError as error:
            if not is_utf8(report.encoding) or not utf8_damage(data).is_slight:
                raise damaged_text(name, report.encoding, error) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    damage = None
    for encoding in ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            damage = damage or utf8_damage(data)
            if not damage.is_slight:
                continue
            report.encoding, report.damage = wanted or encoding, damage
            report.notes.append(damage.note)
            return data.decode(errors="replace").encode()
        report.encoding = encoding
        if encoding == "utf-8":
            return data
        report.notes.append(not_utf8(encoding))
        return text.encode()
    raise AssertionError("every byte is a character in Latin-1")


@dataclass(frozen=True)
class Utf8Damage:
    """How far bytes are from being UTF-8.

    Parameters
    ----------
    n_letters : int
        Characters beyond ASCII that are UTF-8.
    n_bad : int
        Places that aren't.
    line : int
        Line of the first, counted from 1.
    """

    n_letters: int = 0
    n_bad: int = 0
    line: int = 0

    @property
    def is_slight(self) -> bool:
        """Whether it is UTF-8 with some bad bytes, rather than an older encoding, whose letters seldom are UTF-8."""
        return self.n_letters >= self.n_bad > 0

    @property
    def note(self) -> str:
        """What a reader would want to know."""
        many = f"{self.n_bad:,} bytes aren't" if self.n_bad > 1 else "1 byte isn't"
        where = f"the first in line {self.line:,}" if self.n_bad > 1 else f"in line {self.line:,}"
        were = "were" if self.n_bad > 1 else "was"
        return f"{many} UTF-8 ({where}) and {were} read as '\ufffd'; all else is. Correct the file, or set an encoding."

    def behind(self, before: Utf8Damage, n_lines: int) -> Utf8Damage:
        """Add what was found before, in so many lines."""
        line = before.line or (self.line and self.line + n_lines)
        return Utf8Damage(self.n_letters + before.n_letters, self.n_bad + before.n_bad, line)


def utf8_damage(data: bytes) -> Utf8Damage:
    """Count the letters beyond ASCII that are UTF-8, and the places that aren't."""
    text = data.decode(errors="replace")
    n_replaced = text.count("\ufffd")
    n_bad = n_replaced - data.count("\ufffd".encode())
    n_ascii = len(data) - int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) & 0x80))
    line = 0
    if n_bad:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            start = data[: error.start].replace(b"\r\n", b"\n")
            line = 1 + max(start.count(b"\n"), start.count(b"\r"))
    return Utf8Damage(len(text) - n_ascii - n_replaced, n_bad, line)


def is_utf8(encoding: str) -> bool:
    """Whether an encoding is UTF-8 by one of its names."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def known_encoding(wanted: str) -> str:
    """Give the name that Python knows an encoding by.

    Raises
    ------
    ReadError
        If it knows none of that name.
    """
    try:
        "a".encode(wanted)
    except (LookupError, UnicodeError) as error:
        raise ReadError(
            f"Got encoding={wanted!r}, needed one such as utf-8, cp1252 or utf-16. Correct it, or leave it out."
        ) from error
    return wanted


def damaged_text(name: str, encoding: str, error: UnicodeError) -> ReadError:
    """Give the error for bytes that aren't text in their encoding."""
    reason = getattr(error, "reason", None) or error
    return ReadError(
        f"Got {name} with damaged {encoding.upper()} text ({reason}), needed UTF-8. "
        "Save the file as UTF-8, or set another encoding."
    )


def not_utf8(encoding: str) -> str:
    """Give the note for a text in an older encoding."""
    title = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}.get(encoding, encoding)
    return f"The file isn't UTF-8 and was read as {title}. If letters look wrong, save it as UTF-8."
