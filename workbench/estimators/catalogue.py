"""Which estimators there are, what each is good for, and what can be set. Imports no machine-learning library."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workbench.data.spec import Task
from workbench.errors import EstimatorError
from workbench.estimators.parameters import Parameter, check_all

Engine = Literal["sklearn", "keras"]
Progress = Literal["single", "trees", "rounds", "epochs"]


@dataclass(frozen=True)
class EstimatorEntry:
    """One estimator of the catalogue.

    Parameters
    ----------
    name, title : str
        The name in a RunSpec and the one on a page.
    summary, strengths, cost : str
        A sentence each: what it is, when to take it, what it costs.
    tasks : tuple of {"classification", "regression"}
    engine : {"sklearn", "keras"}
    progress : {"single", "trees", "rounds", "epochs"}
        The step in which it learns, hence the x axis of its live curve.
    handles_missing : bool
        Whether missing numbers may reach it without an impute step.
    needs_scaling : bool
        Whether columns should have similar scales.
    parameters : tuple of Parameter
    """

    name: str
    title: str
    summary: str
    strengths: str
    cost: str
    tasks: tuple[Task, ...]
    engine: Engine
    progress: Progress
    handles_missing: bool
    needs_scaling: bool
    parameters: tuple[Parameter, ...] = ()


def catalogue() -> dict[str, EstimatorEntry]:
    """Give every estimator by its name, simplest first."""
    return dict(_CATALOGUE)


def entry(name: str) -> EstimatorEntry:
    """Look an estimator up.

    Raises
    ------
    EstimatorError
        If there is none of that name; the message offers the nearest.

    Examples
    --------
    >>> entry("random_forest").title
    'Random forest'
    """
    if name in _CATALOGUE:
        return _CATALOGUE[name]
    near = difflib.get_close_matches(name, _CATALOGUE, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(_CATALOGUE)}."
    raise EstimatorError(f"Got the estimator {name!r}, needed one of the catalogue. {advice}")


def estimators_for(task: Task) -> list[EstimatorEntry]:
    """Give the estimators that can learn a task, simplest first."""
    return [found for found in _CATALOGUE.values() if task in found.tasks]


def check_params(estimator: EstimatorEntry | str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Check the given parameters of an estimator and fill in the defaults of the others.

    Raises
    ------
    EstimatorError
        If the estimator or a parameter is unknown, or a value is out of range; the message names the range.

    Examples
    --------
    >>> check_params("logistic_regression", {"C": 0.5})["C"]
    0.5
    """
    found = entry(estimator) if isinstance(estimator, str) else estimator
    return check_all(found.parameters, params, estimator=found.name)


_BOTH: tuple[Task, ...] = ("classification", "regression")

_CLASS_WEIGHT = Parameter(
    "class_weight",
    "choice",
    "none",
    "`balanced` counts each class alike, however rare; finds more of a rare class, at the price of false alarms.",
    choices=("none", "balanced"),
)

_BASELINE = EstimatorEntry(
    name="baseline",
    title="Baseline",
    summary="Answers the same for every row: the class shares, or the mean, of the training rows.",
    strengths="Says what a model must beat to be worth anything.",
    cost="Free.",
    tasks=_BOTH,
    engine="sklearn",
    progress="single",
    handles_missing=True,
    needs_scaling=False,
    parameters=(
        Parameter("strategy", "choice", "mean", "What a regression baseline answers.", choices=("mean", "median")),
    ),
)

_LINEAR = EstimatorEntry(
    name="linear_regression",
    title="Linear regression",
    summary="A weighted sum of the columns.",
    strengths="Readable weights, hard to overfit; a good first model for numbers.",
    cost="Seconds, even with a million rows.",
    tasks=("regression",),
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=True,
    parameters=(
        Parameter(
            "penalty",
            "choice",
            "l2",
            "`l2` shrinks all weights (ridge), `l1` sets some to zero (lasso), `none` is ordinary least squares.",
            choices=("l2", "l1", "none"),
        ),
        Parameter("alpha", "float", 1.0, "Strength of the penalty; larger means smaller weights.", 1e-6, 1e6, "log"),
    ),
)

