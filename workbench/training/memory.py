"""Watching how much memory a worker takes, so that it ends with a reason before the system ends it without one."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import threading
from contextlib import suppress

from workbench.training.progress import Progress

_LOOK_SECONDS = 0.1
_MIB = 1024 * 1024

_logger = logging.getLogger("workbench.training")


class MemoryWatch:
    """A thread that ends the run, and the process with it, when the process takes more memory than it may.

    The resident memory counts. A limit on addresses would count what TensorFlow reserves and never uses, and an
    allocation that fails inside a native library ends in a crash rather than a reason.

    Parameters
    ----------
    progress : Progress
        Is told the reason.
    max_mib : int
        No limit where it is 0.
    """

    def __init__(self, progress: Progress, *, max_mib: int) -> None:
        self._progress = progress
        self._max_mib = max_mib
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to look, ten times a second."""
        if self._max_mib:
            threading.Thread(target=self._run, name="memory", daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            taken = resident_mib()
            if taken > self._max_mib and not self._stopped.is_set():
                self._end(taken)

    def _end(self, taken: float) -> None:
        reason = (
            f"Memory ran out while {self._progress.state.phase}: the run took {taken:,.0f} MiB, more than "
            f"{self._max_mib:,} MiB (max_worker_mib). What it stored before is kept. Use fewer rows or columns or a "
            "smaller model, or allow more memory; then resume it, or start it again."
        )
        with suppress(OSError):
            _logger.error("failed: %s", reason)
        self._progress.end("failed", reason)
        os._exit(1)  # the loop is inside a library that takes ever more: nothing else would end it in time


def resident_mib() -> float:
    """Give the resident memory of this process in MiB."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB
    except (OSError, ValueError):
        import psutil

        return float(psutil.Process().memory_info().rss / _MIB)


def release_memory() -> None:
    """Give back what isn't used any more: cycles of objects, and pages that the C library keeps for later."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
