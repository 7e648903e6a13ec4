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
        ``n_rows``; for each column ``missing_share`` and either ``edges`` and ``counts`` of at most 20 bins of about
        equal counts, with ``quantiles``, or ``counts`` of at most 100 categories and ``other``; and ``scores``, the
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
    """Describe numbers by at most 20 bins of about equal counts, and by quantiles."""
    present = array[np.isfinite(array)]
    share = 1 - len(present) / max(1, len(array))
    if not len(present):
        return {"type": "number", "missing_share": share, "edges": [], "counts": [], "quantiles": {}}
    # Bins of equal counts: a bin that holds 5 % of the training rows is what a shift is best measured in.
    edges = np.unique(np.quantile(present, np.linspace(0, 1, N_BINS + 1)))
    if len(edges) == 1:
        edges = np.array([edges[0], np.nextafter(edges[0], np.inf)])
    counts, _ = np.histogram(present, bins=edges)
    quantiles = dict(zip(map(str, _QUANTILES), np.quantile(present, _QUANTILES).tolist(), strict=True))
    return {"type": "number", "missing_share": share, "edges": edges, "counts": counts, "quantiles": quantiles}


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