_LOGISTIC = EstimatorEntry(
    name="logistic_regression",
    title="Logistic regression",
    summary="A weighted sum of the columns, turned into probabilities.",
    strengths="Readable weights and well calibrated probabilities; the first model to try for classes.",
    cost="Seconds; an l1 or elastic-net penalty is about five times slower than l2.",
    tasks=("classification",),
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=True,
    parameters=(
        Parameter(
            "penalty",
            "choice",
            "l2",
            "`l2` shrinks all weights, `l1` sets some to zero, `elasticnet` does both, `none` leaves them free.",
            choices=("l2", "l1", "elasticnet", "none"),
        ),
        Parameter(
            "C", "float", 1.0, "Inverse strength of the penalty: smaller means smaller weights.", 1e-5, 1e5, "log"
        ),
        Parameter("l1_ratio", "float", 0.5, "Share of l1 in `elasticnet`; other penalties ignore it.", 0.0, 1.0),
        Parameter("max_iter", "int", 1000, "Most steps of the solver.", 10, 100_000, "log"),
        _CLASS_WEIGHT,
    ),
)

_FOREST = EstimatorEntry(
    name="random_forest",
    title="Random forest",
    summary="The average of many decision trees, each grown on a random part of rows and columns.",
    strengths="Good without tuning, takes columns as they are, hard to overfit by adding trees.",
    cost="Seconds to minutes; a large model file when trees are many and deep, so their leaves are bounded by default.",
    tasks=_BOTH,
    engine="sklearn",
    progress="trees",
    handles_missing=True,
    needs_scaling=False,
    parameters=(
        Parameter("n_estimators", "int", 200, "Number of trees; more is steadier, and slower.", 1, 5000, "log"),
        Parameter("max_leaf_nodes", "int", 500, "Most leaves of one tree; bounds the model's size.", 2, 100_000, "log"),
        Parameter("max_depth", "int", 32, "Most questions from the root of a tree to a leaf.", 1, 64),
        Parameter("min_samples_leaf", "int", 2, "Fewest training rows in a leaf; more is smoother.", 1, 10_000, "log"),
        Parameter(
            "max_features",
            "choice",
            "auto",
            "Columns tried at each split: `auto` takes the square root of their number for classes, all for numbers.",
            choices=("auto", "sqrt", "log2", "all"),
        ),
        _CLASS_WEIGHT,
    ),
)

_BOOSTING = EstimatorEntry(
    name="hist_gradient_boosting",
    title="Gradient boosting",
    summary="Many small trees in a row, each correcting what those before got wrong; on binned columns, so it is fast.",
    strengths="Usually the most accurate on tables; takes missing values as they are.",
    cost="Seconds to minutes; a small and fast model. Can overfit: watch the validation curve.",
    tasks=_BOTH,
    engine="sklearn",
    progress="rounds",
    handles_missing=True,
    needs_scaling=False,
    parameters=(
        Parameter("max_iter", "int", 200, "Number of rounds; early stopping may end sooner.", 1, 10_000, "log"),
        Parameter(
            "learning_rate", "float", 0.1, "How much each round corrects; smaller needs more rounds.", 1e-3, 1.0, "log"
        ),
        Parameter("max_leaf_nodes", "int", 31, "Most leaves of one tree.", 2, 1024, "log"),
        Parameter("min_samples_leaf", "int", 20, "Fewest training rows in a leaf; more is smoother.", 1, 10_000, "log"),
        Parameter("l2_regularization", "float", 0.0, "Penalty on large leaf values; 0 is none.", 0.0, 1000.0),
        Parameter("max_features", "float", 1.0, "Share of the columns tried at each split.", 0.05, 1.0),
        _CLASS_WEIGHT,
    ),
)

_NETWORK = EstimatorEntry(
    name="dense_network",
    title="Dense network",
    summary="A neural network of fully connected layers (Keras).",
    strengths="Learns smooth and joint effects of many columns; trains in epochs that you can watch and stop.",
    cost="Seconds to minutes on a CPU, faster on a GPU; wants scaled columns.",
    tasks=_BOTH,
    engine="keras",
    progress="epochs",
    handles_missing=False,
    needs_scaling=True,
    parameters=(
        Parameter("layers", "int_list", (64, 32), "Units of each hidden layer, first to last.", 1, 4096, "log"),
        Parameter(
            "activation",
            "choice",
            "relu",
            "What each unit does with its weighted sum.",
            choices=("relu", "gelu", "elu", "selu", "silu", "tanh", "sigmoid"),
        ),
        Parameter(
            "dropout", "float", 0.1, "Share of units switched off at random in each step; curbs overfitting.", 0.0, 0.9
        ),
        Parameter("l1", "float", 0.0, "Penalty on the weights' absolute size; drives some to zero.", 0.0, 1.0),
        Parameter("l2", "float", 0.0, "Penalty on the weights' squared size; keeps them small.", 0.0, 1.0),
    ),
)

_CATALOGUE = {found.name: found for found in (_BASELINE, _LINEAR, _LOGISTIC, _FOREST, _BOOSTING, _NETWORK)}
