"""Targets that two other columns add up to: what looks like a prediction is arithmetic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

_MAX_NUMBERS = 40  # columns whose pairs are tried
_FIRST_ROWS = 200
_FEWEST_ROWS = 20
_FEWEST_VALUES = 10


class Formula(NamedTuple):
    """Two columns, and how the target is computed from them."""

    columns: tuple[str, str]
    text: str


def formula_of(frame: pl.DataFrame, target: str) -> Formula | None:
    """Find two columns whose sum, difference or product is the target in every row that has all three.

    Parameters
    ----------
    frame : DataFrame
        Only the number columns are looked at, the first 40 of them.
    target : str

    Examples
    --------
    >>> rides = pl.DataFrame({"casual": range(30), "registered": [7, 9, 4] * 10})
    >>> rides = rides.with_columns(cnt=pl.col("casual") + pl.col("registered"))
    >>> formula_of(rides, "cnt").text
    'casual + registered'
    """
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_numeric() and name != target][:_MAX_NUMBERS]
    if not frame.schema[target].is_numeric() or len(numbers) < 2 or frame[target].n_unique() < _FEWEST_VALUES:
        return None
    known = frame.select([target, *numbers]).drop_nulls(target).cast(pl.Float64).fill_null(float("nan"))
    y = known[target].to_numpy()
    values = {name: known[name].to_numpy() for name in numbers if known[name].n_unique() > 2}
    names = list(values)
    for place, a in enumerate(names):
        for b in names[place + 1 :]:
            both = np.isfinite(values[a]) & np.isfinite(values[b]) & np.isfinite(y)
            if both.sum() < _FEWEST_ROWS:
                continue
            one, other, result = values[a][both], values[b][both], y[both]
            if result.std() == 0:
                continue
            first = slice(0, _FIRST_ROWS)
            for form, value in _combined(one[first], other[first]):
                if _same(value, result[first]) and _same(dict(_combined(one, other))[form], result):
                    return Formula((a, b), form.format(a=a, b=b))
    return None


def _combined(a: np.ndarray, b: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [("{a} + {b}", a + b), ("{a} - {b}", a - b), ("{b} - {a}", b - a), ("{a} * {b}", a * b)]


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-9 * max(1.0, float(np.abs(b).max()))))
