"""Trials as they lie in the run folder: a line of `trials.jsonl` for each that has ended."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench import storage

TRIALS = "trials.jsonl"
CHOSEN = "chosen.json"
IMPORTANCES = "importances.json"

TrialStatus = Literal["finished", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One trial that has ended.

    Parameters
    ----------
    number : int
        From 1 on.
    estimator : str
    params, training : dict
        What was searched of the estimator and of the training options; everything else is as the RunSpec says.
    status : {"finished", "pruned", "failed"}
        Only a finished trial has the mean over all folds, and only such a one can be the best.
    value : float, optional
        Mean of the metric over the folds that were measured; None for one that failed.
    values : list of float
        By fold.
    std : float
        Standard deviation over the folds, divided by their number as scikit-learn's search does.
    seconds : float
        Of fitting and measuring on the folds; of trials that one fit gave, up to their number of trees or rounds.
    step : int
        Folds that were measured.
    reason : str, optional
        Why it failed, or was ended early.
    rungs : list of [int, float]
        Of successive halving: training rows of each round, with the mean that it reached there.
    path : list of [int, float, ...]
        Where trees or rounds were a range: the numbers that were measured, with the values by fold at each.
    curve : list of float
        Of a network: its validation loss by epoch on the first fold.
    latency_ms, size_mib : float, optional
        Time of one row and size of the model, where they were measured.
    latency_by : {"graph", "native"}, optional
        What answered the row.
    arm : int
        Which fit it came from: trials that differ in trees or rounds alone share one.
    recipe : list of dict, optional
        Steps that the trial needed beside the RunSpec's own, where different estimators are tried.
    metric : str
        What `value` is of.
    time : float
        Unix seconds when it ended.
    """

    number: int
    estimator: str
    params: dict[str, Any]
    training: dict[str, Any]
    status: TrialStatus
    value: float | None = None
    values: list[float] = field(default_factory=list)
    std: float | None = None
    seconds: float = 0.0
    step: int = 0
    reason: str | None = None
    rungs: list[list[float]] = field(default_factory=list)
    path: list[list[float]] = field(default_factory=list)
    curve: list[float] = field(default_factory=list)
    latency_ms: float | None = None
    size_mib: float | None = None
    latency_by: str | None = None
    arm: int = 0
    recipe: list[dict[str, Any]] | None = None
    metric: str = ""
    time: float = 0.0

    @property
    def config(self) -> dict[str, Any]:
        """The searched values by their names in a space."""
        return {**self.params, **{f"training.{name}": value for name, value in self.training.items()}}

    def to_dict(self) -> dict[str, Any]:
        """Give the line of `trials.jsonl`, without what doesn't apply."""
        document = dataclasses.asdict(self)
        keep = ("number", "estimator", "params", "training", "status", "value", "values", "std", "seconds", "step")
        return {key: value for key, value in document.items() if key in keep or (value or key == "arm")}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Trial:
        """Build it from a line; keys of a later version are left out."""
        known = {entry.name for entry in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in document.items() if key in known})


def split_config(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide searched values into parameters and training options."""
    training = {name.removeprefix("training."): value for name, value in config.items() if name.startswith("training.")}
    return {name: value for name, value in config.items() if not name.startswith("training.")}, training


def read_trials(folder: Path) -> list[Trial]:
    """Read the trials of a run folder by number; lines that a kill cut are left out."""
    lines, _ = storage.read_json_lines(folder / TRIALS)
    found: dict[int, Trial] = {}
    for line in lines:
        if isinstance(line, dict) and isinstance(line.get("number"), int) and "status" in line:
            found.setdefault(line["number"], Trial.from_dict(line))
    return [found[number] for number in sorted(found)]


def append_trial(folder: Path, trial: Trial) -> Trial:
    """Write one line; give the trial with its time."""
    ended = dataclasses.replace(trial, time=round(time.time(), 3))
    storage.append_json_line(folder / TRIALS, ended.to_dict())
    return ended


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Give mean and standard deviation over folds, as scikit-learn's search does (divided by their number)."""
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def best_of(trials: Sequence[Trial], better: str) -> Trial | None:
    """Give the best finished trial; the earlier one of two that are equal. None where none has finished."""
    finished = [trial for trial in trials if trial.status == "finished" and trial.value is not None]
    if not finished:
        return None
    sign = 1.0 if better == "higher" else -1.0
    return max(finished, key=lambda trial: (sign * (trial.value or 0.0), -trial.number))
