"""What a recipe learned about images: their size, their colours, and the scale of their pixels.

It stands where a `FittedRecipe` stands for columns. Pixels stay whole numbers of 8 bits until the network casts and
scales them, which takes an eighth of the memory of doubles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from workbench.data.images import Mode, check_image, decode_images
from workbench.errors import PackageError, RecipeError
from workbench.recipe.image_steps import ImageMode
from workbench.recipe.spec import Augment, Resize, ScalePixels, Step
from workbench.recipe.step import BaseStep
from workbench.storage import read_json, write_json

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

FILE_NAME = "recipe.json"
FILE_FORMAT = 3  # what follows the two formats of recipes for columns
_STEPS: TypeAdapter[tuple[Step, ...]] = TypeAdapter(tuple[Step, ...])
_MODES: dict[ImageMode, Mode] = {"grey": "L", "rgb": "RGB"}
_SHOWN_SIZES = 3
_SUGGESTED_SIDES = (28, 32, 48, 64, 96, 128)

S = TypeVar("S", bound=BaseStep)


@dataclass(frozen=True)
class PixelScale:
    """How pixels from 0 to 255 become what a network takes: times `factor`, plus `offset`, for each channel."""

    factor: tuple[float, ...]
    offset: tuple[float, ...]


@dataclass(frozen=True)
class FittedImages:
    """Size, colours and scale of a run's images.

    Parameters
    ----------
    column : str
        The image column.
    height, width : int
        To which every image is brought.
    mode : {"grey", "rgb"}
    scale : PixelScale
        Of the training images; the network applies it.
    steps : tuple of Step
        The recipe's, enabled ones.
    """

    column: str
    height: int
    width: int
    mode: ImageMode
    scale: PixelScale
    steps: tuple[Step, ...] = ()

    joint = False
    needs_frame = False

    @property
    def n_channels(self) -> int:
        """1 for grey, 3 for colours."""
        return 3 if self.mode == "rgb" else 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one image."""
        return self.height, self.width, self.n_channels

    @property
    def n_features(self) -> int:
        """Number of pixels, each channel counted."""
        return self.height * self.width * self.n_channels

    @property
    def input_columns(self) -> list[str]:
        """The column that a request must give."""
        return [self.column]

    @property
    def input_types(self) -> dict[str, Literal["image"]]:
        """What it is to a model."""
        return {self.column: "image"}

    @property
    def feature_names(self) -> range:
        """One for each pixel; they have no names."""
        return range(self.n_features)

    @property
    def augment(self) -> Augment | None:
        """How training images are varied; None where they stay as they are."""
        step = find_step(self.steps, Augment)
        return None if step is None or step.does_nothing else step

    def transform(self, frame: pl.DataFrame, *, rows: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Give the pixels of raw rows: uint8 of shape (n_rows, height, width, n_channels).

        Parameters
        ----------
        frame : DataFrame
        rows : sequence of int, optional
            Places of the rows in the table, for messages.

        Raises
        ------
        DataError
            If an image is missing or damaged; the message names its row.
        """
        return decode_images(frame[self.column], size=(self.height, self.width), mode=_MODES[self.mode], rows=rows)

    def emit(self, graph: GraphBuilder, inputs: dict[str, str]) -> str:
        """Give the tensor of pixels [N, height, width, n_channels], uint8; the network casts and scales it."""
        return inputs[self.column]

    def save(self, folder: Path) -> None:
        """Store everything as plain values."""
        write_json(
            folder / FILE_NAME,
            {
                "format": FILE_FORMAT,
                "column": self.column,
                "height": self.height,
                "width": self.width,
                "mode": self.mode,
                "factor": list(self.scale.factor),
                "offset": list(self.scale.offset),
                "steps": [step.model_dump(mode="json") for step in self.steps],
            },
        )

    @classmethod
    def load(cls, folder: Path) -> FittedImages:
        """Read what `save` stored.

        Raises
        ------
        PackageError
            If the folder holds no readable recipe for images.
        """
        document: Any = read_json(folder / FILE_NAME)
        try:
            if document["format"] != FILE_FORMAT:
                raise PackageError(
                    f"Got {FILE_NAME} of format {document['format']}, needed {FILE_FORMAT}. Update the workbench."
                )
            scale = PixelScale(tuple(document["factor"]), tuple(document["offset"]))
            steps = _STEPS.validate_python(document["steps"])
            height, width = int(document["height"]), int(document["width"])
            return cls(str(document["column"]), height, width, document["mode"], scale, steps)
        except (KeyError, TypeError, ValueError) as error:
            raise PackageError(
                f"Got {folder} without a usable {FILE_NAME} ({error!r}), needed the recipe of a model for images. "
                "Build the package again."
            ) from error


def find_step(steps: Sequence[BaseStep], kind: type[S]) -> S | None:
    """Give the enabled step of a kind; None where there is none."""
    for step in steps:
        if step.enabled and isinstance(step, kind):
            return step
    return None


def fit_images(
    steps: Sequence[Step],
    column: str,
    train: pl.Series,
    sizes: Mapping[tuple[int, int], int],
    *,
    rows: Sequence[int] | np.ndarray | None = None,
) -> tuple[FittedImages, np.ndarray]:
    """Decide size and colours, learn the scale of the pixels from the training images, and give their pixels.

    Parameters
    ----------
    steps : sequence of Step
        ``resize`` decides the size; without it all images must have one.
    column : str
    train : Series of Binary
        Images of the training rows.
    sizes : mapping of (height, width) to int
        Of all images, also of those that aren't learned from; see `count_sizes`.
    rows : sequence of int, optional
        Places of the training rows in the table, for messages.

    Returns
    -------
    recipe : FittedImages
    X : ndarray of uint8, of shape (n_images, height, width, n_channels)

    Raises
    ------
    RecipeError
        If images have several sizes and there is no resize step; the message proposes one.
    DataError
        If an image is missing or damaged.
    """
    resize = find_step(steps, Resize)
    height, width = (resize.height, resize.width) if resize is not None else only_size(column, sizes)
    wanted = _MODES[resize.mode] if resize is not None and resize.mode != "as_is" else None
    X = decode_images(train, size=(height, width), mode=wanted, rows=rows)
    mode: ImageMode = "grey" if X.shape[3] == 1 else "rgb"
    enabled = tuple(step for step in steps if step.enabled)
    return FittedImages(column, height, width, mode, scaled_by(X, steps), enabled), X


def only_size(column: str, sizes: Mapping[tuple[int, int], int]) -> tuple[int, int]:
    """Give the one height and width that all images have.

    Raises
    ------
    RecipeError
        If there are several; the message proposes a resize step.
    """
    if len(sizes) == 1:
        return next(iter(sizes))
    frequent = sorted(sizes, key=lambda size: -sizes[size])[:_SHOWN_SIZES]
    shown = ", ".join(f"{width} x {height}" for height, width in frequent)
    more = f" and {len(sizes) - _SHOWN_SIZES:,} more" if len(sizes) > _SHOWN_SIZES else ""
    height, width = proposed_size(sizes)
    raise RecipeError(
        f"Got images of {len(sizes):,} sizes in {column!r} ({shown}{more}), needed one size for the network. Add the "
        f"step resize with height {height} and width {width}."
    )


def count_sizes(images: pl.Series, rows: Sequence[int] | np.ndarray | None = None) -> dict[tuple[int, int], int]:
    """Count the images of each height and width, by their first bytes alone.

    Raises
    ------
    DataError
        If an image is missing, or none that can be read; the message names its row.
    """
    sizes: dict[tuple[int, int], int] = {}
    for place, cell in enumerate(images.to_list()):
        head = check_image(cell, images.name, place if rows is None else int(rows[place]))
        size = (head.height, head.width)
        sizes[size] = sizes.get(size, 0) + 1
    return sizes


def proposed_size(sizes: Mapping[tuple[int, int], int]) -> tuple[int, int]:
    """Propose a height and width for images of several sizes: square, not larger than most, and affordable.

    Examples
    --------
    >>> proposed_size({(40, 60): 10, (300, 200): 1})
    (32, 32)
    """
    sides = np.repeat([min(size) for size in sizes], list(sizes.values()))
    middle = float(np.median(sides)) if len(sides) else 32.0
    side = max((side for side in _SUGGESTED_SIDES if side <= middle), default=max(1, int(middle)))
    return side, side


def scaled_by(pixels: np.ndarray, steps: Sequence[Step]) -> PixelScale:
    """Learn the scale from training pixels of shape (n_images, height, width, n_channels)."""
    step = find_step(steps, ScalePixels) or ScalePixels()
    n_channels = pixels.shape[3]
    if step.to == "zero_one":
        return PixelScale((1 / 255,) * n_channels, (0.0,) * n_channels)
    if step.to == "minus_one_one":
        return PixelScale((1 / 127.5,) * n_channels, (-1.0,) * n_channels)
    # Exact sums of whole numbers, a channel at a time: no copy in floats, whatever the number of images.
    factors, offsets = [], []
    for channel in range(n_channels):
        counts = np.bincount(pixels[..., channel].reshape(-1), minlength=256).astype(np.float64)
        levels = np.arange(256.0)
        mean = float(counts @ levels / counts.sum())
        std = float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum())) or 1.0
        factors.append(1 / std)
        offsets.append(-mean / std)
    return PixelScale(tuple(factors), tuple(offsets))
