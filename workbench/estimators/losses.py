"""What a network minimizes: the losses of a TrainingSpec, for class indices and for standardised numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.data.spec import AnyTask, Task
from workbench.errors import EstimatorError
from workbench.estimators.entry import EstimatorEntry
from workbench.estimators.spec import Loss, TrainingSpec

LOSSES: dict[AnyTask, tuple[Loss, ...]] = {
    "classification": ("cross_entropy", "focal"),
    "regression": ("squared_error", "absolute_error", "huber", "log_cosh"),
}

FOCUS = 2.0  # the exponent that Lin et al. (Focal Loss for Dense Object Detection, 2017) found best
_SMALLEST = 1e-7  # as Keras: a probability of 0 for what happened would make the loss infinite

LossFunction = Callable[[Any, Any], Any]


def loss_of(training: TrainingSpec, task: AnyTask) -> Loss:
    """Give the loss that a training minimizes, ``auto`` resolved.

    Raises
    ------
    EstimatorError
        If it doesn't fit the task, or labels of numbers are to be smoothed.

    Examples
    --------
    >>> loss_of(TrainingSpec(), "regression")
    'squared_error'
    """
    fitting = LOSSES.get(task, ())
    if training.loss != "auto" and training.loss not in fitting:
        raise EstimatorError(
            f"Got the loss {training.loss} for a {task}, needed one of auto, {', '.join(fitting)}. "
            "Choose one of them, or set the task."
        )
    if training.label_smoothing and task != "classification":
        raise EstimatorError(
            f"Got label_smoothing {training.label_smoothing:g} for a {task}, needed classes, which alone have labels. "
            "Leave it out; the loss huber bears wrong targets."
        )
    return training.loss if training.loss != "auto" else fitting[0]


def check_training(estimator: EstimatorEntry, training: TrainingSpec, task: AnyTask | None) -> None:
    """Refuse a loss that doesn't fit the task, where the estimator heeds it and the task is known.

    Raises
    ------
    EstimatorError
        As `loss_of`.
    """
    if estimator.progress == "epochs" and task is not None:
        loss_of(training, task)


def loss_power(loss: Loss) -> int:
    """Say with which power of the target's unit a loss grows.

    A network learns a standardised target: its loss times the standard deviation to this power is that of the target in
    its unit. Huber's border between squared and straight is one standard deviation then.
    """
    return 1 if loss == "absolute_error" else 2


def build_loss(training: TrainingSpec, *, task: Task, n_classes: int) -> str | LossFunction:
    """Give what Keras compiles: a name of its own, or a function of targets and answers.

    Parameters
    ----------
    training : TrainingSpec
    task : {"classification", "regression"}
    n_classes : int
        Two answer with one probability, more with one each. Targets are class indices.

    Raises
    ------
    EstimatorError
        As `loss_of`.
    """
    loss, smoothing = loss_of(training, task), training.label_smoothing
    if loss == "focal":
        return _focal_of_two(smoothing) if n_classes <= 2 else _focal_of_many(smoothing, n_classes)
    if loss == "cross_entropy" and smoothing:
        return _smoothed_of_two(smoothing) if n_classes <= 2 else _smoothed_of_many(smoothing, n_classes)
    if loss == "cross_entropy":
        return "binary_crossentropy" if n_classes <= 2 else "sparse_categorical_crossentropy"
    names: dict[Loss, str] = {
        "squared_error": "mean_squared_error",
        "absolute_error": "mean_absolute_error",
        "huber": "huber",
        "log_cosh": "log_cosh",
    }
    return names[loss]


# The answers go into Keras' own functions as they are: it finds the values before the last activation behind them, and
# computes the loss from those, which is more exact.
def _smoothed_of_two(smoothing: float) -> LossFunction:
    from keras import losses

    return lambda y, answers: losses.binary_crossentropy(y, answers, label_smoothing=smoothing)


def _smoothed_of_many(smoothing: float, n_classes: int) -> LossFunction:
    from keras import losses

    return lambda y, answers: losses.categorical_crossentropy(
        _one_hot(y, n_classes), answers, label_smoothing=smoothing
    )


def _focal_of_two(smoothing: float) -> LossFunction:
    from keras import ops

    def focal(y: Any, answers: Any) -> Any:
        wanted = ops.reshape(y, (-1,)) * (1.0 - smoothing) + 0.5 * smoothing
        positive = ops.clip(ops.reshape(answers, (-1,)), _SMALLEST, 1.0 - _SMALLEST)
        return wanted * _focused(positive) + (1.0 - wanted) * _focused(1.0 - positive)

    return focal


def _focal_of_many(smoothing: float, n_classes: int) -> LossFunction:
    from keras import ops

    def focal(y: Any, answers: Any) -> Any:
        wanted = _one_hot(y, n_classes) * (1.0 - smoothing) + smoothing / n_classes
        return ops.sum(wanted * _focused(ops.clip(answers, _SMALLEST, 1.0 - _SMALLEST)), axis=-1)

    return focal


def _one_hot(y: Any, n_classes: int) -> Any:
    from keras import ops

    return ops.one_hot(ops.cast(ops.reshape(y, (-1,)), "int32"), n_classes)


def _focused(probability: Any) -> Any:
    from keras import ops

    return -ops.log(probability) * (1.0 - probability) ** FOCUS
