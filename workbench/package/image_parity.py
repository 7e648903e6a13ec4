"""Whether the graph of a model for images answers as the native model does; what the training images looked like.

Both compute in float32, and add thousands of products in another order: they agree to about seven digits of what a
network's last layer adds up, not to the 1e-5 of a model that counts in double.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.estimators.native import pick_class
from workbench.package.baseline import FORMAT, numbers
from workbench.package.image_inputs import ImageForm, images_to_array
from workbench.package.parity import Parity, Scores

if TYPE_CHECKING:
    from workbench.estimators.native import NativeModel
    from workbench.package.inputs import InputColumn
    from workbench.package.signature import Signature

TOLERANCE = 1e-4
DESCRIBED_IMAGES = 2_000
BACKGROUND_IMAGES = 100
BACKGROUND_BYTES = 4 * 1024 * 1024
_CHUNK_IMAGES = 1_024
_DIFFICULT_IMAGES = 64


def check_image_parity(
    graph: Scores, model: NativeModel, signature: Signature, rows: pl.DataFrame, *, scale: float
) -> Parity:
    """Compare graph and native model on all images, and on noise, plain black and white, and hard edges.

    Parameters
    ----------
    graph : callable
        From checked rows to scores.
    model : NativeModel
    signature : Signature
    rows : DataFrame
        With the image column.
    scale : float
        What a difference is divided by.
    """
    column, form = _of(signature)
    worst, changed, n_images = 0.0, 0, 0
    for pixels in _chunks(rows[column.name], form):
        ours, theirs = graph(signature.rows({column.name: pixels})), model.scores(pixels)
        gap = np.abs(ours - theirs)
        worst = max(worst, float(np.where(np.isnan(gap), np.inf, gap).max()) / scale)
        if signature.task == "classification":
            changed += int(((pick_class(ours) != pick_class(theirs)) & ~_tied(theirs)).sum())
        n_images += len(pixels)
    return Parity(worst, changed, n_images, tolerance=TOLERANCE)


def _tied(scores: np.ndarray) -> np.ndarray:
    """Mark rows whose two likeliest classes are as close as rounding: either label is right."""
    best = np.sort(scores, axis=1)[:, -2:]
    tied: np.ndarray = best[:, 1] - best[:, 0] <= TOLERANCE
    return tied


def _chunks(images: pl.Series, form: ImageForm) -> Iterator[np.ndarray]:
    for start in range(0, len(images), _CHUNK_IMAGES):
        yield images_to_array(images.name, images.slice(start, _CHUNK_IMAGES), form)
    yield difficult_images(form)


def difficult_images(form: ImageForm) -> np.ndarray:
    """Draw images that training can't have prepared the network for: plain ones, noise, and stripes."""
    random = np.random.default_rng(0)
    drawn = random.integers(0, 256, (_DIFFICULT_IMAGES, *form.shape), dtype=np.uint8)
    drawn[0], drawn[1] = 0, 255
    drawn[2:8] = np.where(drawn[2:8] < 128, 0, 255)
    drawn[8, ::2], drawn[8, 1::2] = 0, 255
    drawn[9, :, ::2], drawn[9, :, 1::2] = 0, 255
    return drawn


def describe_images(train: pl.DataFrame, signature: Signature, scores: np.ndarray) -> dict[str, Any]:
    """Describe training images and answers, as `describe_rows` does columns: by each image's mean brightness.

    At most 2,000 images are looked at. ``pixel_mean`` and ``pixel_std`` of each channel tell a shift of the light or of
    the scale, too.
    """
    column, form = _of(signature)
    pixels = images_to_array(column.name, _sampled(train[column.name], DESCRIBED_IMAGES), form)
    described = numbers(pixels.mean(axis=(1, 2, 3))) | {
        "type": "image",
        "pixel_mean": pixels.mean(axis=(0, 1, 2)).tolist(),
        "pixel_std": pixels.std(axis=(0, 1, 2)).tolist(),
    }
    names = [str(label) for label in signature.classes or ()] or ["prediction"]
    answers = {name: numbers(scores[:, position]) for position, name in enumerate(names)}
    return {"format": FORMAT, "n_rows": train.height, "columns": {column.name: described}, "scores": answers}


def background_images(train: pl.DataFrame, signature: Signature, *, seed: int) -> pl.DataFrame:
    """Give some training images, brought to the model's size, to start from and to compare with."""
    column, form = _of(signature)
    n_fit = max(1, BACKGROUND_BYTES // (form.height * form.width * form.n_channels))
    images = _sampled(train[column.name], min(BACKGROUND_IMAGES, n_fit), seed=seed)
    pixels = images_to_array(column.name, images, form)
    return signature.rows({column.name: pixels}).frame


def _sampled(images: pl.Series, n_images: int, *, seed: int = 0) -> pl.Series:
    return images if len(images) <= n_images else images.sample(n_images, seed=seed, shuffle=True)


def _of(signature: Signature) -> tuple[InputColumn, ImageForm]:
    column = signature.image
    assert column is not None and column.image is not None  # noqa: S101 - asked for models of images only
    return column, column.image
