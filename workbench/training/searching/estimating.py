"""How long a run or a search will take, from a few small fits that are timed."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import RunError, WorkbenchError
from workbench.estimators.entry import EstimatorEntry
from workbench.estimators.spec import EstimatorSpec
from workbench.settings import Settings, current
from workbench.training.search_spec import SearchSpec
from workbench.training.spec import RunSpec

if TYPE_CHECKING:
    from workbench.training.searching.ground import Ground
    from workbench.training.searching.space import Config, Space

_ROWS = 3_000  # rows of the larger of two timed fits
_STEPS = 10  # trees, rounds or epochs of one
_START, _START_KERAS, _END = 3.0, 9.0, 2.0  # libraries loaded, model packaged
_COSTS = 2.0  # seconds of writing and asking the graph of an estimator
_RANGE = 2.0  # factor by which an estimate of a search may well be off
_EFFICIENCY = 0.85  # of cores that share one memory
_LONGEST = 300.0  # seconds after which a timing of its own process is given up


@dataclass(frozen=True)
class Estimate:
    """How long it will take, about.

    Parameters
    ----------
    seconds : float
        From the start to the packaged model.
    fit_seconds : float
        One fit on all training rows of a fold, on one core (on all of them for a network).
    n_fits : int
        Fits that this is made of, before any trial is ended early.
    words : str
        What the estimate is made of.
    """

    seconds: float
    fit_seconds: float
    n_fits: int
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {
            "seconds": round(self.seconds, 1), "fit_seconds": round(self.fit_seconds, 4), "n_fits": self.n_fits,
            "words": self.words,
        }  # fmt: skip


def estimate(spec: RunSpec | dict[str, Any], *, settings: Settings | None = None) -> Estimate:
    """Estimate how long a run takes, with its search where it has one.

    A few rows are fitted with few trees, rounds or epochs, twice, to see how time grows with rows. It is often right
    within a factor of two: other work on the machine, and how many trials fall behind early, nobody knows before.

    Parameters
    ----------
    spec : RunSpec or dict
    settings : Settings, optional

    Raises
    ------
    WorkbenchError
        Whatever the run itself would refuse.
    """
    from workbench.data import resolve
    from workbench.training.preparing import prepare_rows
    from workbench.training.searching.checking import check_search
    from workbench.training.searching.ground import Ground

    settings = settings or current()
    spec = RunSpec.parse(spec)
    check_search(spec)
    prepared = prepare_rows(spec, resolve(spec.opened_data, settings=settings), settings)
    search = spec.search
    if search is None:
        has_folds = bool(prepared.folds) or len(prepared.split.validation) > 0
        ground = Ground(prepared, None if has_folds else 2)
        timed = _timed(ground, prepared.entry, spec.estimator.params, None)
        n_fits = max(1, len(prepared.folds))
        total = timed * n_fits + _start(prepared.entry) + _END
        return Estimate(total, timed, n_fits, _words(total, n_fits, timed, search))
    ground = Ground(prepared, search.cv)
    if search.method == "everything":
        return _everything(ground, search)
    return _search(ground, search)


def estimate_apart(spec: RunSpec, *, settings: Settings | None = None) -> Estimate:
    """Estimate in a process of its own, for a process that mustn't load what trains.

    Raises
    ------
    RunError
        If it can't be said; the message has the reason.
    """
    settings = settings or current()
    command = [sys.executable, "-m", "workbench.training.searching.estimating"]
    environment = {**os.environ, **settings.to_environment()}
    try:
        done = subprocess.run(
            command,
            input=spec.to_json(),
            capture_output=True,
            text=True,
            env=environment,
            timeout=_LONGEST,
            check=False,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise RunError(
            f"Got no estimate after {_LONGEST:.0f} s, needed a small fit to end sooner. The run itself will take long: "
            "give the search fewer minutes, or the recipe fewer rows."
        ) from error
    except (ValueError, IndexError) as error:
        raise RunError(
            "Got no answer from the process that estimates, needed one. Start the run without it."
        ) from error
    if "error" in answer:
        raise RunError(answer["error"])
    return Estimate(**answer)


def _search(ground: Ground, search: SearchSpec) -> Estimate:
    from workbench.training.searching.search import n_trials_of, spaces_of
    from workbench.training.searching.work import likely_fits

    prepared = ground.prepared
    entry, fixed = prepared.entry, prepared.spec.estimator.params
    space = spaces_of(prepared, search, ground)[entry.name]
    timed = _timed(ground, entry, fixed, space)
    listed = len(space.nested.values) if space.nested and space.nested.values else 1
    n_arms = math.ceil(n_trials_of(prepared, search, ground) / listed)
    n_fits = n_arms * ground.n_folds
    work = likely_fits(search, entry, space, n_arms, ground.n_folds)
    ends = timed + _start(entry) + _END
    total = timed * work / _parallel(entry, n_fits) + ends
    if search.minutes is not None:
        total = min(total, 60 * search.minutes + ends)
    return Estimate(total, timed, n_fits, _words(total, n_fits, timed, search))


def _everything(ground: Ground, search: SearchSpec) -> Estimate:
    from workbench.training.searching.everything import sensible_estimators
    from workbench.training.searching.work import folds_share

    prepared = ground.prepared
    takes = prepared.entry.takes
    entries = sensible_estimators(prepared.task, ground.n_train_rows, search.estimators, takes=takes)
    known: list[tuple[EstimatorEntry, float]] = []
    for entry in entries:
        try:
            known.append((entry, _timed(ground, entry, {}, None)))
        except WorkbenchError:
            continue  # it will stand in the leaderboard with its reason
    folds = ground.n_folds
    tried = [seconds * folds / _parallel(entry, folds) for entry, seconds in known]
    middle = statistics.median(tried) if tried else 0.0  # nobody knows before which ones are searched
    left = max(0, search.n_trials - len(entries))
    ends = max((_start(entry) for entry, _ in known), default=_START) + _END + _COSTS * len(known)
    share = folds_share(folds) if search.prune else 1.0
    total = sum(tried) + middle * left * share + ends
    if search.minutes is not None:
        total = min(total, 60 * search.minutes + ends)
    n_fits = search.n_trials * folds
    mean = statistics.fmean(seconds for _, seconds in known) if known else 0.0
    return Estimate(total, mean, n_fits, _words(total, n_fits, mean, search))


def _timed(ground: Ground, entry: EstimatorEntry, fixed: Mapping[str, Any], space: Space | None) -> float:
    """Give the seconds of one fit on all training rows of a fold, recipe included."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    from workbench.training.searching.arena import quietly
    from workbench.training.searching.proposing import defaults_of

    every = ground.n_train_rows
    sizes = sorted({min(every, _ROWS // 3), min(every, _ROWS)})
    defaults = defaults_of(entry, ground.prepared.spec.training, dict(fixed))
    configs: list[Config] = [{}]
    seconds: list[float] = []
    if space is not None:
        configs = [{each.name: each.at(share) for each in space.dimensions} for share in (0.25, 0.75)]
    with quietly(), threadpool_limits(limits=1, user_api="openmp"):  # as a trial has it
        for n_rows in sizes:
            found = [_one_fit(ground, entry, fixed, config, space, n_rows, defaults) for config in configs]
            seconds.append(sum(found) / len(found))
    if len(sizes) == 1 or every == sizes[-1]:
        return float(seconds[-1])
    power: float = math.log(max(seconds[1], 1e-6) / max(seconds[0], 1e-6)) / math.log(sizes[1] / sizes[0])
    return float(seconds[-1] * (every / sizes[-1]) ** min(max(power, 0.7), 2.0))


def _one_fit(
    ground: Ground,
    entry: EstimatorEntry,
    fixed: Mapping[str, Any],
    config: Config,
    space: Space | None,
    n_rows: int,
    defaults: Config,
) -> float:
    """Fit a few trees, rounds or epochs and say how long all of them would take."""
    from workbench.training.searching.asking import NESTED
    from workbench.training.searching.endings import ending_for, with_ending
    from workbench.training.searching.fitting import fit_plainly

    recipe = None
    if ground.prepared.spec.search is not None and ground.prepared.spec.search.method == "everything":
        recipe = with_ending(ground.prepared.spec.recipe, ending_for(ground.prepared, entry))
    began = time.perf_counter()
    rows = ground.rows(0, EstimatorSpec(name=entry.name, params=dict(fixed)), recipe, n_rows)
    prepared_in = time.perf_counter() - began
    counter = NESTED.get(entry.name) or ("training.epochs" if entry.progress == "epochs" else None)
    if counter is None:
        return prepared_in + fit_plainly(rows, {**config}, dict(fixed))
    nested = space.nested if space is not None else None
    most = config.get(counter) or (nested.at(1.0) if nested is not None else defaults.get(counter)) or _STEPS
    few = {**config, counter: min(int(most), _STEPS if entry.progress != "epochs" else 2)}
    if entry.progress == "epochs":  # the first epoch compiles, so the second says how long one takes
        first = fit_plainly(rows, {**config, counter: 1}, dict(fixed))
        second = fit_plainly(rows, few, dict(fixed))
        return prepared_in + first + max(second - first, 0.0) * (int(most) - 1)
    return prepared_in + fit_plainly(rows, few, dict(fixed)) * int(most) / int(few[counter])


def _parallel(entry: EstimatorEntry, n_tasks: int) -> float:
    from workbench.training.hardware import usable_cores

    if entry.engine == "keras":
        return 1.0
    cores = min(usable_cores(), max(n_tasks, 1))
    return 1.0 if cores == 1 else _EFFICIENCY * cores


def _start(entry: EstimatorEntry) -> float:
    return _START_KERAS if entry.engine == "keras" else _START


def _words(total: float, n_fits: int, each: float, search: SearchSpec | None) -> str:
    likely = "" if search is None else f", likely {_length(total / _RANGE)} to {_length(total * _RANGE)}"
    said = f"About {_length(total)}{likely}: {n_fits:,} fit{'s' if n_fits != 1 else ''} of {_length(each)}"
    if search is None:
        return said + " and the packaging of the model."
    if search.prune and search.method in ("optuna", "random", "everything"):
        said += " at most, many of them ended early"
    if search.minutes is not None:
        said += f"; no more than {search.minutes:g} minutes of searching"
    return said + "."


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.2g} min" if seconds < 5_400 else f"{seconds / 3600:.2g} h"


def _main() -> None:
    try:
        answer = estimate(RunSpec.from_yaml(sys.stdin.read())).to_dict()
    except WorkbenchError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
