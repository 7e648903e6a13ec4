"""A run as its readers see it: a folder, tailed by pages, notebooks, the command line and other machines alike."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import storage
from workbench.errors import RunError, RunNotFoundError, WorkbenchError
from workbench.settings import Settings, current
from workbench.training import state as files
from workbench.training.liveness import current_state, is_alive
from workbench.training.spec import RunSpec
from workbench.training.state import RunState as RunState
from workbench.training.state import Status

if TYPE_CHECKING:
    import polars as pl

    from workbench.evaluation import Report
    from workbench.package.predictor import Predictor

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_LOG_BYTES = 512 * 1024


class Run:
    """One run. Every property reads the folder anew, so it is as fresh as the disk.

    Open one with `open_run`, `start` or `train`.
    """

    def __init__(self, folder: Path, *, settings: Settings | None = None) -> None:
        self.folder = folder
        self.id = folder.name
        self._settings = settings or current()
        self._spec: RunSpec | None = None

    def __repr__(self) -> str:
        return f"Run({self.id!r}, {self.status})"

    @property
    def spec(self) -> RunSpec:
        """The document that this run executes; it never changes."""
        if self._spec is None:
            document = storage.read_json(self.folder / files.SPEC)
            if document is None:
                raise RunNotFoundError(
                    f"Got run {self.id!r} without {files.SPEC}, needed it. The run was deleted or is damaged."
                )
            self._spec = RunSpec.parse(document)
        return self._spec

    @property
    def name(self) -> str:
        """The name that its RunSpec gives; where that can't be read, the id without its ending."""
        with suppress(WorkbenchError):
            return self.spec.name
        return self.id.rpartition("-")[0] or self.id

    @property
    def state(self) -> RunState:
        """What it is doing now. A run whose worker is gone turns ``lost`` here."""
        return current_state(self.folder)

    @property
    def status(self) -> Status:
        """``queued``, ``running``, ``finished``, ``stopped``, ``failed`` or ``lost``."""
        return self.state.status

    @property
    def reason(self) -> str | None:
        """Why it stopped, failed or was lost, in words."""
        return self.state.reason

    @property
    def seconds(self) -> float:
        """Seconds that its worker worked, up to now or its end."""
        return self.state.seconds

    @property
    def package_folder(self) -> Path:
        """Folder of the model package; filled by a run that finished or was stopped after it had learned something."""
        return self.folder / files.PACKAGE

    @property
    def report_folder(self) -> Path:
        """Folder of the report: metrics and predictions of every split."""
        return self.folder / files.REPORT

    @property
    def stop_requested(self) -> bool:
        """Whether someone asked it to stop."""
        return (self.folder / files.STOP).exists()

    def history(self) -> pl.DataFrame:
        """Give the curves so far.

        Returns
        -------
        DataFrame
            `time` (Unix seconds), `step` (optimizer steps, trees or rounds), `epoch` (fractional inside an epoch; equal
            to `step` for loops without epochs) and a column for each metric: `loss`, `val_loss`, `accuracy`, ...
        """
        from workbench.training.history import history_frame, history_since

        return history_frame(history_since(self.folder)[0])

    def history_since(self, position: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Give the points after a position, as plain rows, and the position to go on from."""
        from workbench.training.history import history_since

        return history_since(self.folder, position)

    def hardware(self) -> pl.DataFrame:
        """Give the hardware samples so far, one row a sample; columns as in `history.hardware_frame`."""
        from workbench.training.history import hardware_frame, hardware_since

        return hardware_frame(hardware_since(self.folder)[0])

    def hardware_since(self, position: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Give the samples after a position, as plain rows, and the position to go on from."""
        from workbench.training.history import hardware_since

        return hardware_since(self.folder, position)

    def log(self, tail: int = 200) -> str:
        """Give the last lines of what the worker printed."""
        try:
            with (self.folder / files.LOG).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LOG_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-tail:]) if tail > 0 else ""

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until it has ended, however it ended.

        Raises
        ------
        RunError
            If it hasn't after `timeout` seconds; it goes on.
        """
        until = None if timeout is None else time.monotonic() + timeout
        pause = 0.05
        while not self.state.has_ended:
            if until is not None and time.monotonic() >= until:
                raise RunError(
                    f"Run {self.id} hasn't ended after {timeout:g} s; it goes on. Wait longer, or call run.stop()."
                )
            time.sleep(pause)
            pause = min(0.25, pause * 1.5)
        return self

    def stop(self) -> None:
        """Ask it to stop. It keeps the best weights so far, evaluates, packages, and ends as ``stopped``.

        Returns at once; `wait` for the end. A run that has ended stays as it is.
        """
        if not self.state.has_ended:
            storage.write_json(self.folder / files.STOP, {"time": time.time()})

    def kill(self) -> None:
        """End a run that was asked to stop and hasn't within ``settings.stop_grace_seconds``; its results are lost.

        Raises
        ------
        RunError
            If it wasn't asked to stop, or the grace period isn't over.
        """
        state = self.state
        if state.has_ended:
            return
        asked = storage.read_json(self.folder / files.STOP)
        grace = self._settings.stop_grace_seconds
        waited = time.time() - asked["time"] if asked else 0.0
        if asked is None or waited < grace:
            raise RunError(
                f"Got a kill for run {self.id} {waited:.0f} s after a stop, needed {grace:.0f} s of grace so that it "
                "can keep its best weights. Ask it to stop with run.stop() and wait."
            )
        process = storage.read_json(self.folder / files.PROCESS) or {"pid": state.pid, "created": state.pid_created}
        pid = process["pid"]
        if pid and is_alive(pid, process["created"]):
            reason = (
                f"Killed: it hadn't ended {waited:.0f} s after it was asked to stop. Its history up to then is kept."
            )
            storage.write_json(self.folder / files.KILL, {"time": time.time(), "reason": reason})
            with suppress(ProcessLookupError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def report(self) -> Report:
        """Open its report: metrics, curves and predictions of every split."""
        self._needs_result(self.report_folder / "report.json")
        from workbench.evaluation import open_report

        return open_report(self.report_folder)

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Give its metrics by split: ``{"train": {...}, "validation": ..., "test": ...}``; empty before they exist.

        A run with folds also has ``"cross_validation"``: ``n_folds``, ``mean`` and ``std`` by metric, ``folds``.
        """
        document = storage.read_json(self.report_folder / "report.json") or {}
        metrics = {split: dict(part["metrics"]) for split, part in document.get("splits", {}).items()}
        folds = document.get("cross_validation")
        return metrics | ({"cross_validation": dict(folds)} if folds else {})

    def model(self) -> Predictor:
        """Load the model that it made.

        Raises
        ------
        RunError
            If it has made none (yet).
        """
        self._needs_result(self.package_folder / "signature.json")
        from workbench.package.predictor import load_predictor

        return load_predictor(self.package_folder, settings=self._settings)

    def to_dict(self) -> dict[str, Any]:
        """Give the line of ``workbench runs --json``; of a run on a sample also how many rows that was."""
        state = self.state
        rows = {"n_train_rows": state.n_train_rows, "n_sampled_rows": state.n_sampled_rows}
        return {
            "run_id": self.id,
            "name": self.name,
            "status": state.status,
            "reason": state.reason,
            "pid": state.pid,
            "started": state.started,
            "seconds": round(state.seconds, 3),
            **(rows if state.n_sampled_rows is not None else {}),
        }

    def _needs_result(self, path: Path) -> None:
        state = self.state
        if not path.exists() or not state.has_ended:
            told = f": {state.reason}" if state.reason else ""
            remedy = "Start it again." if state.has_ended else "Wait for it with run.wait()."
            raise RunError(
                f"Got run {self.id}, which is {state.status}{told}; needed one that has made a model. {remedy}"
            )


