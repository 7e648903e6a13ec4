"""What a training computes, as formulas with a sentence or two each: for learners, beside the choices they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.data.spec import AnyTask
from workbench.estimators.entry import EstimatorEntry
from workbench.estimators.formula_texts import (
    BATCHES,
    CLASS_WEIGHTS,
    CLIPPING,
    DESCENT,
    DROPOUT,
    EARLY_STOPPING,
    L1,
    L2,
    LABEL_SMOOTHING,
    LOSS_FORMULAS,
    OPTIMIZER_FORMULAS,
    PLATEAU,
    SCHEDULE_FORMULAS,
    WARMUP,
    WEIGHT_DECAY,
)
from workbench.estimators.formula_texts import Formula as Formula
from workbench.estimators.losses import LOSSES, loss_of
from workbench.estimators.optimizers import decay_of
from workbench.estimators.spec import Schedule, TrainingSpec

_IN_PARAMS = {"dropout": DROPOUT, "l1": L1, "l2": L2}


def formulas_for(
    entry: EstimatorEntry, training: TrainingSpec, task: AnyTask, params: Mapping[str, Any] | None = None
) -> list[Formula]:
    """Give the formulas of the choices that are made, in the order of a training.

    Parameters
    ----------
    entry : EstimatorEntry
    training : TrainingSpec
    task : str
    params : mapping, optional
        Of the estimator: a penalty or dropout of 0 is left out then. All that it has are given when absent.

    Returns
    -------
    list of Formula
        None of what the estimator doesn't heed: a forest has nothing of networks. A loss that doesn't fit the task is
        left out, too; starting the run says why.

    Examples
    --------
    >>> from workbench.estimators import entry
    >>> [found.title for found in formulas_for(entry("hist_gradient_boosting"), TrainingSpec(), "regression")]
    []
    """
    found: list[Formula] = []
    if entry.progress == "epochs":
        found += _of_loss(training, task)
        found += [*_of_steps(training), BATCHES]
        found += _of_schedule(training.schedule)
        found += [PLATEAU] if training.reduce_lr_on_plateau else []
    if training.early_stopping and entry.progress in ("epochs", "rounds"):
        found.append(EARLY_STOPPING)
    for name, formula in _IN_PARAMS.items():
        if entry.progress == "epochs" and entry.parameter(name) and (params is None or params.get(name)):
            found.append(formula)
    if task == "classification" and (params or {}).get("class_weight") == "balanced":
        found.append(CLASS_WEIGHTS)
    return found


def grouped_formulas() -> dict[str, list[Formula]]:
    """Give every formula of training by the heading that the documentation has for it."""
    return {
        "Losses": [*LOSS_FORMULAS.values(), LABEL_SMOOTHING, CLASS_WEIGHTS],
        "Optimizers": [DESCENT, *OPTIMIZER_FORMULAS.values(), CLIPPING, BATCHES],
        "Learning rate and when to end": [*SCHEDULE_FORMULAS.values(), WARMUP, PLATEAU, EARLY_STOPPING],
        "Regularisation": [L1, L2, WEIGHT_DECAY, DROPOUT],
    }


def as_markdown() -> str:
    """Give all formulas as a part of a Markdown page."""
    return "\n\n".join(
        "\n\n".join([f"### {heading}", *(f"**{each.title}**: {each.words}\n\n$$\n{each.latex}\n$$" for each in found)])
        for heading, found in grouped_formulas().items()
    )


def _of_loss(training: TrainingSpec, task: AnyTask) -> list[Formula]:
    if task not in LOSSES or training.loss not in ("auto", *LOSSES[task]):
        return []
    smooths = training.label_smoothing and task == "classification"
    loss = loss_of(training.model_copy(update={"label_smoothing": 0.0}), task)
    return [LOSS_FORMULAS[loss], *([LABEL_SMOOTHING] if smooths else [])]


def _of_steps(training: TrainingSpec) -> list[Formula]:
    found = [DESCENT, OPTIMIZER_FORMULAS[training.optimizer]]
    if decay_of(training) and training.optimizer != "adamw":
        found.append(WEIGHT_DECAY)
    return [*found, CLIPPING] if training.clip_norm else found


def _of_schedule(schedule: Schedule | None) -> list[Formula]:
    if schedule is None:
        return []
    return [SCHEDULE_FORMULAS[schedule.kind], *([WARMUP] if schedule.warmup_epochs else [])]
