"""Ending a run that doesn't end by itself."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from workbench import storage
from workbench.errors import RunError
from workbench.training import state as files
from workbench.training.liveness import current_state, is_alive, worker_pid


def kill(folder: Path, *, grace_seconds: float) -> None:
    """End a run that was asked to stop and hasn't within its grace.

    Raises
    ------
    RunError
        If it wasn't asked to stop, or the grace period isn't over.
    """
    state = current_state(folder)
    if state.has_ended:
        return
    asked = storage.read_json(folder / files.STOP)
    waited = time.time() - asked["time"] if asked else 0.0
    if asked is None or waited < grace_seconds:
        raise RunError(
            f"Got a kill for run {folder.name} {waited:.0f} s after a stop, needed {grace_seconds:.0f} s of grace so "
            "that it can keep its best weights. Ask it to stop with run.stop() and wait."
        )
    pid, created = worker_pid(folder, state)
    if pid and is_alive(pid, created):
        reason = (
            f"Killed: it hadn't ended {waited:.0f} s after it was asked to stop. What it stored up to then is kept; "
            "resume it, or start it again."
        )
        storage.write_json(folder / files.KILL, {"time": time.time(), "reason": reason})
        with suppress(ProcessLookupError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
