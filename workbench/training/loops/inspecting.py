"""A network looks at itself: how large its layers' weights and gradients are, which units are dead, where it broke."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

_EVERY_SECONDS = 2.0
_LARGEST_SHARE = 0.01  # of the time may go into looking
_RELU_LIKE = frozenset({"relu", "relu6", "ReLU"})
_SMALLEST = 1e-12

LayerLook = dict[str, Any]


class Inspector:
    """Look at a network now and then.

    Runs outside the compiled loop, layer by layer: making a graph for it would cost a short training more than all of
    its looks. Nothing of the training's state is touched; dropout is off.

    Parameters
    ----------
    network : keras.Model
        Compiled.
    """

    def __init__(self, network: keras.Model) -> None:
        self._network = network
        self._watched, self._outputs = _watched_layers(network)
        self._before: dict[str, list[np.ndarray]] = {}
        self._looked = 0.0
        self._cost = 0.0

    def due(self, epoch: int) -> bool:
        """Tell whether it is time to look again: after epochs 1, 2, 4, 8, ..., and every two seconds besides."""
        if epoch & (epoch - 1) == 0:  # a short training has a curve of its layers, too
            return True
        passed = time.monotonic() - self._looked
        return passed >= _EVERY_SECONDS and passed * _LARGEST_SHARE >= self._cost

    def remember_weights(self) -> None:
        """Keep the weights as they are before the step whose size is to be told."""
        began = time.perf_counter()
        self._before = {layer.name: _values(layer) for layer in self._watched if layer.trainable_weights}
        self._cost = time.perf_counter() - began

    def look(self, batch: tuple[Any, ...]) -> list[LayerLook]:
        """Give one entry per layer.

        Parameters
        ----------
        batch : tuple of tensors
            Features as the network takes them, targets, and weights of the rows where they have any.

        Returns
        -------
        list of dict
            ``name``; ``weights`` and ``gradients``, the norms of all of a layer's together (null where it has none);
            ``update_ratio``, the norm of the last step over that of the weights (null where it isn't known);
            ``dead``, the share of units that answered 0 to every row (null for layers that can't).
        """
        began = time.perf_counter()
        _, gradients, answers = self.pass_through(batch)
        entries = []
        for layer, output in zip(self._watched, answers, strict=True):
            weights = _values(layer)
            own = [gradients[id(variable)] for variable in layer.trainable_weights]
            entries.append(
                {
                    "name": layer.name,
                    "weights": _norm(weights) if weights else None,
                    "gradients": _norm(own) if own else None,
                    "update_ratio": self._ratio(layer.name, weights),
                    "dead": _dead(layer, output),
                }
            )
        self._before = {}
        self._looked = time.monotonic()
        self._cost += time.perf_counter() - began
        return entries

    def pass_through(self, batch: tuple[Any, ...]) -> tuple[float, dict[int, np.ndarray], list[Any]]:
        """Give the loss, the gradient of each weight, and each watched layer's output for a batch."""
        import tensorflow as tf

        x, y, *weights = batch
        variables = self._network.trainable_variables
        with tf.GradientTape() as tape:
            outputs: Any = self._outputs(x, training=False) if self._outputs is not None else None
            *answers, said = outputs if outputs is not None else [self._network(x, training=False)]
            loss = self._network.compute_loss(
                x=x, y=y, y_pred=said, sample_weight=weights[0] if weights else None, training=False
            )
        found = tape.gradient(
            loss, [variable.value for variable in variables], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        gradients = {
            id(variable): tf.convert_to_tensor(gradient).numpy()
            for variable, gradient in zip(variables, found, strict=True)
        }
        return float(loss), gradients, answers or [None] * len(self._watched)

    def first_broken(self, batch: tuple[Any, ...]) -> str:
        """Say in which layer a batch's numbers stop being finite, or why no layer is to blame."""
        x, y = (np.asarray(part) for part in batch[:2])
        if not np.isfinite(x).all():
            return "its features hold values that aren't finite"
        if not np.isfinite(y).all():
            return "its targets hold values that aren't finite"
        loss, gradients, answers = self.pass_through(batch)
        for layer in self._watched:
            if not _finite(_values(layer)):
                return f"first in the weights of layer {layer.name!r}"
        for layer, output in zip(self._watched, answers, strict=True):
            if output is not None and not _finite([np.asarray(output)]):
                return f"first in what layer {layer.name!r} answers"
        if not np.isfinite(loss):
            return "first in the loss of the last layer's answers"
        for layer in reversed(self._watched):  # gradients come from behind
            own = [gradients[id(variable)] for variable in layer.trainable_weights]
            with np.errstate(over="ignore", invalid="ignore"):  # as the loop, which squares them in float32
                squares = [np.square(gradient, dtype=np.float32).sum() for gradient in own]
            if not _finite(squares):
                return f"first in the gradients of layer {layer.name!r}"
        return "in a step with dropout or augmentation, no layer alone"

    def _ratio(self, name: str, weights: list[np.ndarray]) -> float | None:
        before = self._before.get(name)
        if before is None:
            return None
        change = [new - old for new, old in zip(weights, before, strict=True)]
        return _norm(change) / max(_norm(before), _SMALLEST)


def _watched_layers(network: keras.Model) -> tuple[list[Any], Any]:
    """Give the layers that learn or can die, and a network of the same weights that gives their outputs too."""
    import keras

    layers = [layer for layer in network.layers if layer.trainable_weights or _is_relu(layer)]
    try:
        outputs = keras.Model(network.inputs, [*[layer.output for layer in layers], *network.outputs])
    except (AttributeError, ValueError, TypeError):  # a network of one's own making, or layers that are used twice
        return [layer for layer in layers if layer.trainable_weights], None
    return layers, outputs


def _is_relu(layer: Any) -> bool:
    named = getattr(getattr(layer, "activation", None), "__name__", "")
    return type(layer).__name__ in _RELU_LIKE or named in _RELU_LIKE


def _dead(layer: Any, output: Any) -> float | None:
    if output is None or not _is_relu(layer):
        return None
    answers = np.asarray(output)
    return float((answers.reshape(-1, answers.shape[-1]) == 0).all(axis=0).mean())


def _values(layer: Any) -> list[np.ndarray]:
    return [variable.numpy() for variable in layer.trainable_weights]


def _norm(arrays: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(float(np.square(array, dtype=np.float64).sum()) for array in arrays)))


def _finite(arrays: list[Any]) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)
