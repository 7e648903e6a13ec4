"""The parts of a RunSpec that name the estimator and how it trains."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class EstimatorSpec(BaseModel):
    """An estimator of the catalogue and the parameters that differ from its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    params: dict[str, Any] = Field(default_factory=dict)


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


class TrainingSpec(BaseModel):
    """How a network trains; early stopping also applies to boosting and forests' rounds.

    Estimators that don't train in epochs ignore `epochs`, `batch_size`, `optimizer` and `learning_rate`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(20, ge=1, le=100_000)
    batch_size: int = Field(128, ge=1, le=1_000_000)
    optimizer: Literal["adam", "sgd", "rmsprop", "adamw"] = "adam"
    learning_rate: float = Field(0.001, gt=0.0, le=10.0)
    early_stopping: EarlyStopping | None = None
    reduce_lr_on_plateau: ReduceLROnPlateau | None = None
