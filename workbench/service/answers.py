"""From rows to the answer of one request: check against the model's schema, predict, write JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from workbench.errors import InputError, RequestError
from workbench.estimators.native import pick_class
from workbench.service.bodies import check_structure
from workbench.service.loaded import Loaded


@dataclass(frozen=True)
class Question:
    """The rows of one request, in whichever form they came.

    Parameters
    ----------
    rows : list of dict, or dict of lists
        By column name.
    n_rows : int
    id : str or None
        Given back in the answer (V2 protocol).
    outputs : tuple of str
        Names of the wanted outputs; all when empty (V2 protocol).
    """

    rows: list[dict[str, Any]] | dict[str, list[Any]]
    n_rows: int
    id: str | None = None
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """Labels or values, with the probabilities where the task has them."""

    values: np.ndarray
    probabilities: np.ndarray | None
    ignored: list[str]


def parse_json(body: bytes) -> Any:
    """Parse a request body.

    Raises
    ------
    RequestError
        If it isn't JSON (a bare NaN or Infinity isn't, either), or nested beyond all sense.
    """
    if not body.strip():
        raise RequestError("Got an empty body, needed JSON. Send the rows, with Content-Type: application/json.")
    check_structure(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        hint = " JSON has no NaN or Infinity: send null for a missing value." if _has_bare_nan(body) else ""
        raise RequestError(f"Got a body that isn't JSON: {error}.{hint} Correct it and send it again.") from error


def check_row_count(n_rows: int, limit: int) -> None:
    """Refuse no rows and too many rows.

    Raises
    ------
    InputError
        For zero rows.
    RequestError
        With status 413 for more than the limit.
    """
    if n_rows == 0:
        raise InputError("Got 0 rows, needed at least 1. Send one object for each row to predict.")
    if n_rows > limit:
        raise RequestError(
            f"Got {n_rows:,} rows, needed at most {limit:,} in one request. Send them in several requests, "
            "use `workbench predict` on a file, or raise WORKBENCH_MAX_REQUEST_ROWS.",
            status=413,
        )


def predict(loaded: Loaded, question: Question) -> Prediction:
    """Check the rows against the model's signature and run the model.

    Raises
    ------
    InputError
        If the rows don't fit.
    """
    predictor = loaded.predictor
    signature = predictor.signature
    checked = signature.check(question.rows)
    scores = predictor.scores(checked)
    if signature.task == "regression":
        return Prediction(scores[:, 0].astype(np.float64), None, checked.ignored)
    labels = np.asarray(signature.classes, dtype=object)[pick_class(scores)]
    return Prediction(labels, scores.astype(np.float64), checked.ignored)


def plain_answer(loaded: Loaded, question: Question) -> bytes:
    """Answer a request of plain rows."""
    result = predict(loaded, question)
    values = result.values.tolist()
    predictions: list[dict[str, Any]]
    if result.probabilities is None:
        predictions = [{"prediction": value} for value in values]
    else:
        names = [str(label) for label in loaded.predictor.signature.classes or []]
        predictions = [
            {"prediction": value, "probability": dict(zip(names, row, strict=True))}
            for value, row in zip(values, result.probabilities.tolist(), strict=True)
        ]
    return orjson.dumps(
        {
            "model": loaded.name,
            "version": loaded.number,
            "engine": loaded.predictor.engine,
            "predictions": predictions,
            "ignored_columns": result.ignored,
        }
    )


def _has_bare_nan(body: bytes) -> bool:
    return any(token in body for token in (b"NaN", b"Infinity"))
