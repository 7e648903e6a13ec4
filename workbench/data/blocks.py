"""A stream of text cut into blocks of whole rows, in UTF-8 with newlines only."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from workbench.errors import ReadError

BLOCK_BYTES = 8 * 1024 * 1024
_LONGEST_ROW = 256 * 1024 * 1024
_AHEAD_BYTES = 64 * 1024  # in which most lines end
_QUOTE, _NEWLINE = ord('"'), ord("\n")


@dataclass(frozen=True)
class Block:
    """Some whole rows.

    Parameters
    ----------
    data : bytes
    has_quotes : bool
    line : int
        Number of the first line in it, counted from 0; only for messages, and not known yet when the block is cut.
    """

    data: bytes
    has_quotes: bool
    line: int = 0


class WrongEncodingError(Exception):
    """The bytes aren't text in the encoding that was supposed."""

    def __init__(self, error: UnicodeError) -> None:
        super().__init__(str(error))
        self.error = error


class WholeLines(io.RawIOBase):
    """A file on the disk that gives a little more than it is asked for, up to the end of a line.

    So most blocks are what was read, and needn't be put together of two pieces, which costs as much as reading them.

    Parameters
    ----------
    file : binary file
        At its start.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        if size > 0:
            self._file.seek(self._position + size)
            size += self._file.read(_AHEAD_BYTES).find(b"\n") + 1
            self._file.seek(self._position)
        data = self._file.read(size)
        self._position += len(data)
        return data


def may_enter_anywhere(stream: BinaryIO) -> bool:
    """Whether the stream is a file on the disk rather than one that is unpacked on the way."""
    try:
        os.fstat(stream.fileno())
        return stream.seekable()
    except (OSError, ValueError):
        return False


def pieces(stream: BinaryIO, encoding: str, *, name: str, old_mac: bool, lossy: bool = False) -> Iterator[bytes]:
    """Give the stream as UTF-8 with newlines only.

    A carriage return within a line ends it for some readers and not for others: a blank for all. With `lossy`, bytes
    that aren't text in this encoding become the replacement character.

    Raises
    ------
    ReadError
        If there is a NUL byte.
    WrongEncodingError
        If it isn't text in this encoding.
    """
    decoder = None
    if encoding != "utf-8" or lossy:
        decoder = codecs.getincrementaldecoder(encoding)("replace" if lossy else "strict")
    position, held = 0, b""
    while raw := stream.read(BLOCK_BYTES):
        if not position and decoder is None:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        place = raw.find(b"\0") if decoder is None or not encoding.startswith("utf-16") else -1
        if place >= 0:
            raise ReadError(
                f"Got {name} with a NUL byte at position {position + place:,}, so it is binary or damaged; "
                "needed text. Export the table as CSV or Parquet again."
            )
        position += len(raw)
        piece = held + (raw if decoder is None else _decoded(decoder, raw))
        held = b""
        if b"\r" in piece:
            if piece.endswith(b"\r"):
                piece, held = piece[:-1], b"\r"
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n" if old_mac else b" ")
        yield piece
    if held:
        yield b"\n"


def _decoded(decoder: codecs.IncrementalDecoder, raw: bytes) -> bytes:
    try:
        return decoder.decode(raw).removeprefix("\ufeff").encode()
    except UnicodeError as error:
        raise WrongEncodingError(error) from error


def cut_blocks(parts: Iterator[bytes], delimiter: str, *, quoted: bool, name: str) -> Iterator[Block]:
    """Cut a text at the ends of rows, which are not the ends of lines within quotes.

    Raises
    ------
    ReadError
        If a row is longer than 256 MiB, or a quote is never closed.
    """
    rest, n_bytes = b"", 0
    for part in parts:
        has_quotes = b'"' in part or b'"' in rest
        if quoted and has_quotes:
            part, rest = rest + part, b""
            cut = end_of_rows(part, delimiter, quoted=True)
        else:
            cut = part.rfind(b"\n") + 1
        while cut and part[cut - 2 : cut] == b"\n\n":
            cut -= 1  # blank lines at the end of the file are no rows, and this may be the end
        if not cut or (part.startswith(b"\n") and not (rest + part[:cut]).strip(b"\n")):
            rest += part
            if len(rest) > _LONGEST_ROW:
                raise ReadError(
                    f"Got {name} with a row or quoted cell of more than 256 MiB from byte {n_bytes:,} on, needed "
                    "shorter ones. Check that quotes come in pairs there and that the lines end."
                )
            continue
        if rest or cut < len(part):
            data, rest = b"".join((rest, memoryview(part)[:cut])), part[cut:]
        else:
            data = part
        n_bytes += len(data)
        yield Block(data, has_quotes and b'"' in data)
    data = rest.rstrip(b"\n")
    if data:
        yield Block(data, b'"' in data)


def is_short(block: Block) -> bool:
    """Whether a block is much shorter than those that are cut in the middle of a file."""
    return len(block.data) < BLOCK_BYTES // 8


def end_of_rows(data: bytes, delimiter: str, *, quoted: bool) -> int:
    """Give the position behind the last complete row, 0 where there is none."""
    if not quoted or b'"' not in data:
        return data.rfind(b"\n") + 1
    opens, closes, _ = quoted_spans(data, delimiter)
    end = data.rfind(b"\n")
    while end >= 0:
        span = int(np.searchsorted(opens, end)) - 1
        if span < 0 or closes[span] < end:
            return end + 1
        end = data.rfind(b"\n", 0, int(opens[span]))
    return 0


def quoted_spans(data: bytes, delimiter: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """Find the quotes that open and close cells, as Python's csv reader takes them.

    Returns
    -------
    opens, closes : ndarray
        Positions. Doubled quotes may close a span and open the next at once. A span that stays open closes behind the
        end.
    well_formed : bool
        Whether quotes stand nowhere but around whole cells, or doubled within them.
    """
    values = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(values == _QUOTE)
    opens, closes = quotes[::2], quotes[1::2]
    mark = ord(delimiter)
    before = values[np.maximum(opens - 1, 0)]
    begins = (opens == 0) | (before == mark) | (before == _NEWLINE)
    begins[1:] |= opens[1:] - 1 == closes[: len(opens) - 1]
    if delimiter != "\t":  # blanks in front of a quote are no part of the cell
        for place in np.flatnonzero(~begins & (before == ord(" "))):
            begins[place] = _begins_cell(data, int(opens[place]), delimiter)
    after = values[np.minimum(closes + 1, len(values) - 1)]
    ends = (closes == len(values) - 1) | (after == mark) | (after == _NEWLINE)
    ends[: len(opens) - 1] |= closes[: len(opens) - 1] + 1 == opens[1:]
    if begins.all() and ends.all():
        if len(closes) < len(opens):
            return opens, np.append(closes, len(values)), False
        return opens, closes, True
    return *_spans_one_by_one(data, quotes.tolist(), delimiter), False


def are_quotes_doubtful(data: bytes, delimiter: str) -> bool:
    """Whether some quote stands elsewhere than around a cell; the last one not closing is no doubt, but an error."""
    return not quoted_spans(data, delimiter)[2] and not is_quote_left_open(data, delimiter)


def is_quote_left_open(data: bytes, delimiter: str) -> bool:
    """Whether the last of several quoted cells isn't closed, and nothing else is wrong with the quotes."""
    opens, closes, well_formed = quoted_spans(data, delimiter)
    if well_formed or len(closes) < 2 or closes[-1] != len(data):
        return False
    return quoted_spans(data[: int(opens[-1])], delimiter)[2]


def _spans_one_by_one(data: bytes, quotes: list[int], delimiter: str) -> tuple[np.ndarray, np.ndarray]:
    opens, closes = [], []
    place, n_quotes = 0, len(quotes)
    while place < n_quotes:
        if not _begins_cell(data, quotes[place], delimiter):
            place += 1
            continue
        opens.append(quotes[place])
        place += 1
        while place + 1 < n_quotes and quotes[place + 1] == quotes[place] + 1:
            place += 2
        closes.append(quotes[place] if place < n_quotes else len(data))
        place += 1
    return np.array(opens, dtype=np.int64), np.array(closes, dtype=np.int64)


def _begins_cell(data: bytes, quote: int, delimiter: str) -> bool:
    before = quote - 1
    while delimiter != "\t" and before >= 0 and data[before] == ord(" "):
        before -= 1
    return before < 0 or data[before] in (ord(delimiter), _NEWLINE)
