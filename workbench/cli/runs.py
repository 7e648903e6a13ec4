"""Commands about runs: train, runs, stop, resume, delete, evaluate, explain, export."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.api.progress import Progress, duration
from workbench.cli.output import Json, moment, note, show, table
from workbench.cli.tables import ModelOptions, parse_options

if TYPE_CHECKING:
    from workbench.training.run import Run

Tags = Annotated[list[str] | None, typer.Option("--tag", help="A word to find it by; may be given several times.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as in `workbench runs`.", show_default=False)]


def train(
    spec: Annotated[
        str,
        typer.Argument(metavar="SPEC", help="A RunSpec file, YAML or JSON; - reads it from stdin.", show_default=False),
    ],
    detach: Annotated[bool, typer.Option("--detach", help="Start the run and return its id at once.")] = False,
    tag: Tags = None,
    note: Annotated[str, typer.Option("--note", help="What people should know about it.")] = "",
    priority: Annotated[
        int, typer.Option("--priority", min=-100, max=100, help="Of runs that wait, the highest trains first.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how long it would take.")] = False,
    as_json: Json = False,
) -> None:
    """Train what a RunSpec describes.

    Ctrl-C stops the run; it keeps the best state so far, evaluates and packages it. Exit status 1 if the run failed.
    """
    from workbench.training.spec import RunSpec
    from workbench.training.starting import follow, start

    document = RunSpec.from_yaml(sys.stdin.read()) if spec == "-" else RunSpec.read(spec)
    if dry_run:
        from workbench.cli.search import estimate_text

        estimate_text(document, as_json)
        return
    run = start(document, note=note, tags=tag or (), priority=priority)
    if detach:
        show({"run_id": run.id, "status": run.status}, as_json, lambda: run.id)
        return
    _follow(follow, run, as_json)


def resume(
    run_id: RunId,
    detach: Annotated[bool, typer.Option("--detach", help="Return at once; the run goes on by itself.")] = False,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="Of a search: trials that it may have in all.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Of a search: minutes that it may take from now on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped, failed or lost.

    It goes on from its last checkpoint, to the result that it would have had. Exit status 1 if the run failed.
    """
    from workbench.training.listing import open_run
    from workbench.training.starting import follow

    run = open_run(run_id).resume(n_trials=trials, minutes=minutes)
    if detach:
        show({"run_id": run.id, "status": run.status}, as_json, lambda: run.id)
        return
    _follow(follow, run, as_json)


def _follow(follow: Callable[..., Run], run: Run, as_json: bool) -> None:
    with Progress() as progress:
        follow(run, progress)
    show(_result(run), as_json, lambda: _summary(run))
    _check_status(run)


def runs(
    as_json: Json = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="Show so many, newest first; 0 shows all.")] = 0,
    tag: Tags = None,
    status: Annotated[str | None, typer.Option("--status", help="Only those that are this now.")] = None,
    search: Annotated[str, typer.Option("--search", help="Only those with these words, anywhere.")] = "",
    sort: Annotated[
        str, typer.Option("--sort", help="created, name, status, seconds, priority, or a metric: the best first.")
    ] = "created",
) -> None:
    """List the runs, newest first."""
    from workbench.api.managing import find_runs

    found = find_runs(tag=tag, status=status, search=search, sort=sort)[: limit or None]
    listed = [run.to_dict() for run in found]
    show(listed, as_json, lambda: _runs_table(listed))


