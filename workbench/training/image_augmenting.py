"""Training images varied at random, inside the compiled step: moved, turned, resized, mirrored, brighter or darker.

All of one batch happens in one operation on the device. The numbers are drawn from the batch's own seed, so that a run
that is repeated or resumed sees the same images.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from workbench.recipe.image_varying import BRIGHTEST, reading_places
from workbench.recipe.spec import Augment


def make_augment(step: Augment) -> Callable[[Any, Any], Any]:
    """Give the function of a batch of pixels (float32, 0 to 255) and its seed that varies each image for itself.

    Parameters
    ----------
    step : Augment
    """

    def augment(images: Any, seed: Any) -> Any:
        if step.flip or step.shift or step.rotate or step.zoom:
            images = _moved(images, seed, step)
        return _brightened(images, seed, step.brightness) if step.brightness else images

    return augment


def _drawn(n_images: Any, seed: Any, place: int, largest: float) -> Any:
    """Draw one number from -largest to largest for each image."""
    import tensorflow as tf

    own = tf.stack([seed[0], seed[1] + place * 1_000_003])
    return tf.random.stateless_uniform((n_images,), own, -largest, largest) if largest else tf.zeros((n_images,))


def _moved(images: Any, seed: Any, step: Augment) -> Any:
    """Shift, turn, resize and mirror; what comes in from outside repeats the image's edge."""
    import tensorflow as tf

    shape = tf.shape(images)
    n_images, height, width = shape[0], tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    angle = _drawn(n_images, seed, 1, math.radians(step.rotate))
    shrink = 1.0 / (1.0 + _drawn(n_images, seed, 2, step.zoom))
    right, down = _drawn(n_images, seed, 3, step.shift) * width, _drawn(n_images, seed, 4, step.shift) * height
    mirror = tf.ones((n_images,))
    if step.flip:
        mirror = tf.where(_drawn(n_images, seed, 5, 1.0) < 0, -mirror, mirror)
    places = reading_places(
        tf, angle=angle, shrink=shrink, right=right, down=down, mirror=mirror, height=height, width=width
    )
    zeros = tf.zeros((n_images,))
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([*places, zeros, zeros], axis=1),
        output_shape=shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _brightened(images: Any, seed: Any, largest: float) -> Any:
    import tensorflow as tf

    change = _drawn(tf.shape(images)[0], seed, 6, largest * BRIGHTEST)
    return tf.clip_by_value(images + change[:, None, None, None], 0.0, BRIGHTEST)
