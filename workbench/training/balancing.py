"""The balance step: rare classes made to count while training, on training rows after the recipe and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.data.spec import Task
from workbench.errors import RecipeError
from workbench.recipe.spec import Balance, Step


@dataclass(frozen=True)
class Balanced:
    """Training rows as the estimator learns them.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
        With mean 1; None where each row counts alike.
    words : str
        What was done, for the run's note; empty where nothing was.
    """

    X: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    weights: np.ndarray | None = field(default=None, repr=False)
    words: str = ""


def check_balance(steps: Sequence[Step], task: Task, params: Mapping[str, Any] | None = None) -> Balance | None:
    """Give the balance step of a recipe, or None.

    Parameters
    ----------
    steps : sequence of Step
    task : {"classification", "regression"}
    params : mapping, optional
        Of the estimator.

    Raises
    ------
    RecipeError
        If there are two of them, the task has no classes, or the estimator weighs the classes, too.

    Examples
    --------
    >>> check_balance([Balance(method="oversample")], "classification").method
    'oversample'
    """
    found = [(number, step) for number, step in enumerate(steps, 1) if isinstance(step, Balance) and step.enabled]
    if not found:
        return None
    number, step = found[0]
    if len(found) > 1:
        raise RecipeError(
            f"Got two balance steps, steps {number} and {found[1][0]}; needed one at most. Remove one of them."
        )
    if task == "regression":
        raise RecipeError(
            f"Step {number} (balance): got a regression, needed classes to balance. "
            "Remove the step, or set the task to classification."
        )
    if step.method == "class_weights" and (params or {}).get("class_weight") == "balanced":
        raise RecipeError(
            f"Step {number} (balance): got class weights beside class_weight: balanced of the estimator, which would "
            "weigh each class twice. Remove the step, or set class_weight: none."
        )
    return step


def balanced(
    step: Balance | None, X: np.ndarray, y: np.ndarray, *, classes: Sequence[str | int] | None, max_mib: float
) -> Balanced:
    """Weigh, repeat or leave out training rows.

    Class weights are those of scikit-learn's ``balanced``: all rows over the number of classes times the rows of the
    class. Repeated and left-out rows are drawn at random with the step's seed; every row stays in when rows are
    repeated.

    Parameters
    ----------
    step : Balance, optional
        None changes nothing.
    X : ndarray of shape (n_rows, n_features)
        Training rows after the recipe.
    y : ndarray of shape (n_rows,)
        Class indices.
    classes : sequence of str or int
    max_mib : float
        Memory that the rows may take.

    Raises
    ------
    RecipeError
        If repeated rows would take more.

    Examples
    --------
    >>> rows = balanced(Balance(), np.zeros((4, 1)), np.array([0, 0, 0, 1]), classes=["no", "yes"], max_mib=1)
    >>> rows.weights.round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    if step is None:
        return Balanced(X, y)
    counts = np.bincount(y, minlength=len(classes or ()))
    present = np.flatnonzero(counts)
    named = [str(label) for label in classes or present.tolist()]
    if step.method == "class_weights":
        weight_of_class = len(y) / (len(present) * np.maximum(counts, 1))
        said = ", ".join(f"{named[index]} {weight_of_class[index]:.3g}" for index in present[:10])
        return Balanced(X, y, weight_of_class[y], f"Training rows were weighed by class: {said}.")
    rows = _resampled(step, y, counts, present)
    if len(rows) * X.shape[1] * 8 > max_mib * 2**20 and len(rows) > len(y):
        raise RecipeError(
            f"Got {len(y):,} training rows that oversample would repeat to {len(rows):,} rows of {X.shape[1]:,} "
            f"features, needed at most {max_mib:,.0f} MiB (max_table_mib). Use the method class_weights, which "
            "needs no further rows, or undersample."
        )
    how = "were repeated" if step.method == "oversample" else "were left out"
    each = int(len(rows) / len(present))
    words = f"Training rows {how} to balance the classes: {len(y):,} became {len(rows):,}, {each:,} of each class."
    return Balanced(X[rows], y[rows], None, words)


def _resampled(step: Balance, y: np.ndarray, counts: np.ndarray, present: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(step.seed)
    wanted = int(counts[present].max() if step.method == "oversample" else counts[present].min())
    members = np.split(np.argsort(y, kind="stable"), np.cumsum(counts)[:-1])
    chosen = []
    for index in present:
        rows = members[index]
        if step.method == "undersample":
            chosen.append(rng.choice(rows, wanted, replace=False))
        else:
            chosen += [rows, rng.choice(rows, wanted - len(rows), replace=True)]
    return np.sort(np.concatenate(chosen))
