"""How results and progress are written: results to stdout, the rest to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.storage import to_json

if TYPE_CHECKING:
    from workbench.training.run import Run, RunState

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
LINE_SECONDS = 10.0  # where no terminal shows a bar, a line of progress this often


def show(value: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Print a result as JSON, or as text for people."""
    typer.echo(to_json(value, indent=2) if as_json else text())


def note(message: str) -> None:
    """Say something beside the result."""
    typer.echo(message, err=True)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Align columns; numbers to the right.

    Examples
    --------
    >>> print(table(["name", "rows"], [["iris", 150]]))
    name  rows
    iris   150
    """
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    right = [len(cells) > 1 and all(_is_number(row[i]) for row in cells[1:]) for i in range(len(head))]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    )


def moment(seconds: float | None) -> str:
    """Write a time since 1970 as local date and time."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S") if seconds else ""


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
            self._bar.update(self._task, description=phase, words=_words(state), **known)
        elif phase != self._last_phase or time.monotonic() - self._last_line > LINE_SECONDS:
            self._last_phase, self._last_line = phase, time.monotonic()
            done = f" {state.unit} {state.step} of {state.total}" if phase == "training" and state.total else ""
            note(f"{phase}{done} {_words(state)}".rstrip())


def _words(state: RunState) -> str:
    words = []
    if state.best:
        words.append(f"best {state.best['metric']} {state.best['value']:.4g}")
    if state.seconds_left:
        words.append(f"{duration(state.seconds_left)} left")
    return ", ".join(words)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).replace("-", "").replace("e", "").replace("+", "").isdigit()
