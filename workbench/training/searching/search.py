"""A run's search from beginning to end: what is searched, by which method, for how long, and what it chose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import storage
from workbench.errors import RunError
from workbench.estimators.spec import EstimatorSpec, TrainingSpec
from workbench.recipe.spec import Step
from workbench.training import state as files
from workbench.training.checkpoint import Checkpoint
from workbench.training.live import Live
from workbench.training.preparing import Preparation
from workbench.training.progress import Progress
from workbench.training.search_spec import SearchSpec
from workbench.training.searching.arena import Arena
from workbench.training.searching.asking import make_space, stages_of
from workbench.training.searching.clock import Clock
from workbench.training.searching.contest import Contest
from workbench.training.searching.everything import Everything, sensible_estimators
from workbench.training.searching.ground import Ground
from workbench.training.searching.halving import Halving
from workbench.training.searching.importance import write_importances
from workbench.training.searching.plan import Plan
from workbench.training.searching.proposing import (
    GRID_OF_RANGE,
    GridProposer,
    Proposer,
    RandomProposer,
    TpeProposer,
    defaults_of,
)
from workbench.training.searching.record import Record
from workbench.training.searching.scoring import make_scorer
from workbench.training.searching.space import Space
from workbench.training.searching.trials import CHOSEN, Trial
from workbench.training.spec import RunSpec

_IMPORTANCES_EVERY = 20  # trials
_PROPOSERS: dict[str, type[Proposer]] = {
    "grid": GridProposer, "random": RandomProposer, "halving": RandomProposer, "optuna": TpeProposer,
}  # fmt: skip


def run_search(prepared: Preparation, folder: Path, *, live: Live, progress: Progress) -> RunSpec | None:
    """Search, write trials and curves into the run folder, and give the spec with the best parameters.

    Trials that lie in the folder already are gone on from and never repeated. A stop keeps the best so far.

    Returns
    -------
    RunSpec or None
        None where it was stopped before any trial had finished.

    Raises
    ------
    RunError
        If no trial finished; the message has the reason of the first that failed.
    SpecError
        If the search doesn't fit the data: an unknown metric, nothing to compare on.
    """
    search = prepared.spec.search or SearchSpec()
    progress.enter("searching")
    scorer = make_scorer(search.metric, prepared.task, prepared.classes)
    ground = Ground(prepared, search.cv)
    clock = Clock(progress, search.minutes)
    record = Record(folder, scorer, progress, n_trials_of(prepared, search, ground))
    clock.found = lambda: record.best is not None
    if not _is_complete(record, search, clock):
        record.begin()
        if record.n_before:
            Checkpoint(folder / files.CHECKPOINT).clear()  # of a model that may no longer be the one to train
        _go(
            prepared,
            search,
            ground,
            Arena(ground, scorer, progress, clock, keeps_models=search.method == "everything"),
            record,
            live,
        )
    return _choose(prepared, record, live, progress, clock)


def _is_complete(record: Record, search: SearchSpec, clock: Clock) -> bool:
    """Tell whether an earlier attempt has done it all, so that only the training is left."""
    done = storage.read_json(record.folder / CHOSEN) or {}
    same = done.get("n_trials") == search.n_trials and done.get("minutes") == search.minutes
    return bool(same and done.get("is_over") and record.n_finished)


def _go(prepared: Preparation, search: SearchSpec, ground: Ground, arena: Arena, record: Record, live: Live) -> None:
    spaces = spaces_of(prepared, search, ground)
    told = [record.n_finished]

    def after_batch(*, last: bool = False) -> None:
        if last or record.n_finished >= told[0] + _IMPORTANCES_EVERY:
            told[0] = record.n_finished
            dimensions = {name: space.all for name, space in spaces.items()}
            trials = list(record.trials.values())
            write_importances(record.folder, trials, dimensions, record.scorer.metric.name)

    seed = prepared.spec.seed
    if search.method == "everything":
        everything = Everything(search, arena, record, seed=seed, on_batch=after_batch)
        everything.run()
        if left := everything.left_out():
            live.note(f"Not tried: {'; '.join(f'{name} ({why})' for name, why in left.items())}.")
    else:
        fixed = dict(prepared.spec.estimator.params)
        space = spaces[prepared.entry.name]
        defaults = defaults_of(prepared.entry, prepared.spec.training, fixed)
        proposer = _PROPOSERS[search.method](space, seed=seed, defaults=defaults, sign=arena.scorer.sign)
        prune = search.prune and search.method in ("optuna", "random")
        # What is searched comes from the space, also where the RunSpec sets it.
        kept = {name: value for name, value in fixed.items() if name not in {each.name for each in space.all}}
        plan = Plan(space, prepared.entry.name, search.n_trials, prune, kept)
        kind = Halving if search.method == "halving" else Contest
        kind(plan, proposer, arena, record, after_batch).run()
    if record.best is not None:
        after_batch(last=True)


def spaces_of(prepared: Preparation, search: SearchSpec, ground: Ground) -> dict[str, Space]:
    """Give the space of each estimator that is searched."""
    fixed = prepared.spec.estimator.params
    if search.method != "everything":
        space = make_space(prepared.entry, search, fixed=fixed, task=prepared.task)
        if search.method == "halving":
            space = Space(space.all)
        elif prepared.spec.training.early_stopping is not None and space.nested:  # it ends at a number of its own
            space = Space(space.dimensions, replace(space.nested, values=(space.nested.at(1.0),)))
        return {prepared.entry.name: space}
    found = {}
    takes = prepared.entry.takes
    for entry in sensible_estimators(prepared.task, ground.n_train_rows, search.estimators, takes=takes):
        own = fixed if entry.name == prepared.entry.name else {}
        if entry.parameters and any(each.searched for each in entry.parameters):
            found[entry.name] = Space(make_space(entry, SearchSpec(), fixed=own, task=prepared.task).all)
    return found


def n_trials_of(prepared: Preparation, search: SearchSpec, ground: Ground) -> int:
    """Say how many trials there will be at most."""
    if search.method == "everything":
        return search.n_trials
    space = spaces_of(prepared, search, ground)[prepared.entry.name]
    if search.method == "grid":
        listed = len(stages_of(space.nested)) if space.nested and space.nested.values else 1
        return min(search.n_trials, space.grid_size(GRID_OF_RANGE) * listed)
    return int(min(search.n_trials, space.size))


def _choose(prepared: Preparation, record: Record, live: Live, progress: Progress, clock: Clock) -> RunSpec | None:
    best = record.best
    if best is None:
        if clock.stopped:
            return None
        failed = next((trial for trial in record.trials.values() if trial.reason), None)
        why = f" Trial {failed.number} failed: {failed.reason}" if failed else ""
        raise RunError(
            f"Got {len(record.trials)} trials of which none finished, needed one at least.{why} "
            "Correct the space or the recipe, or give the search more time."
        )
    spec = chosen_spec(prepared.spec, best)
    search = prepared.spec.search or SearchSpec()
    document: dict[str, Any] = {
        "estimator": best.estimator, "params": dict(spec.estimator.params), "training": best.training,
        "metric": record.scorer.metric.name, "value": best.value, "std": best.std, "number": best.number,
        "recipe": best.recipe, "n_trials": search.n_trials, "minutes": search.minutes, "is_over": not clock.stopped,
    }  # fmt: skip
    storage.write_json(record.folder / CHOSEN, document)
    live.note(_words(record, best, clock))
    if clock.stopped:
        progress.take_stop()
    return spec


def _words(record: Record, best: Trial, clock: Clock) -> str:
    n, finished = len(record.trials), record.n_finished
    ended = "Search stopped" if clock.stopped else "Its time was up" if clock.is_late else "Search done"
    shown = ", ".join(f"{name} {value}" for name, value in best.config.items()) or "its defaults"
    return (
        f"{ended} after {n} of {record.total} trials, {finished} of them measured in full: trial {best.number} "
        f"({best.estimator}: {shown}) is the best with {record.scorer.metric.name} {best.value:.5g} ± {best.std:.2g}."
    )


def chosen_spec(spec: RunSpec, trial: Trial) -> RunSpec:
    """Give a RunSpec with the parameters, options and steps of a trial; the search stays in it."""
    from pydantic import TypeAdapter

    fixed = spec.estimator.params if spec.estimator.name == trial.estimator else {}
    params = {**fixed, **trial.params}
    training = TrainingSpec.model_validate({**spec.training.model_dump(), **trial.training})
    parts: dict[str, Any] = {"estimator": EstimatorSpec(name=trial.estimator, params=params), "training": training}
    if trial.recipe:
        from workbench.training.searching.endings import with_ending

        ending = TypeAdapter(tuple[Step, ...]).validate_python(trial.recipe)
        parts["recipe"] = with_ending(spec.recipe, ending)
    return spec.model_copy(update=parts)
