"""What a run is doing, as it stands in the run folder: `state.json` and the names of the files beside it."""

from __future__ import annotations

import dataclasses
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

from workbench import storage
from workbench.errors import RunNotFoundError, StorageError

Status = Literal["queued", "running", "finished", "stopped", "failed", "lost"]
Phase = Literal[
    "starting", "reading", "preparing", "searching", "cross-validating", "training", "evaluating", "packaging", "done"
]  # fmt: skip

SPEC = "spec.json"
STATE = "state.json"
PROCESS = "process.json"  # written by whoever launched the worker, so a worker killed before its first breath is found
STOP = "stop"
KILL = "kill"
HISTORY = "history.jsonl"
LAYERS = "layers.jsonl"
HARDWARE = "hardware.jsonl"
LOG = "log.txt"
CHECKPOINT = "checkpoint"
REPORT = "report"
PACKAGE = "package"
ABOUT = "about.json"
FOLDS = "folds.jsonl"
PACKAGES = "packages.jsonl"  # manifests of the packages that a resumed run had before
LAUNCH = "launch.json"  # what the run needs to train on (the CPU, a GPU, all of them), and the folder it was started in
WORKER = "worker.lock"  # held by the process that executes the run, for as long as it lives

_NUMBERS = (
    "created", "started", "ended", "heartbeat", "queued", "working_since", "progressed", "worked_seconds", "resumed",
    "step", "total", "step_seconds", "seconds_left", "pid_created", "launcher_created",
)  # fmt: skip
ENDED = frozenset({"finished", "stopped", "failed", "lost"})
SILENT_SECONDS = 20.0  # a worker writes a sign of life each second; a busy machine may delay a few
STUCK_SECONDS = 60.0
STUCK_STEPS = 5.0  # so many times the usual length of a step without one are worth a warning


class Best(TypedDict):
    """The best value of the watched metric so far."""

    metric: str
    value: float
    step: int


@dataclass(frozen=True)
class RunState:
    """A run at one moment.

    Parameters
    ----------
    status : {"queued", "running", "finished", "stopped", "failed", "lost"}
    created, started, ended, heartbeat : float, optional
        Unix seconds. `heartbeat` is the worker's last sign of life.
    reason : str, optional
        Why it failed, stopped or was lost, in words.
    note : str, optional
        What a reader should know about a run that did end well (stopped early, best weights of which epoch, trained on
        a sample of the rows).
    pid, pid_created, host
        The worker's process, its creation time (Unix seconds) and its machine.
    launcher_pid, launcher_created
        The process that started the worker.
    phase : str
        What the worker is doing: reading, preparing, searching (where the spec has a search), cross-validating (where
        the split has folds), training, evaluating, packaging.
    step, total, unit
        How far training is, in `unit` ("epoch", "tree", "round" or "fit"; "fold" while cross-validating).
    best : dict, optional
        ``{"metric", "value", "step"}``; the step counts in `unit`.
    seconds_left : float, optional
        Estimate for the training phase from its measured speed; early stopping makes it shorter. While
        cross-validating, for all folds; while searching, for all trials.
    table : str, optional
        Digest of the table that was read.
    n_train_rows, n_sampled_rows : int, optional
        Training rows of the split, and how many of them were trained on where they were too many for
        ``settings.max_table_mib``.
    queued : float, optional
        Since when it has waited for a place, or did, in Unix seconds.
    waiting_for : str, optional
        What a queued run waits for, in words.
    device : str, optional
        What it trains on: ``cpu``, ``gpu0``, ``gpu0,gpu1``.
    resumed : int
        How often it was resumed.
    worked_seconds : float
        Working time before it was last resumed.
    working_since : float, optional
        When its worker of now began, in Unix seconds; `started` is the first one's beginning.
    progressed : float, optional
        When its loop last told that it got anywhere, in Unix seconds.
    step_seconds : float, optional
        How long one step of the training takes.
    energy : dict, optional
        What a run that has ended has drawn, as `energy.Energy.to_dict` gives it.
    interrupted : tuple of float
        When it had ended each time before it was resumed, in Unix seconds.
    earlier_report : int, optional
        When the report was written that it had as it was last resumed, in nanoseconds: no result of what it does now.
    """

    status: Status
    created: float
    reason: str | None = None
    note: str | None = None
    pid: int | None = None
    pid_created: float | None = None
    host: str | None = None
    launcher_pid: int | None = None
    launcher_created: float | None = None
    started: float | None = None
    ended: float | None = None
    heartbeat: float | None = None
    phase: Phase = "starting"
    step: int = 0
    total: int = 0
    unit: str = "fit"
    best: Best | None = None
    seconds_left: float | None = None
    table: str | None = None
    n_train_rows: int | None = None
    n_sampled_rows: int | None = None
    queued: float | None = None
    waiting_for: str | None = None
    device: str | None = None
    resumed: int = 0
    worked_seconds: float = 0.0
    working_since: float | None = None
    progressed: float | None = None
    step_seconds: float | None = None
    energy: dict[str, float | None] | None = None
    interrupted: tuple[float, ...] = ()
    earlier_report: int | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDED

    @property
    def seconds(self) -> float:
        """Seconds that its workers worked, to the end or to now; 0 before the first, and while it waits not counted."""
        since = self.working_since or (None if self.resumed else self.started)
        if since is None or self.status == "queued":
            return self.worked_seconds
        return self.worked_seconds + max(0.0, (self.ended or time.time()) - since)

    @property
    def warning(self) -> str | None:
        """What is wrong with a run that goes on: no sign of life, or no progress for far longer than usual."""
        if self.status != "running":
            return None
        now = time.time()
        silent = now - (self.heartbeat or now)
        if silent > SILENT_SECONDS:
            return (
                f"Its process is there but gave no sign of life for {silent:.0f} s: it hangs, was suspended, or the "
                "machine has no time for it. Wait, or stop the run; it is killed where it doesn't end by itself."
            )
        stuck = now - (self.progressed or now)
        usual = self.step_seconds
        # Only what has a pace can fall behind it: a single fit may take hours without a word.
        if usual is None or stuck < max(STUCK_SECONDS, STUCK_STEPS * usual):
            return None
        return (
            f"No progress for {stuck:.0f} s; one {self.unit} took {usual:.2g} s before. "
            "Look into the log. Stop the run where it hangs; it is killed where it doesn't end by itself."
        )

    @property
    def progress(self) -> float:
        """Share of the training that is done, from 0 to 1."""
        return min(1.0, self.step / self.total) if self.total else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give the state as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> RunState:
        """Build the state; keys of a later version are left out."""
        known = {entry.name for entry in dataclasses.fields(cls)}
        found = {key: value for key, value in document.items() if key in known}
        return cls(**{**found, "interrupted": tuple(found.get("interrupted") or ())})


