"""A worker that is ready before there is a run: ``python -m workbench.training.warm FOLDER``.

It loads what runs need, waits for one, executes it, and ends. A run is handed over by renaming files, each of which
succeeds for one process only: ``ready.json`` is renamed by whoever wants the worker, ``order.json`` by the worker.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import storage
from workbench.settings import Settings, current
from workbench.training.lean import leave_out_pandas

READY, CLAIMED, ORDER, TAKEN, GONE = "ready.json", "claimed.json", "order.json", "taken.json", "gone.json"
_LOOK_SECONDS = 0.03
_CHECK_SECONDS = 5.0
_CLAIM_SECONDS = 30.0  # whoever claimed the worker and hasn't given it a run by then was killed in between


def main(folder: Path, *, settings: Settings | None = None) -> int:
    """Load, wait for a run, execute it; give the exit status of a worker."""
    settings = settings or current()
    leave_out_pandas()
    waiter = Waiter(folder, minutes=settings.warm_minutes)
    waiter.start()
    with suppress(Exception):  # what can't be loaded now shows when a run needs it, with its reason
        from workbench.training.warming import warm_up

        warm_up(lambda: waiter.is_over, settings=settings)
    waiter.is_warm = True
    order = waiter.wait()
    return _execute(folder, order) if order else 0


class Waiter:
    """A thread that looks for a run, and for reasons to leave.

    Parameters
    ----------
    folder : Path
        Of this warm worker.
    minutes : float
        After so many without a run it leaves.
    """

    def __init__(self, folder: Path, *, minutes: float) -> None:
        from workbench.training.fingerprint import source_stamp

        self._folder, self._seconds = folder, minutes * 60
        self._source = source_stamp()
        self._parent = os.getppid()
        self._order: dict[str, Any] | None = None
        self._over = threading.Event()
        self.is_warm = False

    @property
    def is_over(self) -> bool:
        """Whether there is a run, or a reason to leave."""
        return self._over.is_set()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="warm", daemon=True).start()

    def wait(self) -> dict[str, Any] | None:
        """Wait for a run; None where it is to leave."""
        self._over.wait()
        return self._order

    def _run(self) -> None:
        since = checked = time.monotonic()
        while not self._over.is_set():
            if self._take():
                break
            now = time.monotonic()
            if now - checked > _CHECK_SECONDS:
                checked = now
                if self._should_leave(now - since) and self._leave():
                    break
            time.sleep(_LOOK_SECONDS)
        self._over.set()

    def _take(self) -> bool:
        try:
            os.rename(self._folder / ORDER, self._folder / TAKEN)
        except OSError:
            return False
        self._order = json.loads((self._folder / TAKEN).read_text(encoding="utf-8"))
        (self._folder / TAKEN).unlink()  # an environment may hold passwords
        return True

    def _should_leave(self, seconds: float) -> bool:
        from workbench.training.fingerprint import source_stamp

        if not self._folder.is_dir():
            return True
        try:
            claimed = time.time() - (self._folder / CLAIMED).stat().st_mtime > _CLAIM_SECONDS
        except OSError:
            claimed = False
        # The parent is the app that keeps us ready: nobody would end us after it was killed.
        return claimed or seconds > self._seconds or os.getppid() != self._parent or source_stamp() != self._source

    def _leave(self) -> bool:
        """Leave, unless someone has just claimed us and has a run for us."""
        for name in (READY, CLAIMED):
            with suppress(OSError):
                os.rename(self._folder / name, self._folder / GONE)
                break
        else:
            if self._folder.is_dir():
                return False
        _remove(self._folder)
        return True


def _execute(folder: Path, order: dict[str, Any]) -> int:
    """Become the worker of a run: its log, its environment, its working folder."""
    _remove(folder)
    run_folder = Path(order["run_folder"])
    log = os.open(run_folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(order["environment"])
    with suppress(OSError):
        os.chdir(order["working_folder"])
    from workbench.training.worker import main as work

    return work(run_folder.name)


def _remove(folder: Path) -> None:
    for path in storage.entries(folder):
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python -m workbench.training.warm FOLDER")
    status = main(Path(sys.argv[1]))
    sys.exit(status)
