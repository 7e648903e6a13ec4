"""What a run is doing, as it stands in the run folder: `state.json` and the names of the files beside it."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

from workbench import storage
from workbench.errors import RunNotFoundError, StorageError

Status = Literal["queued", "running", "finished", "stopped", "failed", "lost"]
Phase = Literal[
    "starting", "reading", "preparing", "cross-validating", "training", "evaluating", "packaging", "done"
]  # fmt: skip

SPEC = "spec.json"
STATE = "state.json"
PROCESS = "process.json"  # written by whoever launched the worker, so a worker killed before its first breath is found
STOP = "stop"
KILL = "kill"
HISTORY = "history.jsonl"
HARDWARE = "hardware.jsonl"
LOG = "log.txt"
CHECKPOINT = "checkpoint"
REPORT = "report"
PACKAGE = "package"

ENDED = frozenset({"finished", "stopped", "failed", "lost"})


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
        What the worker is doing: reading, preparing, cross-validating (where the split has folds), training,
        evaluating, packaging.
    step, total, unit
        How far training is, in `unit` ("epoch", "tree", "round" or "fit"; "fold" while cross-validating).
    best : dict, optional
        ``{"metric", "value", "step"}``; the step counts in `unit`.
    seconds_left : float, optional
        Estimate for the training phase; early stopping makes it shorter. While cross-validating, for all folds.
    table : str, optional
        Digest of the table that was read.
    n_train_rows, n_sampled_rows : int, optional
        Training rows of the split, and how many of them were trained on where they were too many for
        ``settings.max_table_mib``.
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

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDED

    @property
    def seconds(self) -> float:
        """Seconds from the worker's start to its end, or to now; 0 before it started."""
        if self.started is None:
            return 0.0
        return max(0.0, (self.ended or time.time()) - self.started)

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
        return cls(**{key: value for key, value in document.items() if key in known})


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
    times = [document.get(name) for name in ("created", "started", "ended", "heartbeat")]
    return times[0] is not None and all(time is None or isinstance(time, (int, float)) for time in times)


def _unreadable(folder: Path, reason: str) -> RunState:
    try:
        changed = (folder / STATE).stat().st_mtime
    except OSError:
        changed = 0.0
    return RunState(status="lost", created=changed, ended=changed, reason=reason)


def write_state(folder: Path, state: RunState) -> None:
    """Replace a run's state in one step."""
    storage.write_json(folder / STATE, {"format": 1, **state.to_dict()})
