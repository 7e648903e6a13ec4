"""Steps of a Keras network in one compiled loop.

The many small steps of a tabular network are dominated by the cost of starting each: plain `fit` on Adult spends two
thirds of its time there. Here the rows lie on the device as one tensor and one graph runs as many batches as fit into a
moment, so that the live view and the stop flag still get their turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

_TURN_SECONDS = 0.25
_VALIDATION_BATCH = 4096
_DEVICE_BYTES = 2 * 1024**3  # larger tables stay in main memory and travel batch by batch


class Steps:
    """Train and measure a compiled network on arrays.

    Parameters
    ----------
    network : keras.Model
        Compiled; its `train_step` and `test_step` are what runs.
    X : ndarray of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    batch_size : int
    seed : int
        Decides the order of rows in each epoch.
    weights : ndarray of shape (n_rows,), optional
        How much each row counts in the loss; accuracy and RMSE count rows alike.
    """

    def __init__(
        self,
        network: keras.Model,
        X: np.ndarray,
        y: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        weights: np.ndarray | None = None,
    ) -> None:
        self._network = network
        self._order = np.random.default_rng(seed)
        self._n_rows = len(y)
        self.n_batches = -(-len(y) // batch_size)
        self._run = _looped(network.train_step, X, y, batch_size, weights)
        self._batches_a_turn = 0  # not known yet how long one takes
        # Variables can't be made inside the graph's loop: build optimizer and metrics first.
        network.optimizer.build(network.trainable_variables)
        network.test_step((X[:1].astype(np.float32), y[:1]))

    def epoch(self) -> Iterator[int]:
        """Run one epoch over shuffled rows; yield after each turn how many batches are done."""
        import tensorflow as tf

        self._network.reset_metrics()
        order = tf.constant(self._order.permutation(self._n_rows))
        first = 0
        while first < self.n_batches:
            last = min(self.n_batches, first + (self._batches_a_turn or 4))
            began = time.perf_counter()
            self._run(order, tf.constant(first), tf.constant(last))
            seconds = time.perf_counter() - began
            if self._batches_a_turn:
                wanted = int((last - first) * _TURN_SECONDS / max(seconds, 1e-6))
                self._batches_a_turn = max(1, min(wanted, 8 * self._batches_a_turn))
            else:  # the very first turn traced the graph, so its time says nothing
                self._batches_a_turn = 16
            first = last
            yield first

    def results(self, prefix: str = "") -> dict[str, float]:
        """Give the means of loss and metrics since the epoch began."""
        return {f"{prefix}{name}": float(value) for name, value in self._network.get_metrics_result().items()}


class Validation:
    """Measure a network on validation rows."""

    def __init__(self, network: keras.Model, X: np.ndarray, y: np.ndarray) -> None:
        self._network = network
        self._n_batches = -(-len(y) // _VALIDATION_BATCH)
        self._rows = np.arange(len(y))
        self._run = _looped(network.test_step, X, y, _VALIDATION_BATCH)

    def measure(self) -> dict[str, float]:
        """Give loss and metrics, each with ``val_`` in front."""
        import tensorflow as tf

        self._network.reset_metrics()
        self._run(tf.constant(self._rows), tf.constant(0), tf.constant(self._n_batches))
        return {f"val_{name}": float(value) for name, value in self._network.get_metrics_result().items()}


def _looped(
    step: Callable[[Any], Any], X: np.ndarray, y: np.ndarray, batch_size: int, weights: np.ndarray | None = None
) -> Callable[..., Any]:
    import tensorflow as tf

    with tf.device(_device(X.size * 4)):
        parts = [tf.constant(X.astype(np.float32)), tf.constant(y)]
        if weights is not None:
            parts.append(tf.constant(weights.astype(np.float32)))
    n_rows = len(y)
    plain_step = tf.autograph.experimental.do_not_convert(step)

    def run(order: Any, first: Any, last: Any) -> Any:
        for batch in tf.range(first, last):
            chosen = order[batch * batch_size : tf.minimum((batch + 1) * batch_size, n_rows)]
            plain_step(tuple([tf.gather(part, chosen) for part in parts]))
        return last

    compiled: Callable[..., Any] = tf.function(run, reduce_retracing=True)
    return compiled


def _device(n_bytes: int) -> str:
    import tensorflow as tf

    return "/GPU:0" if tf.config.list_physical_devices("GPU") and n_bytes <= _DEVICE_BYTES else "/CPU:0"
