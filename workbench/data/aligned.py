"""Text whose columns are set apart by blanks, as R prints tables: each run of blanks becomes one delimiter.

What is read then is ordinary delimited text. Its delimiter is the form feed: no cell of an aligned text holds one,
since it counts among the blanks, and readers of delimited text take it as any other character.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from typing import BinaryIO

from workbench.data.rows import ALIGNED, DELIMITERS
from workbench.data.spec import ReaderOptions

SPACES = " "  # what the reader option says
NOTE = "The columns are set apart by blanks; each run of blanks was read as one separator."
_LOOKED_AT_BYTES = 64 * 1024
_LOOKED_AT_LINES = 200
_FEWEST_LINES = 3
_CHUNK_BYTES = 1024 * 1024
_QUOTED = rb'"(?:[^"\n]|"")*"'


@dataclass(frozen=True)
class Alignment:
    """How a text is aligned.

    Parameters
    ----------
    least : int
        Blanks that set two cells apart at least: 2 where cells hold single ones.
    has_row_names : bool
        Whether the header lacks a name for the first column, as where R prints the names of rows.
    quoted : bool
        Whether blanks between quotes belong to a cell.
    """

    least: int = 1
    has_row_names: bool = False
    quoted: bool = True

    def cells(self, line: bytes) -> list[bytes]:
        """Split one line."""
        return self.delimited(line).split(ALIGNED.encode())

    def delimited(self, lines: bytes) -> bytes:
        """Put delimiters into whole lines."""
        lines = re.sub(rb"(?m)^[ \t\f]+|[ \t\f\r]+$", b"", lines)
        blanks = rb"[ \t\f]{%d,}" % self.least if self.least > 1 else rb"[ \t\f]+"
        if not self.quoted or b'"' not in lines:
            return re.sub(blanks, ALIGNED.encode(), lines)
        return re.sub(rb"(" + _QUOTED + rb")|" + blanks, lambda found: found.group(1) or ALIGNED.encode(), lines)

    def start(self) -> bytes:
        """Give what stands in front of the first line."""
        return b'""' + ALIGNED.encode() if self.has_row_names else b""

    def whole(self, data: bytes) -> bytes:
        """Put delimiters into a whole text, or its beginning."""
        return self.start() + self.delimited(data.lstrip(b"\n\r"))

    def stream(self, opened: BinaryIO) -> BinaryIO:
        """Give an opened text with delimiters in place of its blanks."""
        return io.BufferedReader(_Stream(opened, self), _CHUNK_BYTES)


class _Stream(io.RawIOBase):
    """Reads whole lines and hands them on with delimiters."""

    def __init__(self, inner: BinaryIO, alignment: Alignment) -> None:
        self._inner, self._alignment = inner, alignment
        self._left, self._begun = b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            lines = self._inner.read(_CHUNK_BYTES)
            if not lines:
                return 0
            lines += self._inner.readline()
            self._left = self._alignment.delimited(lines) if self._begun else self._alignment.whole(lines)
            self._begun = True
        given = self._left[: len(buffer)]
        buffer[: len(given)] = given
        self._left = self._left[len(given) :]
        return len(given)

    def close(self) -> None:
        self._inner.close()
        super().close()


def find_alignment(start: bytes, options: ReaderOptions) -> Alignment | None:
    r"""Say how a text is aligned; None where delimiters set its cells apart, or nothing does.

    Without a word from a person three things must hold: no usual delimiter stands in the header, all lines have as many
    cells, and either several blanks stand in a row somewhere, or two columns hold numbers only. So a column of names of
    two words stays one column.

    Examples
    --------
    >>> find_alignment(b"   mpg cyl\nFiat  32.4   4\nFord  15.8   8\n", ReaderOptions())
    Alignment(least=1, has_row_names=True, quoted=True)
    >>> find_alignment(b"full name\nAda Lovelace\nAlan Turing\n", ReaderOptions())
    """
    if options.delimiter not in (None, SPACES) or _is_wide(start, options):
        return None
    lines = [line for line in start[:_LOOKED_AT_BYTES].split(b"\n") if line.strip()]
    lines = (lines[:-1] if len(start) > _LOOKED_AT_BYTES else lines)[:_LOOKED_AT_LINES]
    asked = options.delimiter == SPACES
    if not asked and (len(lines) < _FEWEST_LINES or any(mark.encode() in lines[0] for mark in DELIMITERS)):
        return None
    quoted = options.quoted is not False
    for least in (1, 2):
        rows = [Alignment(least, quoted=quoted).cells(line) for line in lines]
        n_cells = {len(row) for row in rows[1:]}
        if len(n_cells) == 1 and (width := n_cells.pop()) >= 2 and len(rows[0]) in (width, width - 1):
            found = Alignment(least, len(rows[0]) < width, quoted)
            if asked or _is_meant(found, lines, rows):
                return found
    return Alignment(quoted=quoted) if asked else None


def _is_meant(found: Alignment, lines: list[bytes], rows: list[list[bytes]]) -> bool:
    if found.has_row_names and (len(rows[0]) < 2 or len({row[0] for row in rows[1:]}) < len(rows) - 1):
        return False
    if any(re.search(rb"\S[ \t]{2,}\S", line) for line in lines):
        return True
    return sum(all(_is_number(cell) for cell in column) for column in zip(*rows[1:], strict=True)) >= 2


def _is_number(cell: bytes) -> bool:
    return re.fullmatch(rb"[+-]?\d*[.,]?\d+(e[+-]?\d+)?", cell.strip(b'"'), re.IGNORECASE) is not None


def _is_wide(start: bytes, options: ReaderOptions) -> bool:
    wide = (options.encoding or "").lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    return wide or start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
