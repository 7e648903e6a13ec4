"""What happens to one batch inside the graph: forward, backward, one step of the optimizer, and sums for the curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.data.spec import Task

if TYPE_CHECKING:
    import keras

    from workbench.training.loops.updates import Update

_LARGEST_SEED = 0x7FFFFFFF

Augment = Callable[[Any, Any], Any]
# A batch's part of the curves, float64: loss times rows, score, rows. And whether everything was a finite number.
Outcome = tuple[Any, Any]
Step = Callable[..., Outcome]


def learn_step(
    network: keras.Model,
    task: Task,
    update: Update,
    *,
    seed: int,
    augment: Augment | None = None,
    jit_compile: bool = False,
) -> Step:
    """Give the function that learns a batch, told how many batches there were before it.

    A batch whose loss or gradients aren't finite changes no weight.

    Parameters
    ----------
    network : keras.Model
        Compiled; its loss is what is minimized.
    task : {"classification", "regression"}
    update : callable
        Applies gradients.
    seed : int
        Of the run; a batch is augmented by it and its number.
    augment : callable, optional
        As `Material` takes it.
    jit_compile : bool
        Whether XLA compiles it.
    """
    import tensorflow as tf

    variables = [variable.value for variable in network.trainable_variables]
    optimizer = network.optimizer
    # With scaled losses an infinite gradient is usual: the optimizer leaves that step out and scales less.
    scales = hasattr(optimizer, "inner_optimizer")

    def step(number: Any, x: Any, y: Any, weights: Any = None) -> Outcome:
        x = augmented(x, augment, seed, number)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            answers = network(x, training=True)
            loss = network.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        checked = loss if scales else tf.add_n([loss, *[tf.nn.l2_loss(gradient) for gradient in gradients]])
        finite = tf.math.is_finite(checked)
        tf.cond(finite, lambda: _done(update, gradients), lambda: tf.constant(0))
        return sums(loss, y, answers, task), finite

    if not jit_compile:
        return step
    compiled: Step = tf.function(step, jit_compile=True, autograph=False, reduce_retracing=True)
    return compiled


def augmented(x: Any, augment: Augment | None, seed: int, number: Any) -> Any:
    """Change a training batch by a seed of its own, where that is wanted."""
    import tensorflow as tf

    return x if augment is None else augment(x, tf.stack([tf.constant(seed & _LARGEST_SEED, tf.int32), number]))


def measure_step(network: keras.Model, task: Task) -> Step:
    """Give the function that measures a batch."""
    import tensorflow as tf

    def step(number: Any, x: Any, y: Any, weights: Any = None) -> Outcome:
        answers = network(x, training=False)
        loss = network.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=False)
        return sums(loss, y, answers, task), tf.constant(True)

    return step


def sums(loss: Any, y: Any, answers: Any, task: Task) -> Any:
    """Give a batch's part of the curves: loss times rows, score, rows.

    The score is the number of right answers of a classifier and the sum of squared errors of a regression. Sums are
    float64, so that it doesn't matter to the curve how an epoch was cut into turns.
    """
    import tensorflow as tf

    n_rows = tf.cast(tf.shape(y)[0], tf.float64)
    answers = tf.cast(answers, tf.float32)
    if task == "regression":
        score = tf.reduce_sum(tf.square(tf.reshape(answers, (-1,)) - tf.cast(y, tf.float32)))
    elif answers.shape[-1] == 1:
        said = tf.reshape(answers, (-1,)) > 0.5
        score = tf.reduce_sum(tf.cast(tf.equal(said, tf.cast(y, tf.float32) > 0.5), tf.float32))
    else:
        said = tf.argmax(answers, axis=-1, output_type=tf.int32)
        score = tf.reduce_sum(tf.cast(tf.equal(said, tf.cast(y, tf.int32)), tf.float32))
    return tf.stack([tf.cast(loss, tf.float64) * n_rows, tf.cast(score, tf.float64), n_rows])


def named(totals: Any, task: Task, prefix: str = "") -> dict[str, float]:
    """Make the curves' values of sums over batches."""
    loss, score, n_rows = (float(value) for value in totals)
    if not n_rows:
        return {}
    mean = score / n_rows
    values = {"loss": loss / n_rows, "rmse": mean**0.5} if task == "regression" else {"loss": loss / n_rows}
    if task != "regression":
        values["accuracy"] = mean
    return {f"{prefix}{name}": value for name, value in values.items()}


def _done(update: Update, gradients: list[Any]) -> Any:
    import tensorflow as tf

    update(gradients)
    return tf.constant(1)
