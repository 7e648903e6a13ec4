"""The marks in a block of text, counted in one pass over its bytes: what is even and plain needs no closer look."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

_CHUNK_BYTES = 256 * 1024  # stays in the processor's cache while it is looked at from several sides
_NEXT = 3  # bytes of the next part that the last ones are looked at with
_NEWLINE, _BLANK, _ZERO = ord("\n"), ord(" "), ord("0")
_PADDED = re.compile(rb"[\x00-\x09\x0b-\x20]|[+-]?0[0-9]")


@dataclass(frozen=True)
class Marks:
    """What was counted in a block.

    Parameters
    ----------
    n_newlines : int
    n_delimiters : int
        Those within quotes, too; -1 where the delimiter has several bytes.
    has_blanks : bool
        Whether there are blanks or control characters beside newlines and delimiters.
    has_padding : bool
        Whether some cell begins with a blank, or with a zero and a digit or letter. Quotes are taken as letters.
    """

    n_newlines: int
    n_delimiters: int
    has_blanks: bool
    has_padding: bool


def find_marks(data: bytes, delimiter: str) -> Marks:
    r"""Count the marks of a block.

    Parameters
    ----------
    data : bytes
    delimiter : str

    Examples
    --------
    >>> find_marks(b"1,2\n3,04", ",")
    Marks(n_newlines=1, n_delimiters=2, has_blanks=False, has_padding=True)
    """
    values = np.frombuffer(data, dtype=np.uint8)
    mark = delimiter.encode()
    code = mark[0] if len(mark) == 1 else _NEWLINE
    look = _Look(code)
    counts = np.zeros(3, dtype=np.int64)
    has_padding = _PADDED.match(data) is not None and data[0] != code
    for start in range(0, len(values), _CHUNK_BYTES):
        part = values[start : start + _CHUNK_BYTES + _NEXT]  # the last bytes are those of the next part
        counts += look.count(part)
        has_padding = has_padding or look.finds_padding(part)
    n_newlines, n_delimiters, n_low = counts.tolist()
    n_plain = n_newlines + (n_delimiters if len(mark) == 1 and code <= _BLANK else 0)
    return Marks(n_newlines, n_delimiters if len(mark) == 1 else -1, n_low > n_plain, has_padding)


class _Look:
    """A look at one part after the other, always in the same memory, which is what makes it quick."""

    def __init__(self, code: int) -> None:
        self._code = code
        self._n_lines = self._n_low = 0
        self._lines, self._ends, self._low, self._high, self._zeros, self._others = (
            np.empty(_CHUNK_BYTES + _NEXT, dtype=bool) for _ in range(6)
        )

    def count(self, part: np.ndarray) -> list[int]:
        """Give the number of newlines, of delimiters, and of all bytes up to the blank, without the next part's."""
        size, n = len(part), min(len(part), _CHUNK_BYTES)
        lines = np.equal(part, _NEWLINE, out=self._lines[:size])
        ends = np.equal(part, self._code, out=self._ends[:size])
        low = np.less_equal(part, _BLANK, out=self._low[:size])
        self._n_lines, self._n_low = int(np.count_nonzero(lines)), int(np.count_nonzero(low))
        n_beyond = [int(np.count_nonzero(found[n:])) for found in (lines, ends, low)]
        counted = [self._n_lines, int(np.count_nonzero(ends)), self._n_low]
        return [number - beyond for number, beyond in zip(counted, n_beyond, strict=True)]

    def finds_padding(self, part: np.ndarray) -> bool:
        """Whether behind the end of a cell there is a blank, or a zero and a digit or letter, perhaps behind a sign.

        The part is the one that was counted last.
        """
        size = len(part)
        ends, low, high = self._ends[:size], self._low[:size], self._high[:size]
        zeros, others = self._zeros[:size], self._others[:size]
        ends |= self._lines[:size]
        if self._n_low > self._n_lines:
            # low & ~ends, behind an end
            if np.logical_and(ends[:-1], np.greater(low, ends, out=others)[1:], out=others[1:]).any():
                return True
        # Digits, and letters, which are rare behind a zero: one step less than digits alone.
        np.greater_equal(part, _ZERO, out=high)
        np.equal(part, _ZERO, out=zeros)
        if self._code >= _ZERO:
            np.greater(high, ends, out=high)
        zeros[:-1] &= high[1:]
        if np.logical_and(ends[:-2], zeros[1:-1], out=others[:-2]).any():
            return True
        # ends & ~high & zeros, each behind the other: signs, for the most part
        np.greater(ends[:-3], high[1:-2], out=others[:-3])
        others[:-3] &= zeros[2:-1]
        if not others[:-3].any():
            return False
        signs = part[1:][np.flatnonzero(others[:-3])]
        return bool(((signs == ord("+")) | (signs == ord("-"))).any())
