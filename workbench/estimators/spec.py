"""The parts of a RunSpec that name the estimator and how it trains."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

STEPPING = frozenset({"batch_size", "optimizer", "learning_rate", "schedule"})


class EstimatorSpec(BaseModel):
    """An estimator of the catalogue and the parameters that differ from its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    params: dict[str, Any] = Field(default_factory=dict)


BOOSTING_PATIENCE = 25  # rounds without a better validation loss that end boosting, where the spec says nothing
NEVER = 10_000  # a patience that outlasts all rounds


class EarlyStopping(BaseModel):
    """Stop when the validation loss hasn't improved for `patience` epochs (or rounds), and keep the best."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: int = Field(5, ge=1)
    min_delta: float = Field(0.0, ge=0.0)


class ReduceLROnPlateau(BaseModel):
    """Multiply the learning rate by `factor` when the validation loss stalls for `patience` epochs, to `min_lr`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    factor: float = Field(0.1, gt=0.0, lt=1.0)
    patience: int = Field(3, ge=1)
    min_lr: float = Field(0.0001, ge=0.0)


Optimizer = Literal["adam", "adamw", "nadam", "sgd", "momentum", "rmsprop", "adagrad", "lion"]
Loss = Literal["auto", "cross_entropy", "focal", "squared_error", "absolute_error", "huber", "log_cosh"]
Device = Literal["auto", "cpu", "gpu", "all_gpus"]
Calibration = Literal["none", "sigmoid", "isotonic"]


class Schedule(BaseModel):
    """How the learning rate moves while a network trains, by plan; a plateau may lower it besides.

    Parameters
    ----------
    kind : {"constant", "cosine", "linear", "exponential", "step"}
        ``cosine`` and ``linear`` fall to `final` times the learning rate at the last epoch, ``exponential`` reaches it
        by the same factor each step, ``step`` multiplies it by `factor` every `every` epochs.
    warmup_epochs : float
        Epochs in which it first rises from 0, in a straight line.
    final : float
        Share of the learning rate that is left at the end.
    factor, every : float, int
        Of ``step``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["constant", "cosine", "linear", "exponential", "step"] = "cosine"
    warmup_epochs: float = Field(0.0, ge=0.0, le=1000.0)
    final: float = Field(0.01, ge=0.0, le=1.0)
    factor: float = Field(0.5, gt=0.0, lt=1.0)
    every: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _check_exponential(self) -> Schedule:
        if self.kind == "exponential" and not self.final:
            raise ValueError(
                "got final: 0 with kind: exponential, needed a share above 0, since no factor reaches 0. "
                "Set final to 0.001, or kind to cosine or linear"
            )
        return self


class TrainingSpec(BaseModel):
    """How a network trains; early stopping also applies to boosting and forests' rounds.

    Estimators that don't train in epochs ignore what is about epochs, batches, optimizers and losses. Batch size,
    optimizer, learning rate and schedule suit each other: an estimator may have defaults of its own for them, which
    hold where none of the four is given.

    Parameters
    ----------
    epochs, batch_size : int
    optimizer : str
        ``momentum`` is ``sgd`` with Nesterov momentum.
    learning_rate : float
    momentum : float
        Of ``momentum`` only: the share of the last step that goes on.
    weight_decay : float
        Share of each weight that is taken away in a step, times the learning rate (decoupled, as in AdamW). Where it is
        0, ``adamw`` takes 0.004: without any it would be ``adam``.
    clip_norm : float, optional
        Largest norm of all gradients together; longer ones are shortened to it.
    loss : str
        ``auto`` is the cross-entropy for classes and the squared error for numbers. ``focal`` is for classes, too; all
        others are for numbers.
    label_smoothing : float
        Share of certainty that is taken from the true class and spread over all.
    schedule : Schedule, optional
        Constant when absent.
    early_stopping : EarlyStopping, optional
        When absent, boosting stops after 25 rounds without improvement and everything else goes to its end.
    reduce_lr_on_plateau : ReduceLROnPlateau, optional
    mixed_precision : bool
        Compute in 16 bits where that is exact enough, on GPUs; ignored on a CPU.
    jit_compile : bool
        Compile each step with XLA: faster on GPUs, slower on CPUs.
    device : {"auto", "cpu", "gpu", "all_gpus"}
        ``auto`` is one GPU for networks where there is one, else the CPU.
    calibration : {"none", "sigmoid", "isotonic"}
        Correct a classifier's probabilities on the validation rows after training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(20, ge=1, le=100_000)
    batch_size: int = Field(128, ge=1, le=1_000_000)
    optimizer: Optimizer = "adam"
    learning_rate: float = Field(0.001, gt=0.0, le=10.0)
    momentum: float = Field(0.9, ge=0.0, lt=1.0)
    weight_decay: float = Field(0.0, ge=0.0, le=1.0)
    clip_norm: float | None = Field(None, gt=0.0)
    loss: Loss = "auto"
    label_smoothing: float = Field(0.0, ge=0.0, lt=1.0)
    schedule: Schedule | None = None
    early_stopping: EarlyStopping | None = None
    reduce_lr_on_plateau: ReduceLROnPlateau | None = None
    mixed_precision: bool = False
    jit_compile: bool = False
    device: Device = "auto"
    calibration: Calibration = "none"

    def suited(self, own: TrainingSpec | None) -> TrainingSpec:
        """Give the options with an estimator's own defaults, where none of the four that belong together is set.

        Examples
        --------
        >>> own = TrainingSpec(batch_size=64, learning_rate=0.004)
        >>> TrainingSpec(epochs=5).suited(own).batch_size, TrainingSpec(learning_rate=0.001).suited(own).batch_size
        (64, 128)
        """
        if own is None or self.model_fields_set & STEPPING:
            return self
        return self.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})

    def to_dict(self) -> dict[str, Any]:
        """Give plain values without what equals a default, but with what was set of the four that belong together."""
        told = set(STEPPING & self.model_fields_set)
        found = self.model_dump(mode="json", include=told) | self.model_dump(mode="json", exclude_defaults=True)
        if self.schedule is not None:  # a reader looks for its kind
            found["schedule"] = {"kind": self.schedule.kind, **found["schedule"]}
        return {name: found[name] for name in type(self).model_fields if name in found}
