"""Networks as ``.keras`` files: written without what training needed, read with an allow-list that lives here."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import IntegrityError, PackageError
from workbench.estimators import categories
from workbench.storage import disk_errors

if TYPE_CHECKING:
    import keras


def in_single_precision(network: keras.Model) -> keras.Model:
    """Give a network that computes in 32 bits throughout: itself, or a copy of one that was trained in 16 and 32."""
    computing = (layer for layer in network.layers if type(layer).__name__ != "InputLayer")
    if all(layer.compute_dtype == "float32" for layer in computing):
        return network
    plain = type(network).from_config(_in_single_precision(network.get_config()), custom_objects=_own_layers())
    plain.set_weights(network.get_weights())
    return plain


def _in_single_precision(config: Any) -> Any:
    if isinstance(config, list | tuple):
        return type(config)(_in_single_precision(entry) for entry in config)
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {**config["config"], "name": "float32"}}
    return {key: _in_single_precision(value) for key, value in config.items()}


def save_network(network: keras.Model, path: Path) -> None:
    """Store layers and weights; optimizer and loss stay behind, they are several times as large.

    Raises
    ------
    StorageError
        If the disk is full or refuses.
    """
    bare = type(network).from_config(network.get_config(), custom_objects=_own_layers())
    bare.set_weights(network.get_weights())
    with disk_errors(path), warnings.catch_warnings():
        # Keras 3.15 asks TensorFlow for arrays in a way that NumPy 2 deprecates.
        warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
        bare.save(path)


# Layers whose configuration holds no code. Keras' safe_mode alone was bypassed (CVE-2025-1550, -8747, -9906).
TRUSTED_LAYERS = frozenset(
    {
        "Activation",
        "Add",
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
        "Rescaling",
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
        "__keras_tensor__",  # not a layer, but how a network that isn't a plain stack says what reads what
        f"{categories.__name__}.{categories.LAYER}",
    }
)


def load_network(path: Path) -> keras.Model:
    """Load a network to predict with.

    Raises
    ------
    PackageError
        If Keras can't read it.
    IntegrityError
        If it holds layers beyond our allow-list.
    """
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
        return keras.saving.load_model(path, compile=False, safe_mode=True, custom_objects=_own_layers())
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PackageError(
            f"Got {path}, needed a network that Keras reads: {error}. Build the package again."
        ) from error


def _own_layers() -> dict[str, Any]:
    return {categories.LAYER: categories.embedding_class()}


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
