"""The estimators for images.

`DENSE` has the name of its sibling for tables: a RunSpec names ``dense_network`` for either, and the data decides.
"""

from __future__ import annotations

from workbench.estimators.entry import BOTH_TASKS, EstimatorEntry
from workbench.estimators.parameters import Parameter
from workbench.estimators.spec import Schedule, TrainingSpec

_ACTIVATION = Parameter(
    "activation",
    "choice",
    "relu",
    "What each unit does with its weighted sum.",
    choices=("relu", "gelu", "elu", "selu", "silu", "tanh", "sigmoid"),
    searched=False,
)
_L2 = Parameter("l2", "float", 0.0, "Penalty on the weights' squared size; keeps them small.", 0.0, 1.0, searched=False)

DENSE = EstimatorEntry(
    name="dense_network",
    title="Dense network on pixels",
    family="images",
    takes="image",
    summary="A neural network of fully connected layers over all pixels, as in the classic 784-128-10.",
    strengths="The simplest network for small centred images such as digits; quick, and easy to understand.",
    cost="Seconds an epoch on a CPU; it knows nothing of neighbouring pixels, and falls behind on photographs.",
    tasks=BOTH_TASKS,
    engine="keras",
    progress="epochs",
    handles_missing=False,
    needs_scaling=False,
    # On MNIST, 5 epochs, three seeds: 0.9755 to 0.9784 of the test images; with the general defaults 0.9722 to 0.9748.
    training=TrainingSpec(batch_size=64, learning_rate=0.002, schedule=Schedule(kind="cosine")),
    formula=r"h = \sigma(W_1 x + b_1), \quad p = \mathrm{softmax}(W_2 h + b_2)",
    parameters=(
        Parameter(
            "layers",
            "int_list",
            (128,),
            "Units of each hidden layer, first to last; more learn finer differences, and more by heart.",
            1,
            4096,
            "log",
            search_values=((64,), (128,), (256,), (256, 128), (512, 128)),
        ),
        _ACTIVATION,
        Parameter(
            "dropout",
            "float",
            0.2,
            "Share of units switched off at random in each step; curbs learning by heart.",
            0.0,
            0.9,
            search=(0.0, 0.5),
        ),
        _L2,
    ),
)

SMALL_CONVNET = EstimatorEntry(
    name="small_convnet",
    title="Small convnet",
    family="images",
    takes="image",
    summary="Three convolutions with max pooling between them, then a dense layer; as taught with CIFAR-10.",
    strengths="Finds shapes wherever they stand in the image; the first choice for small images.",
    cost="Half a minute an epoch for 50,000 small images on two CPU cores; much faster on a GPU.",
    tasks=BOTH_TASKS,
    engine="keras",
    progress="epochs",
    handles_missing=False,
    needs_scaling=False,
    formula=r"h^{(l)}_{i,j,k} = \max\Bigl(0,\; b_k + \sum_{u,v,c} W_{u,v,c,k}\, h^{(l-1)}_{i+u,\,j+v,\,c}\Bigr)",
    parameters=(
        Parameter(
            "filters",
            "int_list",
            (32, 64, 64),
            "Shapes that each convolution looks for, first to last.",
            1,
            1024,
            "log",
            search_values=((16, 32, 32), (32, 64, 64), (64, 128, 128)),
        ),
        Parameter("units", "int", 64, "Units of the dense layer behind the convolutions.", 1, 4096, "log"),
        Parameter(
            "dropout",
            "float",
            0.2,
            "Share of the dense layer's inputs switched off at random in each step; curbs learning by heart.",
            0.0,
            0.9,
            search=(0.0, 0.5),
        ),
        _L2,
    ),
)

RESIDUAL_CONVNET = EstimatorEntry(
    name="residual_convnet",
    title="Residual convnet",
    family="images",
    takes="image",
    summary="Convolutions in blocks that add to what they are given, with batch normalization; a small ResNet.",
    strengths="The most accurate here for photographs, and it goes on improving with more epochs.",
    cost="About three times a small convnet an epoch; reaches the same accuracy in fewer of them.",
    tasks=BOTH_TASKS,
    engine="keras",
    progress="epochs",
    handles_missing=False,
    needs_scaling=False,
    formula=r"h^{(l)} = \max\bigl(0,\; h^{(l-1)} + F_l(h^{(l-1)})\bigr)",
    parameters=(
        Parameter(
            "filters",
            "int_list",
            (32, 64, 128),
            "Filters of each stage; each stage but the first halves height and width.",
            1,
            1024,
            "log",
            search_values=((16, 32, 64), (32, 64, 128), (64, 128, 256)),
        ),
        Parameter(
            "blocks", "int", 1, "Residual blocks of each stage; more are slower and finer.", 1, 20, search=(1, 3)
        ),
        Parameter(
            "dropout",
            "float",
            0.1,
            "Share of the last features switched off at random in each step; curbs learning by heart.",
            0.0,
            0.9,
            search=(0.0, 0.5),
        ),
        _L2,
    ),
)

# The form for images of estimators that have a form for tables, too.
IMAGE_FORMS = {DENSE.name: DENSE}
ENTRIES: tuple[EstimatorEntry, ...] = (SMALL_CONVNET, RESIDUAL_CONVNET)
