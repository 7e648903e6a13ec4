"""Refusals of columns that a learned step can learn nothing from."""

from __future__ import annotations

import numpy as np

from workbench.errors import RecipeError
from workbench.recipe.fitted_step import listed


def refuse_empty(step: str, X: np.ndarray, columns: list[str]) -> None:
    """Refuse columns without any value in the training rows.

    Raises
    ------
    RecipeError
        With the step, the columns and the remedy.
    """
    empty = (X == "").all(axis=0) if X.dtype == object else np.isnan(X).all(axis=0)
    if empty.any():
        names = [name for name, none in zip(columns, empty, strict=True) if none]
        raise RecipeError(
            f"{step}: column {listed(names)} has no value in the training rows, needed at least one. "
            "Leave it out with drop_columns."
        )


def refuse_constant(step: str, X: np.ndarray, columns: list[str]) -> None:
    """Refuse number columns with one value only in the training rows.

    Raises
    ------
    RecipeError
        With the step, the columns and the remedy.
    """
    lowest, highest = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    same = [name for name, low, high in zip(columns, lowest, highest, strict=True) if low == high]
    if same:
        raise RecipeError(
            f"{step}: column {listed(same)} has one value only in the training rows, needed at least two different "
            "ones. Leave it out with drop_columns."
        )
