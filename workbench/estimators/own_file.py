"""Reading the user's file of estimators: once for each state of the file, and never at the built-in ones' expense."""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import EstimatorError
from workbench.settings import Settings, environment_value

if TYPE_CHECKING:
    from workbench.estimators.own import OwnEstimator

MODULE = "workbench_own_estimators"  # the file's name among Python's modules, so that stored models find its classes

_logger = logging.getLogger("workbench.estimators")
_lock = threading.RLock()


@dataclass(frozen=True)
class _Read:
    """What a file held when it was read."""

    path: Path
    modified: float
    size: int
    estimators: dict[str, OwnEstimator] = field(default_factory=dict)
    problem: str = ""


_read: dict[Path, _Read] = {}
_used: Path | None = None


def own_estimators(settings: Settings | None = None) -> dict[str, OwnEstimator]:
    """Give the estimators of the user's file by name; none where there is no file or it can't be used."""
    found = _current(settings)
    return found.estimators if found else {}


def own_problem(settings: Settings | None = None) -> str:
    """Say why the user's file can't be used, naming file and line; empty where it can, or there is none."""
    found = _current(settings)
    return found.problem if found else ""


def use_own_file(settings: Settings) -> None:
    """Let this process look where settings that were made by hand say, where its environment names no file."""
    global _used
    if settings.estimators is not None:
        _used = settings.estimators


def own_path() -> Path | None:
    """Give the user's file that this process reads; None where there is none."""
    return _path(None)


def _current(settings: Settings | None) -> _Read | None:
    path = _path(settings)
    if path is None:
        return None
    try:
        at = path.stat()
    except OSError as error:
        why = error.strerror or str(error)
        return _Read(path, 0.0, 0, problem=(
            f"Got the file of own estimators {path}, which can't be read ({why}); needed a Python file. Correct "
            "WORKBENCH_ESTIMATORS or remove it."
        ))  # fmt: skip
    known = _read.get(path)
    if known is not None and (known.modified, known.size) == (at.st_mtime, at.st_size):
        return known
    with _lock:
        known = _read.get(path)
        if known is None or (known.modified, known.size) != (at.st_mtime, at.st_size):
            known = _read[path] = _executed(path, at.st_mtime, at.st_size)
            if known.problem:
                _logger.warning("%s", known.problem)
    return known


def _path(settings: Settings | None) -> Path | None:
    if settings is not None:
        return settings.estimators
    # Looked up for every entry of the catalogue that is asked for: all settings would be read anew each time.
    text = environment_value("WORKBENCH_ESTIMATORS")
    return Path(text).expanduser() if text else _used


def _executed(path: Path, modified: float, size: int) -> _Read:
    from workbench.estimators import own

    before = sys.modules.get(MODULE)
    _read[path] = _Read(path, modified, size)  # what a file sees of itself that asks for the catalogue
    own.collected.clear()
    try:
        spec = importlib.util.spec_from_file_location(MODULE, path)
        if spec is None or spec.loader is None:
            raise EstimatorError("it isn't a Python file: its name must end in .py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[MODULE] = module
        spec.loader.exec_module(module)
        return _Read(path, modified, size, {found.entry.name: found for found in own.collected})
    except (Exception, SystemExit) as error:  # whatever a user's file does, the rest of the catalogue stays
        sys.modules.pop(MODULE, None)
        if before is not None:
            sys.modules[MODULE] = before
        problem = (
            f"Got the file of own estimators {path}, which fails{_line(path, error)} with {type(error).__name__}: "
            f"{error} None of its estimators is there until it is corrected."
        )
        return _Read(path, modified, size, problem=problem.replace("..", "."))
    finally:
        own.collected.clear()


def _line(path: Path, error: BaseException) -> str:
    """Name the line of the user's file that an error came from."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f" in line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" in line {frames[-1].lineno}" if frames else ""
