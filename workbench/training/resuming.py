"""Going on with a run that was stopped, failed or lost, as if nothing had happened."""

from __future__ import annotations

import dataclasses
import os
import time
from hashlib import sha256
from pathlib import Path

from workbench import storage
from workbench.errors import RunError, SpecError, WorkbenchError
from workbench.locking import Lock
from workbench.settings import Settings
from workbench.training import state as files
from workbench.training.devices import needed_by
from workbench.training.launching import launch
from workbench.training.liveness import current_state, process_created
from workbench.training.search_spec import SearchSpec
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, report_written, this_host, write_state
from workbench.training.tickets import Need

_LEAVING_SECONDS = 10.0  # a worker that has written its end still takes a moment to leave


def resume(folder: Path, *, settings: Settings, n_trials: int | None = None, minutes: float | None = None) -> None:
    """Have a run that has ended early executed further; return at once.

    Its loop finds what it stored and goes on from there. Where it stored nothing, it begins anew.

    Parameters
    ----------
    folder : Path
        The run's.
    settings : Settings
    n_trials : int, optional
        Of a search: how many trials it may have in all from now on.
    minutes : float, optional
        Of a search: how many minutes it may take from now on.

    Raises
    ------
    RunError
        If it is still going on or finished, or isn't the search that a budget needs; if no process can be started.
    SpecError
        If its spec can't be read.
    StorageError
        If the disk refuses.
    """
    own = Lock(folder / files.WORKER)
    with storage.disk_errors(own.path):
        _wait_for_leaving(folder, own)
    try:
        spec = RunSpec.parse(storage.read_json(folder / files.SPEC))
        budget = _with_budget(spec, n_trials, minutes)
        state = current_state(folder)
        _check_state(folder.name, state, is_longer=budget != spec.search)
        if budget != spec.search:
            spec = spec.model_copy(update={"search": budget})
            storage.write_json(folder / files.SPEC, spec.to_dict())
        _prepare(folder, spec, state)
    finally:
        own.release()
    try:
        launch(folder, settings=settings)
    except BaseException as error:
        reason = (
            str(error) if isinstance(error, WorkbenchError) else f"Resuming was interrupted: {type(error).__name__}."
        )
        write_state(folder, dataclasses.replace(state, status="failed", reason=reason, ended=time.time()))
        raise


def _wait_for_leaving(folder: Path, own: Lock) -> None:
    """Take the lock that a worker holds; one that has written its end gets a moment to leave.

    Whoever has the lock is alone: the system frees it when its holder is gone, and only then.
    """
    until = time.monotonic() + _LEAVING_SECONDS
    while not own.acquire():
        state = current_state(folder)
        if not state.has_ended or time.monotonic() > until:
            raise _still_there(folder.name, state)
        time.sleep(0.05)


def _still_there(run_id: str, state: RunState) -> RunError:
    return RunError(
        f"Got run {run_id!r}, whose worker (process {state.pid}) still lives; needed one that has ended. "
        "Stop it first, or wait for its end."
    )


def _check_state(run_id: str, state: RunState, *, is_longer: bool) -> None:
    if not state.has_ended:
        raise RunError(
            f"Got run {run_id!r}, which is {state.status}; needed one that was stopped, failed or lost. "
            "Watch it, or stop it first."
        )
    if state.status == "finished" and not is_longer:
        raise RunError(
            f"Got run {run_id!r}, which is finished; needed one that was stopped, failed or lost. "
            "Start a new run of its spec; only a search goes on, with more trials or minutes."
        )


def _with_budget(spec: RunSpec, n_trials: int | None, minutes: float | None) -> SearchSpec | None:
    if n_trials is None and minutes is None:
        return spec.search
    if spec.search is None:
        raise RunError(
            f"Got more trials or minutes for run {spec.name!r}, which has no search; needed one that searches. "
            "Resume it without, or start a run whose spec has a search."
        )
    given = {"n_trials": n_trials, "minutes": minutes}
    try:
        return SearchSpec.model_validate(
            spec.search.model_dump() | {name: value for name, value in given.items() if value is not None}
        )
    except ValueError as error:
        raise SpecError(
            f"Got n_trials={n_trials}, minutes={minutes}, needed positive numbers. Correct them."
        ) from error


def _prepare(folder: Path, spec: RunSpec, state: RunState) -> None:
    """Make it a queued run again: nothing of its last end is left, and all that it stored."""
    began_in = Need.read(folder).folder
    dataclasses.replace(needed_by(spec), folder=began_in or os.getcwd()).write(folder)
    _remember_package(folder)
    with storage.disk_errors(folder / files.STATE):
        for name in (files.STOP, files.KILL, files.PROCESS):
            (folder / name).unlink(missing_ok=True)
    now = time.time()
    write_state(
        folder,
        dataclasses.replace(
            state,
            status="queued",
            reason=None,
            note=None,
            best=None,
            pid=None,
            pid_created=None,
            host=this_host(),
            launcher_pid=os.getpid(),
            launcher_created=process_created(),
            ended=None,
            heartbeat=None,
            phase="starting",
            seconds_left=None,
            step_seconds=None,
            waiting_for=None,
            queued=now,
            resumed=state.resumed + 1,
            worked_seconds=round(state.seconds, 3),
            working_since=None,
            interrupted=(*state.interrupted, state.ended or now),
            earlier_report=report_written(folder),
        ),
    )


def _remember_package(folder: Path) -> None:
    """Note which package the run had before: a version published from it is still this run's."""
    manifest = folder / files.PACKAGE / "manifest.json"
    if manifest.is_file():
        digest = sha256(manifest.read_bytes()).hexdigest()
        storage.append_json_line(folder / files.PACKAGES, {"time": time.time(), "manifest": digest})
