"""A loop's whole state on disk, from which a stopped or killed run goes on as if nothing had happened."""

from __future__ import annotations

import logging
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench import storage
from workbench.errors import StorageError

CURRENT = "current.json"
STATE = "state.json"
ARRAYS = "arrays.npz"
_FORMAT = 1
_LARGEST_SHARE = 0.02  # of the time may go into saving
_FIRST_SECONDS = 2.0  # until the first save
_SHARE_AT_RISK = 0.2  # of the time so far, that a kill may lose
_BLOCK = 1 << 20

_logger = logging.getLogger("workbench.training")

Writer = Callable[[Path], None]


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds.

    Parameters
    ----------
    document : dict
        Plain values; NaN and infinity have become None.
    arrays : dict of str to ndarray
    """

    document: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(repr=False)
    _folder: Path

    def path(self, name: str) -> Path:
        """Give the place of a stored file; it stays until the next save."""
        return self._folder / name


class Checkpoint:
    """A loop's state, replaced in one step: a kill at any byte leaves the one before.

    Each save is a folder of its own; ``current.json`` names the one that counts, with its checksums.

    Parameters
    ----------
    folder : Path, optional
        Where it lies; nothing is kept when absent.
    seconds : float
        Longest time between two saves, where saving takes less than 2 % of it; 0 saves whenever asked. At first they
        are closer, so that resuming a short run doesn't cost as much as the run: after 2 s, and then when a fifth of
        the time so far has passed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Checkpoint(Path(folder)).save({"epoch": 3}, {"weights": np.arange(3)})
    ...     saved = Checkpoint(Path(folder)).load()
    True
    >>> saved.document, saved.arrays["weights"].tolist()
    ({'epoch': 3}, [0, 1, 2])
    """

    def __init__(self, folder: Path | None, *, seconds: float = 20.0) -> None:
        self._folder = folder
        self._seconds = seconds
        self._began = self._saved_at = time.monotonic()
        self._cost = 0.0
        self._files: dict[str, Any] = {}  # checksums of the files of the current save
        self._current: Path | None = None
        self.problem: str | None = None

    @property
    def stored(self) -> frozenset[str]:
        """Names of the files of the current save, those that `keep` may name."""
        return frozenset(self._files) - {STATE, ARRAYS}

    def due(self) -> bool:
        """Tell whether it is time to save again."""
        if self._folder is None:
            return False
        now = time.monotonic()
        passed = now - self._saved_at
        wanted = min(self._seconds, max(_FIRST_SECONDS, (now - self._began) * _SHARE_AT_RISK))
        return passed >= wanted and (not self._seconds or passed * _LARGEST_SHARE >= self._cost)

    def save(
        self,
        document: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray] | None = None,
        files: Mapping[str, Writer] | None = None,
        *,
        keep: Iterable[str] = (),
    ) -> bool:
        """Replace what is stored.

        Parameters
        ----------
        document : mapping
            Plain values. NaN and infinity come back as None.
        arrays : mapping of str to ndarray, optional
            Numbers and booleans; never pickled.
        files : mapping of str to callable, optional
            Name, and what writes the file at the path that it is given.
        keep : iterable of str
            Names of files of the save before that belong to this one too, unchanged; they aren't written again.

        Returns
        -------
        bool
            False where there is no folder, or the disk refuses: the save before stays, `problem` says why.
        """
        if self._folder is None:
            return False
        began = time.monotonic()
        try:
            self._replace(self._folder, document, arrays or {}, files or {}, tuple(keep))
            self.problem = None
        except (OSError, StorageError) as error:
            # A run must not end because its insurance can't be paid: the save before still counts.
            if self.problem is None:
                _logger.warning("No checkpoint could be written, the one before is kept: %s", error)
            self.problem = str(error)
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - began
        return self.problem is None

    def load(self) -> Saved | None:
        """Read what is stored; None where there is nothing, or it is damaged (`problem` then says so)."""
        if self._folder is None or not (self._folder / CURRENT).exists():
            return None
        try:
            current = storage.read_json(self._folder / CURRENT)
            folder = self._folder / str(int(current["generation"]))
            _compare(folder, current["files"])
            arrays: dict[str, np.ndarray] = {}
            if ARRAYS in current["files"]:
                with np.load(folder / ARRAYS, allow_pickle=False) as stored:
                    arrays = {name: stored[name] for name in stored.files}
            document = storage.read_json(folder / STATE)["document"]
        except (StorageError, OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            self.problem = (
                f"Got a checkpoint in {self._folder} that can't be read ({error}), needed it to go on from. "
                "Training starts anew."
            )
            _logger.warning("%s", self.problem)
            return None
        self._files, self._current = current["files"], folder
        self._saved_at = time.monotonic()
        return Saved(document, arrays, folder)

    def clear(self) -> None:
        """Remove what is stored."""
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / CURRENT).unlink(missing_ok=True)  # first, so that a kill leaves nothing half removed
            shutil.rmtree(self._folder, ignore_errors=True)
        self._files, self._current = {}, None

    def _replace(
        self,
        folder: Path,
        document: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        files: Mapping[str, Writer],
        keep: tuple[str, ...],
    ) -> None:
        with storage.disk_errors(folder / STATE):
            folder.mkdir(parents=True, exist_ok=True)
            older = [place for place in folder.iterdir() if place.is_dir()]
            number = 1 + max((int(place.name) for place in older if place.name.isdigit()), default=0)
            target = folder / str(number)
            try:
                target.mkdir()
                sums = self._write_all(target, document, arrays, files, keep)
                storage.write_json(
                    folder / CURRENT, {"format": _FORMAT, "generation": number, "saved": time.time(), "files": sums}
                )
            except BaseException:
                shutil.rmtree(target, ignore_errors=True)
                raise
            _settle_names(folder)
        self._files, self._current = sums, target
        for place in older:
            shutil.rmtree(place, ignore_errors=True)

    def _write_all(
        self,
        target: Path,
        document: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        files: Mapping[str, Writer],
        keep: tuple[str, ...],
    ) -> dict[str, Any]:
        sums: dict[str, Any] = {}
        for name in keep:
            if self._current is None or name not in self._files:
                raise ValueError(f"Got {name!r} to keep, needed a file of the save before: {', '.join(self._files)}.")
            _link(self._current / name, target / name)
            sums[name] = self._files[name]
        for name, write in files.items():
            write(target / name)
            sums[name] = _settled(target / name)
        if arrays:
            with (target / ARRAYS).open("wb") as file:
                np.savez(file, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})
            sums[ARRAYS] = _settled(target / ARRAYS)
        (target / STATE).write_text(storage.to_json({"format": _FORMAT, "document": document}), encoding="utf-8")
        sums[STATE] = _settled(target / STATE)
        return sums


def _settled(path: Path) -> dict[str, int]:
    """Give size and checksum of a file that has reached the disk."""
    total, sum_ = 0, 0
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while block := file.read(_BLOCK):
            total += len(block)
            sum_ = zlib.crc32(block, sum_)
    return {"bytes": total, "crc32": sum_}


def _settle_names(folder: Path) -> None:
    """Have the folder's entries reach the disk, before what they replaced is removed."""
    with suppress(OSError):  # not every system lets a folder be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _compare(folder: Path, files: Mapping[str, Mapping[str, int]]) -> None:
    for name, wanted in files.items():
        path = folder / name
        if path.stat().st_size != wanted["bytes"] or _settled(path) != dict(wanted):
            raise ValueError(f"{name} isn't what was saved")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
