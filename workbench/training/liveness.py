"""Finding runs whose worker is gone: the reader's side of the state machine."""

from __future__ import annotations

import atexit
import dataclasses
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from workbench import storage
from workbench.errors import StorageError
from workbench.training.state import KILL, PROCESS, STATE, RunState, is_pid, read_state, this_host, write_state

REMOTE_SILENCE_SECONDS = 60.0  # a worker on another machine has only its heartbeat to show
_CREATION_TOLERANCE_SECONDS = 2.0  # the boot time that creation times are counted from is known to a second

_children: dict[Path, subprocess.Popen[bytes]] = {}
_exit_statuses: dict[Path, tuple[int, int]] = {}  # pid and exit status of the last child that worked on a folder


def adopt(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Remember a worker that this process started, so that it is reaped and its exit status known."""
    key = folder.resolve()
    _exit_statuses.pop(key, None)
    _children[key] = process
    threading.Thread(target=process.wait, name=f"reaper-{process.pid}", daemon=True).start()


@atexit.register
def _let_go() -> None:
    """Leave workers that still run to themselves: they outlive us on purpose, and aren't forgotten children."""
    for process in _children.values():
        if process.returncode is None:
            process.returncode = 0


def exit_status(folder: Path, pid: int | None = None) -> int | None:
    """Reap our child if it has ended; give its exit status, or None while it runs or where it isn't ours.

    Parameters
    ----------
    folder : Path
    pid : int, optional
        Only that of the process with this pid counts: another program may have had the run resumed.
    """
    key = folder.resolve()
    process = _children.get(key)
    if process is not None and process.poll() is not None:
        _exit_statuses[key] = (process.pid, process.returncode)
        _children.pop(key, None)
    found = _exit_statuses.get(key)
    return None if found is None or pid not in (None, found[0]) else found[1]


def is_ours(folder: Path, pid: int | None) -> bool:
    """Tell whether the worker of a folder is our child and hasn't been reaped."""
    process = _children.get(folder.resolve())
    return process is not None and pid in (None, process.pid)


def worker_pid(folder: Path, state: RunState) -> tuple[int | None, float | None]:
    """Give pid and creation time of the process that executes a run, or will."""
    if state.pid is not None and state.status != "queued":
        return state.pid, state.pid_created
    with suppress(StorageError):
        process = storage.read_json(folder / PROCESS)
        if isinstance(process, dict) and is_pid(process.get("pid")):
            created = process.get("created")
            return process["pid"], float(created) if isinstance(created, (int, float)) else None
    return None, None


def current_state(folder: Path) -> RunState:
    """Read a run's state; one whose worker is gone becomes ``lost``, with the reason in words.

    Any number of readers may do this at once: the state is replaced in one step, and a worker that is gone writes no
    more.
    """
    state = read_state(folder)
    pid, created = worker_pid(folder, state)
    status = exit_status(folder, pid)
    if state.status == "lost" and status:  # another reader noticed first, but only the parent knows the signal
        return _record(folder, state, _words_for_exit(folder, status))
    if state.has_ended:
        return state
    reason = _why_gone(folder, state, status, (pid, created))
    if reason is None:
        return state
    latest = read_state(folder)  # it may have ended properly, or been resumed, between our two looks
    if latest.has_ended or latest.pid != state.pid or latest.resumed != state.resumed:
        return latest
    if state.host not in (None, this_host()):
        return dataclasses.replace(latest, status="lost", reason=reason, ended=latest.heartbeat)  # it may come back
    return _record(folder, latest, reason)


def _record(folder: Path, state: RunState, reason: str) -> RunState:
    lost = dataclasses.replace(
        state,
        status="lost",
        reason=reason,
        ended=state.ended or state.heartbeat or time.time(),
        seconds_left=None,
        waiting_for=None,
    )
    if lost != state:
        with suppress(StorageError):  # a reader with read-only access still sees the truth
            write_state(folder, lost)
    return lost


def _why_gone(
    folder: Path, state: RunState, status: int | None, process: tuple[int | None, float | None]
) -> str | None:
    """Say why the worker is gone; None while it lives or may still come."""
    pid, created = process
    if status is not None:
        return _words_for_exit(folder, status)
    if is_ours(folder, pid):  # and not to be reaped yet: its last threads are ending, or it lives
        return None
    if state.host is not None and state.host != this_host():
        silence = _silence(folder, state)
        if silence < REMOTE_SILENCE_SECONDS:
            return None
        return (
            f"No sign of life from its process on {state.host} for {silence:.0f} s. Look there, resume the run, or "
            "start it again."
        )
    if pid is None:
        if state.launcher_pid is None or is_alive(state.launcher_pid, state.launcher_created):
            return None
        return "The program that started it ended before the worker began. Resume the run, or start it again."
    if is_alive(pid, created):
        return None
    return _forced(folder) or (
        f"Its process {pid} is gone without a result: killed, crashed, or the machine restarted. "
        "What it stored up to then is kept; look into the log, then resume the run or start it again."
    )


def _silence(folder: Path, state: RunState) -> float:
    """Give the seconds since the last sign of life from another machine, whose clock may be ahead of ours."""
    silence = time.time() - (state.heartbeat or state.queued or state.created)
    if silence >= 0:
        return silence
    # Its clock says nothing here. The disk that both write to has one clock for both.
    probe = folder / f".clock.{os.urandom(4).hex()}.tmp"
    try:
        written = (folder / STATE).stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0
    try:
        probe.touch()
        now = probe.stat().st_mtime
        probe.unlink(missing_ok=True)
    except OSError:
        now = time.time()  # a reader with read-only access
    return max(0.0, now - written)


def is_alive(pid: int, created: float | None) -> bool:
    """Tell whether that very process lives: same pid, same creation time, and not a zombie."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return False
        return created is None or abs(process.create_time() - created) < _CREATION_TOLERANCE_SECONDS
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False


def process_created(pid: int | None = None) -> float | None:
    """Creation time of a process (this one when absent) in Unix seconds; None when it is gone."""
    import psutil

    try:
        return float(psutil.Process(pid or os.getpid()).create_time())
    except psutil.Error:
        return None


def _words_for_exit(folder: Path, status: int) -> str:
    forced = _forced(folder)
    if forced:
        return forced
    if status >= 0:
        return (
            f"Its process ended with exit status {status} and without a result. "
            "What it stored up to then is kept; look into the log, then resume the run or start it again."
        )
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    causes = {
        "SIGKILL": "memory ran out, or someone ended it",
        "SIGSEGV": "a fault in a native library",
        "SIGABRT": "a native library gave up",
        "SIGILL": "a native library needs a newer processor",
    }
    return (
        f"Its process was killed by signal {-status} ({name}): {causes.get(name, 'someone ended it')}. "
        "What it stored up to then is kept; look into the log, then resume the run or start it again."
    )


def _forced(folder: Path) -> str | None:
    with suppress(StorageError):
        document = storage.read_json(folder / KILL)
        if document:
            return str(document["reason"])
    return None
