"""Giving a prepared run to a process: a warm one where one is ready, else a new one."""

from __future__ import annotations

from pathlib import Path

from workbench.settings import Settings
from workbench.training.handing import hand_over, keep_next
from workbench.training.processes import start_worker
from workbench.training.tickets import Need


def launch(folder: Path, *, settings: Settings) -> int:
    """Have a queued run executed, and give the pid of its process.

    Raises
    ------
    RunError
        If the operating system can't start another process.
    StorageError
        If the disk refuses.
    """
    began_in = Need.read(folder).folder
    pid = hand_over(folder, settings=settings, working_folder=began_in)
    if pid is None:
        pid = start_worker("workbench.training.worker", folder, settings=settings, working_folder=began_in)
    keep_next()
    return pid
