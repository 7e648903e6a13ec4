"""The same steps on all GPUs of the machine: each learns its share of a batch, and their gradients are added up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.data.spec import Task
from workbench.training.loops.stepping import Augment, augmented, sums

if TYPE_CHECKING:
    import keras

    from workbench.training.loops.batches import Rows


def mirrored_run(
    network: keras.Model,
    rows: Rows,
    strategy: Any,
    *,
    task: Task,
    batch_size: int,
    seed: int,
    augment: Augment | None = None,
) -> Callable[[Any, int, int, int], tuple[Any, Any, Any]]:
    """Run batches inside one graph, each spread over the devices of a strategy.

    A batch is dealt out row by row; where the devices don't divide it, some of its rows are learned twice. A device
    whose loss isn't finite adds nothing to the weights.

    Parameters
    ----------
    network : keras.Model
        Built and compiled within the strategy's scope.
    rows : Rows
    strategy : tf.distribute.MirroredStrategy
    task, batch_size, seed, augment
        As `Steps` takes them.
    """
    import tensorflow as tf

    take, n_rows, n_devices = rows.on_device(), len(rows), strategy.num_replicas_in_sync
    learn = _share_step(network, task, seed=seed, augment=augment, n_devices=n_devices)

    def learn_batch(number: Any, chosen: Any) -> Any:
        def share() -> Any:
            device = tf.distribute.get_replica_context().replica_id_in_sync_group
            n_chosen = tf.shape(chosen)[0]
            dealt = tf.range((n_chosen + n_devices - 1) // n_devices) * n_devices + tf.cast(device, tf.int32)
            return learn(number, *take(tf.gather(chosen, dealt % n_chosen)))

        own, broken = strategy.run(share)
        add = tf.distribute.ReduceOp.SUM
        return strategy.reduce(add, own, axis=None), tf.equal(strategy.reduce(add, broken, axis=None), 0)

    def run(order: Any, passed: Any, first: Any, last: Any) -> Any:
        def body(batch: Any, totals: Any, _: Any) -> Any:
            chosen = order[batch * batch_size : tf.minimum((batch + 1) * batch_size, n_rows)]
            own, finite = learn_batch(passed + batch, chosen)
            return batch + tf.cast(finite, tf.int32), tf.where(finite, totals + own, totals), finite

        return tf.while_loop(
            lambda batch, _, finite: tf.logical_and(batch < last, finite),
            body,
            (first, tf.zeros(3, tf.float64), tf.constant(True)),
        )

    compiled = tf.function(run, autograph=False, reduce_retracing=True)
    return lambda order, *numbers: compiled(order, *[tf.constant(number, tf.int32) for number in numbers])


def _share_step(
    network: keras.Model, task: Task, *, seed: int, augment: Augment | None, n_devices: int
) -> Callable[..., Any]:
    import tensorflow as tf

    optimizer = network.optimizer

    def learn(number: Any, x: Any, y: Any, weights: Any = None) -> Any:
        x = augmented(x, augment, seed, number)
        with tf.GradientTape() as tape:
            answers = network(x, training=True)
            # Keras divides it by the number of devices, whose gradients it then adds up.
            loss = network.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, network.trainable_weights)
        finite = tf.math.is_finite(loss)
        if not hasattr(optimizer, "inner_optimizer"):  # which looks after infinite gradients itself
            finite = tf.math.is_finite(tf.add_n([loss, *[tf.nn.l2_loss(gradient) for gradient in gradients]]))
            gradients = [tf.math.multiply_no_nan(gradient, tf.cast(finite, gradient.dtype)) for gradient in gradients]
        optimizer.apply(gradients, network.trainable_weights)
        return sums(loss * n_devices, y, answers, task), tf.cast(tf.logical_not(finite), tf.int32)

    return learn
