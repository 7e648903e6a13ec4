"""The worker's hand on `state.json`: phase, progress, sign of life, and the flag that asks it to stop."""

from __future__ import annotations

import dataclasses
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.errors import StorageError
from workbench.training.liveness import process_created
from workbench.training.state import STOP, Best, Phase, RunState, Status, read_state, write_state

_RESERVE = ".reserve"
_RESERVE_BYTES = 65_536


class Progress:
    """What a worker tells about itself while it works.

    The loop sets fields as often as it likes; a thread writes them once per heartbeat, so a step costs no disk access.
    """

    def __init__(self, folder: Path, *, heartbeat_seconds: float = 1.0) -> None:
        self._folder = folder
        self._heartbeat_seconds = max(0.05, heartbeat_seconds)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._signalled = False
        self._training_since: float | None = None
        now = time.time()
        self._state = dataclasses.replace(
            read_state(folder),
            status="running",
            pid=os.getpid(),
            pid_created=process_created(),
            host=socket.gethostname(),
            started=now,
            heartbeat=now,
        )

    @property
    def state(self) -> RunState:
        """The state as the worker knows it now."""
        return self._state

    def begin(self) -> None:
        """Write that the run is running, and from now on a sign of life per heartbeat."""
        self._write()
        # Where the disk fills up while the run trains, this room is given back so that the reason can still be written.
        with suppress(OSError):
            (self._folder / _RESERVE).write_bytes(secrets.token_bytes(_RESERVE_BYTES))
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def enter(self, phase: Phase) -> None:
        """Name the phase that begins now."""
        self._training_since = time.monotonic() if phase in ("training", "cross-validating") else None
        self._set(phase=phase, seconds_left=None)
        self._write()

    def count(self, step: int, total: int, unit: str, *, done: float | None = None) -> None:
        """Say how far training is; `done` counts the part of a step that is done, too."""
        left = None
        done = step if done is None else done
        if self._training_since is not None and 0 < done <= total:
            left = round((time.monotonic() - self._training_since) / done * (total - done), 1)
        is_new = (total, unit) != (self._state.total, self._state.unit)
        self._set(step=step, total=total, unit=unit, seconds_left=left)
        if is_new:
            self._write()

    def tell(
        self,
        *,
        best: Best | None = None,
        note: str | None = None,
        table: str | None = None,
        n_train_rows: int | None = None,
        n_sampled_rows: int | None = None,
    ) -> None:
        """Set what isn't None."""
        values: dict[str, Any] = {"best": best, "note": note, "table": table}
        values |= {"n_train_rows": n_train_rows, "n_sampled_rows": n_sampled_rows}
        self._set(**{key: value for key, value in values.items() if value is not None})

    def stop_requested(self) -> bool:
        """Tell whether someone asked the run to stop: the file `stop`, or SIGTERM or SIGINT to the worker."""
        return self._signalled or os.path.exists(self._folder / STOP)

    def request_stop(self) -> None:
        """Ask for a stop from inside the process (a signal handler)."""
        self._signalled = True

    def end(self, status: Status, reason: str | None = None) -> bool:
        """Write the final state, the last thing a worker does; tell whether the disk took it."""
        self._closed.set()
        self._set(
            status=status,
            reason=reason,
            ended=time.time(),
            seconds_left=None,
            phase="done" if status == "finished" else None,
        )
        with suppress(OSError):
            (self._folder / _RESERVE).unlink(missing_ok=True)
        for wait in (0.0, 0.2, 1.0):
            time.sleep(wait)
            with suppress(StorageError):
                self._write()
                return True
        return False

    def _set(self, **values: Any) -> None:
        if values.get("phase", "") is None:
            del values["phase"]
        with self._lock:
            self._state = dataclasses.replace(self._state, **values)

    def _write(self) -> None:
        with self._lock:  # one writer at a time, or an older state could replace a newer one
            self._state = dataclasses.replace(self._state, heartbeat=round(time.time(), 3))
            write_state(self._folder, self._state)

    def _beat(self) -> None:
        while not self._closed.wait(self._heartbeat_seconds):
            with suppress(StorageError):  # the loop notices a full disk at its own next write
                if not self._closed.is_set():
                    self._write()
