"""The optimizers of a TrainingSpec, made for Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.estimators.schedules import RatePlan, planned_rate
from workbench.estimators.spec import TrainingSpec

if TYPE_CHECKING:
    import keras

ADAMW_DECAY = 0.004  # as Keras; without any, AdamW would be Adam

# Taking weight away is meant for weights: offsets and the scales of normalizations have to stay free.
_FREE_OF_DECAY = ["bias", "gamma", "beta"]


def build_optimizer(training: TrainingSpec, *, steps_per_epoch: int = 1) -> keras.optimizers.Optimizer:
    """Build the optimizer with its learning rate by plan, weight decay and clipping.

    Parameters
    ----------
    training : TrainingSpec
    steps_per_epoch : int
        Batches of an epoch, in which the schedule is counted.
    """
    import keras

    known = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "nadam": keras.optimizers.Nadam,
        "sgd": keras.optimizers.SGD,
        "momentum": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
        "adagrad": keras.optimizers.Adagrad,
        "lion": keras.optimizers.Lion,
    }
    own: dict[str, Any] = {}
    if training.optimizer == "momentum":
        own = {"momentum": training.momentum, "nesterov": True}
    optimizer = known[training.optimizer](
        learning_rate=planned_rate(RatePlan.of(training, steps_per_epoch=steps_per_epoch)),
        weight_decay=decay_of(training) or None,
        global_clipnorm=training.clip_norm,
        name=training.optimizer,
        **own,
    )
    optimizer.exclude_from_weight_decay(var_names=_FREE_OF_DECAY)
    return optimizer


def decay_of(training: TrainingSpec) -> float:
    """Give the weight decay that is in force: AdamW's own where none is set.

    Examples
    --------
    >>> decay_of(TrainingSpec(optimizer="adamw")), decay_of(TrainingSpec(optimizer="adam"))
    (0.004, 0.0)
    """
    return training.weight_decay or (ADAMW_DECAY if training.optimizer == "adamw" else 0.0)
