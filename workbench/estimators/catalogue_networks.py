"""The networks for tables in the catalogue."""

from __future__ import annotations

from workbench.estimators.entry import BOTH_TASKS, CLASS_WEIGHT, EstimatorEntry
from workbench.estimators.parameters import Parameter

_ACTIVATION = Parameter(
    "activation",
    "choice",
    "relu",
    "What each unit does with its weighted sum.",
    choices=("relu", "gelu", "elu", "selu", "silu", "tanh", "sigmoid"),
)
_DROPOUT = Parameter(
    "dropout",
    "float",
    0.1,
    "Share of units switched off at random in each step; curbs overfitting.",
    0.0,
    0.9,
    search=(0.0, 0.5),
)
_L1 = Parameter(
    "l1", "float", 0.0, "Penalty on the weights' absolute size; drives some to zero.", 0.0, 1.0, searched=False
)
_L2 = Parameter("l2", "float", 0.0, "Penalty on the weights' squared size; keeps them small.", 0.0, 1.0, searched=False)
_NORMALIZATION_HELP = (
    "Brings each layer's values to a common scale: `batch` over the rows of a batch, `layer` over the units of a row. "
    "Deep networks learn faster with it; tiny batches want `layer`."
)

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
    formula=r"h_0 = x, \quad h_l = g\left(W_l\, h_{l-1} + b_l\right), \quad \hat{y} = f\left(W\, h_L + b\right)",
    parameters=(
        Parameter(
            "layers",
            "int_list",
            (64, 32),
            "Units of each hidden layer, first to last.",
            1,
            4096,
            "log",
            search_values=((32,), (64, 32), (128, 64), (256, 128), (256, 128, 64)),
        ),
        _ACTIVATION,
        Parameter(
            "normalization", "choice", "none", _NORMALIZATION_HELP, choices=("none", "batch", "layer"), searched=False
        ),
        _DROPOUT,
        _L1,
        _L2,
        CLASS_WEIGHT,
    ),
)

_RESIDUAL = EstimatorEntry(
    name="residual_dense_network",
    title="Residual dense network",
    family="networks",
    summary="A deep network whose blocks add to what they are given; categories become learned vectors (embeddings).",
    strengths="Many categories without a column for each (encode them with `ordinal`); depth that still learns.",
    cost="Two to four times a dense network of the same width; wants scaled numbers.",
    tasks=BOTH_TASKS,
    engine="keras",
    progress="epochs",
    handles_missing=False,
    needs_scaling=True,
    embeds=True,
    formula=r"h_l = h_{l-1} + V_l\, g\left(W_l\, \mathrm{norm}(h_{l-1}) + b_l\right) + c_l, \quad "
    r"h_0 = A \left[x_{\mathrm{num}},\, e_1(c_1),\, \ldots,\, e_k(c_k)\right] + a",
    parameters=(
        Parameter(
            "blocks",
            "int",
            2,
            "Blocks, each with two layers; more learn finer effects and take longer.",
            1,
            32,
            search=(1, 4),
        ),
        Parameter(
            "units",
            "int",
            128,
            "Width of the network between its blocks; inside a block it is twice as wide.",
            4,
            4096,
            "log",
            search=(32, 512),
        ),
        Parameter(
            "embedding_size",
            "int",
            8,
            "Numbers that are learned for each category; more tell categories apart in more ways.",
            1,
            256,
            "log",
            search=(2, 32),
        ),
        _ACTIVATION,
        Parameter(
            "normalization", "choice", "layer", _NORMALIZATION_HELP, choices=("none", "batch", "layer"), searched=False
        ),
        _DROPOUT,
        _L1,
        _L2,
        CLASS_WEIGHT,
    ),
)

ENTRIES = (_NETWORK, _RESIDUAL)
