"""Commands about searches: the trials of a run, and how long a run would take."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.output import Json, show, table
from workbench.cli.runs import RunId

if TYPE_CHECKING:
    import polars as pl

    from workbench.training.spec import RunSpec

_SHOWN = ("rank", "number", "estimator", "value", "std", "status", "seconds", "latency_ms", "size_mib", "parameters")


def trials(
    run_id: RunId,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="Show so many, best first; 0 shows all.")] = 20,
    estimators: Annotated[bool, typer.Option("--estimators", help="Show the best trial of each estimator.")] = False,
    as_json: Json = False,
) -> None:
    """List the trials of a run's search, best first."""
    from workbench.training.listing import open_run
    from workbench.training.searching import leaderboard_frame, read_trials

    run = open_run(run_id)
    found = read_trials(run.folder)
    ranked = leaderboard_frame(found, by_estimator=estimators).head(limit or len(found))
    by_number = {trial.number: trial.to_dict() for trial in found}
    listed = [by_number[number] for number in ranked["number"]]
    show(listed, as_json, lambda: _trials_table(ranked, len(found)))


def _trials_table(ranked: pl.DataFrame, n_trials: int) -> str:
    if not ranked.height:
        return "No trials. A run has them when its spec has `search`."
    names = [name for name in _SHOWN if not ranked[name].is_null().all()]
    rows = [[row[name] for name in names] for row in ranked.to_dicts()]
    shown = f"{ranked.height:,} of {n_trials:,} trials" if ranked.height < n_trials else f"{n_trials:,} trials"
    return f"{table(names, rows)}\n{shown}, best first"


def estimate_text(spec: RunSpec, as_json: bool) -> None:
    """Print how long a run would take, without starting it."""
    from workbench.training.searching import estimate

    found = estimate(spec)
    document: dict[str, Any] = {"name": spec.name, **found.to_dict()}
    show(document, as_json, lambda: found.words)


def estimate(
    spec: Annotated[
        str,
        typer.Argument(metavar="SPEC", help="A RunSpec file, YAML or JSON; - reads it from stdin.", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """Estimate how long a run will take.

    A few small fits are timed; nothing is started. The same as `workbench train SPEC --dry-run`.
    """
    from workbench.training.spec import RunSpec

    estimate_text(RunSpec.from_yaml(sys.stdin.read()) if spec == "-" else RunSpec.read(spec), as_json)


commands = (trials, estimate)