def this_host() -> str:
    """Name this machine."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()


def read_state(folder: Path) -> RunState:
    """Read a run's state as it was last written, without looking at its process.

    One that can't be read is ``lost``, with the reason: a damaged run mustn't hide the others.

    Raises
    ------
    RunNotFoundError
        If the folder holds no run.
    """
    try:
        document = storage.read_json(folder / STATE)
    except StorageError as error:
        return _unreadable(folder, str(error))
    if document is None:
        raise RunNotFoundError(
            f"Got run {folder.name!r}, needed one with a {STATE} in {folder.parent}. List them with `workbench runs`."
        )
    if not _is_state(document):
        return _unreadable(
            folder,
            f"Got {folder / STATE} without a status and times, needed what a worker writes. "
            "Restore the file, or delete the run.",
        )
    return RunState.from_dict(document)


def _is_state(document: Any) -> bool:
    if not isinstance(document, dict) or document.get("status") not in get_args(Status):
        return False
    numbers = [document.get(name) for name in _NUMBERS]
    pids = [document.get(name) for name in ("pid", "launcher_pid")]
    return (
        numbers[0] is not None
        and all(number is None or isinstance(number, (int, float)) for number in numbers)
        and all(pid is None or is_pid(pid) for pid in pids)
        and isinstance(document.get("interrupted", []), list)
        and isinstance(document.get("best") or {}, dict)
    )


def is_pid(value: Any) -> bool:
    """Whether a value from a file can be the number of a process."""
    return type(value) is int and 0 < value < 2**31


def _unreadable(folder: Path, reason: str) -> RunState:
    try:
        changed = (folder / STATE).stat().st_mtime
    except OSError:
        changed = 0.0
    return RunState(status="lost", created=changed, ended=changed, reason=reason)


def report_written(folder: Path) -> int | None:
    """Return when a run's report was written, in nanoseconds by the clock of its disk; None where there is none."""
    try:
        return (folder / REPORT / "report.json").stat().st_mtime_ns
    except OSError:
        return None


def write_state(folder: Path, state: RunState) -> None:
    """Replace a run's state in one step."""
    storage.write_json(folder / STATE, {"format": 1, **state.to_dict()})
