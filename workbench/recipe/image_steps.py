"""The steps for images, as they stand in a RunSpec. What they do lives in `images.py` beside this and in training.

Size and scale travel in the model: a request may send an image of any size. Augmentation changes training images only,
anew in each epoch, and is never a part of the model.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.recipe.step import BaseStep, Family, TakenKind

LARGEST_SIDE = 1_024
_IMAGES: frozenset[TakenKind] = frozenset({"image"})

ImageMode = Literal["grey", "rgb"]


class Resize(BaseStep):
    """Bring all images to one size, stretched where their shape is another, and to grey or colours."""

    title: ClassVar[str] = "Resize images"
    purpose: ClassVar[str] = "Images"
    summary: ClassVar[str] = "Bring all images to one size, in grey or in colours; small ones train much faster."
    family: ClassVar[Family] = "image"
    takes: ClassVar[frozenset[TakenKind]] = _IMAGES
    step: Literal["resize"] = "resize"
    height: int = Field(
        32, ge=1, le=LARGEST_SIDE, title="Height", description="In pixels; twice the side costs four times the work."
    )
    width: int = Field(32, ge=1, le=LARGEST_SIDE, title="Width", description="In pixels.")
    mode: Literal["as_is", "grey", "rgb"] = Field(
        "as_is", title="Colours", description="As is takes grey where all images are grey, else red, green and blue."
    )


class ScalePixels(BaseStep):
    """Bring pixels from 0 to 255 to a scale on which a network learns well."""

    title: ClassVar[str] = "Scale pixels"
    purpose: ClassVar[str] = "Images"
    summary: ClassVar[str] = "Bring pixels from 0 to 255 to a scale on which a network learns well."
    family: ClassVar[Family] = "image"
    takes: ClassVar[frozenset[TakenKind]] = _IMAGES
    step: Literal["scale_pixels"] = "scale_pixels"
    to: Literal["standard", "zero_one", "minus_one_one"] = Field(
        "standard",
        title="To",
        description="Standard takes each colour's mean of the training images away and divides by its standard "
        "deviation; the others are 0 to 1 and -1 to 1.",
    )


class Augment(BaseStep):
    """Change the training images a little, at random and anew in each epoch; no other image ever."""

    title: ClassVar[str] = "Augment images"
    purpose: ClassVar[str] = "Images"
    summary: ClassVar[str] = (
        "Show each training image a little different in each epoch, so that less is learned by heart."
    )
    family: ClassVar[Family] = "image"
    takes: ClassVar[frozenset[TakenKind]] = _IMAGES
    step: Literal["augment"] = "augment"
    flip: bool = Field(False, title="Flip", description="Mirror left and right; not where a mirrored digit is none.")
    shift: float = Field(0.0, ge=0, le=0.5, title="Shift", description="Largest move, as a share of height and width.")
    rotate: float = Field(0.0, ge=0, le=180, title="Rotate", description="Largest turn to either side, in degrees.")
    zoom: float = Field(0.0, ge=0, le=0.5, title="Zoom", description="Largest change of size: 0.1 is 90 % to 110 %.")
    brightness: float = Field(
        0.0, ge=0, le=1, title="Brightness", description="Largest change, as a share of the whole range of pixels."
    )

    @property
    def does_nothing(self) -> bool:
        """Whether every image stays as it is."""
        return not (self.flip or self.shift or self.rotate or self.zoom or self.brightness)


ImageStep = Resize | ScalePixels | Augment
