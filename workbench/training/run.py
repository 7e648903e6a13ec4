"""A run as its readers see it: a folder, tailed by pages, notebooks, the command line and other machines alike."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench import storage
from workbench.errors import RunError, RunNotFoundError, WorkbenchError
from workbench.settings import Settings, current
from workbench.training import state as files
from workbench.training.about import About, change_about, read_about
from workbench.training.liveness import current_state
from workbench.training.readings import Readings
from workbench.training.spec import RunSpec
from workbench.training.state import RunState as RunState
from workbench.training.state import Status

if TYPE_CHECKING:
    import polars as pl

    from workbench.data import Table
    from workbench.evaluation import Report
    from workbench.package.predictor import Predictor


_ENDED = {
    "finished": "finished, but its result is gone",
    "stopped": "was stopped before it had a model",
    "failed": "failed and has no model",
    "lost": "was lost and has no model",
}


class Run(Readings):
    """One run. Every property reads the folder anew, so it is as fresh as the disk.

    Open one with `open_run`, `start` or `train`.
    """

    def __init__(self, folder: Path, *, settings: Settings | None = None) -> None:
        self.folder = folder
        self.id = folder.name
        self._settings = settings or current()
        self._spec: RunSpec | None = None

    def __repr__(self) -> str:
        state = self.state
        return f"Run({self.id!r}, {state.status}{f': {state.reason}' if state.reason else ''})"

    @property
    def spec(self) -> RunSpec:
        """The document that this run executes; it never changes, but for the budget of a search that goes on."""
        if self._spec is None:
            document = storage.read_json(self.folder / files.SPEC)
            if document is None:
                raise RunNotFoundError(
                    f"Got run {self.id!r} without {files.SPEC}, needed it. The run was deleted or is damaged."
                )
            self._spec = RunSpec.parse(document)
        return self._spec

    @property
    def located_spec(self) -> RunSpec:
        """Its spec, with files that it names from the folder it was started in as absolute paths."""
        from workbench.data.keras_sets import is_keras_set
        from workbench.data.sample_tables import is_sample
        from workbench.training.tickets import Need

        spec, began_in = self.spec, Need.read(self.folder).folder
        located = {}
        for field in ("source", "test_source"):
            text = getattr(spec.data, field)
            if began_in and text and "://" not in text and not is_sample(text) and not is_keras_set(text):
                path = Path(began_in, text)
                if path.exists():
                    located[field] = str(path)
        return spec.model_copy(update={"data": spec.data.model_copy(update=located)}) if located else spec

    @property
    def name(self) -> str:
        """The name that its RunSpec gives; where that can't be read, the id without its ending."""
        with suppress(WorkbenchError):
            return self.spec.name
        return self.id.rpartition("-")[0] or self.id

    @property
    def estimator(self) -> str:
        """Name of what it trains: where it tries everything, the estimator that it chose, and before "everything"."""
        search = self.spec.search
        if search is None or search.method != "everything":
            return self.spec.estimator.name
        from workbench.training.searching.trials import CHOSEN

        chosen = storage.read_json(self.folder / CHOSEN)
        return str(chosen["estimator"]) if isinstance(chosen, dict) and chosen.get("estimator") else "everything"

    @property
    def data_name(self) -> str:
        """Name of its table, as people know it; empty where its RunSpec can't be read."""
        from workbench.data.naming import source_name

        try:
            return source_name(self.spec.data.source, settings=self._settings)
        except WorkbenchError:
            return ""

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
        """Seconds that its workers worked, up to now or its end; waiting isn't counted."""
        return self.state.seconds

    @property
    def about(self) -> About:
        """Its note, tags and priority."""
        return read_about(self.folder)

    @property
    def note(self) -> str:
        """What people should know about it; see `describe`."""
        return self.about.note

    @property
    def tags(self) -> tuple[str, ...]:
        """Words to find it by; see `describe`."""
        return self.about.tags

    @property
    def priority(self) -> int:
        """From -100 to 100: of the runs that wait, the one with the highest trains first."""
        return self.about.priority

    def describe(
        self, *, note: str | None = None, tags: Iterable[str] | None = None, priority: int | None = None
    ) -> Self:
        """Change its note, tags or priority, at any time; what is None stays as it is.

        Raises
        ------
        RunError
            If a tag or the priority can't be used.
        StorageError
            If the disk refuses.
        """
        change_about(self.folder, note=note, tags=tags, priority=priority)
        return self

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

    @property
    def stop_waited(self) -> float | None:
        """Seconds since someone asked it to stop; None where nobody has."""
        asked = storage.read_json(self.folder / files.STOP)
        return time.time() - float(asked["time"]) if isinstance(asked, dict) and "time" in asked else None

    def wait(self, timeout: float | None = None) -> Self:
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
        """End a run that was asked to stop and hasn't within ``settings.stop_grace_seconds``.

        What it hasn't stored is lost; it can be resumed from its last checkpoint.

        Raises
        ------
        RunError
            If it wasn't asked to stop, or the grace period isn't over.
        """
        from workbench.training.killing import kill

        kill(self.folder, grace_seconds=self._settings.stop_grace_seconds)

    def resume(self, *, n_trials: int | None = None, minutes: float | None = None) -> Self:
        """Go on with a run that was stopped, failed or lost, to the result that it would have had; return at once.

        It goes on from its last checkpoint, in a process of its own: `wait` for the end, or `watch` it.

        Parameters
        ----------
        n_trials : int, optional
            Of a search, a finished one, too: how many trials it may have in all from now on.
        minutes : float, optional
            Of a search: how many minutes it may take from now on.

        Raises
        ------
        RunError
            If it is still going on or finished, or isn't the search that a budget needs.
        StorageError
            If the disk refuses.
        """
        from workbench.training.resuming import resume

        resume(self.folder, settings=self._settings, n_trials=n_trials, minutes=minutes)
        self._spec = None
        return self

    def report(self) -> Report:
        """Open its report: metrics, curves and predictions of every split.

        Raises
        ------
        RunError
            If it hasn't ended, or has made no model; the message says why.
        """
        self._check_result(self.report_folder / "report.json")
        from workbench.evaluation import open_report

        return open_report(self.report_folder)

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Give its metrics by split: ``{"train": {...}, "validation": ..., "test": ...}``.

        A run with folds also has ``"cross_validation"``: ``n_folds``, ``mean`` and ``std`` by metric, ``folds``.

        Raises
        ------
        RunError
            If it hasn't ended, or has made no model; the message says why.
        """
        self._check_result(self.report_folder / "report.json")
        return self.metrics_so_far()

    def metrics_so_far(self) -> dict[str, dict[str, Any]]:
        """Give what `metrics` does, empty where there is nothing yet: for who shows a run in whatever state it is.

        While a resumed run goes on, the report of before isn't its result.
        """
        state = self.state
        if not state.has_ended and state.earlier_report == files.report_written(self.folder):
            return {}
        document = storage.read_json(self.report_folder / "report.json") or {}
        metrics = {split: dict(part["metrics"]) for split, part in document.get("splits", {}).items()}
        folds = document.get("cross_validation")
        return metrics | ({"cross_validation": dict(folds)} if folds else {})

    def model(self) -> Predictor:
        """Load the model that it made.

        Raises
        ------
        RunError
            If it has made none (yet); the message says why.
        """
        self.check_model()
        from workbench.package.predictor import load_predictor

        return load_predictor(self.package_folder, settings=self._settings)

    def unseen_rows(self, n: int | None = None, *, seed: int | None = None) -> pl.DataFrame:
        """Give rows of its test split as they are in the table (of training, where it has no test split).

        Parameters
        ----------
        n : int, optional
            At most this many; all when absent.
        seed : int, optional
            Draw them at random, in the order of the split; without it, they are the first.
        """
        import numpy as np

        report = self.report()
        split = "test" if "test" in report.splits else report.splits[0]
        positions = report.predictions(split)["row"].to_numpy()
        if n is not None and n < len(positions) and seed is not None:
            chosen = np.random.default_rng(seed).choice(len(positions), size=n, replace=False)
            positions = positions[np.sort(chosen)]
        return self._table().take(positions[:n])

    def _table(self) -> Table:
        """Open the table that it learned from, wherever this process works and whatever the file holds by now."""
        from workbench.data import open_table, resolve

        if digest := self.state.table:
            with suppress(WorkbenchError):  # the stored table was deleted
                return open_table(digest, settings=self._settings)
        return resolve(self.located_spec.opened_data, settings=self._settings)

    def background(self) -> pl.DataFrame:
        """Give the training rows that its model carries (at most 200, the model's columns only).

        Raises
        ------
        RunError
            If it has made no model (yet).
        """
        import polars as pl

        path = self.package_folder / "background.parquet"
        self.check_model()
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise RunError(f"{path} can't be read ({error}). Restore the run's package.") from error

    def to_dict(self) -> dict[str, Any]:
        """Give the line of ``workbench runs --json``; of a run on a sample also how many rows that was."""
        state, about = self.state, self.about
        rows = {"n_train_rows": state.n_train_rows, "n_sampled_rows": state.n_sampled_rows}
        return {
            "run_id": self.id,
            "name": self.name,
            "data": self.data_name or None,
            "status": state.status,
            "reason": state.reason,
            "waiting_for": state.waiting_for,
            "warning": state.warning,
            "pid": state.pid,
            "device": state.device,
            "started": state.started,
            "seconds": round(state.seconds, 3),
            "resumed": state.resumed,
            "energy_wh": self.energy.wh,
            **about.to_dict(),
            **(rows if state.n_sampled_rows is not None else {}),
        }

    def check_model(self) -> None:
        """Refuse where there is no model to load or to publish.

        Raises
        ------
        RunError
            If it hasn't ended, or has made none; the message says why.
        """
        self._check_result(self.package_folder / "signature.json")

    def _check_result(self, path: Path) -> None:
        state = self.state
        if not state.has_ended:
            doing = "waiting for its turn" if state.status == "queued" else "running"
            raise RunError(
                f"Run {self.id} is still {doing}, so it has no result yet. Wait for its end with run.wait(), or end it "
                "with run.stop(), which keeps the best so far."
            )
        if not path.exists():
            reason = (state.reason or "Nothing says why; its log may: run.log().").strip()
            raise RunError(f"Run {self.id} {_ENDED[state.status]}: {reason}")
