"""Explanations in a process of their own, stored by what was asked, and reused when it is asked again."""

from __future__ import annotations

import io
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import polars as pl

from workbench import storage
from workbench.errors import ExplainError
from workbench.explain.files import FORMAT_VERSION, RESULT
from workbench.explain.result import Engine, Explanation
from workbench.explain.rows import N_BACKGROUND, refuse_images, sample_frame
from workbench.settings import Settings, current
from workbench.training.liveness import exit_status, is_alive, is_ours, process_created
from workbench.training.processes import start_worker
from workbench.training.state import PROCESS

Status = Literal["queued", "running", "finished", "failed", "lost"]
REQUEST, ROWS, STATE = "request.json", "rows.parquet", "state.json"
_START_SECONDS = 30.0


@dataclass(frozen=True)
class ExplanationState:
    """How far an explanation is.

    Parameters
    ----------
    status : {"queued", "running", "finished", "failed", "lost"}
    progress : float
        Share that is done, from 0 to 1.
    reason : str, optional
        Why it failed or was lost.
    started : float, optional
        Unix seconds.
    """

    status: Status
    progress: float = 0.0
    reason: str | None = None
    started: float | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ("finished", "failed", "lost")


class ExplanationJob:
    """An explanation that is computed, or was; everything about it lies in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name

    def __repr__(self) -> str:
        return f"ExplanationJob({self.id!r}, {self.status}, {self.progress:.0%})"

    @property
    def state(self) -> ExplanationState:
        """The state now; a worker that is gone without a result shows as lost."""
        exited = exit_status(self.folder)  # also reaps our child, so that a long-lived app gathers no zombies
        state = _read_state(self.folder)
        if state.has_ended:
            return state
        reason = _why_gone(self.folder, exited, state)
        if reason is None:
            return state
        latest = _read_state(self.folder)  # it may have ended properly between our two looks
        return latest if latest.has_ended else ExplanationState("lost", latest.progress, reason, latest.started)

    @property
    def status(self) -> Status:
        """Shortcut for ``state.status``."""
        return self.state.status

    @property
    def progress(self) -> float:
        """Share that is done, from 0 to 1."""
        return self.state.progress

    @property
    def reason(self) -> str | None:
        """Why it failed or was lost."""
        return self.state.reason

    @property
    def request(self) -> dict[str, Any]:
        """What was asked: ``engine``, ``n_rows``, and in ``asked`` which rows these are, where that was said."""
        return dict(storage.read_json(self.folder / REQUEST) or {})

    @property
    def seconds_left(self) -> float | None:
        """Estimate from what is done so far; None before the first sign of progress."""
        state = self.state
        if state.status != "running" or state.started is None or not state.progress:
            return None
        return (time.time() - state.started) * (1 - state.progress) / state.progress

    def wait(self, timeout: float | None = None) -> ExplanationJob:
        """Wait until it has ended, at most `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self.state.has_ended and (end is None or time.monotonic() < end):
            time.sleep(0.05)
        if self.state.has_ended:
            _let_leave(self.folder)
        return self

    def stop(self) -> None:
        """End the computation; it can be started again."""
        import psutil

        state, process = self.state, storage.read_json(self.folder / PROCESS)
        if state.has_ended:
            return
        if process and is_alive(process["pid"], process["created"]):
            with suppress(psutil.Error):  # it may leave by itself just now
                psutil.Process(process["pid"]).kill()
        write_state(self.folder, "failed", progress=state.progress, reason="It was stopped.", started=state.started)

    def result(self, timeout: float | None = None) -> Explanation:
        """Wait for the explanation and give it.

        Raises
        ------
        ExplainError
            If it failed, was lost, or hasn't ended within `timeout` seconds.
        """
        state = self.wait(timeout).state
        if state.status == "finished":
            return Explanation.load(self.folder)
        if state.has_ended:
            raise ExplainError(f"The explanation {state.status}: {state.reason}")
        raise ExplainError(
            f"Got no explanation within {timeout} s, {state.progress:.0%} is done. Wait longer: call result() again."
        )


def start_explanation(
    package_folder: Path | str,
    rows: Any = None,
    *,
    n_rows: int | None = None,
    engine: Engine = "auto",
    n_background: int = N_BACKGROUND,
    seed: int = 0,
    asked: dict[str, Any] | None = None,
    settings: Settings | None = None,
) -> ExplanationJob:
    """Explain rows in a process of its own and return at once; asked again, give what is there or under way.

    Parameters
    ----------
    package_folder : Path
    rows : Polars, pandas or Arrow frame, dict of lists or list of dict, optional
        By default the package's background rows (a sample of its training rows).
    n_rows : int, optional
        At most this many of them, drawn at random by `seed`; all when absent.
    engine, n_background, seed
        As `explain`.
    asked : dict, optional
        Kept with the request: which rows these are, for whoever shows the explanation.

    Raises
    ------
    InputError
        If the rows don't fit the model's signature.
    ExplainError
        If no process can be started.
    StorageError
        If the disk refuses.
    """
    from filelock import FileLock

    settings = settings or current()
    folder = Path(package_folder).resolve()
    frame = _checked_rows(folder, rows, n_rows, seed, settings)
    options = {"engine": engine, "n_background": n_background, "seed": seed}
    job = ExplanationJob(settings.explanations / _digest(folder, frame, options))
    with storage.disk_errors(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(job.folder / ".lock"):
        state = job.state if (job.folder / REQUEST).is_file() else None
        if state is None or state.status in ("failed", "lost"):
            _prepare(job.folder, folder, frame, options | ({"asked": asked} if asked else {}))
            _launch(job.folder, settings)
    return job


def open_explanation(explanation_id: str, *, settings: Settings | None = None) -> ExplanationJob:
    """Open a job by its id.

    Raises
    ------
    ExplainError
        If there is none of that id.
    """
    folder = (settings or current()).explanations / explanation_id
    if not explanation_id.isalnum() or not (folder / REQUEST).is_file():
        raise ExplainError(f"Got the explanation {explanation_id!r}, needed one in {folder.parent}. Start it again.")
    return ExplanationJob(folder)


def write_state(
    folder: Path, status: Status, *, progress: float = 0.0, reason: str | None = None, started: float | None = None
) -> None:
    """Replace a job's state in one step."""
    storage.write_json(
        folder / STATE, {"status": status, "progress": progress, "reason": reason, "started": started or time.time()}
    )


def _checked_rows(folder: Path, rows: Any, n_rows: int | None, seed: int, settings: Settings) -> pl.DataFrame:
    from workbench.package import load_predictor

    predictor = load_predictor(folder, settings=settings)
    refuse_images(predictor)
    signature = predictor.signature
    if rows is None:
        path = folder / "background.parquet"
        if not path.is_file():
            raise ExplainError(f"Got a package without background rows ({path}), needed rows to explain. Pass some.")
        try:
            rows = pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ExplainError(f"{path} can't be read ({error}). Restore the package, or pass rows.") from error
    if n_rows is None:
        return signature.check(rows).frame
    if isinstance(rows, pl.DataFrame):  # of a large table only the rows that are explained are checked
        return signature.check(sample_frame(rows, max(n_rows, 1), seed)).frame
    return sample_frame(signature.check(rows).frame, max(n_rows, 1), seed)


def _digest(folder: Path, frame: pl.DataFrame, options: dict[str, Any]) -> str:
    digest = sha256()
    for name in ("manifest.json", "signature.json", "background.parquet"):
        path = folder / name
        digest.update(path.read_bytes() if path.is_file() else b"-")
    digest.update(storage.to_json({"format": FORMAT_VERSION, **options, "columns": frame.columns}).encode())
    digest.update(frame.write_csv(null_value="\0").encode())
    return digest.hexdigest()[:16]


def _prepare(folder: Path, package_folder: Path, frame: pl.DataFrame, options: dict[str, Any]) -> None:
    for name in (RESULT, STATE, PROCESS, REQUEST):
        (folder / name).unlink(missing_ok=True)
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    storage.write_atomic(folder / ROWS, buffer.getvalue())
    write_state(folder, "queued")
    request = {"package_folder": str(package_folder), "n_rows": frame.height, "token": secrets.token_hex(4), **options}
    storage.write_json(folder / REQUEST, request)


def _launch(folder: Path, settings: Settings) -> None:
    try:
        start_worker("workbench.explain.worker", folder, settings=settings, refused=ExplainError, fresh_log=True)
    except ExplainError as error:
        write_state(folder, "failed", reason=str(error))
        raise


def _read_state(folder: Path) -> ExplanationState:
    document = storage.read_json(folder / STATE) or {"status": "queued"}
    return ExplanationState(**document)


def _let_leave(folder: Path, seconds: float = 2.0) -> None:
    """Wait until a worker that has written its end is gone and reaped."""
    process, end = storage.read_json(folder / PROCESS), time.monotonic() + seconds
    while exit_status(folder) is None and process and process_created(process["pid"]) == process["created"]:
        if time.monotonic() > end:
            return
        time.sleep(0.02)


def _why_gone(folder: Path, exited: int | None, state: ExplanationState) -> str | None:
    """Say why the worker is gone; None while it lives or may still come."""
    process = storage.read_json(folder / PROCESS)
    if exited is None and process is None:
        if time.time() - (state.started or 0.0) < _START_SECONDS:
            return None
        return "The program that started it ended before the worker began. Start it again."
    if exited is None and is_alive(process["pid"], process["created"]):
        return None
    if exited is None:
        exited = exit_status(folder)  # it may have ended between the two looks
    if exited is None and is_ours(folder, process["pid"]):  # its thread is about to learn how it ended
        return None
    how = "killed, or out of memory"
    if exited is not None:
        how = f"killed by signal {-exited}" if exited < 0 else f"exit status {exited}"
    return f"Its process ended without a result ({how}). Explain fewer rows or free some memory, then start it again."
