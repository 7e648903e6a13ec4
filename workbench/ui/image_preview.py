"""Images of a preview as the network will see them: brought to their size and colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
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
VARIED, VARIED_EPOCHS = 4, 4
LARGEST_EXAMPLE = 256  # pixels a side


def image_names(frame: pl.DataFrame) -> list[str]:
    """Name the columns that hold images."""
    return [name for name, dtype in frame.schema.items() if dtype == pl.Binary]


def draw(frame: pl.DataFrame, steps: Sequence[Step], *, after: bool) -> None:
    """Draw some images of each image column; after the recipe, in the size and the colours that it gives them."""
    for name in image_names(frame):
        images = frame[name].drop_nulls().head(SHOWN)
        resize = find_step(steps, Resize) if after else None
        st.image(_shown(images, resize), width=SIDE)
        st.caption(messages.plain(_said(len(images), name, resize)))
        augment = find_step(steps, Augment) if after else None
        if augment is not None and not augment.does_nothing:
            _draw_varied(images.head(VARIED), resize, augment)


def _shown(images: pl.Series, resize: Resize | None) -> list[Any]:
    from workbench.data.images import thumbnails

    if resize is not None:
        try:
            return [enlarged(image, SIDE) for image in _brought(images, resize)]
        except DataError:
            pass  # one is damaged, and a run will say which
    return list(thumbnails(images, size=SIDE))


def _draw_varied(images: pl.Series, resize: Resize | None, augment: Augment) -> None:
    """Draw each image as it is, and beside it varied as in the first epochs."""
    from workbench.recipe.image_varying import vary

    strips = []
    for image in images:
        try:
            pixels = _brought(pl.Series(images.name, [image]), resize or _small(image))
        except DataError:
            continue  # damaged, and a run will say which
        varied = [vary(pixels, augment, seed=epoch) for epoch in range(VARIED_EPOCHS)]
        gap = np.full((*pixels.shape[:2], max(1, pixels.shape[2] // 12), pixels.shape[3]), 255, dtype=np.uint8)
        parts = [pixels, *(part for each in varied for part in (gap, each))]
        strips.append(enlarged(np.concatenate(parts, axis=2)[0], SIDE * (VARIED_EPOCHS + 1)))
    st.image(strips, width=SIDE * (VARIED_EPOCHS + 1))
    st.caption(
        f"Augmentation: {len(strips)} images as they are (left), and varied as a network sees them in {VARIED_EPOCHS} "
        "epochs. Training images alone are varied, anew in each epoch; these are examples."
    )


def _small(image: bytes) -> Resize | None:
    """Give the size for an example of a large image; None for what is small as it is."""
    from workbench.data.image_heads import read_head

    head = read_head(image)
    if head is None or max(head.height, head.width) <= LARGEST_EXAMPLE:
        return None
    share = LARGEST_EXAMPLE / max(head.height, head.width)
    return Resize(height=max(1, round(head.height * share)), width=max(1, round(head.width * share)))


def _brought(images: pl.Series, resize: Resize | None) -> np.ndarray:
    """Give the pixels, in the size and the colours of a resize step."""
    from workbench.data.images import decode_images
    from workbench.package.image_inputs import MODES

    if resize is None:
        return decode_images(images)
    mode = None if resize.mode == "as_is" else MODES[resize.mode]
    return decode_images(images, size=(resize.height, resize.width), mode=mode)


def _said(n_images: int, name: str, resize: Resize | None) -> str:
    said = f"{n_images} images of {name!r}"
    if resize is not None:
        said += f", brought to {resize.width} x {resize.height} pixels"
    return f"{said}."
