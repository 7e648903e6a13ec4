"""The trees of the catalogue: single, in forests, and boosted."""

from __future__ import annotations

from dataclasses import replace

from workbench.estimators.entry import BOTH_TASKS, CLASS_WEIGHT, EstimatorEntry
from workbench.estimators.parameters import Parameter

_LEAF_ROWS = Parameter(
    "min_samples_leaf", "int", 2, "Fewest training rows in a leaf; more is smoother.", 1, 10_000, "log",
    search=(1, 50), search_values=(1, 2, 5, 20),
)  # fmt: skip
_SPLIT_ROWS = Parameter(
    "min_samples_split", "int", 2, "Fewest training rows that a question is asked about; more means fewer questions.",
    2, 10_000, "log", search=(2, 50), search_values=(2, 5, 10),
)  # fmt: skip

_TREE = EstimatorEntry(
    name="decision_tree",
    title="Decision tree",
    family="trees",
    summary="Questions about one column at a time, from the root to a leaf that holds the answer.",
    strengths="Can be read as a set of rules; takes columns as they are.",
    cost="Seconds; a small and fast model, but less accurate than many trees together.",
    tasks=BOTH_TASKS,
    engine="sklearn",
    progress="single",
    handles_missing=True,
    needs_scaling=False,
    formula=(
        r"\hat{y}(x) = \bar{y}_{\text{leaf}(x)}, \qquad \text{each split minimizes } "
        r"\frac{n_L}{n} H(L) + \frac{n_R}{n} H(R), \qquad H_{\text{gini}} = 1 - \sum_k p_k^2"
    ),
    parameters=(
        Parameter(
            "max_depth", "int", 8, "Most questions from the root to a leaf; fewer can be read.", 1, 64, optional=True,
            search=(2, 16), search_values=(3, 5, 8, 12, None),
        ),  # fmt: skip
        Parameter(
            "max_leaf_nodes", "int", None, "Most leaves; the best questions are asked first.", 2, 100_000, "log",
            optional=True, searched=False,
        ),  # fmt: skip
        replace(_SPLIT_ROWS, searched=False),
        replace(_LEAF_ROWS, default=5),
        Parameter(
            "ccp_alpha", "float", 0.0, "What a leaf must be worth to stay when the tree is cut back; 0 cuts nothing.",
            0.0, 1e9, searched=False,
        ),  # fmt: skip
        Parameter(
            "criterion", "choice", "gini", "How mixed a leaf of classes is; numbers always use the squared error.",
            choices=("gini", "entropy"), searched=False, task="classification",
        ),  # fmt: skip
        CLASS_WEIGHT,
    ),
)  # fmt: skip

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
    formula=r"\hat{y}(x) = \frac{1}{T} \sum_{t=1}^{T} h_t(x), \qquad h_t \text{ grown on rows drawn with replacement}",
    parameters=(
        Parameter(
            "n_estimators",
            "int",
            200,
            "Number of trees; more is steadier, and slower.",
            1,
            5000,
            "log",
            search=(50, 500),
            search_values=(100, 200, 300),
        ),  # fmt: skip
        Parameter(
            "max_leaf_nodes",
            "int",
            500,
            "Most leaves of one tree; bounds the model's size.",
            2,
            100_000,
            "log",
            optional=True,
            search=(50, 2000),
            search_values=(100, 500, 2000),
        ),  # fmt: skip
        Parameter(
            "max_depth",
            "int",
            32,
            "Most questions from the root of a tree to a leaf.",
            1,
            64,
            optional=True,
            search=(4, 32),
            search_values=(None, 10, 20, 30),
        ),  # fmt: skip
        _SPLIT_ROWS,
        _LEAF_ROWS,
        Parameter(
            "max_features",
            "choice",
            "auto",
            "Columns tried at each split: `auto` takes the square root of their number for classes, all for numbers.",
            choices=("auto", "sqrt", "log2", "all"),
            search_values=("sqrt", "log2", "all"),
        ),
        CLASS_WEIGHT,
    ),
)

_EXTRA_TREES = replace(
    _FOREST,
    name="extra_trees",
    title="Extra trees",
    summary="The average of many decision trees whose questions are drawn at random, the best of the draws being kept.",
    strengths="Faster to grow than a random forest and smoother; takes columns as they are.",
    formula=r"\hat{y}(x) = \frac{1}{T} \sum_{t=1}^{T} h_t(x), \qquad \text{thresholds of } h_t \text{ drawn at random}",
)

