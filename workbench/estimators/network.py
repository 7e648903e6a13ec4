"""Networks for tables: built and compiled with Keras, wrapped, and stored as ``.keras``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.data.spec import Task
from workbench.estimators import own
from workbench.estimators.catalogue import check_params
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.entry import EstimatorEntry
from workbench.estimators.graph_network import emit_network
from workbench.estimators.layers import dense_network, residual_network
from workbench.estimators.losses import build_loss
from workbench.estimators.native import NativeModel
from workbench.estimators.optimizers import build_optimizer
from workbench.estimators.spec import TrainingSpec
from workbench.estimators.stored_network import in_single_precision, load_network, save_network

if TYPE_CHECKING:
    import keras

    from workbench.graph import GraphBuilder

FILE = "network.keras"

# A `predict` of Keras costs 130 ms before its first row, a plain call 9 ms.
_CALL_ROWS = 256
_BATCH_ROWS = 4096


@dataclass(frozen=True)
class TargetScale:
    """How a regression target is standardised while a network learns it.

    A network starts near 0 and moves in small steps: house prices near 200,000 would take it thousands of epochs.

    Examples
    --------
    >>> scale = TargetScale.fit(np.array([10.0, 30.0]))
    >>> scale.forward(np.array([30.0])).tolist(), scale.inverse(np.array([1.0])).tolist()
    ([1.0], [30.0])
    """

    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def fit(cls, y: np.ndarray) -> TargetScale:
        """Learn mean and standard deviation from the training rows."""
        std = float(np.std(y))
        return cls(float(np.mean(y)), std if std > 0 else 1.0)

    def forward(self, y: np.ndarray) -> np.ndarray:
        """Give the target as the network learns it."""
        return (np.asarray(y, dtype=np.float64) - self.mean) / self.std

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """Give the network's answers in the target's unit."""
        return np.asarray(values, dtype=np.float64) * self.std + self.mean


def build_network(
    params: dict[str, Any],
    training: TrainingSpec,
    *,
    n_features: int,
    task: Task,
    n_classes: int,
    seed: int,
    estimator: EstimatorEntry | str = "dense_network",
    steps_per_epoch: int = 1,
    categories: Mapping[int, int] | None = None,
) -> keras.Model:
    """Build and compile a network for tables.

    Parameters
    ----------
    params : dict
        Of the estimator; checked here.
    training : TrainingSpec
        Gives loss, optimizer, learning rate and its schedule.
    n_features : int
    task : {"classification", "regression"}
    n_classes : int
        Ignored for regression.
    seed : int
        Sets Python's, NumPy's and TensorFlow's generators of this process: the same seed gives the same weights.
    estimator : EstimatorEntry or str
        ``dense_network``, ``residual_dense_network``, or a network of one's own.
    steps_per_epoch : int
        Batches of an epoch, in which a schedule of the learning rate is counted.
    categories : mapping of int to int, optional
        Features that are codes of categories, and how many there are: see `category_features`. Only a residual network
        heeds them.

    Returns
    -------
    keras.Model
        Two classes end in one sigmoid unit (probability of the second), more in softmax; targets are class indices.
        Regression ends in one linear unit and expects its target through `TargetScale.forward`.

    Raises
    ------
    EstimatorError
        If a parameter is out of range, or the loss doesn't fit the task.
    """
    import keras

    found = find_entry(estimator) if isinstance(estimator, str) else estimator
    checked = check_params(found, params)
    keras.utils.set_random_seed(seed)
    last = ending(task, n_classes)
    if own.build(found.name) is not None:
        network = own.network(found.name, (n_features,), task=task, n_classes=n_classes, params=checked)
    elif found.name == "residual_dense_network":
        network = residual_network(checked, n_features=n_features, categories=categories or {}, ending=last)
    else:
        network = dense_network(checked, n_features=n_features, ending=last)
    compile_network(network, training, task=task, n_classes=n_classes, steps_per_epoch=steps_per_epoch)
    return network


def ending(task: Task, n_classes: int) -> keras.Layer:
    """Give the last layer: one sigmoid unit for two classes, softmax for more, one linear unit for a number.

    It computes in 32 bits also where the rest is in 16: probabilities near 0 and 1 have no room there.
    """
    import keras

    if task == "regression":
        return keras.layers.Dense(1, name="answer", dtype="float32")
    if n_classes <= 2:
        return keras.layers.Dense(1, activation="sigmoid", name="answer", dtype="float32")
    return keras.layers.Dense(n_classes, activation="softmax", name="answer", dtype="float32")


def compile_network(
    network: keras.Model, training: TrainingSpec, *, task: Task, n_classes: int, steps_per_epoch: int = 1
) -> None:
    """Give a network that ends in `ending` its loss, its optimizer and the metric that its curve shows.

    Raises
    ------
    EstimatorError
        If the loss doesn't fit the task.
    """
    import keras

    # RMSE is in the unit of the target, and tells what the loss doesn't once there are penalties on the weights.
    metric = keras.metrics.RootMeanSquaredError(name="rmse") if task == "regression" else "accuracy"
    network.compile(
        optimizer=build_optimizer(training, steps_per_epoch=steps_per_epoch),
        loss=build_loss(training, task=task, n_classes=n_classes),
        metrics=[metric],
    )


class KerasModel(NativeModel):
    """A trained Keras network over one row of features.

    Parameters
    ----------
    network : keras.Model
        Input of shape (n_features,); output as `build_network` describes.
    target_scale : TargetScale, optional
        For regression: brings answers back to the target's unit.
    """

    engine: ClassVar[str] = "keras"

    def __init__(
        self,
        network: keras.Model,
        *,
        task: Task,
        classes: list[str | int] | None,
        n_features: int,
        fill: np.ndarray | None = None,
        target_scale: TargetScale | None = None,
    ) -> None:
        super().__init__(task=task, classes=classes, n_features=n_features, fill=fill)
        self.network = in_single_precision(network)
        self.target_scale = target_scale or TargetScale()

    def _scores(self, X: np.ndarray) -> np.ndarray:
        rows = X.astype(np.float32)
        if len(rows) <= _CALL_ROWS:
            answers = np.asarray(self.network(rows, training=False))
        else:
            answers = self.network.predict(rows, batch_size=_BATCH_ROWS, verbose=0)
        values = answers.astype(np.float64).reshape(len(X), -1)
        if self.task == "regression":
            return self.target_scale.inverse(values)
        return np.hstack([1.0 - values, values]) if values.shape[1] == 1 else values

    def _emit(self, graph: GraphBuilder, features: str) -> str:
        return emit_network(graph, features, self.network, self.task, (self.target_scale.mean, self.target_scale.std))

    def _save(self, folder: Path) -> dict[str, Any]:
        save_network(self.network, folder / FILE)
        return {"target_scale": {"mean": self.target_scale.mean, "std": self.target_scale.std}}

    @classmethod
    def _load(cls, folder: Path, common: dict[str, Any], document: dict[str, Any]) -> KerasModel:
        scale = TargetScale(**document["target_scale"])
        return cls(load_network(folder / FILE), **common, target_scale=scale)
