"""Which searched parameters mattered: fANOVA over the trials, as Optuna computes it.

Source: Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench import storage
from workbench.training.searching.proposing import distribution, to_optuna
from workbench.training.searching.space import Dimension
from workbench.training.searching.trials import IMPORTANCES, Trial

FEWEST_TRIALS = 8  # of fewer a forest learns nothing
_TREES, _SEED = 32, 0


def write_importances(
    folder: Path, trials: Sequence[Trial], spaces: Mapping[str, Sequence[Dimension]], metric: str
) -> None:
    """Write how much of the variation of the metric each parameter explains, for each estimator with enough trials."""
    found = []
    for estimator, dimensions in spaces.items():
        own = [trial for trial in trials if trial.estimator == estimator]
        shares = importances(own, dimensions)
        if shares:
            found.append({"estimator": estimator, "n_trials": len(_complete(own, dimensions)), "importances": shares})
    if found:
        document = {"format": 1, "method": "fANOVA", "metric": metric, "of": found}
        storage.write_json(folder / IMPORTANCES, document)


def importances(trials: Sequence[Trial], dimensions: Sequence[Dimension]) -> dict[str, float]:
    """Give the share of the metric's variation that each parameter explains alone, largest first.

    Trials that were ended early count with the mean of the folds that they had. Empty for fewer than eight trials, or
    where all are alike.
    """
    import optuna

    varied = [
        each for each in dimensions if len({_of(trial, each) for trial in trials if each.name in trial.config}) > 1
    ]
    complete = _complete(trials, varied)
    if len(complete) < FEWEST_TRIALS or not varied or len({trial.value for trial in complete}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    distributions = {each.name: distribution(each) for each in varied}
    for trial in complete:
        params: dict[str, Any] = {each.name: _of(trial, each) for each in varied}
        study.add_trial(optuna.trial.create_trial(value=trial.value, params=params, distributions=distributions))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=_TREES, seed=_SEED)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: round(float(share), 5) for name, share in found.items()}


def _complete(trials: Sequence[Trial], dimensions: Sequence[Dimension]) -> list[Trial]:
    return [
        trial
        for trial in trials
        if trial.value is not None
        and (trial.status == "finished" or not trial.rungs)
        and all(each.name in trial.config for each in dimensions)
    ]


def _of(trial: Trial, dimension: Dimension) -> Any:
    return to_optuna(dimension, trial.config[dimension.name])
