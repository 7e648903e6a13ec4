"""Executing one run in this process, once it has its place: log, signals, signs of life, and how it ended."""

from __future__ import annotations

import errno
import logging
import signal
from contextlib import suppress
from pathlib import Path

from workbench import storage
from workbench.errors import WorkbenchError
from workbench.settings import Settings
from workbench.training import state as files
from workbench.training.checkpoint import Checkpoint
from workbench.training.logs import begin_log
from workbench.training.memory import MemoryWatch
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import Status

_logger = logging.getLogger("workbench.training")


def execute(folder: Path, *, settings: Settings, device: str | None = None) -> int:
    """Execute a run to its end and write how it ended.

    Parameters
    ----------
    folder : Path
        Of a queued run that has its place.
    settings : Settings
    device : str, optional
        What it trains on, such as ``cpu`` or ``gpu0``.

    Returns
    -------
    int
        Exit status: 0 when it finished or was stopped, 1 when it failed.
    """
    begin_log()
    progress = Progress(folder, heartbeat_seconds=settings.heartbeat_seconds, device=device)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: progress.request_stop())
    status, reason = _execute(folder, progress, settings)
    if reason:
        with suppress(OSError):
            _logger.log(logging.ERROR if status == "failed" else logging.INFO, "%s: %s", status, reason)
    told = progress.end(status, reason)
    return 0 if told and status in ("finished", "stopped") else 1


def _execute(folder: Path, progress: Progress, settings: Settings) -> tuple[Status, str | None]:
    from workbench.training.hardware import Sampler

    watch = MemoryWatch(progress, max_mib=settings.max_worker_mib)
    sampler = Sampler(folder, seconds=settings.hardware_seconds)
    try:
        progress.begin()
        watch.start()
        sampler.start()
        spec = RunSpec.parse(storage.read_json(folder / files.SPEC))
        from workbench.training.pipeline import run_pipeline

        _begin_anew_without_checkpoint(folder, spec, progress)
        status, reason = run_pipeline(spec, folder, progress=progress, settings=settings)
        if status == "finished":  # nothing is left to go on with
            Checkpoint(folder / files.CHECKPOINT).clear()
        return status, reason
    except Exception as error:
        with suppress(OSError):  # the log lies on the same disk
            _logger.exception("The run failed")
        return "failed", reason_for(error, phase=progress.state.phase)
    finally:
        watch.stop()
        sampler.stop()
        progress.tell(energy=sampler.energy.to_dict())


def _begin_anew_without_checkpoint(folder: Path, spec: RunSpec, progress: Progress) -> None:
    """Forget the curves of a resumed run that has nothing to go on from: it will tell them again from the start.

    A search keeps its own: its trials aren't repeated.
    """
    if not progress.state.resumed or Checkpoint(folder / files.CHECKPOINT).load() is not None:
        return
    for path in (folder / files.HISTORY, folder / files.LAYERS):
        if path.exists():
            lines = path.read_bytes().splitlines(keepends=True) if spec.search else []
            storage.write_atomic(path, b"".join(line for line in lines if b'"trial_' in line and line.endswith(b"\n")))


def reason_for(error: BaseException, *, phase: str) -> str:
    """Say in words why a run failed."""
    if isinstance(error, WorkbenchError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            f"Memory ran out while {phase}. Use fewer rows or columns, a smaller model, or a machine with more memory."
        )
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return (
                f"The disk took no more while {phase} ({cause.strerror}), needed room for this run. "
                "Free some space and start it again."
            )
        cause = cause.__cause__ or cause.__context__
    return (
        f"Unexpected {type(error).__name__} while {phase}: {error}. The run's log has the details; please report them."
    )
