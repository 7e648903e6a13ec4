"""Whether the graph answers as the native model does: on every evaluation row, and on rows made difficult."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.data.encoding import to_arrays
from workbench.estimators.native import pick_class
from workbench.package.signature import CheckedRows, Signature

if TYPE_CHECKING:
    from workbench.estimators.native import NativeModel
    from workbench.recipe.fitted import FittedRecipe

TOLERANCE = 1e-5
MAX_DIFFICULT_ROWS = 20_000
UNSEEN = "\u2205 unseen"
_CHUNK_ROWS = 8_192
_MISSING_SHARE, _UNSEEN_SHARE = 0.2, 0.1

Scores = Callable[[CheckedRows], np.ndarray]


@dataclass(frozen=True)
class Parity:
    """How far graph and native model are apart.

    Parameters
    ----------
    max_difference : float
        Of a probability, or of a value in standard deviations of the target; infinite where one of both isn't a number.
    labels_changed : int
    n_rows : int
    """

    max_difference: float
    labels_changed: int
    n_rows: int

    @property
    def faithful(self) -> bool:
        """Whether the graph may stand for the model."""
        return self.labels_changed == 0 and self.max_difference <= TOLERANCE

    @property
    def words(self) -> str:
        """The finding as half a sentence."""
        return (
            f"graph and native model differ by up to {self.max_difference:.2g} and on {self.labels_changed:,} labels "
            f"over {self.n_rows:,} rows (allowed: {TOLERANCE:g} and none)"
        )


def check_parity(
    graph: Scores, recipe: FittedRecipe, model: NativeModel, signature: Signature, rows: pl.DataFrame, *, scale: float
) -> Parity:
    """Compare graph and native model on all rows, and on as many with missing, unseen and out-of-range values.

    Parameters
    ----------
    graph : callable
        From checked rows to scores.
    rows : DataFrame
        Raw rows.
    scale : float
        What a difference is divided by: 1 for probabilities, the target's standard deviation for values.
    """
    worst, changed, n_rows = 0.0, 0, 0
    for chunk in _chunks(rows, signature):
        ours, theirs = graph(chunk), model.scores(recipe.transform(chunk.frame))
        gap = np.abs(ours - theirs)
        worst = max(worst, float(np.where(np.isnan(gap), np.inf, gap).max()) / scale)
        if signature.task == "classification":
            changed += int((pick_class(ours) != pick_class(theirs)).sum())
        n_rows += chunk.n_rows
    return Parity(worst, changed, n_rows)


def _chunks(rows: pl.DataFrame, signature: Signature) -> Iterator[CheckedRows]:
    for start in range(0, rows.height, _CHUNK_ROWS):
        part = rows.slice(start, _CHUNK_ROWS)
        arrays = to_arrays(part, signature.column_names)
        yield CheckedRows(arrays, part.height, [])
        if start < MAX_DIFFICULT_ROWS:
            yield CheckedRows(difficult(arrays, signature, seed=start), part.height, [])


def difficult(arrays: dict[str, np.ndarray], signature: Signature, *, seed: int) -> dict[str, np.ndarray]:
    """Put missing values, unseen categories and numbers beyond the training range into copies of rows."""
    random = np.random.default_rng(seed)
    changed = {}
    for column in signature.columns:
        array = arrays[column.name].copy()
        draw = random.random(len(array))
        missing, unseen = draw < _MISSING_SHARE, draw > 1 - _UNSEEN_SHARE
        if column.type == "string":
            array[missing], array[unseen] = "", UNSEEN
        else:
            low, high = column.minimum or 0.0, column.maximum or 0.0
            beyond = random.choice([low - 1.0 - (high - low), high + 1.0 + (high - low)], size=len(array))
            array[missing], array[unseen] = np.nan, beyond[unseen]
        changed[column.name] = array
    return changed
