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
    first = X[0] == "" if X.dtype == object else np.isnan(X[0])
    # Only where the first row has no value can there be none at all, which spares most columns a look at all rows.
    names = [columns[place] for place in np.flatnonzero(first) if _is_empty(X[:, place])]
    if names:
        raise RecipeError(
            f"{step}: column {listed(names)} has no value in the training rows, needed at least one. "
            "Leave it out with drop_columns."
        )


def _is_empty(values: np.ndarray) -> bool:
    return bool((values == "").all() if values.dtype == object else np.isnan(values).all())


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
