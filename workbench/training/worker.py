"""The worker: the process that executes one run. ``python -m workbench.training.worker RUN_ID``."""

from __future__ import annotations

import errno
import logging
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from workbench import storage
from workbench.errors import WorkbenchError
from workbench.settings import Settings, current
from workbench.training import state as files
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import Status, read_state

_logger = logging.getLogger("workbench.training")


def main(run_id: str, *, settings: Settings | None = None) -> int:
    """Execute a queued run to its end and write how it ended.

    Returns
    -------
    int
        Exit status: 0 when it finished or was stopped, 1 when it failed.
    """
    settings = settings or current()
    folder = settings.runs / run_id
    if read_state(folder).status != "queued":
        raise SystemExit(
            f"Run {run_id} isn't waiting for a worker: it is {read_state(folder).status}. Start a new one."
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    progress = Progress(folder, heartbeat_seconds=settings.heartbeat_seconds)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: progress.request_stop())
    status, reason = _execute(folder, progress, settings)
    if reason:
        with suppress(OSError):
            _logger.info("%s: %s", status, reason)
    told = progress.end(status, reason)
    return 0 if told and status in ("finished", "stopped") else 1


def _execute(folder: Path, progress: Progress, settings: Settings) -> tuple[Status, str | None]:
    from workbench.training.hardware import Sampler

    sampler = Sampler(folder, seconds=settings.hardware_seconds)
    try:
        progress.begin()
        sampler.start()
        spec = RunSpec.parse(storage.read_json(folder / files.SPEC))
        from workbench.training.pipeline import run_pipeline

        return run_pipeline(spec, folder, progress=progress, settings=settings)
    except Exception as error:
        with suppress(OSError):  # the log lies on the same disk
            traceback.print_exc()
        return "failed", reason_for(error, phase=progress.state.phase)
    finally:
        sampler.stop()


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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python -m workbench.training.worker RUN_ID")
    sys.exit(main(sys.argv[1]))
