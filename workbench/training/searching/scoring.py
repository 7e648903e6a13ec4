"""What is to be best: one metric of the task, as a function of predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.spec import Task
from workbench.errors import EvaluationError, SpecError
from workbench.evaluation.metrics import Metric, check_predictions, main_metric, metrics_for, weighted_metric


@dataclass(frozen=True)
class Scorer:
    """One metric.

    Parameters
    ----------
    metric : Metric
    task : {"classification", "regression"}
    classes : sequence of str or int, optional
    """

    metric: Metric
    task: Task
    classes: Sequence[str | int] | None = None

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1: times it, more is always better."""
        return 1.0 if self.metric.better == "higher" else -1.0

    def __call__(self, y: np.ndarray, scores: np.ndarray, *, where: str = "validation") -> float:
        """Measure.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
            Class indices or numbers.
        scores : ndarray of shape (n_rows, n_classes) or (n_rows, 1)

        Raises
        ------
        EvaluationError
            If a score isn't finite, or the metric isn't defined for these rows.
        """
        labels = y if self.task == "regression" else np.asarray(self.classes)[y]
        checked_y, checked = check_predictions(labels, scores, task=self.task, classes=self.classes, split=where)
        value = weighted_metric(self.metric.name, checked_y, checked, task=self.task)(np.ones(len(y)))
        if value is None or not math.isfinite(value):
            raise EvaluationError(
                f"Got {len(y):,} rows of {where} for which {self.metric.name} isn't defined, needed rows of every "
                "class (of different numbers for r2). Use fewer folds, stratify the split, or choose another metric."
            )
        return float(value)


def make_scorer(name: str | None, task: Task, classes: Sequence[str | int] | None) -> Scorer:
    """Look the metric of a search up; the task's main metric where none is named.

    Raises
    ------
    SpecError
        If the task has no metric of that name; the message names those that it has.
    """
    known = metrics_for(task)
    wanted = name or main_metric(task, None if classes is None else len(classes))
    if wanted not in known:
        raise SpecError(
            f"Got the metric {wanted!r} for a search, needed one for {task}: {', '.join(known)}. "
            "Correct `search.metric`, or leave it out."
        )
    return Scorer(known[wanted], task, classes)
