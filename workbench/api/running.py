"""Runs for notebooks and scripts: the run of the training room, with what can be done with its result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workbench import training
from workbench.api import watching
from workbench.api.managing import find_runs
from workbench.errors import RunError, WorkbenchError
from workbench.settings import Settings

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import polars as pl

    from workbench.evaluation import Report
    from workbench.explain import Explanation
    from workbench.registry import Version
    from workbench.training.spec import RunSpec

_FRAME = {
    **dict.fromkeys(("run_id", "name", "status", "reason", "data", "estimator"), "word"),
    **dict.fromkeys(("seconds", "accuracy", "roc_auc", "r2", "rmse"), "number"),
    "tags": "words",
    "note": "word",
    "priority": "count",
    "device": "word",
    "resumed": "count",
    "started": "number",
}


class Run(training.Run):
    """One run. Open one with `train`, `start` or `open_run`."""

    def watch(self) -> Run:
        """Show it until it ends: growing curves in a notebook, a progress bar elsewhere."""
        watching.watch(self)
        return self

    def plot(self) -> go.Figure:
        """Draw loss and metrics above CPU, memory and GPU, on one time axis."""
        return watching.curves(self)

    def evaluate(self) -> Report:
        """Give its report: metrics on train, validation and test, curves, predictions.

        Raises
        ------
        RunError
            If it hasn't ended, or has made no model.
        """
        return self.report()

    def explain(self, rows: Any = None, *, n_rows: int | None = None, **options: Any) -> Explanation:
        """Explain its answers in the user's own columns.

        Parameters
        ----------
        rows : Polars, pandas or Arrow frame, dict of lists or list of dict, optional
            The test split when absent (the training split, where there is no test split).
        n_rows : int, optional
            At most this many of them, drawn at random by `seed`, as on the Explain page. By default 100 of the test
            split, and all rows that are passed.
        **options
            As for `explain_model`.

        Raises
        ------
        RunError
            If it has made no model.
        ExplainError
            If the engine can't explain this model.
        """
        from workbench.api.explaining import explain_package
        from workbench.explain.rows import EXPLAINED_ROWS

        self.check_model()  # says what is missing
        if rows is None:
            rows, n_rows = self.unseen_rows(n_rows or EXPLAINED_ROWS, seed=options.get("seed", 0)), None
        return explain_package(self.package_folder, rows, n_rows=n_rows, settings=self._settings, **options)

    def publish(self, name: str, *, note: str = "") -> Version:
        """Publish its model as the next version of `name`; see `workbench.publish`.

        Raises
        ------
        RunError
            If it hasn't ended, or has made no model; the message says why.
        """
        from workbench.registry import publish

        return publish(self, name, note=note, settings=self._settings)

    def _repr_html_(self) -> str:
        return watching.status_html(self)


def train(
    spec: RunSpec | dict[str, Any],
    *,
    note: str = "",
    tags: Iterable[str] = (),
    priority: int = 0,
    settings: Settings | None = None,
) -> Run:
    """Train what a spec describes and wait for the end, with live curves in a notebook and a progress bar elsewhere.

    The run has its own process, so it shows up in the app, too. Interrupting stops it; it keeps the best state so far.

    Parameters
    ----------
    spec : RunSpec or dict
    note, tags, priority
        What is said about it; see `Run.describe`.
    settings : Settings, optional

    Raises
    ------
    SpecError, EstimatorError
        If the spec is malformed. A run that fails while it works doesn't raise here, so that a loop over specs goes on:
        the reason is printed, and what needs its result (`metrics`, `evaluate`, `model`, `publish`) raises it.
    """
    run = start(spec, note=note, tags=tags, priority=priority, settings=settings)
    watching.watch(run, stops=True)
    return run


def start(
    spec: RunSpec | dict[str, Any],
    *,
    note: str = "",
    tags: Iterable[str] = (),
    priority: int = 0,
    settings: Settings | None = None,
) -> Run:
    """Start a run in its own process and return at once: see `Run.wait`, `Run.watch` and `Run.stop`.

    Where as many runs train as ``settings.runs_at_once`` allows, it waits in a queue.

    Parameters
    ----------
    spec : RunSpec or dict
    note, tags, priority
        What is said about it; see `Run.describe`. Of the runs that wait, that of the highest priority trains first.
    settings : Settings, optional

    Raises
    ------
    SpecError, EstimatorError
        If the spec is malformed.
    RunError
        If a tag or the priority can't be used, or no process can be started.
    """
    return _own(training.start(spec, note=note, tags=tags, priority=priority, settings=settings), settings)


def open_run(run_id: str, *, settings: Settings | None = None) -> Run:
    """Open a run by its id.

    Raises
    ------
    RunNotFoundError
        If there is none; the message offers the nearest.
    """
    return _own(training.open_run(run_id, settings=settings), settings)


def runs(
    *,
    tag: str | Iterable[str] | None = None,
    status: str | None = None,
    search: str = "",
    sort: str = "created",
    settings: Settings | None = None,
) -> list[Run]:
    """List runs, newest first; those of the app and the command line, too.

    Parameters
    ----------
    tag : str or iterable of str, optional
        Only those with this tag, or with all of these.
    status : str, optional
        Only those that are ``queued``, ``running``, ``finished``, ``stopped``, ``failed`` or ``lost`` now.
    search : str
        Only those with all of these words in id, note, tags, estimator, data or reason.
    sort : str
        ``created`` (newest first), ``name``, ``status``, ``seconds``, ``priority``, or a metric (best on the test rows
        first).
    settings : Settings, optional

    Raises
    ------
    RunError
        If there is no such status or order.
    """
    found = find_runs(tag=tag, status=status, search=search, sort=sort, settings=settings)
    return [_own(run, settings) for run in found]


def runs_frame(
    *,
    tag: str | Iterable[str] | None = None,
    status: str | None = None,
    search: str = "",
    sort: str = "created",
    settings: Settings | None = None,
) -> pl.DataFrame:
    """List runs as `runs` does, one row a run: name, status, table, estimator, seconds, test metrics, tags, note.

    What can't be read of a damaged run is null.
    """
    import polars as pl

    rows = []
    for run in find_runs(tag=tag, status=status, search=search, sort=sort, settings=settings):
        document = run.to_dict()
        estimator, test = _described(run)
        known = {name: document[name] for name in _FRAME if name in document}
        metrics = {name: test.get(name) for name in ("accuracy", "roc_auc", "r2", "rmse")}
        rows.append(known | {"estimator": estimator} | metrics)
    return pl.DataFrame(rows, schema=_frame_schema())


def _frame_schema() -> dict[str, Any]:
    import polars as pl

    types = {"word": pl.String, "number": pl.Float64, "count": pl.Int64, "words": pl.List(pl.String)}
    return {name: types[kind] for name, kind in _FRAME.items()}


def _described(run: training.Run) -> tuple[str | None, dict[str, float]]:
    try:
        return run.estimator, run.metrics_so_far().get("test", {})
    except WorkbenchError:
        return None, {}


def compare(compared: Sequence[training.Run], *, split: str = "test") -> pl.DataFrame:
    """Put the metrics of several runs side by side, the best of each named.

    Raises
    ------
    RunError
        If there is no run, or one of them has made no model.
    EvaluationError
        If they have different tasks.
    """
    from workbench import evaluation

    if not compared:
        raise RunError("Got no runs, needed at least one. Pass for example wb.runs()[:2].")
    return evaluation.compare({run.id: run.report() for run in compared}, split=split)


def _own(run: training.Run, settings: Settings | None) -> Run:
    return Run(run.folder, settings=settings)
