"""The trees of the catalogue: single, in forests, and boosted."""

from __future__ import annotations

from workbench.estimators.entry import BOTH_TASKS, CLASS_WEIGHT, EstimatorEntry
from workbench.estimators.parameters import Parameter

_FOREST = EstimatorEntry(
    name="random_forest",
    title="Random forest",
    family="trees",
    summary="The average of many decision trees, each grown on a random part of rows and columns.",
    strengths="Good without tuning, takes columns as they are, hard to overfit by adding trees.",
    cost="Seconds to minutes; a large model file when trees are many and deep, so their leaves are bounded by default.",
    tasks=BOTH_TASKS,
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
        CLASS_WEIGHT,
    ),
)

_BOOSTING = EstimatorEntry(
    name="hist_gradient_boosting",
    title="Gradient boosting",
    family="trees",
    summary="Many small trees in a row, each correcting what those before got wrong; on binned columns, so it is fast.",
    strengths="Usually the most accurate on tables; takes missing values as they are.",
    cost="Seconds to minutes; a small and fast model. Can overfit: watch the validation curve.",
    tasks=BOTH_TASKS,
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
        CLASS_WEIGHT,
    ),
)

ENTRIES = (
    _FOREST,
    _BOOSTING,
)