def delete(
    run_id: RunId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a run that has ended, unless its model is live."""
    from workbench.api.managing import delete_run
    from workbench.training.listing import open_run

    run = open_run(run_id)
    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter("there is nobody to ask; pass --yes to delete the run.")
    if not yes and not typer.confirm(f"Delete run {run.id} ({run.status}) with its history and model?", err=True):
        raise typer.Exit(1)
    delete_run(run_id)
    show({"run_id": run_id, "deleted": True}, as_json, lambda: f"Deleted {run_id}.")


def stop(
    run_id: RunId,
    wait: Annotated[bool, typer.Option(help="Wait until the run has ended.")] = True,
    as_json: Json = False,
) -> None:
    """Stop a run and keep its best state so far."""
    from workbench.training.listing import open_run

    run = open_run(run_id)
    if run.state.has_ended:
        note(f"{run.id} has already ended; nothing is left to stop.")
    else:
        run.stop()
        if wait:
            note(f"Stopping {run.id}: it keeps the best state so far, evaluates and packages it.")
            _wait_or_kill(run)
    show(run.to_dict(), as_json, lambda: f"{run.id}: {run.status}" + (f" ({run.reason})" if run.reason else ""))


def _wait_or_kill(run: Run) -> None:
    """Wait for the end of a stopped run; kill it where it hasn't got anywhere for as long as the grace period."""
    from workbench.errors import RunError
    from workbench.settings import current

    grace = current().stop_grace_seconds
    while not run.state.has_ended:
        try:
            run.wait(grace)
        except RunError:
            state = run.state
            if state.has_ended or time.time() - (state.progressed or 0.0) < grace and not state.warning:
                continue  # a stopped search trains the best that it found
            note(f"{run.id} hasn't ended after {grace:.0f} s of grace; it is killed.")
            time.sleep(0.1)  # the grace period counts from the stop file, which is a moment younger
            run.kill()
            run.wait(grace)


def evaluate(run_id: RunId, as_json: Json = False) -> None:
    """Print the metrics of a run."""
    from workbench.training.listing import open_run

    run = open_run(run_id)
    metrics = run.metrics()
    show({"run_id": run.id, "metrics": metrics}, as_json, lambda: _metrics_table(metrics))


def explain(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="NAME (its champion), NAME@ALIAS or NAME/NUMBER.", show_default=False)
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, TSV or Parquet, also gzipped.", show_default=False)
    ],
    rows: Annotated[int, typer.Option("--rows", min=1, help="Explain the first so many rows.")] = 100,
    option: ModelOptions = None,
    as_json: Json = False,
) -> None:
    """Print how much each column matters.

    The mean absolute SHAP value of each column over the rows of a file.
    """
    from workbench import api, registry

    version = api.open_version(model)
    read = registry.load_model(version.reference).read_rows(file, options=parse_options(option))
    for misfit in read.misfits:
        note(misfit)
    explanation = api.explain_model(version, read.frame.head(rows))
    importance = explanation.importance().to_dicts()
    document = {
        "model": version.name,
        "version": version.number,
        "n_rows": explanation.data.height,
        "engine": explanation.engine,
        "output_space": explanation.output_space,
        "additivity_error": explanation.additivity_error,
        "importance": importance,
    }
    show(document, as_json, lambda: table(list(importance[0]), [list(row.values()) for row in importance]))


def export(
    run_id: RunId,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to: .ipynb, .py, .yaml or .json.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Write a run as a notebook or script.

    The file's ending decides: a notebook (.ipynb), a Python script (.py) or the RunSpec (.yaml, .json).
    """
    from workbench.training.listing import open_run

    text = _exported(open_run(run_id), file)
    from workbench.storage import write_atomic

    write_atomic(file, text)
    show({"run_id": run_id, "output": str(file)}, as_json, lambda: f"Wrote {file}.")


def _exported(run: Run, file: Path) -> str:
    from workbench.settings import current, home_to_name

    if file.suffix == ".ipynb":
        import nbformat

        from workbench.export import as_notebook

        return str(nbformat.writes(as_notebook(run, home=home_to_name(current())))) + "\n"
    if file.suffix == ".py":
        from workbench.export import as_script

        return as_script(run, home=home_to_name(current()))
    if file.suffix in (".yaml", ".yml"):
        return run.spec.to_yaml()
    if file.suffix == ".json":
        return run.spec.to_json() + "\n"
    raise typer.BadParameter(f"got {file.name!r}, needed a name that ends in .ipynb, .py, .yaml or .json.")


def _result(run: Run) -> dict[str, Any]:
    ended_well = run.status in ("finished", "stopped")
    return {
        "run_id": run.id,
        "name": run.spec.name,
        "status": run.status,
        "reason": run.reason,
        "seconds": run.seconds,
        "metrics": run.metrics_so_far() if ended_well else {},
    }


def _summary(run: Run) -> str:
    lines = [f"{run.id}: {run.status} after {duration(run.seconds)}" + (f" ({run.reason})" if run.reason else "")]
    # One that was stopped early has nothing to show or to publish.
    if run.status in ("finished", "stopped") and (metrics := run.metrics_so_far()):
        lines += [_metrics_table(metrics), f"Publish it: workbench publish {run.id} NAME"]
    return "\n".join(lines)


def _metrics_table(metrics: dict[str, dict[str, Any]]) -> str:
    splits = [split for split in ("train", "validation", "test") if metrics.get(split)]
    names = list(dict.fromkeys(name for split in splits for name in metrics[split]))
    titles = ["metric", *splits]
    rows = [[name, *(metrics[split].get(name) for split in splits)] for name in names]
    if folds := metrics.get("cross_validation"):
        mean, std = folds["mean"], folds["std"]
        titles.append(f"{folds['n_folds']} folds")
        for row in rows:
            row.append(f"{mean[row[0]]:.4g} ± {std[row[0]]:.2g}" if row[0] in mean else None)
    return table(titles, rows)


def _runs_table(listed: list[dict[str, Any]]) -> str:
    if not listed:
        return "No runs yet. Start one: workbench train SPEC"
    return table(
        ["run", "data", "status", "started", "seconds", "tags", "reason"],
        [
            (
                run["run_id"],
                run["data"],
                run["status"],
                moment(run["started"]),
                run["seconds"],
                ", ".join(run["tags"]),
                run["reason"] or run["waiting_for"] or run["warning"],
            )
            for run in listed
        ],
    )


def _check_status(run: Run) -> None:
    if run.status not in ("finished", "stopped"):
        note(f"workbench: {run.id} {run.status}: {run.reason}")
        raise typer.Exit(1)


commands = (train, runs, stop, resume, delete, evaluate, explain, export)
