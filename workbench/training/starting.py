"""Beginning a run: `start` returns at once, `train` waits and reports."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from workbench import storage
from workbench.errors import RunError, SpecError, WorkbenchError
from workbench.estimators.own_file import use_own_file
from workbench.settings import Settings, current
from workbench.training import state as files
from workbench.training.about import About, write_about
from workbench.training.devices import needed_by
from workbench.training.launching import launch
from workbench.training.liveness import process_created
from workbench.training.run import Run
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, this_host, write_state


def start(
    spec: RunSpec | dict[str, Any],
    *,
    note: str = "",
    tags: Iterable[str] = (),
    priority: int = 0,
    settings: Settings | None = None,
) -> Run:
    """Start a run in its own process and return at once.

    The run goes on when the caller ends. Where ``settings.runs_at_once`` are training already, it waits in a queue.
    Whatever is wrong with the data or the recipe shows as status ``failed`` with a reason.

    Parameters
    ----------
    spec : RunSpec or dict
        A relative path in it is relative to the current directory.
    note : str
        What people should know about it.
    tags : iterable of str
        Words to find it by.
    priority : int
        From -100 to 100: of the runs that wait, the one with the highest trains first.

    Raises
    ------
    SpecError
        If the spec is malformed, or names no target where one is learned.
    EstimatorError
        If its estimator or a parameter of it is unknown or out of range.
    StorageError, RunError
        If the run folder or the process can't be made, or a tag or the priority can't be used.
    """
    settings = settings or current()
    spec = RunSpec.parse(spec)
    use_own_file(settings)
    _check_spec(spec)
    about = About().changed(note=note, tags=tags, priority=priority)
    folder = _new_folder(spec, about, settings.runs)
    try:
        launch(folder, settings=settings)
    except BaseException as error:
        reason = (
            str(error) if isinstance(error, WorkbenchError) else f"Its start was interrupted by {type(error).__name__}."
        )
        write_state(folder, RunState(status="failed", created=time.time(), reason=reason, ended=time.time()))
        raise
    return Run(folder, settings=settings)


def train(
    spec: RunSpec | dict[str, Any],
    *,
    note: str = "",
    tags: Iterable[str] = (),
    priority: int = 0,
    settings: Settings | None = None,
    on_progress: Callable[[Run], object] | None = None,
    every_seconds: float = 0.25,
) -> Run:
    """Run here and now: start a worker, report its progress, and return when the run has ended.

    Ctrl-C stops the run cleanly: it keeps the best weights so far, evaluates and packages, and comes back as
    ``stopped``. A second Ctrl-C raises KeyboardInterrupt; the run still ends by itself.

    Parameters
    ----------
    spec : RunSpec or dict
    note, tags, priority
        As for `start`.
    on_progress : callable, optional
        Called with the run about every `every_seconds`, and once at the end.

    Raises
    ------
    SpecError, EstimatorError, StorageError, RunError
        As `start`. A run that fails while it works doesn't raise: its `status` and `reason` tell.
    """
    run = start(spec, note=note, tags=tags, priority=priority, settings=settings)
    return follow(run, on_progress, every_seconds=every_seconds)


def follow(run: Run, on_progress: Callable[[Run], object] | None, *, every_seconds: float = 0.25) -> Run:
    """Report a run's progress until it has ended; Ctrl-C stops it cleanly, see `train`."""
    try:
        _follow(run, on_progress, every_seconds)
    except KeyboardInterrupt:
        run.stop()
        _follow(run, on_progress, every_seconds)
    if on_progress is not None:
        on_progress(run)
    return run


def _follow(run: Run, on_progress: Callable[[Run], object] | None, every_seconds: float) -> None:
    while not run.state.has_ended:
        if on_progress is not None:
            on_progress(run)
        time.sleep(every_seconds)


def _check_spec(spec: RunSpec) -> None:
    """Refuse here what can be refused without the data, while the caller is still listening."""
    from workbench.estimators.catalogue import check_params
    from workbench.estimators.catalogue import entry as find_entry
    from workbench.estimators.image_forms import image_entry
    from workbench.estimators.losses import check_training

    check_params(spec.estimator.name, spec.estimator.params)
    found = find_entry(spec.estimator.name)
    needs_target = found.takes == "table" and bool({"classification", "regression"} & set(found.tasks))
    # What also takes images finds their labels by itself; whether there are any, the data says.
    if needs_target and not spec.data.target and image_entry(found.name) is None:
        raise SpecError(
            f"The RunSpec can't be used:\ndata.target: got nothing; {found.name} needs the column to predict. Name it, "
            "or choose an estimator that needs none, such as kmeans."
        )
    check_training(found, spec.training, spec.data.task)
    if spec.search is not None:
        from workbench.training.searching import check_search

        check_search(spec)


def _new_folder(spec: RunSpec, about: About, parent: Path) -> Path:
    """Make a run folder that is complete the moment it appears."""
    now = time.time()
    state = RunState(
        status="queued",
        created=now,
        queued=now,
        host=this_host(),
        launcher_pid=os.getpid(),
        launcher_created=process_created(),
    )
    with storage.disk_errors(parent / spec.name):
        draft = parent / f".new-{os.urandom(6).hex()}"
        draft.mkdir(parents=True)
        storage.write_json(draft / files.SPEC, spec.to_dict())
        needed_by(spec).write(draft)
        if about != About():
            write_about(draft, about)
        write_state(draft, state)
        for n_bytes in (2, 2, 2, 2, 4, 8):
            folder = parent / f"{spec.name}-{os.urandom(n_bytes).hex()}"
            if folder.exists():
                continue
            try:
                draft.rename(folder)
            except FileExistsError:
                continue
            except OSError:
                if folder.exists():
                    continue
                raise
            return folder
    raise RunError(f"Got no free id for a run named {spec.name!r} in {parent}. Delete old runs or choose another name.")
