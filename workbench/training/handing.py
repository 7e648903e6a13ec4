"""Keeping a warm worker ready, and handing it a run: the side of the app, the notebook and the command line."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import storage
from workbench.errors import StorageError, WorkbenchError
from workbench.locking import Lock
from workbench.settings import Settings
from workbench.training import liveness
from workbench.training.fingerprint import fingerprint
from workbench.training.processes import worker_environment
from workbench.training.queueing import Line
from workbench.training.state import PROCESS, this_host
from workbench.training.tickets import Need
from workbench.training.warm import CLAIMED, GONE, ORDER, READY

NEXT_SECONDS = 5.0
_TAKING_SECONDS = 2.0
_NEEDED_MIB = 3 * 1024

_idle: dict[Path, subprocess.Popen[bytes]] = {}
_kept: Settings | None = None


def keep_warm(settings: Settings) -> bool:
    """Keep a worker ready from now on, as long as this process lives; tell whether there is one, or will be.

    A run that is started then shows its first metric about a second later. Each run that takes it makes room for the
    next. Nothing happens where ``settings.warm_worker`` says so, or memory is short. Returns at once; may be called as
    often as one likes.
    """
    global _kept
    if not is_wanted(settings):
        return False
    _kept = settings
    try:
        return _keep(settings)
    except (OSError, WorkbenchError):  # a convenience; what is wrong shows when a run is started
        return False


def is_wanted(settings: Settings) -> bool:
    """Tell whether the settings, and the memory of this machine, allow a warm worker."""
    if settings.warm_worker == "auto":
        return settings.max_worker_mib == 0 and available_mib() >= _NEEDED_MIB
    # A limit counts from nothing: a worker with both libraries loaded would reach it too soon.
    return settings.warm_worker == "on" and settings.max_worker_mib == 0


def hand_over(folder: Path, *, settings: Settings, working_folder: str = "") -> int | None:
    """Give a queued run to a warm worker; give its pid, or None where there is none: exactly one process has the run.

    Parameters
    ----------
    folder : Path
        The run's.
    settings : Settings
    working_folder : str
        Where the run works.
    """
    if settings.warm_worker == "off" or settings.max_worker_mib or not Line(settings, Need.read(folder)).is_free():
        return None  # who has to wait does so in a small process
    environment = worker_environment(settings)
    for place, ready in _ready(settings, fingerprint(environment)):
        try:
            os.rename(place / READY, place / CLAIMED)
        except OSError:  # someone else was faster
            continue
        with suppress(OSError, StorageError):
            os.utime(place / CLAIMED)
            order = {"run_folder": str(folder.resolve()), "environment": environment}
            if _give(place, ready, folder, order | {"working_folder": working_folder or os.getcwd()}):
                return int(ready["pid"])
    return None


def keep_next() -> None:
    """Have the next worker made ready in a while, where this process keeps one.

    Loading takes all of a processor for some seconds: just now they belong to the run whose first metric is waited for.
    """
    if _kept is not None:
        timer = threading.Timer(NEXT_SECONDS, _keep_next)
        timer.daemon = True
        timer.start()


def _keep_next() -> None:
    if _kept is not None:
        keep_warm(_kept)


def _give(place: Path, ready: dict[str, Any], folder: Path, order: dict[str, Any]) -> bool:
    storage.write_json(folder / PROCESS, {"pid": ready["pid"], "created": ready["created"]})
    draft = place / "draft.json"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(storage.to_json(order))
    os.rename(draft, place / ORDER)
    end = time.monotonic() + _TAKING_SECONDS
    while (place / ORDER).exists():
        if time.monotonic() > end or not liveness.is_alive(ready["pid"], ready["created"]):
            try:
                os.rename(place / ORDER, place / GONE)
            except OSError:  # it has taken it after all
                break
            _end(place, ready)
            (folder / PROCESS).unlink(missing_ok=True)
            return False
        time.sleep(0.005)
    process = _idle.pop(place, None)
    if process is not None:
        liveness.adopt(folder, process)
    return True


def _keep(settings: Settings) -> bool:
    environment = worker_environment(settings)
    parent = settings.home.resolve() / "warm"
    parent.mkdir(parents=True, exist_ok=True)
    lock = Lock(parent / "lock")
    if not lock.acquire():
        return True  # another thread or program is at it
    try:
        mark = fingerprint(environment)
        for place in storage.entries(parent):
            if place.is_dir() and _is_left(place):
                shutil.rmtree(place, ignore_errors=True)
        if any(True for _ in _ready(settings, mark)):
            return True
        _launch(parent / f"{this_host()}-{os.urandom(4).hex()}", environment, mark)
    finally:
        lock.release()
    return True


def _launch(place: Path, environment: dict[str, str], mark: str) -> None:
    place.mkdir(mode=0o700)  # what is handed over may hold passwords
    with (place / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench.training.warm", str(place)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    _idle[place] = process
    threading.Thread(target=process.wait, name=f"reaper-{process.pid}", daemon=True).start()
    created = liveness.process_created(process.pid)
    ready = {"pid": process.pid, "created": created, "host": this_host(), "fingerprint": mark, "since": time.time()}
    storage.write_json(place / READY, ready)


def _ready(settings: Settings, mark: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """List the warm workers of this machine that are what a new one would be, and live; the oldest is the warmest."""
    found = []
    for place in storage.entries(settings.home.resolve() / "warm"):
        with suppress(StorageError, KeyError, TypeError):
            ready = storage.read_json(place / READY)
            if not ready or ready["host"] != this_host() or ready["fingerprint"] != mark:
                continue
            if liveness.is_alive(ready["pid"], ready["created"]):
                found.append((float(ready["since"]), place, ready))
    yield from ((place, ready) for _, place, ready in sorted(found, key=lambda entry: entry[0]))


def _is_left(place: Path) -> bool:
    """Tell whether the process of a folder is gone."""
    with suppress(StorageError, KeyError, TypeError):
        for name in (READY, CLAIMED):
            known = storage.read_json(place / name)
            if known:
                return known["host"] == this_host() and not liveness.is_alive(known["pid"], known["created"])
    try:
        return time.time() - place.stat().st_mtime > 60
    except OSError:
        return False


def _end(place: Path, ready: dict[str, Any]) -> None:
    """End a worker that hangs; nobody else may have it now."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(ready["pid"])
        if abs(process.create_time() - (ready["created"] or 0.0)) < 2.0:
            process.kill()
    _idle.pop(place, None)
    shutil.rmtree(place, ignore_errors=True)


def available_mib() -> float:
    """Give the memory that is free on this machine, or in its container where that has less."""
    import psutil

    free = float(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            free = min(free, int(limit) - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    return free / 2**20


@atexit.register
def end_idle() -> None:
    """End the workers that this process keeps ready; never one that has, or is getting, a run."""
    global _kept
    _kept = None
    for place, process in list(_idle.items()):
        _idle.pop(place, None)
        try:
            os.rename(place / READY, place / GONE)
        except OSError:  # it was claimed
            process.returncode = 0 if process.returncode is None else process.returncode
            continue
        with suppress(OSError):
            process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        shutil.rmtree(place, ignore_errors=True)
