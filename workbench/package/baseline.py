"""What the training rows looked like, column by column, so that later requests can be compared with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.data.encoding import to_arrays

if TYPE_CHECKING:
    from workbench.package.inputs import InputColumn
    from workbench.package.signature import Signature

FORMAT = 1
N_BINS = 20
MAX_CATEGORIES = 100
_SHARE_OF_NEW = 0.05
_QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


def describe_rows(train: pl.DataFrame, signature: Signature, scores: np.ndarray) -> dict[str, Any]:
    """Describe training rows and answers.

    Parameters
    ----------
    train : DataFrame
        Raw training rows.
    signature : Signature
    scores : ndarray of shape (n_rows, n_classes) or (n_rows, 1)
        The model's answers to the evaluation rows, which it wasn't trained on.

    Returns
    -------
    dict
        ``n_rows``; for each column ``missing_share`` and either ``edges`` and ``counts`` of bins (see `numbers`), with
        ``quantiles``, or ``counts`` of at most 100 categories and ``other``; and ``scores``, the
        same for each class or for the value. Dates and times are binned in seconds since 1970-01-01 UTC (type
        "datetime"), free text and identifiers by their length in characters (type "text"): none of them is stored.
    """
    arrays = to_arrays(train, signature.column_names)
    columns = {column.name: _describe(arrays[column.name], column) for column in signature.columns}
    names = [str(label) for label in signature.classes or ()] or ["prediction"]
    answers = {name: numbers(scores[:, position]) for position, name in enumerate(names)}
    return {"format": FORMAT, "n_rows": train.height, "columns": columns, "scores": answers}


def _describe(array: np.ndarray, column: InputColumn) -> dict[str, Any]:
    if column.type == "datetime":
        return numbers(array) | {"type": "datetime"}
    if column.type == "number":
        return numbers(array)
    if column.kind in ("text", "identifier"):
        return numbers(lengths(array)) | {"type": "text"}
    return _texts(array)


def lengths(texts: np.ndarray) -> np.ndarray:
    """Give the length of each text in characters, NaN where it is missing."""
    return np.array([len(text) or np.nan for text in texts], dtype=np.float64)


def numbers(array: np.ndarray) -> dict[str, Any]:
    """Describe numbers by bins and by quantiles.

    A bin holds about a twentieth of the numbers. A value that is as frequent as that has a bin of its own, and so has
    each value of a column that repeats a few, such as 0 and 1.
    """
    present = array[np.isfinite(array)]
    share = 1 - len(present) / max(1, len(array))
    if not len(present):
        return {"type": "number", "missing_share": share, "edges": [], "counts": [], "quantiles": {}}
    edges = _edges(present)
    counts, _ = np.histogram(present, bins=edges)
    quantiles = dict(zip(map(str, _QUANTILES), np.quantile(present, _QUANTILES).tolist(), strict=True))
    return {"type": "number", "missing_share": share, "edges": edges, "counts": counts, "quantiles": quantiles}


def holds_one_value(lower: float, upper: float) -> bool:
    """Return whether a bin was cut around a single value.

    Examples
    --------
    >>> holds_one_value(*_around(0.1)), holds_one_value(*_around(1.0)), holds_one_value(0.1, 0.2)
    (True, True, False)
    """
    return upper - lower <= 2.5 * float(np.spacing(np.float32(max(abs(lower), abs(upper)))))


def _edges(present: np.ndarray) -> np.ndarray:
    cuts = np.quantile(present, np.linspace(0, 1, N_BINS + 1))
    values, counts = np.unique(present, return_counts=True)
    # The share of values that occur once estimates how many new rows bring a value not seen before (Good 1953): where
    # it is small, these few values are all there are.
    few = len(values) <= N_BINS and (counts == 1).sum() <= _SHARE_OF_NEW * len(present)
    frequent = values[counts >= len(present) / N_BINS]
    if few:
        cuts, frequent = values, values
    return np.unique(np.concatenate([cuts[~np.isin(cuts, frequent)], *map(_around, frequent.tolist())]))


def _around(value: float) -> tuple[float, float]:
    """Cut a bin around one value. A fraction may come back from single precision, a whole number is exact."""
    if value.is_integer():
        return value, float(np.nextafter(value, np.inf))
    width = float(np.spacing(np.float32(abs(value))))
    return value - width, value + width


def _texts(array: np.ndarray) -> dict[str, Any]:
    present = pl.Series("value", [text for text in array if text], dtype=pl.String)
    counts = present.value_counts().sort(["count", "value"], descending=[True, False])
    listed = counts.head(MAX_CATEGORIES)
    return {
        "type": "string",
        "missing_share": 1 - len(present) / max(1, len(array)),
        "counts": dict(zip(listed["value"], listed["count"], strict=True)),
        "other": len(present) - sum(listed["count"].to_list()),
    }
