"""Texts that a workbook's cells share: one long text and a million cells that point at it fill any memory.

A cell is held with a copy of its text. What all copies would take is bounded while the workbook is looked through, and
computed exactly only where that bound is too high.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.errors import ReadError

MAX_TEXT_BYTES = 2 << 30
_END = re.compile(rb"</(?:\w+:)?si\s*>")
_CELL = re.compile(rb"\bt\s*=\s*[\"']s[\"']")
_INDEX = re.compile(rb"\bt\s*=\s*[\"']s[\"'][^<]*<(?:\w+:)?v[^<>]*>\s*(\d{1,9})")
_PIECE = 1 << 20


@dataclass
class SharedTexts:
    """What was seen of texts and of the cells that point at them."""

    longest: int = 0
    n_cells: int = 0
    members: set[str] = field(default_factory=set)
    _length: dict[str, int] = field(default_factory=dict)

    def add(self, member: str, piece: bytes) -> None:
        """Look at the next piece of a file."""
        self.n_cells += len(_CELL.findall(piece))
        ends = [match.end() for match in _END.finditer(piece)]
        before = self._length.get(member, 0)
        if ends:
            self.members.add(member)
            steps = np.diff(ends, prepend=0)
            self.longest = max(self.longest, before + ends[0], int(steps[1:].max()) if len(ends) > 1 else 0)
            self._length[member] = len(piece) - ends[-1]
        else:
            self._length[member] = before + len(piece)

    def check(self, name: str, members: list[str], open_: Callable[[str], AbstractContextManager[Any]]) -> None:
        """Refuse texts that would take too much.

        Raises
        ------
        ReadError
            If all copies would take more than 2 GiB.
        """
        if self.longest * self.n_cells <= MAX_TEXT_BYTES:
            return
        lengths = np.zeros(0)
        for member in self.members:
            with open_(member) as stream:
                found = np.diff([match.end() for match in _END.finditer(stream.read())], prepend=0)
            # Which of them the workbook uses isn't looked up: the longer text of each number.
            width = max(len(lengths), len(found))
            lengths = np.maximum(np.pad(lengths, (0, width - len(lengths))), np.pad(found, (0, width - len(found))))
        n_bytes = sum(_size(open_, member, lengths) for member in members)
        refuse_repeated(name, n_bytes)


def refuse_repeated(name: str, n_bytes: float) -> None:
    """Refuse a workbook whose cells hold more text than any memory.

    Raises
    ------
    ReadError
    """
    if n_bytes > MAX_TEXT_BYTES:
        raise ReadError(
            f"Got {name}, whose cells hold {n_bytes / 2**30:,.0f} GiB of repeated text, needed at most "
            f"{MAX_TEXT_BYTES >> 30} GiB. Save the sheet as CSV."
        )


def _size(open_: Callable[[str], AbstractContextManager[Any]], member: str, lengths: np.ndarray) -> float:
    n_bytes, rest = 0.0, b""
    with open_(member) as stream:
        while piece := stream.read(_PIECE):
            window = rest + piece
            matches = list(_INDEX.finditer(window))
            indices = np.array([int(match[1]) for match in matches], dtype=np.int64)
            n_bytes += float(lengths[indices[indices < len(lengths)]].sum())
            # What was counted isn't counted again; what is cut in two is, with the next piece.
            rest = window[matches[-1].end() if matches else 0 :][-200:]
    return n_bytes
