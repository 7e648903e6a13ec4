"""Whether the graph answers as the native model does: on every evaluation row, and on rows made difficult."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.data.encoding import EARLIEST_SECOND, LATEST_SECOND, to_arrays
from workbench.estimators.native import pick_class
from workbench.package.inputs import CheckedRows, InputColumn
from workbench.package.signature import Signature

if TYPE_CHECKING:
    from workbench.estimators.native import NativeModel
    from workbench.recipe.fitted import FittedRecipe

TOLERANCE = 1e-5
MAX_DIFFICULT_ROWS = 20_000
UNSEEN = "\u2205 unseen"
# Half of them the plain unseen word: where all were odd, few rows would test what happens most.
HOSTILE_TEXTS = (
    *[UNSEEN] * 6,
    " ",
    "word " * 500,
    "<b>&amp;</b> https://example.org/?a=1",
    "\u0130STANBUL \ufb01 \u00df e\u0301",
    "\U0001f469\u200d\U0001f680 \u05e9\u05dc\u05d5\u05dd \u4f60\u597d",
    "Tab\tand\nline, 1.234,5 km; 'quoted' \"twice\"",
)
# The first and last second that a calendar has, a leap day, the last second of a year, and just before 1970.
HOSTILE_MOMENTS = (EARLIEST_SECOND, LATEST_SECOND, 951_782_400.0, 1_735_689_599.0, -0.5)
_CHUNK_ROWS = 2_048
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
    tolerance : float
        Largest difference that is allowed.
    """

    max_difference: float
    labels_changed: int
    n_rows: int
    tolerance: float = TOLERANCE

    @property
    def faithful(self) -> bool:
        """Whether the graph may stand for the model."""
        return self.labels_changed == 0 and self.max_difference <= self.tolerance

    @property
    def words(self) -> str:
        """What was found, where the graph can't stand for the model."""
        labels = {0: "no label changes", 1: "1 label changes"}.get(
            self.labels_changed, f"{self.labels_changed:,} labels change"
        )
        return (
            f"The fast form of this model, an ONNX graph, answers some of the {self.n_rows:,} rows compared otherwise "
            "than the trained model: up to "
            f"{self.max_difference:.2g} apart (allowed: {self.tolerance:g}), and {labels}."
        )


def check_parity(
    graph: Scores, recipe: FittedRecipe, model: NativeModel, signature: Signature, rows: pl.DataFrame, *, scale: float
) -> Parity:
    """Compare graph and native model on all rows, and on as many with missing, odd and out-of-range values.

    The native model gets the first ones as the table has them, whole numbers and yes/no included: what the graph's
    inputs lose of that must not matter.

    Parameters
    ----------
    graph : callable
        From checked rows to scores.
    rows : DataFrame
        Raw rows.
    scale : float
        What a difference is divided by: 1 for probabilities, the target's standard deviation for values.
    """
    if signature.image is not None:
        from workbench.package.image_parity import check_image_parity

        return check_image_parity(graph, model, signature, rows, scale=scale)
    worst, changed, n_rows = 0.0, 0, 0
    for chunk, frame in _chunks(rows, signature):
        ours, theirs = graph(chunk), model.scores(recipe.transform(frame))
        gap = np.abs(ours - theirs)
        worst = max(worst, float(np.where(np.isnan(gap), np.inf, gap).max()) / scale)
        if signature.task == "classification":
            changed += int((pick_class(ours) != pick_class(theirs)).sum())
        n_rows += chunk.n_rows
    return Parity(worst, changed, n_rows)


def _chunks(rows: pl.DataFrame, signature: Signature) -> Iterator[tuple[CheckedRows, pl.DataFrame]]:
    for start in range(0, rows.height, _CHUNK_ROWS):
        part = rows.slice(start, _CHUNK_ROWS)
        arrays = to_arrays(part, signature.column_names)
        yield signature.rows(arrays, signature.whole(part.to_dict())), part
        if start < MAX_DIFFICULT_ROWS:
            changed = signature.rows(difficult(arrays, signature, seed=start))
            yield changed, changed.frame


def difficult(arrays: dict[str, np.ndarray], signature: Signature, *, seed: int) -> dict[str, np.ndarray]:
    """Put missing values, odd texts, odd moments and numbers beyond the training range into copies of rows."""
    random = np.random.default_rng(seed)
    changed = {}
    for column in signature.columns:
        array = arrays[column.name].copy()
        draw = random.random(len(array))
        missing, unseen = draw < _MISSING_SHARE, draw > 1 - _UNSEEN_SHARE
        array[missing] = "" if column.type == "string" else np.nan
        array[unseen] = random.choice(_hostile(column), size=int(unseen.sum()))
        changed[column.name] = array
    return changed


def _hostile(column: InputColumn) -> np.ndarray:
    """Give values that training can't have prepared the model for."""
    if column.type == "string":
        return np.array(HOSTILE_TEXTS, dtype=object)
    low, high = column.bounds or (0.0, 0.0)
    beyond = [low - 1.0 - (high - low), high + 1.0 + (high - low)]
    if column.type == "number":
        return np.array(beyond)
    return np.clip([*beyond, *HOSTILE_MOMENTS, low + 0.25], EARLIEST_SECOND, LATEST_SECOND)
