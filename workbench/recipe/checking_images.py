"""Check a recipe for a run on images, and find the image column and the labels among a table's columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from workbench.errors import RecipeError, TargetError
from workbench.recipe.fitted_step import listed
from workbench.recipe.spec import DropColumns, Step

if TYPE_CHECKING:
    from workbench.data.table import Column

LABEL_NAMES = ("label", "class", "target", "category", "y")
_MOST_CLASSES = 1_000


def image_columns(columns: Iterable[Column], steps: Sequence[Step] = ()) -> list[str]:
    """Name the image columns that no step leaves out.

    Examples
    --------
    >>> from workbench.data.table import Column
    >>> image_columns([Column("image", "image", "Binary", 0, 9), Column("label", "category", "String", 0, 3)])
    ['image']
    """
    gone = _dropped(steps)
    return [column.name for column in columns if column.kind == "image" and column.name not in gone]


def check_image_recipe(steps: Sequence[Step], columns: Sequence[Column], target: str) -> str:
    """Check that one image column is left, and that each step has something to do in a run on images.

    Parameters
    ----------
    steps : sequence of Step
        Disabled ones are skipped.
    columns : sequence of Column
        Of the table.
    target : str

    Returns
    -------
    str
        The image column.

    Raises
    ------
    RecipeError
        With the step's place and the remedy.
    """
    found = image_columns(columns, steps)
    if len(found) != 1:
        has = f"the image columns {listed(found)}" if found else "no image column"
        remedy = "Leave the others out with drop_columns" if found else "Choose an estimator for tables, or images"
        raise RecipeError(f"Got a recipe that leaves {has}, needed one that the estimator learns from. {remedy}.")
    if found[0] == target:
        raise RecipeError(f"Got the images in {target!r} as target, needed labels or numbers. Choose another target.")
    seen: set[str] = set()
    for number, step in enumerate(steps, start=1):
        if not step.enabled:
            continue
        where = f"Step {number} ({step.step})"
        if step.family == "learned":
            raise RecipeError(
                f"{where}: got a step for columns of a table in a run on images, needed one of resize, scale_pixels "
                "and augment, or one for rows or the target. Remove it."
            )
        if step.family == "image" and step.step in seen:
            raise RecipeError(f"{where}: got it for a second time, needed it once. Remove one of them.")
        seen.add(step.step)
    return found[0]


def label_column(columns: Sequence[Column], steps: Sequence[Step] = ()) -> str:
    """Find the labels of images: a column called ``label`` or the like, else the only one that holds few values.

    Raises
    ------
    TargetError
        If there is none, or several that might be meant.
    """
    gone = _dropped(steps)
    others = [column for column in columns if column.kind != "image" and column.name not in gone]
    for name in LABEL_NAMES:
        for column in others:
            if column.name.lower() == name and column.n_unique:
                return column.name
    kinds = ("category", "boolean", "number")
    likely = [
        column.name
        for column in others
        if column.kind in kinds and 2 <= column.n_unique <= _MOST_CLASSES and column.name.lower() != "split"
    ]
    if len(likely) == 1:
        return likely[0]
    has = f"{listed(likely)} might be meant" if likely else "no column holds labels"
    raise TargetError(
        f"Got images without a target, needed the column with their labels ({has}). Name it as data.target; in a "
        "folder or zip the labels are the names of the folders."
    )


def _dropped(steps: Sequence[Step]) -> set[str]:
    drops = [step for step in steps if step.enabled and isinstance(step, DropColumns)]
    return {name for step in drops for name in step.columns}
