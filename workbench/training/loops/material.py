"""What a loop gets: prepared rows, the estimator's entry and parameters, and how to train."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.spec import Task
from workbench.estimators.catalogue import EstimatorEntry
from workbench.estimators.scaling import Scaling, find_scaling
from workbench.estimators.spec import TrainingSpec
from workbench.training.measures import measure

if TYPE_CHECKING:
    import keras

    from workbench.estimators.classical import SklearnModel
    from workbench.estimators.native import NativeModel
    from workbench.training.checkpoint import Checkpoint

CURVE_ROWS = 5_000  # training rows that a training curve is measured on, where measuring costs a prediction


@dataclass(frozen=True)
class Material:
    """Prepared rows and everything that decides how they are learned.

    Parameters
    ----------
    entry : EstimatorEntry
    params : dict
        Checked, with the defaults filled in.
    training : TrainingSpec
    task : {"classification", "regression"}
    classes : list of str or int, optional
    X_train, X_validation : ndarray of shape (n_rows, n_features)
        float64; the validation rows may be none. Networks take any shape behind the rows and any type of numbers, as
        images of (n_rows, height, width, channels) in uint8, which stay as they are until a batch is learned.
    y_train, y_validation : ndarray of shape (n_rows,)
        Class indices (int64) or numbers (float64).
    seed : int
    n_jobs : int
        Threads that the loop may use.
    fill : ndarray of shape (n_features,), optional
        As `NativeModel` takes it; already applied to the rows here.
    checkpoint : Checkpoint, optional
        Keeps the loop's state; one left by an earlier attempt is gone on from.
    weights : ndarray of shape (n_rows,), optional
        How much each training row counts.
    unbalanced : pair of ndarray, optional
        Features and targets of the training rows before they were balanced, for measuring; those that are learned from
        when absent.
    prepare : callable, optional
        Of networks: makes what the network takes of a batch as it lies in `X_train`, inside the graph, as scaling
        pixels to 0..1; a cast to float32 when absent. The network answers later requests on rows so prepared.
    augment : callable, optional
        Of networks: changes a prepared training batch, given a seed (a tensor of two int32) that differs from batch to
        batch and is the same when a run is repeated or resumed; use ``tf.random.stateless_*`` or
        ``tf.image.stateless_*``.
    network : callable, optional
        Builds and compiles the network, given the number of batches of an epoch; the catalogue's own when absent.
    finish : callable, optional
        Wraps the trained network; `wrap_model` when absent.
    scaling : Scaling, optional
        How rows and target of this material were moved; see `scaled`.
    plain : Material, optional
        The material before that.
    """

    entry: EstimatorEntry
    params: dict[str, Any]
    training: TrainingSpec
    task: Task
    classes: list[str | int] | None
    X_train: np.ndarray = field(repr=False)
    y_train: np.ndarray = field(repr=False)
    X_validation: np.ndarray = field(repr=False)
    y_validation: np.ndarray = field(repr=False)
    seed: int = 0
    n_jobs: int = 1
    fill: np.ndarray | None = None
    checkpoint: Checkpoint | None = None
    weights: np.ndarray | None = field(default=None, repr=False)
    unbalanced: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)
    prepare: Callable[[Any], Any] | None = None
    augment: Callable[[Any, Any], Any] | None = None
    network: Callable[[int], keras.Model] | None = None
    finish: Callable[[keras.Model], NativeModel] | None = None
    scaling: Scaling | None = None
    plain: Material | None = field(default=None, repr=False)

    @property
    def has_validation(self) -> bool:
        """Whether there are validation rows to watch."""
        return len(self.y_validation) > 0

    @property
    def n_features(self) -> int:
        """Number of features, or of all pixels and channels of an image."""
        return math.prod(self.X_train.shape[1:])

    @property
    def measured_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and targets of the training rows as they are, whatever balances them."""
        return self.unbalanced or (self.X_train, self.y_train)

    def curve_positions(self) -> np.ndarray:
        """Choose the training rows that a training curve is measured on: all, or a fixed sample of 5,000."""
        n_rows = len(self.measured_rows[1])
        if n_rows <= CURVE_ROWS:
            return np.arange(n_rows)
        chosen = np.random.default_rng(self.seed).choice(n_rows, CURVE_ROWS, replace=False)
        chosen.sort()
        return chosen

    def curve_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Give features and targets of the rows that a training curve is measured on."""
        X, y = self.measured_rows
        if len(y) <= CURVE_ROWS:
            return X, y
        chosen = self.curve_positions()
        return X[chosen], y[chosen]

    def build(self) -> Any:
        """Build the unfitted scikit-learn estimator."""
        from workbench.estimators.classical import build_sklearn

        built = build_sklearn(self.entry, self.params, task=self.task, seed=self.seed, n_jobs=self.n_jobs)
        if self.scaling is not None and self.scaling.moves_target and hasattr(built, "ccp_alpha"):
            built.ccp_alpha /= self.scaling.std**2  # in the unit of the target, squared
        return built

    def wrap(self, estimator: Any) -> SklearnModel:
        """Wrap a fitted scikit-learn estimator."""
        from workbench.estimators.classical import SklearnModel

        model = SklearnModel(
            estimator, task=self.task, classes=self.classes, n_features=self.n_features, fill=self.fill
        )
        model.scaling = self.scaling
        return model

    @cached_property
    def scaled(self) -> Material:
        """Rows and target as the estimator can take them; mostly these themselves. See `find_scaling`."""
        if self.scaling is not None:
            return self
        found = find_scaling(self.entry, self.params, *self.measured_rows, task=self.task)
        if found is None:
            return self
        moved = replace(
            self,
            X_train=found.rows(self.X_train),
            y_train=found.targets(self.y_train),
            X_validation=found.rows(self.X_validation) if self.has_validation else self.X_validation,
            y_validation=found.targets(self.y_validation),
            scaling=found,
            plain=self,
        )
        if self.unbalanced is None:
            return moved
        X, y = self.unbalanced
        return replace(moved, unbalanced=(found.rows(X), found.targets(y)))

    def measure(self, y: np.ndarray, scores: np.ndarray, *, prefix: str = "") -> dict[str, float]:
        """Measure answers as the estimator gives them; loss and RMSE are in the target's own unit."""
        return self.in_unit(measure(self.task, y, scores, prefix=prefix))

    def in_unit(self, values: dict[str, float]) -> dict[str, float]:
        """Bring squared loss and RMSE of a target that was moved back to its own unit."""
        if self.scaling is None or not self.scaling.moves_target:
            return values
        powers = {"loss": 2, "rmse": 1}
        return {name: value * self.scaling.std ** powers[name.removeprefix("val_")] for name, value in values.items()}

    def full_scores(self, probabilities: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Put the columns of the classes that training rows had into a frame of all classes."""
        n_classes = len(self.classes or ())
        if probabilities.shape[1] == n_classes:
            return probabilities
        full = np.zeros((len(probabilities), n_classes))
        full[:, np.asarray(seen, dtype=np.int64)] = probabilities
        return full
