"""Suggest a recipe for a table of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.recipe.checking_images import image_columns
from workbench.recipe.images import proposed_size
from workbench.recipe.spec import DropMissing, Resize, ScalePixels, Step

if TYPE_CHECKING:
    from workbench.data.table import Column, Table

LOOKED_AT = 2_000
LARGEST_AFFORDABLE = 128  # pixels a side: beyond, an epoch of a small network takes minutes on two cores
_NOT_LEARNED = ("identifier", "constant", "text")


def is_for_images(columns: list[Column], target: str) -> bool:
    """Whether the images of a table are what there is to learn from: beside them only labels, names and parts.

    Examples
    --------
    >>> from workbench.data.table import Column
    >>> columns = [Column("image", "image", "Binary", 0, 9), Column("label", "category", "String", 0, 3)]
    >>> is_for_images(columns, "label")
    True
    """
    if len(image_columns(columns)) != 1:
        return False
    others = [column for column in columns if column.kind != "image" and column.name != target]
    return all(column.kind in _NOT_LEARNED or column.name.lower() in ("split", "file", "label") for column in others)


def suggest_image_steps(table: Table, target: str) -> list[tuple[Step, str]]:
    """Suggest steps for images, each with its reason, after a look at the sizes of some of them."""
    from workbench.data.image_heads import read_head

    column = image_columns(table.columns)[0]
    steps: list[tuple[Step, str]] = []
    gaps = [name for name in (column, target) if any(c.name == name and c.n_missing for c in table.columns)]
    if gaps:
        steps.append((DropMissing(columns=tuple(gaps)), "Only rows with an image and its label can be learned from."))
    rows, _ = table.sampled(min(LOOKED_AT, table.n_rows))
    sizes: dict[tuple[int, int], int] = {}
    for cell in rows[column].drop_nulls().to_list():
        head = read_head(cell)
        if head is not None:
            sizes[head.height, head.width] = sizes.get((head.height, head.width), 0) + 1
    largest = max((max(size) for size in sizes), default=0)
    if len(sizes) > 1 or largest > LARGEST_AFFORDABLE:
        height, width = proposed_size(sizes)
        why = f"The images have {len(sizes):,} sizes" if len(sizes) > 1 else f"The images are {largest:,} pixels wide"
        steps.append((Resize(height=height, width=width), f"{why}, and a network takes one that isn't too large."))
    scale = ScalePixels()
    steps.append((scale, "A network learns faster from pixels around 0 than from 0 to 255."))
    return steps
