"""The training options that a search may move, described as an estimator's parameters are."""

from __future__ import annotations

from typing import get_args

from workbench.estimators.parameters import Parameter
from workbench.estimators.spec import Loss, Optimizer

PREFIX = "training."

# Ranges are those that TrainingSpec allows; a search stays in the narrower ones unless it is told otherwise.
TRAINING_OPTIONS: tuple[Parameter, ...] = (
    Parameter("epochs", "int", 20, "Passes over the training rows.", 1, 100_000, "log", search=(5, 60), searched=False),
    Parameter(
        "batch_size",
        "int",
        128,
        "Rows in one step; larger is faster and smoother, smaller often generalises better.",
        1,
        1_000_000,
        "log",
        search_values=(32, 64, 128, 256, 512),
    ),
    Parameter(
        "optimizer",
        "choice",
        "adam",
        "How weights follow the gradient.",
        choices=get_args(Optimizer),
        search_values=("adam", "nadam", "rmsprop", "momentum"),
        searched=False,
    ),
    Parameter("learning_rate", "float", 0.001, "Size of a step.", 1e-7, 10.0, "log", search=(1e-4, 1e-1)),
    Parameter("momentum", "float", 0.9, "Share of the last step that goes on.", 0.0, 0.999, searched=False),
    Parameter(
        "weight_decay",
        "float",
        0.0,
        "Share of each weight that is taken away in a step.",
        0.0,
        1.0,
        search_values=(0.0, 1e-5, 1e-4, 1e-3, 1e-2),
        searched=False,
    ),
    Parameter(
        "clip_norm",
        "float",
        None,
        "Largest norm of all gradients together.",
        1e-6,
        1e6,
        "log",
        optional=True,
        search_values=(None, 0.5, 1.0, 5.0),
        searched=False,
    ),
    Parameter("loss", "choice", "auto", "What is minimized.", choices=get_args(Loss), searched=False),
    Parameter(
        "label_smoothing",
        "float",
        0.0,
        "Certainty that is spread over all classes.",
        0.0,
        0.999,
        search=(0.0, 0.3),
        searched=False,
    ),
)


def training_option(name: str) -> Parameter | None:
    """Give a training option by its name, with or without ``training.`` in front; None where there is none."""
    plain = name.removeprefix(PREFIX)
    return next((found for found in TRAINING_OPTIONS if found.name == plain), None)
