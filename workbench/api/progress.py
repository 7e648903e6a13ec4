"""How far a run is, on a terminal or in plain lines."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.training.run import Run, RunState

_WAY = (
    "queued",
    "starting",
    "reading",
    "preparing",
    "searching",
    "cross-validating",
    "training",
    "evaluating",
    "packaging",
    "done",
)
_NOT_ALWAYS = ("searching", "cross-validating")
LINE_SECONDS = 10.0  # where no terminal shows a bar, a line of progress this often


def duration(seconds: float | None) -> str:
    """Write a length of time.

    Examples
    --------
    >>> duration(75.2), duration(3.14)
    ('1 min 15 s', '3.1 s')
    """
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


class Progress:
    """A bar on stderr while a run trains; lines now and then where stderr isn't a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._last_line = 0.0
        self._last_phase = ""

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Bar(*columns, TextColumn("{task.fields[words]}"), console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("queued", total=None, words="")
            self._bar.start()
        return self

    def __exit__(self, *unused: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, run: Run) -> None:
        """Show what the run is doing."""
        state = run.state
        phase = "queued" if state.status == "queued" else state.phase
        if self._bar is not None:
            known = {"total": state.total, "completed": state.step} if state.total else {"total": None}
            self._bar.update(self._task, description=phase, words=words(state), **known)
        elif phase != self._last_phase or time.monotonic() - self._last_line > LINE_SECONDS:
            if state.status in ("running", "finished"):  # one that failed went no further than it says
                for passed in passed_between(self._last_phase, phase):
                    print(passed, file=sys.stderr)
            self._last_phase, self._last_line = phase, time.monotonic()
            print(f"{phase}{counted(state)} {words(state)}".rstrip(), file=sys.stderr)


def passed_between(last: str, now: str) -> list[str]:
    """Name the phases that a quick run went through between two looks, so that the lines tell the whole way.

    Examples
    --------
    >>> passed_between("preparing", "packaging")
    ['training', 'evaluating']
    """
    if last not in _WAY or now not in _WAY:
        return []
    # Not every run searches or cross-validates, and none does so between two looks.
    return [phase for phase in _WAY[_WAY.index(last) + 1 : _WAY.index(now)] if phase not in _NOT_ALWAYS]


def counted(state: RunState) -> str:
    """Say how many epochs, trees, rounds or folds of how many, while training."""
    learning = state.phase in ("training", "searching", "cross-validating") and state.total
    return f" {state.unit} {state.step:,} of {state.total:,}" if learning else ""


def words(state: RunState) -> str:
    """Say what it waits for, or the best value so far and the time left, and what is wrong."""
    if state.status == "queued":
        return state.waiting_for or ""
    said = []
    if state.best:
        said.append(f"best {state.best['metric']} {state.best['value']:.4g}")
    if state.seconds_left and not state.has_ended:
        said.append(f"{duration(state.seconds_left)} left")
    if state.warning:
        said.append(state.warning)
    return ", ".join(said)
