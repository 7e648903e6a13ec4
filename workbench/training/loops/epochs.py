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

from workbench.data.spec import Task
from workbench.training.loops.batches import Rows
from workbench.training.loops.mirrored import mirrored_run
from workbench.training.loops.stepping import Augment, Step, learn_step, measure_step, named
from workbench.training.loops.updates import fused_update

if TYPE_CHECKING:
    import keras

_TURN_SECONDS = 0.25
_MEASURED_ROWS = 4096  # at once
_MEASURED_IMAGES = 512  # a convolution's outputs take far more room than its input


class Steps:
    """Train a compiled network on rows.

    Parameters
    ----------
    network : keras.Model
        Compiled; its loss and optimizer are what runs.
    rows : Rows
    task : {"classification", "regression"}
    batch_size : int
    seed : int
        Decides, with the number of the epoch, the order of rows; nothing of it has to be stored to go on from a batch.
    augment : callable, optional
        As `Material` takes it.
    jit_compile : bool
        Whether XLA compiles the step.
    strategy : tf.distribute.MirroredStrategy, optional
        Spreads each batch over several devices.
    """

    def __init__(
        self,
        network: keras.Model,
        rows: Rows,
        *,
        task: Task,
        batch_size: int,
        seed: int,
        augment: Augment | None = None,
        jit_compile: bool = False,
        strategy: Any = None,
    ) -> None:
        self.rows, self._task, self._batch_size, self._seed = rows, task, batch_size, seed
        self.n_batches = -(-len(rows) // batch_size)
        self.totals = np.zeros(3)
        self.finite = True
        self.travels = rows.travel()
        self._order: tuple[int, np.ndarray] = (0, np.empty(0, dtype=np.int32))
        self._batches_a_turn = 0  # not known yet how long one takes
        network.optimizer.build(network.trainable_variables)  # variables can't be made inside the graph's loop
        if strategy is not None and not self.travels:
            self._run = mirrored_run(
                network, rows, strategy, task=task, batch_size=batch_size, seed=seed, augment=augment
            )
            return
        step = learn_step(network, task, fused_update(network), seed=seed, augment=augment, jit_compile=jit_compile)
        self._run = _one_by_one(step, rows) if self.travels else _looped(step, rows, batch_size)

    def epoch(self, number: int, first: int = 0, *, look_at_last: bool = False) -> Iterator[int]:
        """Run an epoch, or what is left of it, over shuffled rows; yield after each turn how many batches are done.

        With `look_at_last` the last batch has a turn of its own, so that what it changes can be seen.

        It ends before the batch whose loss or gradients aren't finite; `finite` is False then.
        """
        if not first:
            self.totals = np.zeros(3)
        order = self._laid_out(self.order(number))
        while first < self.n_batches:
            last = min(self.n_batches, first + (self._batches_a_turn or 4))
            if look_at_last and first < self.n_batches - 1:
                last = min(last, self.n_batches - 1)
            began = time.perf_counter()
            reached, totals, finite = self._run(order, (number - 1) * self.n_batches, first, last)
            self.totals = self.totals + np.asarray(totals)
            seconds = time.perf_counter() - began
            self._plan_turn(last - first, seconds)
            first, self.finite = int(reached), bool(finite)
            yield first
            if not self.finite:
                return

    def results(self) -> dict[str, float]:
        """Give the means of loss and metrics since the epoch began."""
        return named(self.totals, self._task)

    def order(self, epoch: int) -> np.ndarray:
        """Give the order of rows in an epoch."""
        if self._order[0] != epoch:
            shuffled = np.random.default_rng([self._seed, epoch]).permutation(len(self.rows))
            self._order = (epoch, shuffled.astype(np.int32 if len(self.rows) < 2**31 else np.int64))
        return self._order[1]

    def positions(self, epoch: int, batch: int) -> np.ndarray:
        """Give the rows of a batch, counted from 0."""
        return self.order(epoch)[batch * self._batch_size : (batch + 1) * self._batch_size]

    def _laid_out(self, order: np.ndarray) -> Any:
        import tensorflow as tf

        if self.travels:
            return [order[at : at + self._batch_size] for at in range(0, len(order), self._batch_size)]
        return tf.constant(order)

    def _plan_turn(self, n_batches: int, seconds: float) -> None:
        if self._batches_a_turn:
            wanted = int(n_batches * _TURN_SECONDS / max(seconds, 1e-6))
            self._batches_a_turn = max(1, min(wanted, 8 * self._batches_a_turn))
        else:  # the very first turn traced the graph, so its time says nothing
            self._batches_a_turn = 16


class Validation:
    """Measure a network on validation rows."""

    def __init__(self, network: keras.Model, rows: Rows, *, task: Task) -> None:
        size = _MEASURED_ROWS if rows.X.ndim == 2 else _MEASURED_IMAGES
        self._task, self._n_batches = task, -(-len(rows) // size)
        positions = np.arange(len(rows), dtype=np.int64)
        step = measure_step(network, task)
        self._order: Any
        if rows.travel():
            self._run = _one_by_one(step, rows)
            self._order = [positions[at : at + size] for at in range(0, len(rows), size)]
        else:
            self._run = _looped(step, rows, size)
            self._order = positions

    def measure(self) -> dict[str, float]:
        """Give loss and metrics, each with ``val_`` in front."""
        _, totals, _ = self._run(self._order, 0, 0, self._n_batches)
        return named(np.asarray(totals), self._task, prefix="val_")


Run = Callable[[Any, int, int, int], tuple[Any, Any, Any]]


def _looped(step: Step, rows: Rows, batch_size: int) -> Run:
    """Run batches inside one graph, over rows that lie on the device."""
    import tensorflow as tf

    take, n_rows = rows.on_device(), len(rows)

    def run(order: Any, passed: Any, first: Any, last: Any) -> Any:
        def body(batch: Any, totals: Any, _: Any) -> Any:
            chosen = order[batch * batch_size : tf.minimum((batch + 1) * batch_size, n_rows)]
            own, finite = step(passed + batch, *take(chosen))
            # A batch that spoils everything isn't counted: not as done, and not in the curve.
            return batch + tf.cast(finite, tf.int32), tf.where(finite, totals + own, totals), finite

        return tf.while_loop(
            lambda batch, _, finite: tf.logical_and(batch < last, finite),
            body,
            (first, tf.zeros(3, tf.float64), tf.constant(True)),
        )

    compiled = tf.function(run, autograph=False, reduce_retracing=True)
    return lambda order, *numbers: compiled(order, *[tf.constant(number, tf.int32) for number in numbers])


def _one_by_one(step: Step, rows: Rows) -> Run:
    """Run batches one after the other, as they come from memory or from a file."""
    import tensorflow as tf

    def learn(batch: tuple[Any, ...], number: Any) -> Any:
        return step(number, rows.prepared(batch[0]), *batch[1:])

    one = tf.function(learn, autograph=False, reduce_retracing=True)

    def run(order: Any, passed: int, first: int, last: int) -> tuple[Any, Any, Any]:
        totals = np.zeros(3)
        for at, batch in enumerate(rows.travelling(order[first:last]), start=first):
            own, finite = one(batch, tf.constant(passed + at, tf.int32))
            if not bool(finite):
                return at, totals, False
            totals = totals + own.numpy()
        return last, totals, True

    return run
