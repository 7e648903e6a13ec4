"""Converting by skl2onnx in a process of its own: it may search without end, and nothing in its process could end it.

``python -m workbench.estimators.conversion FOLDER`` is that process.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ConversionError
from workbench.settings import Settings
from workbench.storage import read_json, write_json

if TYPE_CHECKING:
    from workbench.estimators.classical import SklearnModel

STOPPED_SECONDS = 5.0  # that a stopped run still gives a conversion: those that end at all take less
_POLL_SECONDS = 0.05
_LATE_SECONDS = 30
_PR_SET_PDEATHSIG = 1
_MODEL, _GRAPH, _TASK, _RESULT = "model", "graph.onnx", "task.json", "result.json"


@dataclass(frozen=True)
class _Limit:
    seconds: float
    is_stopped: Callable[[], bool]


_gave_up: dict[str, float] = {}  # seconds that were too few for a class, in this process

_limit: ContextVar[_Limit | None] = ContextVar("conversion_limit", default=None)


@contextmanager
def limited(seconds: float, is_stopped: Callable[[], bool] | None = None) -> Iterator[None]:
    """Give conversions in this block so many seconds each, and end them soon after `is_stopped`; 0 means no limit."""
    token = _limit.set(_Limit(seconds, is_stopped or (lambda: False)) if seconds else None)
    try:
        yield
    finally:
        _limit.reset(token)


def convert(model: SklearnModel) -> tuple[Any, bool]:
    """Convert a fitted estimator; give the ONNX model, and whether it computes in double.

    Raises
    ------
    ConversionError
        If skl2onnx can't convert it, or takes longer than `limited` allows.
    """
    from workbench.estimators.graph_converted import converted

    limit = _limit.get()
    if limit is None:
        return converted(model.estimator)
    kind = type(model.estimator).__name__
    if limit.seconds <= _gave_up.get(kind, 0.0):  # an earlier trial of a search has waited already
        raise ConversionError(_given_up(kind, limit.seconds))
    with tempfile.TemporaryDirectory(prefix="workbench-convert-") as name:
        folder = Path(name)
        model.save(folder / _MODEL)
        write_json(folder / _TASK, {"seconds": limit.seconds, "estimators": _own_file()})
        _run(folder, limit, kind)
        return _opened(folder, kind)


def _run(folder: Path, limit: _Limit, name: str) -> None:
    process = subprocess.Popen([sys.executable, "-m", __name__, str(folder)], stdin=subprocess.DEVNULL)
    until, stopped = time.monotonic() + limit.seconds, False
    try:
        while process.poll() is None:
            if not stopped and limit.is_stopped():
                until, stopped = min(until, time.monotonic() + STOPPED_SECONDS), True
            if time.monotonic() > until:
                if not stopped:
                    _gave_up[name] = limit.seconds
                raise ConversionError(_given_up(name, None if stopped else limit.seconds))
            time.sleep(_POLL_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _given_up(name: str, seconds: float | None) -> str:
    why = (
        "the run was stopped" if seconds is None else f"it took longer than {seconds:g} s (setting conversion_seconds)"
    )
    return (
        f"Writing {name} as a graph was given up, since {why}. So the trained model itself predicts: right, but "
        "slower. Register it with converts=False to leave the attempt out."
    )


def _opened(folder: Path, name: str) -> tuple[Any, bool]:
    import onnx

    result = read_json(folder / _RESULT)
    if result is None:
        raise ConversionError(
            f"Writing {name} as a graph ended its process: memory ran out, or the converter crashed. The native model "
            "is used."
        )
    if problem := result.get("problem"):
        raise ConversionError(problem)
    return onnx.load_model_from_string((folder / _GRAPH).read_bytes()), bool(result["wide"])


def _own_file() -> str | None:
    from workbench.estimators.own_file import own_path

    path = own_path()
    return None if path is None else str(path.resolve())


def main(folder: Path) -> None:
    """Convert the model that lies in a folder, and write the graph or the problem beside it."""
    from workbench.estimators.graph_converted import converted
    from workbench.estimators.models import load_model
    from workbench.estimators.own_file import use_own_file

    task = read_json(folder / _TASK) or {}
    _end_with_limit_and_parent(float(task.get("seconds") or 0.0))
    if task.get("estimators"):
        use_own_file(Settings(estimators=Path(task["estimators"])))
    model: Any = load_model(folder / _MODEL)
    try:
        graph, wide = converted(model.estimator)
        (folder / _GRAPH).write_bytes(graph.SerializeToString())
        result: dict[str, Any] = {"wide": wide}
    except ConversionError as error:
        result = {"problem": str(error)}
    write_json(folder / _RESULT, result)


def _end_with_limit_and_parent(seconds: float) -> None:
    """See to it that a conversion without end doesn't outlive the run, however that ended."""
    if hasattr(signal, "alarm"):  # the kernel's own ending, which code in C that never comes back can't put off
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(math.ceil(seconds) + _LATE_SECONDS)
    parent = os.getppid()
    if sys.platform == "linux":  # the kernel ends it with the run's process; elsewhere a thread must come to its turn
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
