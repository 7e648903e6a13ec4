"""The runs that there are: open one by its id, list all, delete one."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from workbench import storage
from workbench.errors import RunError, RunNotFoundError
from workbench.settings import Settings, current
from workbench.training import state as files
from workbench.training.run import Run

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def open_run(run_id: str, *, settings: Settings | None = None) -> Run:
    """Open a run by its id.

    Raises
    ------
    RunNotFoundError
        If there is none; the message offers the nearest.
    """
    settings = settings or current()
    folder = settings.runs / run_id
    if _ID.fullmatch(run_id) and (folder / files.STATE).is_file():
        return Run(folder, settings=settings)
    import difflib

    near = difflib.get_close_matches(run_id, [path.name for path in _folders(settings)], n=1, cutoff=0.4)
    advice = f"Did you mean {near[0]!r}?" if near else "List them with `workbench runs`, or see wb.use_home."
    raise RunNotFoundError(f"Got run {run_id!r}, needed one in {settings.runs.resolve()}. {advice}")


def runs(*, settings: Settings | None = None) -> list[Run]:
    """List all runs, newest first."""
    settings = settings or current()
    found = []
    for folder in _folders(settings):
        with suppress(RunNotFoundError):  # deleted since it was listed
            found.append((files.read_state(folder).created, folder.name, folder))
    return [Run(folder, settings=settings) for _, _, folder in sorted(found, reverse=True)]


def delete_run(
    run_id: str, *, settings: Settings | None = None, live: Callable[[str], list[str]] | None = None
) -> None:
    """Delete a run that has ended, with all its files.

    Parameters
    ----------
    run_id : str
    settings : Settings, optional
    live : callable, optional
        Gives the models that were published from a run and answer requests now, such as ``["churn/3 (champion)"]``.

    Raises
    ------
    RunNotFoundError
        If there is none of that id.
    RunError
        If it is still going on, or its model is live.
    """
    run = open_run(run_id, settings=settings)
    if not run.state.has_ended:
        raise RunError(f"Got run {run_id!r}, which is {run.status}; needed one that has ended. Stop it first.")
    if live is not None and (models := live(run_id)):
        raise RunError(
            f"Got run {run_id!r}, whose model is live as {' and '.join(models)}; needed one whose model isn't. "
            "Promote another version first."
        )
    grave = run.folder.with_name(f".deleted-{run_id}")
    with storage.disk_errors(run.folder):
        os.replace(run.folder, grave)  # gone for readers in one step, however long the removal takes
        shutil.rmtree(grave)


def _folders(settings: Settings) -> list[Path]:
    return [
        path for path in storage.entries(settings.runs) if _ID.fullmatch(path.name) and (path / files.STATE).is_file()
    ]
