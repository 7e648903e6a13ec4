"""Locks on files that the operating system frees when their holder ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.storage import disk_errors

# filelock does the same but imports asyncio, which would double the memory of a process that only waits for its turn.


class Lock:
    """An exclusive lock on a file, for one process and the threads that share this object.

    Parameters
    ----------
    path : Path
        Made where it doesn't exist; it stays when the lock is released.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = Lock(Path(folder) / "lock"), Lock(Path(folder) / "lock")
    ...     print(first.acquire(), second.acquire(), first.release(), second.acquire())
    ...     second.release()
    True False None True
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._file is not None

    def acquire(self, *, wait: bool = False) -> bool:
        """Take the lock; tell whether it was free.

        Parameters
        ----------
        wait : bool
            Wait until it is.

        Raises
        ------
        OSError
            If the file can't be made, or the file system knows no locks.
        """
        if self._file is not None:
            return True
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            taken = _lock(file, wait)
        except BaseException:
            os.close(file)
            raise
        if not taken:
            os.close(file)
            return False
        self._file = file
        return True

    def write(self, text: str) -> None:
        """Replace the content of the locked file: who holds it, for those who wait."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text.encode(), 0) if hasattr(os, "pwrite") else os.write(self._file, text.encode())

    def release(self) -> None:
        """Give it back; harmless where it isn't held."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                os.close(file)  # closing frees the lock

    def __enter__(self) -> Lock:
        self.acquire(wait=True)
        return self

    def __exit__(self, *unused: object) -> None:
        self.release()


_HELD = threading.local()
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on a file while something beside it is read, changed and written; others wait for their turn.

    A thread that holds it already goes on at once. On a file system without locks nothing is held.

    Parameters
    ----------
    path : Path
        Made, with its folder, where it doesn't exist; it stays.

    Raises
    ------
    StorageError
        If the file can't be made.
    """
    held: set[str] = _HELD.__dict__.setdefault("paths", set())
    key = os.path.abspath(path)
    if key in held:
        yield
        return
    lock = Lock(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(wait=True)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
    held.add(key)
    try:
        yield
    finally:
        held.discard(key)
        lock.release()


def is_locked(path: Path) -> bool:
    """Tell whether someone holds the lock on a file; False where there is no such file."""
    if not path.exists():
        return False
    lock = Lock(path)
    taken = lock.acquire()
    lock.release()
    return not taken


if sys.platform == "win32":
    import msvcrt
    import time

    def _lock(file: int, wait: bool) -> bool:
        while True:
            try:
                # One byte far behind the content, so that others can read who holds it.
                os.lseek(file, 1 << 30, os.SEEK_SET)
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
                return True
            except OSError:
                if not wait:
                    return False
                time.sleep(0.02)

else:
    import fcntl

    def _lock(file: int, wait: bool) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
