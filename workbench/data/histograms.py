"""How the values of one column are spread."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from workbench.data.spec import Kind

MAX_BINS = 40
MAX_VALUES = 20


def histogram(values: pl.Series, kind: Kind, n_unique: int) -> pl.DataFrame:
    """Count the values of a column.

    Parameters
    ----------
    values : Series
    kind : Kind
    n_unique : int
        Different values that aren't missing.

    Returns
    -------
    DataFrame
        ``left, right, count`` for numbers and dates with more than 20 different values; else ``value, count``, numbers
        in their order and at most the 20 most frequent of other values. Missing values aren't counted.

    Examples
    --------
    >>> histogram(pl.Series(["a", "b", "a"]), "category", 2).rows()
    [('a', 2), ('b', 1)]
    """
    present = values.drop_nulls()
    numeric = present.dtype.is_numeric()
    if (numeric or present.dtype.is_temporal()) and n_unique > MAX_VALUES:
        return _binned(present) if numeric else _binned_dates(present)
    counts = present.alias("value").value_counts().with_columns(pl.col("count").cast(pl.Int64))
    if numeric or present.dtype.is_temporal():
        return counts.sort("value")
    return counts.sort(["count", "value"], descending=[True, False]).head(MAX_VALUES)


def _binned(present: pl.Series) -> pl.DataFrame:
    edges = _edges(present)
    counts, _ = np.histogram(present.to_numpy(), bins=edges)
    return pl.DataFrame({"left": edges[:-1], "right": edges[1:], "count": counts.astype(np.int64)})


def _edges(present: pl.Series) -> np.ndarray:
    """Cut the range into bins of a round width, at most 40; whole numbers get bins of whole width."""
    low, high = float(present.min()), float(present.max())  # type: ignore[arg-type]
    whole = present.dtype.is_integer()
    quartiles = present.quantile(0.75), present.quantile(0.25)
    # Freedman and Diaconis, On the histogram as a density estimator, 1981.
    width = 2 * (float(quartiles[0] or 0) - float(quartiles[1] or 0)) / len(present) ** (1 / 3)
    width = _round_width(max(width, (high - low) / (MAX_BINS - 2), 1.0 if whole else 0.0))
    first = np.floor(low / width)
    n_bins = max(1, int(np.floor(high / width) - first) + 1)
    edges = (first + np.arange(n_bins + 1)) * width
    if not np.all(np.diff(edges) > 0):  # the values differ by less than a float can tell apart at this size
        edges = np.array([low, np.nextafter(high, np.inf)])
    return np.asarray(edges)


def _round_width(width: float) -> float:
    power = 10.0 ** np.floor(np.log10(width)) if width > 0 else 1.0
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-12)))


def _binned_dates(present: pl.Series) -> pl.DataFrame:
    moments = present.cast(pl.Datetime("us")) if present.dtype == pl.Date else present
    micros = moments.dt.timestamp("us").to_numpy()
    counts, edges = np.histogram(micros, bins=min(MAX_BINS, 30))
    zero = datetime(1970, 1, 1)
    cuts = [zero + timedelta(microseconds=float(edge)) for edge in edges]
    return pl.DataFrame({"left": cuts[:-1], "right": cuts[1:], "count": counts.astype(np.int64)})
