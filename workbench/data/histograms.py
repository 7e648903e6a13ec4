"""How the values of one column are spread, in bins of a round width."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.data.distributions import Distribution
from workbench.data.spec import Kind

MAX_BINS = 40
MAX_VALUES = 20
_DATE_BINS = 30


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
    from workbench.data.summaries import summarize

    return summarize(values).histogram()


def binned(numbers: Distribution) -> tuple[np.ndarray, np.ndarray]:
    """Cut the range into bins of a round width, at most 40, and count; whole numbers get bins of whole width.

    Returns
    -------
    edges : ndarray of shape (n_bins + 1,)
    counts : ndarray of shape (n_bins,)
    """
    edges = _edges(numbers)
    return edges, _counted(numbers, edges)


def binned_dates(moments: Distribution) -> tuple[np.ndarray, np.ndarray]:
    """Cut the time between the first and the last moment into 30 equal bins, and count.

    Parameters
    ----------
    moments : Distribution
        Physical values: days, or the units of the column.
    """
    edges = np.linspace(float(moments.at(0)), float(moments.at(moments.n - 1)), _DATE_BINS + 1)
    return edges, _counted(moments, edges)


def binned_days(days: Distribution) -> tuple[np.ndarray, np.ndarray]:
    """Cut the days from the first to the last into at most 30 bins of equally many whole days, and count.

    Parameters
    ----------
    days : Distribution
        Days since 1970.
    """
    low, high = int(days.at(0)), int(days.at(days.n - 1))
    width = -(-(high - low + 1) // _DATE_BINS)  # a fraction of a day would give some bins a day more than others
    edges = np.arange(low, high + width + 1, width, dtype=np.float64)
    return edges, _counted(days, edges)


def _counted(numbers: Distribution, edges: np.ndarray) -> np.ndarray:
    below = numbers.n_below(edges)
    below[-1] = numbers.n_below(edges[-1:], side="right")[0]  # the last bin holds its upper edge
    return np.diff(below)


def _edges(numbers: Distribution) -> np.ndarray:
    low, high = float(numbers.at(0)), float(numbers.at(numbers.n - 1))
    whole = numbers.values.dtype.kind in "iu"
    # Freedman and Diaconis, On the histogram as a density estimator, 1981.
    width = 2 * (numbers.quantile(0.75) - numbers.quantile(0.25)) / numbers.n ** (1 / 3)
    width = _round_width(max(width, high / (MAX_BINS - 2) - low / (MAX_BINS - 2), 1.0 if whole else 0.0))
    first = np.floor(low / width)
    n_bins = max(1, int(np.floor(high / width) - first) + 1)
    edges = (first + np.arange(n_bins + 1)) * width
    if not np.all(np.diff(edges) > 0):  # the values differ by less than a float can tell apart at this size
        edges = np.array([low, np.nextafter(high, np.inf)])
    # At the ends rounding may put an edge a hair inside.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return np.asarray(edges)


def _round_width(width: float) -> float:
    power = 10.0 ** np.floor(np.log10(width)) if width > 0 else 1.0
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-12)))
