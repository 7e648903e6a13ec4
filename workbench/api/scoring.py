"""How good answers are, where the rows that were asked about hold the true ones."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.package import Predictor


@dataclass(frozen=True)
class Score:
    """The metrics of answers whose truth is known.

    Parameters
    ----------
    column : str
        That holds the truth.
    metrics : dict of str to float
        As of a run's test rows; one that isn't defined for these rows is absent.
    n_rows : int
        Rows that were measured.
    n_left_out : int
        Rows without a truth, or of a class that the model doesn't know.
    """

    column: str
    metrics: dict[str, float]
    n_rows: int
    n_left_out: int

    @property
    def note(self) -> str:
        """Say it in a sentence."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in self.metrics.items())
        rows = f"{self.n_rows:,} row{'s'[: self.n_rows != 1]}"
        left = f"; {self.n_left_out:,} without an answer that the model could give are left out" * bool(self.n_left_out)
        return f"{self.column!r} holds the true answers of {rows}{left}: {shown}."

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "column": self.column,
            "n_rows": self.n_rows,
            "n_left_out": self.n_left_out,
            "metrics": self.metrics,
        }


def score_rows(predictor: Predictor, rows: pl.DataFrame, predictions: pl.DataFrame) -> Score | None:
    """Measure predictions by the true answers among the rows.

    Parameters
    ----------
    predictor : Predictor
    rows : DataFrame
        As the model was asked about them. Where a step of its recipe makes or changes the target, so it does here.
    predictions : DataFrame
        What `Predictor.predict_frame` gave for them.

    Returns
    -------
    Score or None
        None where the rows hold no answers, or none that can be compared.
    """
    from workbench.evaluation import evaluate_predictions

    signature = predictor.signature
    truth = _truth(predictor, rows)
    if truth is None:
        return None
    if signature.classes is None:
        y: Any = truth.cast(pl.Float64, strict=False).fill_nan(None)
        scores = predictions.select("prediction").to_numpy()
    else:
        y = _labels(truth, signature.classes)
        scores = predictions.select(f"probability_{label}" for label in signature.classes).to_numpy()
    known = y.is_not_null()
    if not known.any():
        return None
    places = np.flatnonzero(known.to_numpy())
    with suppress(WorkbenchError):
        metrics = evaluate_predictions(
            y.filter(known).to_numpy() if signature.classes is None else y.filter(known).to_list(),
            scores[places],
            task=signature.task,
            classes=signature.classes,
        )
        return Score(signature.target, metrics, len(places), len(y) - len(places))
    return None


def _truth(predictor: Predictor, rows: pl.DataFrame) -> pl.Series | None:
    """Give the target as the recipe's column steps leave it; as it stands where they can't be run."""
    from workbench.recipe.columns import prepared
    from workbench.storage import read_json
    from workbench.training.spec import RunSpec

    target = predictor.signature.target
    document = read_json(predictor.folder / "spec.json") if predictor.folder is not None else None
    with suppress(WorkbenchError, pl.exceptions.PolarsError):
        spec = RunSpec.parse(document)
        if not spec.data.target:
            return None  # groups and outliers have no truth
        made = prepared(rows, spec.recipe, columns=[target], target=target)
        if target in made.columns and made.height == rows.height:
            return made[target]
    return rows[target] if target in rows.columns else None


def _labels(truth: pl.Series, classes: list[str | int]) -> pl.Series:
    """Give the truth as members of the classes; null where it is none of them."""
    from workbench.data.pairs import label_differences
    from workbench.data.targets import class_labels

    found = class_labels(truth)
    dtype = pl.Int64 if isinstance(classes[0], int) else pl.String
    found = found.cast(dtype, strict=False)
    known = pl.Series(classes, dtype=dtype)
    meant = label_differences(known, found)
    if meant:
        found = found.replace(meant)
    return found.set(~found.is_in(known.to_list()).fill_null(False), None)