_SHRINKAGE = Parameter(
    "learning_rate", "float", 0.1, "How much each round corrects; smaller needs more rounds.", 1e-3, 1.0, "log",
    search=(0.03, 0.3), search_values=(0.03, 0.1, 0.3),
)  # fmt: skip

_CLASSIC = EstimatorEntry(
    name="gradient_boosting",
    title="Gradient boosting, classic",
    family="trees",
    summary="Small trees in a row, each fitted to what those before got wrong; every threshold is tried.",
    strengths="Accurate on small tables, where thresholds between all values count; rows can be drawn for each round.",
    cost="Slow beyond some ten thousand rows: the other gradient boosting bins the columns first.",
    tasks=BOTH_TASKS,
    engine="sklearn",
    progress="rounds",
    handles_missing=False,
    needs_scaling=False,
    sensible=False,  # the histogram form is as accurate, and many times faster
    max_rows=100_000,
    formula=(
        r"F_m(x) = F_{m-1}(x) + \eta \, h_m(x), \qquad "
        r"h_m \approx -\frac{\partial L(y, F)}{\partial F} \Big|_{F = F_{m-1}}"
    ),
    parameters=(
        Parameter(
            "n_estimators", "int", 200, "Number of rounds; early stopping may end sooner.", 1, 10_000, "log",
            search=(50, 500), search_values=(100, 200, 500),
        ),  # fmt: skip
        _SHRINKAGE,
        Parameter(
            "max_depth", "int", 3, "Questions of each tree: 1 adds columns up, more lets them act together.", 1, 32,
            optional=True, search=(1, 8), search_values=(2, 3, 5),
        ),  # fmt: skip
        replace(_LEAF_ROWS, default=1),
        replace(_SPLIT_ROWS, searched=False),
        Parameter(
            "subsample", "float", 1.0, "Share of the rows drawn for each round; less than 1 curbs overfitting.",
            0.05, 1.0, search=(0.5, 1.0), search_values=(0.5, 0.8, 1.0),
        ),  # fmt: skip
        Parameter(
            "max_features", "float", 1.0, "Share of the columns tried at each split.", 0.05, 1.0,
            search=(0.3, 1.0), search_values=(0.3, 0.6, 1.0),
        ),  # fmt: skip
    ),
)  # fmt: skip

_BOOSTING = EstimatorEntry(
    name="hist_gradient_boosting",
    title="Gradient boosting",
    family="trees",
    summary="Many small trees in a row, each correcting what those before got wrong; on binned columns, so it is fast.",
    strengths="Usually the most accurate on tables; takes missing values as they are.",
    cost="Seconds to minutes; a small and fast model. Stops by itself when the validation loss no longer falls.",
    tasks=BOTH_TASKS,
    engine="sklearn",
    progress="rounds",
    handles_missing=True,
    needs_scaling=False,
    formula=(
        r"F_m = F_{m-1} + \eta \, h_m, \qquad \text{leaf value} = "
        r"-\frac{\sum_i g_i}{\sum_i h_i + \lambda}, \qquad g = \frac{\partial L}{\partial F},\; "
        r"h = \frac{\partial^2 L}{\partial F^2}"
    ),
    parameters=(
        Parameter(
            "max_iter", "int", 200, "Number of rounds; early stopping may end sooner.", 1, 10_000, "log",
            search=(50, 1000), search_values=(100, 200, 500),
        ),  # fmt: skip
        _SHRINKAGE,
        Parameter(
            "max_leaf_nodes", "int", 31, "Most leaves of one tree.", 2, 1024, "log",
            search=(4, 127), search_values=(7, 15, 31, 63),
        ),  # fmt: skip
        Parameter(
            "min_samples_leaf", "int", 20, "Fewest training rows in a leaf; more is smoother.", 1, 10_000, "log",
            search=(5, 100), search_values=(10, 20, 50),
        ),  # fmt: skip
        Parameter(
            "l2_regularization", "float", 1.0, "Penalty on large leaf values (λ in the formula); 0 is none.",
            0.0, 1000.0, search=(0.0, 10.0), search_values=(0.0, 1.0, 10.0),
        ),  # fmt: skip
        Parameter(
            "max_features", "float", 1.0, "Share of the columns tried at each split.", 0.05, 1.0,
            search=(0.3, 1.0), search_values=(0.3, 0.6, 1.0),
        ),  # fmt: skip
        CLASS_WEIGHT,
    ),
)  # fmt: skip

ENTRIES = (
    _TREE,
    _FOREST,
    _EXTRA_TREES,
    _CLASSIC,
    _BOOSTING,
)
