"""Images of a preview as the network will see them: brought to their size and colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from workbench.errors import DataError
from workbench.recipe.images import find_step
from workbench.recipe.spec import Augment, Resize
from workbench.ui import messages
from workbench.ui.image_predict import enlarged

if TYPE_CHECKING:
    from workbench.recipe.spec import Step

SHOWN = 24
SIDE = 84


def image_names(frame: pl.DataFrame) -> list[str]:
    """Name the columns that hold images."""
    return [name for name, dtype in frame.schema.items() if dtype == pl.Binary]


def draw(frame: pl.DataFrame, steps: Sequence[Step], *, after: bool) -> None:
    """Draw some images of each image column; after the recipe, in the size and the colours that it gives them."""
    for name in image_names(frame):
        images = frame[name].drop_nulls().head(SHOWN)
        resize = find_step(steps, Resize) if after else None
        st.image(_shown(images, resize), width=SIDE)
        st.caption(messages.plain(_said(len(images), name, steps, resize, after)))


def _shown(images: pl.Series, resize: Resize | None) -> list[Any]:
    from workbench.data.images import decode_images, thumbnails
    from workbench.package.image_inputs import MODES

    if resize is not None:
        mode = None if resize.mode == "as_is" else MODES[resize.mode]
        try:
            pixels = decode_images(images, size=(resize.height, resize.width), mode=mode)
            return [enlarged(image, SIDE) for image in pixels]
        except DataError:
            pass  # one is damaged, and a run will say which
    return list(thumbnails(images, size=SIDE))


def _said(n_images: int, name: str, steps: Sequence[Step], resize: Resize | None, after: bool) -> str:
    said = f"{n_images} images of {name!r}"
    if resize is not None:
        said += f", brought to {resize.width} x {resize.height} pixels"
    if after and find_step(steps, Augment) is not None:
        said += "; augmentation varies the training images while a network learns, and isn't shown here"
    return f"{said}."
