"""The neural networks of the catalogue."""

from __future__ import annotations

from workbench.estimators.entry import BOTH_TASKS, EstimatorEntry
from workbench.estimators.parameters import Parameter

_NETWORK = EstimatorEntry(
    name="dense_network",
    title="Dense network",
    family="networks",
    summary="A neural network of fully connected layers (Keras).",
    strengths="Learns smooth and joint effects of many columns; trains in epochs that you can watch and stop.",
    cost="Seconds to minutes on a CPU, faster on a GPU; wants scaled columns.",
    tasks=BOTH_TASKS,
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

ENTRIES = (_NETWORK,)
