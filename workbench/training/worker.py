"""The worker: the process that executes one run. ``python -m workbench.training.worker RUN_ID``.

It takes its turn before it imports anything that a waiting process doesn't need.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from workbench import storage
from workbench.errors import StorageError
from workbench.locking import Lock
from workbench.settings import Settings, current
from workbench.training.lean import leave_out_pandas
from workbench.training.queueing import take_turn
from workbench.training.state import PROCESS, STOP, WORKER, read_state, write_state


def main(run_id: str, *, settings: Settings | None = None) -> int:
    """Execute a queued run to its end, once there is a place for it, and write how it ended.

    Returns
    -------
    int
        Exit status: 0 when it finished or was stopped, 1 when it failed.
    """
    settings = settings or current()
    folder = settings.runs / run_id
    if read_state(folder).status != "queued":
        raise SystemExit(
            f"Run {run_id} isn't waiting for a worker: it is {read_state(folder).status}. Start a new one."
        )
    own = Lock(folder / WORKER)
    if not own.acquire():  # two were started for one run: exactly one executes it
        raise SystemExit(f"Run {run_id} already has a worker. Watch it with `workbench runs`.")
    _tell_pid(folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: storage.write_json(folder / STOP, {"time": time.time()}))
    place = take_turn(folder, settings)
    if place is None:
        _end_unstarted(folder)
        return 0
    leave_out_pandas()
    os.environ.update(place.environment())
    from workbench.training.executing import execute

    try:
        return execute(folder, settings=settings, device=place.device)
    finally:
        place.release()
        own.release()


def _tell_pid(folder: Path) -> None:
    """Write which process has the run, where whoever started us was killed before that, or started two."""
    with suppress(StorageError):
        known = storage.read_json(folder / PROCESS) or {}
        if known.get("pid") != os.getpid():
            storage.write_json(folder / PROCESS, {"pid": os.getpid(), "created": None})


def _end_unstarted(folder: Path) -> None:
    reason = "Stopped on request while it waited for its turn; there is no model."
    if read_state(folder).resumed:
        reason = "Stopped on request while it waited for its turn; what it had before is kept."
    state = replace(read_state(folder), status="stopped", reason=reason, waiting_for=None, ended=time.time())
    write_state(folder, state)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python -m workbench.training.worker RUN_ID")
    sys.exit(main(sys.argv[1]))
