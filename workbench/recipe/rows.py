"""Row steps: which rows exist. They learn nothing, run before the split, and never on a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import numpy as np
import polars as pl

from workbench.data.encoding import input_type
from workbench.errors import RecipeError
from workbench.recipe.blocks import LARGEST_NUMBER
from workbench.recipe.fitted_step import listed
from workbench.recipe.spec import DropColumns, DropDuplicates, DropMissing, Step

_ROW = "\x1frow"  # no column of a file is called so
_ANSWERED_BY = ("impute", "one_hot", "ordinal")


@overload
def apply_row_steps(frame: pl.DataFrame, steps: Sequence[Step]) -> pl.DataFrame: ...


@overload
def apply_row_steps(
    frame: pl.DataFrame, steps: Sequence[Step], *, with_positions: Literal[True]
) -> tuple[pl.DataFrame, np.ndarray]: ...


def apply_row_steps(
    frame: pl.DataFrame, steps: Sequence[Step], *, with_positions: bool = False
) -> pl.DataFrame | tuple[pl.DataFrame, np.ndarray]:
    """Drop rows as the row steps say; every column stays.

    The order of the steps counts: a row step without columns looks at those that no earlier `drop_columns` has left
    out, target included, and `drop_missing` also passes over those that an earlier step imputes or encodes.

    Parameters
    ----------
    frame : DataFrame
    steps : sequence of Step
        Others than row steps and disabled ones are skipped.
    with_positions : bool, default False
        Also give the position in `frame` of each row that is left, int64.

    Raises
    ------
    RecipeError
        If a column is absent.

    Examples
    --------
    >>> frame = pl.DataFrame({"a": [1, 1, None], "b": ["x", "x", "y"]})
    >>> apply_row_steps(frame, [DropDuplicates(), DropMissing()]).rows()
    [(1, 'x')]
    """
    rows = frame.with_row_index(_ROW)
    gone: set[str] = {_ROW}
    complete: set[str] = set()
    for step in steps:
        if not step.enabled:
            continue
        if isinstance(step, DropColumns):
            gone.update(step.columns)
        elif isinstance(step, DropDuplicates):
            subset = _subset(frame, step, gone)
            rows = rows.unique(subset=subset, keep="first", maintain_order=True) if subset else rows
        elif isinstance(step, DropMissing):
            schema = frame.schema
            names = [name for name in _subset(frame, step, gone) if name not in complete]
            rows = rows.filter([is_present(name, schema[name]) for name in names]) if names else rows
        elif step.step in _ANSWERED_BY:
            complete.update(step.columns)
    positions = rows[_ROW].cast(pl.Int64).to_numpy()
    kept = rows.drop(_ROW)
    return (kept, positions) if with_positions else kept


def is_present(name: str, dtype: pl.DataType) -> pl.Expr:
    """Say which values of a column aren't missing: empty text and infinite or huge numbers are, as in a recipe."""
    column = pl.col(name)
    if dtype.is_float():
        return column.is_not_null() & (column.cast(pl.Float64).abs() <= LARGEST_NUMBER)
    if input_type(dtype) == "string":
        return column.is_not_null() & (column.cast(pl.String) != "")
    return column.is_not_null()


def _subset(frame: pl.DataFrame, step: DropDuplicates | DropMissing, gone: set[str]) -> list[str]:
    if step.columns is None:
        return [name for name in frame.columns if name not in gone]
    unknown = [name for name in step.columns if name not in frame.columns]
    if unknown:
        raise RecipeError(
            f"{step.step}: got column {listed(unknown)}, needed columns of the table. Remove it from the step."
        )
    return list(step.columns)
