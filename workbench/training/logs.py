"""The run's log: lines of time, level and message, and finding those of a level again."""

from __future__ import annotations

import logging
import re
import sys
from typing import Literal, get_args

from workbench.errors import RunError

Level = Literal["debug", "info", "warning", "error"]
_NUMBERS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_LINE = re.compile(rf"\d\d:\d\d:\d\d ({'|'.join(_NUMBERS)}) ")


class _Formatter(logging.Formatter):
    """A message that begins with "Warning:" is one, whoever wrote it."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.levelno == logging.INFO and message.startswith("Warning: "):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args = message.removeprefix("Warning: "), ()
        return super().format(record)


def begin_log() -> None:
    """Write this process' messages to stderr, which is the run's log, as lines of time, level and message."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("workbench").setLevel(logging.INFO)
    logging.captureWarnings(True)


def lines_of_level(lines: list[str], level: Level) -> list[str]:
    """Keep the lines of a level and above; a line without one belongs to the line before (a traceback), or is info.

    Raises
    ------
    RunError
        If there is no such level.

    Examples
    --------
    >>> lines_of_level(["10:00:00 INFO Reading", "10:00:01 WARNING Few rows", "see above"], "warning")
    ['10:00:01 WARNING Few rows', 'see above']
    """
    if level not in get_args(Level):
        raise RunError(f"Got the log level {level!r}, needed one of {', '.join(get_args(Level))}.")
    least, kept, current = _NUMBERS[level.upper()], [], _NUMBERS["INFO"]
    for line in lines:
        if found := _LINE.match(line):
            current = _NUMBERS[found[1]]
        if current >= least:
            kept.append(line)
    return kept
