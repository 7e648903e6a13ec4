"""The learning rate over a training: by plan, with warm-up, and lowered besides where a plateau asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.estimators.spec import Schedule, TrainingSpec

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class RatePlan:
    """What the learning rate is at each step.

    Parameters
    ----------
    learning_rate : float
        The highest, after the warm-up.
    schedule : Schedule, optional
        Constant when absent.
    steps_per_epoch, epochs : int

    Examples
    --------
    >>> plan = RatePlan(0.1, Schedule(kind="linear", final=0.0), steps_per_epoch=10, epochs=4)
    >>> [round(float(plan.at(step)), 3) for step in (0, 20, 40)]
    [0.1, 0.05, 0.0]
    """

    learning_rate: float
    schedule: Schedule | None = None
    steps_per_epoch: int = 1
    epochs: int = 1

    @classmethod
    def of(cls, training: TrainingSpec, *, steps_per_epoch: int = 1) -> RatePlan:
        """Read the plan off a TrainingSpec."""
        return cls(training.learning_rate, training.schedule, steps_per_epoch, training.epochs)

    def at(self, step: Any, xp: Any = np) -> Any:
        """Give the learning rate of the step that follows `step` others.

        Parameters
        ----------
        step : float, ndarray or tensor
        xp : module
            ``numpy`` or ``keras.ops``: the same formula draws the curve and runs inside the graph.
        """
        plan = self.schedule
        if plan is None:
            return step * 0.0 + self.learning_rate
        warmup = plan.warmup_epochs * self.steps_per_epoch
        length = max(self.epochs * self.steps_per_epoch - warmup, 1.0)
        passed = xp.minimum(xp.maximum((step - warmup) / length, 0.0), 1.0)
        rate = self.learning_rate * self._share(plan, passed, length, xp)
        # The first step counts as one: at a rate of 0 it would do nothing.
        return rate * xp.minimum((step + 1.0) / warmup, 1.0) if warmup >= 1.0 else rate

    def _share(self, plan: Schedule, passed: Any, length: float, xp: Any) -> Any:
        if plan.kind == "cosine":
            return plan.final + (1.0 - plan.final) * 0.5 * (1.0 + xp.cos(np.pi * passed))
        if plan.kind == "linear":
            return 1.0 - (1.0 - plan.final) * passed
        if plan.kind == "exponential":
            return xp.exp(np.log(plan.final) * passed)
        if plan.kind == "step":
            # Half a step more: in float32 an epoch's end may fall short of it by a rounding.
            n_falls = xp.floor((passed * length + 0.5) / (plan.every * self.steps_per_epoch))
            return xp.exp(np.log(plan.factor) * n_falls)
        return passed * 0.0 + 1.0


def planned_rate(plan: RatePlan) -> Any:
    """Make the ``PlannedRate`` that a Keras optimizer takes as its learning rate.

    ``network.optimizer.learning_rate`` then is what the next step will use. Its ``multiplier`` is a Keras variable that
    starts at 1; it belongs to a checkpoint beside the optimizer's own variables.
    """
    return _planned_rate_class()(plan)


def rate_of(network: keras.Model) -> Any:
    """Give the ``PlannedRate`` of a compiled network, also behind the loss scaling of mixed precision."""
    optimizer = getattr(network.optimizer, "inner_optimizer", network.optimizer)
    return optimizer._learning_rate


def lower_rate(network: keras.Model, factor: float, *, least: float = 0.0) -> tuple[float, float] | None:
    """Multiply the learning rate by `factor` from now on, but not to less than `least`.

    Returns
    -------
    tuple of float, optional
        The rate before and after; None where it is as low as that already, and nothing changed.
    """
    rate, before = rate_of(network), float(network.optimizer.learning_rate)
    after = max(before * factor, least)
    if after > before * (1.0 - 1e-6):  # in float32 the least itself may come back a little larger
        return None
    rate.multiplier.assign(float(rate.multiplier) * after / before)
    return before, after


@cache
def _planned_rate_class() -> type:
    import keras

    class PlannedRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """A `RatePlan` times a multiplier that training may lower."""

        def __init__(self, plan: RatePlan) -> None:
            self.plan = plan
            self.multiplier = keras.Variable(1.0, trainable=False, dtype="float32", name="rate_multiplier")

        def __call__(self, step: Any) -> Any:
            return self.plan.at(keras.ops.cast(step, "float32"), keras.ops) * self.multiplier

        def get_config(self) -> dict[str, Any]:
            """Give the rate alone: a stored network is loaded to predict."""
            return {"learning_rate": self.plan.learning_rate}

    return PlannedRate
