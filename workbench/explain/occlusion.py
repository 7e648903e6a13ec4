"""Which part of an image an answer rests on: cover a part, ask again, and see what the probability loses.

It asks the package's graph alone, works for every model of images, and says what it does: a part that nobody needed
loses nothing. Shapley values of thousands of pixels would cost a thousand times as much, and share out what single
pixels don't do alone.

Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.errors import ExplainError, InputError
from workbench.storage import read_json

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.package import Predictor

PATCHES_A_SIDE = 7  # the covering patch is so many times smaller than the image
MOST_PLACES = 2_500


@dataclass(frozen=True)
class OcclusionMap:
    """What covering each part of one image takes from an answer.

    Parameters
    ----------
    effects : ndarray of shape (height, width)
        Mean change over all patches that cover the pixel: positive where the answer rests on what is there, in
        probability or in the unit of the target.
    pixels : ndarray of uint8, of shape (height, width, n_channels)
        The image as the model sees it.
    label : str or int, optional
        The class whose probability it is; None for a regression.
    output : float
        Its probability, or the predicted value, with nothing covered.
    target : str
    patch : int
        Side of the covering square, in pixels.
    n_places : int
        How many places it was put.
    """

    effects: np.ndarray = field(repr=False)
    pixels: np.ndarray = field(repr=False)
    label: str | int | None
    output: float
    target: str
    patch: int
    n_places: int

    @property
    def method(self) -> str:
        """What was computed, in words."""
        return (
            f"a square of {self.patch} x {self.patch} pixels in the mean grey of the training images, put in "
            f"{self.n_places:,} places"
        )

    def frame(self) -> pl.DataFrame:
        """Give one row for each pixel: ``row``, ``column``, ``effect``."""
        height, width = self.effects.shape
        rows, columns = np.divmod(np.arange(height * width), width)
        return pl.DataFrame({"row": rows, "column": columns, "effect": self.effects.ravel()})

    def plot(self) -> go.Figure:
        """Draw it: vermilion where the answer rests on what is there, blue where that speaks against it."""
        from workbench import plots

        what = f"probability of {self.label}" if self.label is not None else f"predicted {self.target}"
        alt = f"What covering each part of the image takes from the {what}"
        return plots.pixel_effects(self.effects, unit="", alt=alt)


def explain_image(
    predictor: Predictor, image: Any, *, label: str | int | None = None, patch: int | None = None
) -> OcclusionMap:
    """Cover one part of an image after the other and see what the answer loses.

    Parameters
    ----------
    predictor : Predictor
        Of a model of images.
    image : array, path, bytes or Pillow image
        One image, in any form that `Predictor.predict` takes.
    label : str or int, optional
        The class to explain; the likeliest when absent.
    patch : int, optional
        Side of the covering square; a seventh of the image's shorter side when absent.

    Raises
    ------
    ExplainError
        If the model takes no images, or has no such class.
    InputError
        If it isn't one image.
    """
    signature = predictor.signature
    if signature.image is None:
        raise ExplainError("Got a model of columns, needed one of images. Use explain_rows or explain_model.")
    name = signature.image.name
    given = [image] if isinstance(image, bytes) else image
    pixels = signature.check(given).arrays[name]
    if len(pixels) != 1:
        raise InputError(f"Got {len(pixels):,} images, needed one to explain. Pass one of them.")
    height, width = pixels.shape[1:3]
    side = min(patch or max(2, round(min(height, width) / PATCHES_A_SIDE)), height, width)
    if side < 1:
        raise ExplainError(f"Got patch {patch}, needed a side of at least 1 pixel. Leave it out.")
    places = _places(height, width, side)
    covered = np.repeat(pixels, len(places), axis=0)
    grey = _mean_grey(predictor, pixels.shape[3])
    for copy, (top, left) in zip(covered, places, strict=True):
        copy[top : top + side, left : left + side] = grey
    scores = predictor.scores(signature.rows({name: np.concatenate([pixels, covered])}))
    position = _position(predictor, scores[0], label)
    lost = scores[0, position] - scores[1:, position]
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for effect, (top, left) in zip(lost, places, strict=True):
        total[top : top + side, left : left + side] += effect
        count[top : top + side, left : left + side] += 1
    classes = signature.classes
    return OcclusionMap(
        effects=total / count,
        pixels=pixels[0],
        label=None if classes is None else classes[position],
        output=float(scores[0, position]),
        target=signature.target,
        patch=side,
        n_places=len(places),
    )


def _places(height: int, width: int, side: int) -> list[tuple[int, int]]:
    step = max(1, side // 2)
    while ((height - side) // step + 2) * ((width - side) // step + 2) > MOST_PLACES:
        step += 1
    tops = sorted({*range(0, height - side + 1, step), height - side})
    lefts = sorted({*range(0, width - side + 1, step), width - side})
    return [(top, left) for top in tops for left in lefts]


def _mean_grey(predictor: Predictor, n_channels: int) -> np.ndarray:
    baseline = None if predictor.folder is None else read_json(predictor.folder / "baseline.json")
    columns = (baseline or {}).get("columns", {})
    column = predictor.signature.image
    mean = columns.get(column.name, {}).get("pixel_mean") if column is not None else None
    grey: np.ndarray = np.rint(np.asarray(mean if mean else [127.5] * n_channels)).astype(np.uint8)
    return grey


def _position(predictor: Predictor, scores: np.ndarray, label: str | int | None) -> int:
    classes = predictor.signature.classes
    if classes is None:
        return 0
    if label is None:
        return int(scores.argmax())
    if label not in classes:
        shown = ", ".join(map(str, classes[:12]))
        raise ExplainError(f"Got the class {label!r}, needed one of {shown}. Correct it, or leave it out.")
    return classes.index(label)
