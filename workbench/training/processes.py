"""Starting a worker: an own process in its own session, which outlives whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from workbench import storage
from workbench.errors import RunError, WorkbenchError
from workbench.settings import Settings
from workbench.training import liveness
from workbench.training.hardware import usable_cores
from workbench.training.state import LOG, PROCESS

_SOURCE = Path(__file__).resolve().parents[2]  # what holds the package, so that it is found from any working directory


def start_worker(
    module: str,
    folder: Path,
    *,
    settings: Settings,
    refused: type[WorkbenchError] = RunError,
    fresh_log: bool = False,
    working_folder: str = "",
) -> int:
    """Start ``python -m module NAME`` for a prepared folder of that name, and give its pid.

    The folder gets the process' pid and creation time, and its output in a log file.

    Parameters
    ----------
    module : str
        A module that can be run.
    folder : Path
    settings : Settings
    refused : type of WorkbenchError
        What is raised where the operating system refuses.
    fresh_log : bool
        Begin the log anew.
    working_folder : str
        Where the process works; here where there is no such folder.

    Raises
    ------
    WorkbenchError
        Of the type `refused`, if the operating system can't start another process.
    """
    # The session of its own keeps Ctrl-C and a closing terminal away from it: it is stopped by its stop file only.
    detached = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    with storage.disk_errors(folder / LOG), (folder / LOG).open("wb" if fresh_log else "ab") as log:
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", module, folder.name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=worker_environment(settings),
                cwd=working_folder if os.path.isdir(working_folder) else None,
                start_new_session=True,
                creationflags=detached,
            )
        except OSError as error:
            raise refused(
                f"Starting a worker process failed: {error.strerror or error}. Needed one more process and its memory; "
                "end something else and try again."
            ) from error
    liveness.adopt(folder, process)
    created = liveness.process_created(process.pid)
    storage.write_json(folder / PROCESS, {"pid": process.pid, "created": created})
    return process.pid


def worker_environment(settings: Settings) -> dict[str, str]:
    """Give the environment of a worker: ours, these settings, quiet TensorFlow, one thread per core."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("WORKBENCH_")}
    cores = str(usable_cores())
    defaults = {
        # Without a driver TensorFlow reports a failed cuInit as an error; with one, errors are worth reading.
        "TF_CPP_MIN_LOG_LEVEL": "2" if os.path.exists("/dev/nvidiactl") else "3",
        "OMP_NUM_THREADS": cores,
        # Threads that spin at each barrier made boosting 10 to 20 times slower as soon as anything else used the cores.
        "OMP_WAIT_POLICY": "passive",
        "OPENBLAS_NUM_THREADS": cores,
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "KERAS_BACKEND": "tensorflow",
    }
    path = os.pathsep.join(filter(None, [str(_SOURCE), ours.get("PYTHONPATH", "")]))
    return {**defaults, **ours, **settings.to_environment(), "PYTHONPATH": path}
