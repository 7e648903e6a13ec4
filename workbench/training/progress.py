"""The worker's hand on `state.json`: phase, progress, sign of life, and the flag that asks it to stop."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.errors import RunError, StorageError
from workbench.training.liveness import process_created
from workbench.training.pace import Pace
from workbench.training.state import STOP, Best, Phase, RunState, Status, read_state, this_host, write_state

_RESERVE = ".reserve"
_LAST_BEAT_SECONDS = 2.0
_RESERVE_BYTES = 65_536
_PACED: tuple[Phase, ...] = ("searching", "cross-validating", "training")


class Progress:
    """What a worker tells about itself while it works.

    The loop sets fields as often as it likes; a thread writes them once per heartbeat, so a step costs no disk access.

    Parameters
    ----------
    folder : Path
        The run's.
    heartbeat_seconds : float
    device : str, optional
        What the run trains on, such as ``cpu`` or ``gpu0``.
    """

    def __init__(self, folder: Path, *, heartbeat_seconds: float = 1.0, device: str | None = None) -> None:
        self._folder = folder
        self._heartbeat_seconds = max(0.05, heartbeat_seconds)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._signalled = False
        self._stops_taken: tuple[float, ...] = ()
        self.took_stop = False
        self._asked = 0.0
        self._pace: Pace | None = None
        self._is_first_count = True
        now = time.time()
        before = read_state(folder)
        self._table = before.table if before.resumed else None
        self._state = dataclasses.replace(
            before,
            status="running",
            pid=os.getpid(),
            pid_created=process_created(),
            host=this_host(),
            started=before.started or now,
            working_since=now,
            heartbeat=now,
            progressed=now,
            waiting_for=None,
            device=device or before.device,
        )

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._folder

    @property
    def state(self) -> RunState:
        """The state as the worker knows it now."""
        return self._state

    def begin(self) -> None:
        """Write that the run is running, and from now on a sign of life per heartbeat."""
        self._write()
        # Where the disk fills up while the run trains, this room is given back so that the reason can still be written.
        with suppress(OSError):
            (self._folder / _RESERVE).write_bytes(os.urandom(_RESERVE_BYTES))
        self._heart.start()

    def enter(self, phase: Phase) -> None:
        """Name the phase that begins now."""
        self._pace = Pace() if phase in _PACED else None
        self._is_first_count = True
        self._set(phase=phase, seconds_left=None, step_seconds=None, progressed=time.time())
        self._write()

    def count(self, step: int, total: int, unit: str, *, done: float | None = None) -> None:
        """Say how far training is; `done` counts the part of a step that is done, too."""
        done = step if done is None else done
        if self._pace is not None:
            if self._is_first_count and self._state.resumed:  # what an earlier worker did says nothing of the speed now
                self._pace = Pace(done)
            self._pace.count(done)
            self._is_first_count = False
        begins = bool(step) and not self._state.step  # whoever looks now needn't wait for the next beat
        is_new = begins or (total, unit) != (self._state.total, self._state.unit)
        self._set(step=step, total=total, unit=unit, progressed=time.time(), **self._measured(total))
        if is_new:
            self._write()

    def touch(self) -> None:
        """Say that the loop still gets on, where there is nothing to count yet."""
        self._set(progressed=time.time())

    def tell(
        self,
        *,
        best: Best | None = None,
        note: str | None = None,
        table: str | None = None,
        n_train_rows: int | None = None,
        n_sampled_rows: int | None = None,
        energy: dict[str, float | None] | None = None,
    ) -> None:
        """Set what isn't None.

        Raises
        ------
        RunError
            If a resumed run finds another table than before.
        """
        if table is not None and self._table is not None and table != self._table:
            raise RunError(
                f"Got a table that has changed since this run began (digest {table[:12]}, was {self._table[:12]}), "
                "needed the same rows to go on with. Bring the old data back and resume it, or start a new run."
            )
        is_first_best = best is not None and self._state.best is None
        values: dict[str, Any] = {"best": best, "note": note, "table": table}
        values |= {"n_train_rows": n_train_rows, "n_sampled_rows": n_sampled_rows, "energy": energy}
        self._set(**{key: value for key, value in values.items() if value is not None}, progressed=time.time())
        if is_first_best:
            self._write()

    def stop_requested(self) -> bool:
        """Tell whether someone asked the run to stop: the file `stop`, or SIGTERM or SIGINT to the worker."""
        self._asked = time.time()  # a loop that asks gets on, also between two steps that it counts
        if self._signalled:
            return True
        return os.path.exists(self._folder / STOP) and not self._is_taken()

    def take_stop(self) -> None:
        """Count the stop that was asked for as done; a later one counts anew.

        For a phase that goes on with what it has: a stopped search still trains the best parameters that it found.
        """
        self._signalled = False
        self.took_stop = True
        with suppress(OSError):
            self._stops_taken = (*self._stops_taken, os.stat(self._folder / STOP).st_mtime)

    def _is_taken(self) -> bool:
        if not self._stops_taken:
            return False
        with suppress(OSError):
            return os.stat(self._folder / STOP).st_mtime in self._stops_taken
        return False

    def request_stop(self) -> None:
        """Ask for a stop from inside the process (a signal handler)."""
        self._signalled = True

    def end(self, status: Status, reason: str | None = None) -> bool:
        """Write the final state, the last thing a worker does; tell whether the disk took it."""
        self._closed.set()
        if self._heart.is_alive():  # a beat under way would write after the last word
            self._heart.join(timeout=_LAST_BEAT_SECONDS)
        self._pace = None
        self._set(
            status=status,
            reason=reason,
            ended=time.time(),
            seconds_left=None,
            step_seconds=None,
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

    def _measured(self, total: float) -> dict[str, Any]:
        if self._pace is None:
            return {"seconds_left": None}
        left, each = self._pace.left(total), self._pace.seconds_each()
        return {
            "seconds_left": None if left is None else round(left, 1),
            "step_seconds": None if each is None else float(f"{each:.3g}"),
        }

    def _set(self, **values: Any) -> None:
        if values.get("phase", "") is None:
            del values["phase"]
        with self._lock:
            self._state = dataclasses.replace(self._state, **values)

    def _write(self) -> None:
        with self._lock:  # one writer at a time, or an older state could replace a newer one
            left = self._measured(self._state.total) if self._pace is not None else {}
            progressed = max(self._state.progressed or 0.0, self._asked)
            self._state = dataclasses.replace(
                self._state, heartbeat=round(time.time(), 3), progressed=round(progressed, 3), **left
            )
            write_state(self._folder, self._state)

    def _beat(self) -> None:
        while not self._closed.wait(self._heartbeat_seconds):
            with suppress(StorageError):  # the loop notices a full disk at its own next write
                if not self._closed.is_set():
                    self._write()
