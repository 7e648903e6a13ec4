"""Everything that decides how a network's training goes on, as arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras


def network_arrays(network: keras.Model) -> dict[str, np.ndarray]:
    """Give weights, state of normalizations and random generators, and all of the optimizer."""
    return {name: np.asarray(variable.numpy()) for name, variable in _variables(network).items()}


def recall_network(network: keras.Model, arrays: Mapping[str, np.ndarray]) -> bool:
    """Set what `network_arrays` gave; False, and nothing set, where the network isn't of the same form."""
    variables = _variables(network)
    stored = {name: array for name, array in arrays.items() if name.startswith("network/")}
    if {name: tuple(variable.shape) for name, variable in variables.items()} != {
        name: array.shape for name, array in stored.items()
    }:
        return False
    for name, variable in variables.items():
        variable.assign(stored[name])
    return True


def weights_arrays(weights: list[np.ndarray] | None) -> dict[str, np.ndarray]:
    """Name the best weights so far."""
    return {f"best/{position}": array for position, array in enumerate(weights or [])}


def recall_weights(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray] | None:
    """Give the best weights so far, where there are any."""
    n_arrays = sum(name.startswith("best/") for name in arrays)
    return [arrays[f"best/{position}"] for position in range(n_arrays)] or None


def all_finite(arrays: Mapping[str, np.ndarray]) -> bool:
    """Tell whether a state is worth going on from."""
    return all(bool(np.isfinite(array).all()) for array in arrays.values() if array.dtype.kind == "f")


def _variables(network: keras.Model) -> dict[str, Any]:
    optimizer: Any = network.optimizer
    measured = {id(variable) for variable in network.metrics_variables}
    found = [variable for variable in network.variables if id(variable) not in measured]
    found += optimizer.variables
    rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate
    if hasattr(rate, "multiplier"):  # a plan's own variable, which a plateau lowers; no optimizer lists it
        found.append(rate.multiplier)
    return {f"network/{position}": variable for position, variable in enumerate(found)}
