"""What a run does with the column that its split follows: find it after the recipe, and keep parts out of the model."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.data.spec import SplitSpec
from workbench.recipe.spec import DateParts, DropColumns, Rename, Step


def split_column(steps: Sequence[Step], split: SplitSpec) -> str | None:
    """Give the split column's name after the column steps; None for a random split.

    Examples
    --------
    >>> split_column([Rename(names={"cust_no": "customer"})], SplitSpec(by="group", column="cust_no"))
    'customer'
    """
    if split.by == "random" or split.column is None:
        return None
    name = split.column
    for step in steps:
        if step.enabled and isinstance(step, Rename):
            name = step.names.get(name, name)
    return name


def keep_columns(steps: Sequence[Step], columns: Sequence[str]) -> list[Step]:
    """Give the steps without what takes some columns away: the split needs a group or date that the model doesn't.

    Examples
    --------
    >>> [step.step for step in keep_columns([DropColumns(columns=["id"])], ["id"])]
    []
    """
    kept: list[Step] = []
    for step in steps:
        if isinstance(step, DropColumns) and set(step.columns) & set(columns):
            names = tuple(name for name in step.columns if name not in columns)
            if names:
                kept.append(step.model_copy(update={"columns": names}))
        elif isinstance(step, DateParts) and step.drop and set(step.columns) & set(columns):
            kept.append(step.model_copy(update={"drop": False}))
        else:
            kept.append(step)
    return kept


def without_part_column(steps: Sequence[Step], split: SplitSpec) -> tuple[Step, ...]:
    """Give the recipe that a run fits: a column that names the parts is never a feature.

    Examples
    --------
    >>> [step.step for step in without_part_column([], SplitSpec(by="column", column="part"))]
    ['drop_columns']
    """
    name = split_column(steps, split)
    if split.by != "column" or name is None:
        return tuple(steps)
    gone = any(step.enabled and isinstance(step, DropColumns) and name in step.columns for step in steps)
    return tuple(steps) if gone else (*steps, DropColumns(columns=(name,)))