def open_run(run_id: str, *, settings: Settings | None = None) -> Run:
    """Open a run by its id.

    Raises
    ------
    RunNotFoundError
        If there is none; the message offers the nearest.
    """
    settings = settings or current()
    folder = settings.runs / run_id
    if _ID.fullmatch(run_id) and (folder / files.STATE).is_file():
        return Run(folder, settings=settings)
    import difflib

    near = difflib.get_close_matches(run_id, [path.name for path in _folders(settings)], n=1, cutoff=0.4)
    advice = f"Did you mean {near[0]!r}?" if near else "List them with `workbench runs`."
    raise RunNotFoundError(f"Got run {run_id!r}, needed one in {settings.runs}. {advice}")


def runs(*, settings: Settings | None = None) -> list[Run]:
    """List all runs, newest first."""
    settings = settings or current()
    found = []
    for folder in _folders(settings):
        with suppress(RunNotFoundError):  # deleted since it was listed
            found.append((files.read_state(folder).created, folder.name, folder))
    return [Run(folder, settings=settings) for _, _, folder in sorted(found, reverse=True)]


def delete_run(run_id: str, *, settings: Settings | None = None) -> None:
    """Delete a run that has ended, with all its files.

    Raises
    ------
    RunNotFoundError
        If there is none of that id.
    RunError
        If it is still going on.
    """
    run = open_run(run_id, settings=settings)
    if not run.state.has_ended:
        raise RunError(f"Got run {run_id!r}, which is {run.status}; needed one that has ended. Stop it first.")
    grave = run.folder.with_name(f".deleted-{run_id}")
    with storage.disk_errors(run.folder):
        os.replace(run.folder, grave)  # gone for readers in one step, however long the removal takes
        shutil.rmtree(grave)


def _folders(settings: Settings) -> list[Path]:
    return [
        path for path in storage.entries(settings.runs) if _ID.fullmatch(path.name) and (path / files.STATE).is_file()
    ]
