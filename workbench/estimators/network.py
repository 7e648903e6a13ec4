"""Dense networks: built with Keras, wrapped, and stored as ``.keras``."""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.data.spec import Task
from workbench.errors import IntegrityError, PackageError
from workbench.estimators.catalogue import check_params
from workbench.estimators.graph_network import emit_network
from workbench.estimators.native import NativeModel
from workbench.estimators.spec import TrainingSpec
from workbench.storage import disk_errors

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
    params: dict[str, Any], training: TrainingSpec, *, n_features: int, task: Task, n_classes: int, seed: int
) -> keras.Model:
    """Build and compile a dense network.

    Parameters
    ----------
    params : dict
        Of the estimator ``dense_network``; checked here.
    training : TrainingSpec
        Gives optimizer and learning rate.
    n_features : int
    task : {"classification", "regression"}
    n_classes : int
        Ignored for regression.
    seed : int
        Sets Python's, NumPy's and TensorFlow's generators of this process: the same seed gives the same weights.

    Returns
    -------
    keras.Model
        Two classes end in one sigmoid unit (probability of the second), more in softmax; the loss is the cross-entropy
        of class indices. Regression ends in one linear unit with squared error, and expects its target through
        `TargetScale.forward`.
    """
    import keras

    checked = check_params("dense_network", params)
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((n_features,), name="features")]
    for units in checked["layers"]:
        penalty = keras.regularizers.L1L2(checked["l1"], checked["l2"]) if checked["l1"] or checked["l2"] else None
        layers.append(keras.layers.Dense(units, activation=checked["activation"], kernel_regularizer=penalty))
        if checked["dropout"]:
            layers.append(keras.layers.Dropout(checked["dropout"]))
    if task == "regression":
        ending: tuple[int, str, str, str] = (1, "linear", "mean_squared_error", "mean_absolute_error")
    elif n_classes <= 2:
        ending = (1, "sigmoid", "binary_crossentropy", "accuracy")
    else:
        ending = (n_classes, "softmax", "sparse_categorical_crossentropy", "accuracy")
    n_outputs, activation, loss, metric = ending
    layers.append(keras.layers.Dense(n_outputs, activation=activation))
    network = keras.Sequential(layers)
    network.compile(optimizer=_optimizer(training), loss=loss, metrics=[metric])
    return network


def _optimizer(training: TrainingSpec) -> Any:
    import keras

    known = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }
    return known[training.optimizer](learning_rate=training.learning_rate)


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
        self.network = network
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
        path = folder / FILE
        with disk_errors(path), warnings.catch_warnings():
            # Keras 3.15 asks TensorFlow for arrays in a way that NumPy 2 deprecates.
            warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
            self.network.save(path)
        return {"target_scale": {"mean": self.target_scale.mean, "std": self.target_scale.std}}

    @classmethod
    def _load(cls, folder: Path, common: dict[str, Any], document: dict[str, Any]) -> KerasModel:
        scale = TargetScale(**document["target_scale"])
        return cls(_load_network(folder / FILE), **common, target_scale=scale)


# Layers whose configuration holds no code. Keras' safe_mode alone was bypassed (CVE-2025-1550, -8747, -9906).
TRUSTED_LAYERS = frozenset(
    {
        "Activation",
        "AveragePooling2D",
        "BatchNormalization",
        "Conv1D",
        "Conv2D",
        "Dense",
        "Dropout",
        "Flatten",
        "GlobalAveragePooling2D",
        "InputLayer",
        "LayerNormalization",
        "MaxPooling2D",
        "ReLU",
        "Reshape",
        "Sequential",
        "Functional",
        "GlorotUniform",
        "Zeros",
        "Ones",
        "L1L2",
        "L2",
        "L1",
        "DTypePolicy",
    }
)


def _load_network(path: Path) -> keras.Model:
    import json

    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise PackageError(f"Got {path}, needed a readable .keras file: {error}. Build the package again.") from error
    config.pop("compile_config", None)  # never read below: the network is loaded to predict
    unknown = sorted({name for name in _class_names(config) if name not in TRUSTED_LAYERS})
    if unknown:
        raise IntegrityError(
            f"Got {path.name} with {', '.join(unknown)}, needed only layers of our allow-list. "
            "The file was changed or comes from elsewhere; build the package again."
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PackageError(
            f"Got {path}, needed a network that Keras reads: {error}. Build the package again."
        ) from error


def _class_names(config: Any) -> list[str]:
    if isinstance(config, list):
        return [name for entry in config for name in _class_names(entry)]
    if not isinstance(config, dict):
        return []
    names = [name for entry in config.values() for name in _class_names(entry)]
    if "class_name" not in config:
        return names
    module, name = str(config.get("module") or "keras"), str(config["class_name"])
    # The module decides what is imported: a trusted name from elsewhere isn't the trusted class.
    return [*names, name if module == "keras" or module.startswith("keras.") else f"{module}.{name}"]
