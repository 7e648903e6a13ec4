"""The linear part of the catalogue: the baseline and weighted sums."""

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
    formula=r"\hat{p}_k = \frac{n_k}{n}, \qquad \hat{y} = \bar{y}",
    parameters=(
        Parameter(
            "strategy",
            "choice",
            "mean",
            "What a regression baseline answers.",
            choices=("mean", "median"),
            searched=False,
            task="regression",
        ),
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
    formula=r"\hat{y} = w^\top x + b, \qquad \min_{w,b} \sum_i (y_i - \hat{y}_i)^2 + \text{penalty}(w)",
    parameters=(
        Parameter(
            "penalty",
            "choice",
            "l2",
            "`l2` shrinks all weights (ridge), `l1` sets some to zero (lasso), `none` is ordinary least squares.",
            choices=("l2", "l1", "none"),
        ),
        Parameter(
            "alpha",
            "float",
            1.0,
            "Strength of the penalty; larger means smaller weights.",
            1e-6,
            1e6,
            "log",
            search=(1e-3, 1e3),
            search_values=(0.01, 0.1, 1.0, 10.0, 100.0),
        ),
    ),
)


def _penalty(low: float, high: float, help: str) -> Parameter:
    values = tuple(value for value in (0.001, 0.01, 0.1, 1.0, 10.0, 100.0) if low <= value <= high)
    return Parameter("alpha", "float", 1.0, help, 1e-6, 1e6, "log", search=(low, high), search_values=values)


_SOLVER_STEPS = Parameter(
    "max_iter", "int", 10_000, "Most rounds over the columns; raise it where it says so.", 10, 1_000_000, "log",
    searched=False,
)  # fmt: skip

_RIDGE = EstimatorEntry(
    name="ridge",
    title="Ridge regression",
    family="linear",
    summary="A weighted sum of the columns whose weights are kept small.",
    strengths="Steady where columns say nearly the same; all weights shrink, none becomes zero.",
    cost="Seconds, even with a million rows.",
    tasks=("regression",),
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=True,
    sensible=False,  # linear_regression with its default penalty is the same
    formula=r"\min_{w,b} \sum_i (y_i - w^\top x_i - b)^2 + \alpha \lVert w \rVert_2^2",
    parameters=(_penalty(1e-3, 1e3, "Strength of the penalty on squared weights; larger means smaller weights."),),
)

_LASSO = EstimatorEntry(
    name="lasso",
    title="Lasso",
    family="linear",
    summary="A weighted sum of few columns: the weights of the others are set to zero.",
    strengths="Chooses columns while it learns; short models that can be read aloud.",
    cost="Seconds to a minute; slower the smaller the penalty.",
    tasks=("regression",),
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=True,
    sensible=False,  # elastic_net reaches the same
    formula=r"\min_{w,b} \frac{1}{2n} \sum_i (y_i - w^\top x_i - b)^2 + \alpha \lVert w \rVert_1",
    parameters=(
        _penalty(1e-3, 10.0, "Strength of the penalty, in the unit of the target; larger sets more weights to zero."),
        _SOLVER_STEPS,
    ),
)

_ELASTIC_NET = EstimatorEntry(
    name="elastic_net",
    title="Elastic net",
    family="linear",
    summary="A weighted sum of the columns with both penalties: small weights, and some of them zero.",
    strengths="Chooses columns as lasso does, and keeps groups of similar ones together as ridge does.",
    cost="Seconds to a minute; slower the smaller the penalty.",
    tasks=("regression",),
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=True,
    formula=(
        r"\min_{w,b} \frac{1}{2n} \sum_i (y_i - w^\top x_i - b)^2 "
        r"+ \alpha \rho \lVert w \rVert_1 + \frac{\alpha (1 - \rho)}{2} \lVert w \rVert_2^2"
    ),
    parameters=(
        Parameter(
            "alpha",
            "float",
            0.1,
            "Strength of both penalties; larger means smaller and fewer weights.",
            1e-6,
            1e6,
            "log",
            search=(1e-3, 10.0),
            search_values=(0.001, 0.01, 0.1, 1.0, 10.0),
        ),  # fmt: skip
        Parameter(
            "l1_ratio",
            "float",
            0.5,
            "Share of l1 (ρ in the formula): 0 is ridge, 1 is lasso.",
            0.0,
            1.0,
            search_values=(0.1, 0.5, 0.9),
        ),  # fmt: skip
        _SOLVER_STEPS,
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
    formula=(
        r"\hat{p} = \frac{1}{1 + e^{-(w^\top x + b)}}, \qquad "
        r"\min_{w,b} -C \sum_i \log \hat{p}(y_i \mid x_i) + \text{penalty}(w)"
    ),
    parameters=(
        Parameter(
            "penalty",
            "choice",
            "l2",
            "`l2` shrinks all weights, `l1` sets some to zero, `elasticnet` does both, `none` leaves them free.",
            choices=("l2", "l1", "elasticnet", "none"),
            search_values=("l2", "l1"),
        ),
        Parameter(
            "C",
            "float",
            1.0,
            "Inverse strength of the penalty: smaller means smaller weights.",
            1e-5,
            1e5,
            "log",
            search=(1e-3, 1e2),
            search_values=(0.01, 0.1, 1.0, 10.0),
        ),  # fmt: skip
        Parameter(
            "l1_ratio",
            "float",
            0.5,
            "Share of l1 in `elasticnet`; other penalties ignore it.",
            0.0,
            1.0,
            searched=False,
        ),  # fmt: skip
        Parameter("max_iter", "int", 1000, "Most steps of the solver.", 10, 100_000, "log", searched=False),
        CLASS_WEIGHT,
    ),
)

ENTRIES = (
    _BASELINE,
    _LINEAR,
    _RIDGE,
    _LASSO,
    _ELASTIC_NET,
    _LOGISTIC,
)
