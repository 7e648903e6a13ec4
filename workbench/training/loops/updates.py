"""One step of an optimizer, in one operation per variable where TensorFlow has it.

Keras' Adam writes its formula out in a dozen small operations per variable, each a pass over memory: for a table's
network that is most of a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Update = Callable[[list[Any]], None]


def fused_update(network: keras.Model) -> Update:
    """Give what applies gradients to a network's weights as its own optimizer would, to rounding.

    Adam, AdamW, SGD and its momentum are fused; every other optimizer, and every option that changes what a step does,
    is Keras' own.
    """
    import keras

    optimizer = network.optimizer
    variables = network.trainable_variables
    if not _is_plain(optimizer, variables):
        return lambda gradients: optimizer.apply(gradients, variables)
    if type(optimizer) is keras.optimizers.SGD:
        return _with_common(optimizer, variables, _descent)
    return _with_common(optimizer, variables, _adam)


def _is_plain(optimizer: Any, variables: list[Any]) -> bool:
    import keras

    known = (keras.optimizers.Adam, keras.optimizers.AdamW, keras.optimizers.SGD)
    changed = (
        optimizer.use_ema,
        optimizer.gradient_accumulation_steps,
        optimizer.loss_scale_factor,
        getattr(optimizer, "amsgrad", False),
        any(variable.constraint is not None or variable.dtype != "float32" for variable in variables),
    )
    return type(optimizer) in known and not any(changed)


def _with_common(optimizer: Any, variables: list[Any], step: Callable[..., None]) -> Update:
    """Do around the fused step what Keras does around its own: clipping, weight decay, the count of steps."""
    import tensorflow as tf

    def update(gradients: list[Any]) -> None:
        clipped = optimizer._clip_gradients([tf.convert_to_tensor(gradient) for gradient in gradients])
        optimizer._apply_weight_decay(variables)
        rate = tf.cast(optimizer.learning_rate, tf.float32)
        step(optimizer, variables, clipped, rate)
        optimizer.iterations.assign_add(1)

    return update


def _adam(optimizer: Any, variables: list[Any], gradients: list[Any], rate: Any) -> None:
    import tensorflow as tf

    count = tf.cast(optimizer.iterations.value + 1, tf.float32)
    powers = [tf.pow(beta, count) for beta in (optimizer.beta_1, optimizer.beta_2)]
    slots = zip(optimizer._momentums, optimizer._velocities, strict=True)
    for variable, (momentum, velocity), gradient in zip(variables, slots, gradients, strict=True):
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=momentum.value.handle,
            v=velocity.value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=rate,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
            grad=gradient,
        )


def _descent(optimizer: Any, variables: list[Any], gradients: list[Any], rate: Any) -> None:
    import tensorflow as tf

    for position, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
        if not optimizer.momentum:
            tf.raw_ops.ResourceApplyGradientDescent(var=variable.value.handle, alpha=rate, delta=gradient)
            continue
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.value.handle,
            accum=optimizer.momentums[position].value.handle,
            lr=rate,
            grad=gradient,
            momentum=optimizer.momentum,
            use_nesterov=optimizer.nesterov,
        )
