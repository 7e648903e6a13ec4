"""The linear part of the catalogue: baseline, weighted sums, support vectors, neighbours."""

from __future__ import annotations

from workbench.estimators.entry import BOTH_TASKS, CLASS_WEIGHT, EstimatorEntry
from workbench.estimators.parameters import Parameter

_BASELINE = EstimatorEntry(
    name="baseline",
    title="Baseline",
    family="simple",
    summary="Answers the same for every row: the class shares, or the mean, of the training rows.",
    strengths="Says what a model must beat to be worth anything.",
    cost="Free.",
    tasks=BOTH_TASKS,
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
    family="linear",
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
    family="linear",
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
        CLASS_WEIGHT,
    ),
)

ENTRIES = (
    _BASELINE,
    _LINEAR,
    _LOGISTIC,
)
