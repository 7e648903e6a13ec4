"""What the step ``augment`` does to images: the one formula of the training step and of the preview.

Training varies batches inside a compiled graph (`training.image_augmenting`); a preview has no TensorFlow and varies a
few images in NumPy.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

from workbench.recipe.image_steps import Augment

BRIGHTEST = 255.0


def reading_places(
    xp: ModuleType, *, angle: Any, shrink: Any, right: Any, down: Any, mirror: Any, height: Any, width: Any
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Give a0, a1, a2, b0, b1, b2: a pixel (x, y) of the answer is read at (a0 x + a1 y + a2, b0 x + b1 y + b2).

    Parameters
    ----------
    xp : module
        ``numpy`` or ``tensorflow``.
    angle, shrink, right, down, mirror : array of shape (n_images,)
        In radians; how many pixels one becomes; in pixels; 1 or -1.
    height, width : number
    """
    middle_x, middle_y = (width - 1.0) / 2.0, (height - 1.0) / 2.0
    a0, a1 = shrink * xp.cos(angle) * mirror, -shrink * xp.sin(angle)
    b0, b1 = shrink * xp.sin(angle) * mirror, shrink * xp.cos(angle)
    a2 = middle_x - a0 * middle_x - a1 * middle_y + right
    b2 = middle_y - b0 * middle_x - b1 * middle_y + down
    return a0, a1, a2, b0, b1, b2


def vary(pixels: np.ndarray, step: Augment, *, seed: int) -> np.ndarray:
    """Vary each image for itself, as training does; the same seed gives the same images.

    Parameters
    ----------
    pixels : ndarray of uint8, of shape (n_images, height, width, n_channels)
    step : Augment
    seed : int

    Examples
    --------
    >>> bright = vary(np.full((1, 2, 2, 1), 100, dtype=np.uint8), Augment(brightness=0.2), seed=0)
    >>> bright.shape, bool((bright != 100).all())
    ((1, 2, 2, 1), True)
    """
    rng, (n_images, height, width) = np.random.default_rng(seed), pixels.shape[:3]

    def drawn(largest: float) -> np.ndarray:
        return np.asarray(rng.uniform(-largest, largest, n_images))

    places = reading_places(
        np,
        angle=drawn(math.radians(step.rotate)),
        shrink=1.0 / (1.0 + drawn(step.zoom)),
        right=drawn(step.shift) * width,
        down=drawn(step.shift) * height,
        mirror=np.where(step.flip & (rng.random(n_images) < 0.5), -1.0, 1.0),
        height=height,
        width=width,
    )
    moved = read_at(pixels, places) + drawn(step.brightness * BRIGHTEST)[:, None, None, None]
    return np.asarray(moved.clip(0, BRIGHTEST).round(), dtype=np.uint8)


def read_at(pixels: np.ndarray, places: tuple[np.ndarray, ...]) -> np.ndarray:
    """Read images between their pixels (bilinear); what lies outside repeats the edge."""
    n_images, height, width = pixels.shape[:3]
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    a0, a1, a2, b0, b1, b2 = (value[:, None, None] for value in places)
    across, along = a0 * columns + a1 * rows + a2, b0 * columns + b1 * rows + b2
    left, top = np.floor(across).astype(np.int64), np.floor(along).astype(np.int64)
    images = np.arange(n_images)[:, None, None]
    answer = np.zeros(pixels.shape)
    for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
        near = pixels[images, (top + y).clip(0, height - 1), (left + x).clip(0, width - 1)]
        share = (1 - np.abs(across - left - x)) * (1 - np.abs(along - top - y))
        answer += share[..., None] * near
    return answer
