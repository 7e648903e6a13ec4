"""Where a network's rows lie: on the device as one tensor, or in main memory or a file, from where batches travel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_GPU_BYTES = 2 * 1024**3  # larger tables travel to a GPU batch by batch
_LARGEST_SHARE = 0.5  # of the memory that is free may go into a second copy of the rows
_AHEAD = 4  # batches that are read before they are needed

Prepare = Callable[[Any], Any]


@dataclass(frozen=True)
class Rows:
    """Features, targets and weights of rows that are learned or measured.

    Parameters
    ----------
    X : ndarray of shape (n_rows, ...)
        Of any type of numbers; float64 becomes float32, whole numbers stay as they are until a batch is taken.
    y : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
    prepare : callable, optional
        Makes what the network takes of a batch; a cast to float32 when absent.
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None
    prepare: Prepare | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_bytes(self) -> int:
        """What the rows take on a device."""
        return self.X.size * min(self.X.itemsize, 4)

    def travel(self) -> bool:
        """Tell whether batches are to be brought one by one: from a file, or where a second copy has no room."""
        import psutil

        if isinstance(self.X, np.memmap):
            return True
        # Only float64 and rows for a GPU need a copy; TensorFlow looks at other arrays where they lie.
        return self.X.itemsize > 4 and self.n_bytes > _LARGEST_SHARE * psutil.virtual_memory().available

    def on_device(self) -> Callable[[Any], tuple[Any, ...]]:
        """Lay the rows on the device; give the function that takes some of them, inside a graph."""
        import tensorflow as tf

        with tf.device(_device(self.n_bytes)):
            X = tf.constant(_narrow(self.X))
            y = tf.constant(self.y)
            weights = None if self.weights is None else tf.constant(self.weights.astype(np.float32))

        def take(chosen: Any) -> tuple[Any, ...]:
            batch = (self.prepared(tf.gather(X, chosen)), tf.gather(y, chosen))
            return batch if weights is None else (*batch, tf.gather(weights, chosen))

        return take

    def travelling(self, chosen: list[np.ndarray]) -> Iterator[tuple[Any, ...]]:
        """Bring batches one after the other, a few ahead of their use."""
        import tensorflow as tf

        def read() -> Iterator[tuple[np.ndarray, ...]]:
            for positions in chosen:
                ranks = np.argsort(positions)  # a disk likes to be read in its own order
                X = np.empty((len(positions), *self.X.shape[1:]), dtype=_narrow(self.X[:0]).dtype)
                X[ranks] = self.X[positions[ranks]]
                batch = (X, self.y[positions])
                yield batch if self.weights is None else (*batch, self.weights[positions].astype(np.float32))

        kinds = [tf.TensorSpec((None, *self.X.shape[1:]), _narrow(self.X[:0]).dtype)]
        kinds.append(tf.TensorSpec((None,), self.y.dtype))
        if self.weights is not None:
            kinds.append(tf.TensorSpec((None,), tf.float32))
        yield from tf.data.Dataset.from_generator(read, output_signature=tuple(kinds)).prefetch(_AHEAD)

    def prepared(self, X: Any) -> Any:
        """Make what the network takes of some rows' features."""
        import tensorflow as tf

        return self.prepare(X) if self.prepare is not None else tf.cast(X, tf.float32)

    def some(self, positions: np.ndarray) -> tuple[Any, ...]:
        """Take a few rows at once, outside a graph, ready for the network."""
        import tensorflow as tf

        X = self.prepared(tf.constant(_narrow(self.X[positions])))
        batch = (X, tf.constant(self.y[positions]))
        return batch if self.weights is None else (*batch, tf.constant(self.weights[positions].astype(np.float32)))


def _narrow(X: np.ndarray) -> np.ndarray:
    return X.astype(np.float32) if X.dtype == np.float64 else np.ascontiguousarray(X)


def _device(n_bytes: int) -> str:
    import tensorflow as tf

    return "/GPU:0" if tf.config.list_logical_devices("GPU") and n_bytes <= _GPU_BYTES else "/CPU:0"
