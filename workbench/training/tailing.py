"""Files that only grow, read once: each look at them reads what is new, whoever looks, however many."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from workbench import storage

_MARK_BYTES = 64
_READ_BYTES = 4 * 1024 * 1024
_KEPT = 64  # files that one process keeps at hand; a page shows the curves of a few runs at once

Lines = list[dict[str, Any]]
ToFrame = Callable[[Lines], pl.DataFrame]


class Tail:
    """The rows of a JSON-lines file as a frame that grows with it.

    A file that was cut back (a resumed run forgets the points after its checkpoint) or replaced is read anew: the bytes
    in front of the position tell.

    Parameters
    ----------
    path : Path
    to_frame : callable
        Makes a frame of parsed lines.
    """

    def __init__(self, path: Path, to_frame: ToFrame) -> None:
        self._path, self._to_frame = path, to_frame
        self._lock = threading.Lock()
        self._seen = (0, -1, 0)
        self._position = 0
        self._mark = b""
        self._frame: pl.DataFrame = to_frame([])

    def frame(self) -> pl.DataFrame:
        """Give all rows that are in the file now."""
        with self._lock:
            try:
                found = self._path.stat()
            except FileNotFoundError:
                self._reset()
                return self._frame
            seen = (found.st_ino, found.st_size, found.st_mtime_ns)
            if seen != self._seen:
                if found.st_size < self._position or not self._is_as_it_was():
                    self._reset()
                self._read_on()
                self._seen = seen
            return self._frame

    def _read_on(self) -> None:
        while self._read_some():
            pass

    def _read_some(self) -> bool:
        """Read a few megabytes, since parsed lines take ten times the memory of their text; False at the end."""
        lines, position = storage.read_json_lines(self._path, self._position, n_bytes=_READ_BYTES)
        if position == self._position:
            return False
        with self._path.open("rb") as file:
            file.seek(max(0, position - _MARK_BYTES))
            self._mark = file.read(position - max(0, position - _MARK_BYTES))
        self._position = position
        if lines:
            grown = _joined(self._frame, self._to_frame(lines))
            # Each read adds a chunk; hundreds of them would make every use of the frame slow.
            self._frame = grown.rechunk() if grown.n_chunks() > 64 else grown
        return True

    def _is_as_it_was(self) -> bool:
        if not self._mark:
            return True
        with self._path.open("rb") as file:
            file.seek(self._position - len(self._mark))
            return file.read(len(self._mark)) == self._mark

    def _reset(self) -> None:
        self._seen = (0, -1, 0)
        self._position = 0
        self._mark = b""
        self._frame = self._to_frame([])


def _joined(before: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    if before.is_empty():
        return new
    if set(new.columns) <= set(before.columns):  # nearly always, and ten times as quick as to look for new columns
        missing = [pl.Series(name, [None] * new.height, dtype=before.schema[name]) for name in before.columns
                   if name not in new.columns]  # fmt: skip
        new = (new.hstack(missing) if missing else new)[before.columns]
        if new.schema == before.schema:
            return before.vstack(new)
    return pl.concat([before, new], how="diagonal_relaxed")


_tails: OrderedDict[tuple[Path, ToFrame], Tail] = OrderedDict()
_tails_lock = threading.Lock()


def tail(path: Path, to_frame: ToFrame) -> pl.DataFrame:
    """Give the rows of a file that grows; what this process has read before isn't read again.

    Parameters
    ----------
    path : Path
    to_frame : callable
        A function of a module, which makes a frame of parsed lines.
    """
    key = (path.resolve(), to_frame)
    with _tails_lock:
        found = _tails.get(key)
        if found is None:
            found = _tails[key] = Tail(key[0], to_frame)
            while len(_tails) > _KEPT:
                _tails.popitem(last=False)
        _tails.move_to_end(key)
    return found.frame().clone()  # costs nothing, and what a caller does to it in place stays his own
