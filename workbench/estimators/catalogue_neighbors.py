"""What compares rows with those it learned from: nearest neighbours and support vectors."""

from __future__ import annotations

from workbench.estimators.entry import BOTH_TASKS, CLASS_WEIGHT, EstimatorEntry
from workbench.estimators.parameters import Parameter

_NEIGHBORS = EstimatorEntry(
    name="nearest_neighbors",
    title="Nearest neighbours",
    family="neighbors",
    summary="Answers as the most similar training rows do: their class shares, or their mean.",
    strengths="No training, follows any shape; the neighbours themselves are the explanation.",
    cost="Free to train, slow to ask: each answer looks at all training rows, which the model holds.",
    tasks=BOTH_TASKS,
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=True,
    converts=False,  # its graph is many times slower than the native model
    max_rows=50_000,
    formula=(
        r"\hat{y} = \frac{\sum_{i \in N_k(x)} v_i \, y_i}{\sum_{i \in N_k(x)} v_i}, \qquad "
        r"v_i = 1 \text{ or } \frac{1}{d(x, x_i)}"
    ),
    parameters=(
        Parameter(
            "n_neighbors",
            "int",
            5,
            "Rows that are asked (k); more is smoother.",
            1,
            10_000,
            "log",
            search=(1, 50),
            search_values=(1, 3, 5, 10, 20, 50),
        ),  # fmt: skip
        Parameter(
            "weights",
            "choice",
            "uniform",
            "`uniform` counts the neighbours alike, `distance` counts near ones more.",
            choices=("uniform", "distance"),
        ),
        Parameter(
            "metric",
            "choice",
            "euclidean",
            "How distance is measured: as the crow flies, or the differences of all columns added up.",
            choices=("euclidean", "manhattan"),
        ),
    ),
)

_SVM = EstimatorEntry(
    name="svm",
    title="Support vector machine",
    family="neighbors",
    summary="The border with the widest margin between classes, or a band around the values, bent by a kernel.",
    strengths="Strong on few rows with many columns; smooth, bent borders.",
    cost="Grows with the square of the rows: minutes at 20,000, which is why it learns from no more by default.",
    tasks=BOTH_TASKS,
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=True,
    max_rows=20_000,
    formula=(
        r"f(x) = \sum_i \alpha_i K(x_i, x) + b, \qquad \min_{w,b} \tfrac{1}{2} \lVert w \rVert^2 "
        r"+ C \sum_i \max(0, 1 - y_i f(x_i)), \qquad K_{\text{rbf}}(x, z) = e^{-\gamma \lVert x - z \rVert^2}"
    ),
    parameters=(
        Parameter(
            "kernel",
            "choice",
            "rbf",
            "Shape of the border: `linear` is straight, `poly` a polynomial, `rbf` bends as far as gamma lets it.",
            choices=("rbf", "linear", "poly"),
            search_values=("rbf", "linear"),
        ),
        Parameter(
            "C", "float", 1.0, "What an error costs: larger fits the training rows closer.", 1e-4, 1e4, "log",
            search=(1e-2, 1e2), search_values=(0.1, 1.0, 10.0, 100.0),
        ),  # fmt: skip
        Parameter(
            "gamma", "float", None, "How near a row must be to count (rbf, poly); larger bends more.", 1e-6, 1e3, "log",
            optional=True, none_means="1 / (features × their variance)", search=(1e-3, 1.0),
            search_values=(None, 0.01, 0.1, 1.0),
        ),  # fmt: skip
        Parameter("degree", "int", 3, "Of the polynomial; the other kernels ignore it.", 1, 10, searched=False),
        Parameter(
            "epsilon", "float", 0.1, "Half width of the band without errors, in standard deviations of the target.",
            0.0, 10.0, search=(0.01, 0.5), search_values=(0.01, 0.1, 0.3), task="regression",
        ),  # fmt: skip
        Parameter(
            "max_rows", "int", 20_000, "Rows it learns from at most; of more it takes a random sample.",
            100, 10_000_000, "log", optional=True, none_means="all rows", searched=False,
        ),  # fmt: skip
        CLASS_WEIGHT,
    ),
)  # fmt: skip

ENTRIES = (
    _NEIGHBORS,
    _SVM,
)
