"""Columns that know the answer: known only after it, or another form of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.data.formulas import formula_of
from workbench.data.spec import Task
from workbench.data.stored_rows import SAMPLE_ROWS, draw_positions
from workbench.data.targets import encode_target, suggest_task
from workbench.errors import TargetError

if TYPE_CHECKING:
    from workbench.data.table import Table

MAX_ROWS = 50_000  # a sample is enough to see a leak
_FLAG_TELLS = 0.9  # area under the ROC curve, or share of variance, of "is it missing?" alone
_COPY_TELLS = 0.999
_ROWS_A_VALUE = 10  # values that are rarer than this on average tell the row, not the answer


def leaks_of(table: Table, target: str) -> dict[str, str]:
    """Find the leaks of a table; of more than 50,000 rows a sample of 10,000 is looked at."""
    rows = table.frame() if table.n_rows <= MAX_ROWS else table.sampled(SAMPLE_ROWS)[0]
    return _computed(rows, target) | find_leaks(rows, target, table.suggested_task(target))


def leaks_among(frame: pl.DataFrame, target: str) -> dict[str, str]:
    """Find the leaks among rows, looking at the same sample as `leaks_of`."""
    rows = frame if frame.height <= MAX_ROWS else frame[draw_positions(frame.height, SAMPLE_ROWS, seed=0)]
    return _computed(rows, target) | find_leaks(rows, target, suggest_task(frame[target]))


def _computed(rows: pl.DataFrame, target: str) -> dict[str, str]:
    found = formula_of(rows, target)
    return dict.fromkeys(found.columns, f"is a part of {target!r}, which is {found.text} in every row") if found else {}


def find_leaks(frame: pl.DataFrame, target: str, task: Task, *, seed: int = 0) -> dict[str, str]:
    """Find columns that give the target away, each with the reason.

    Two kinds are certain enough to act on: a column whose being filled in tells the target (it is probably filled in
    afterwards: the lifeboat of those who survived), and a column that is the target in another form. A column that
    merely predicts well isn't one.

    Parameters
    ----------
    frame : DataFrame
    target : str
    task : {"classification", "regression"}
    seed : int
        Of the sample that is looked at where there are more than 50,000 rows.

    Returns
    -------
    dict of str to str
        Empty where the target can't be learned at all.

    Examples
    --------
    >>> lived = [0, 1] * 50
    >>> table = pl.DataFrame({"lived": lived, "boat": [f"B{n % 7}" if y else None for n, y in enumerate(lived)]})
    >>> find_leaks(table, "lived", "classification")
    {'boat': "is filled in almost only for one 'lived', so it is probably known only afterwards"}
    """
    known = frame.filter(pl.col(target).is_not_null())
    if known.height > MAX_ROWS:
        known = known.sample(MAX_ROWS, seed=seed)
    try:
        y, classes = encode_target(known[target], task)
    except TargetError:
        return {}
    if not len(y) or (classes is not None and len(classes) < 2):
        return {}
    told = np.eye(len(classes))[y] if classes is not None and len(classes) <= 100 else y[:, None].astype(float)
    found = {}
    for column in known.drop(target):
        some_missing = 0 < column.null_count() < known.height
        if some_missing and _flag_tells(column.is_null().to_numpy(), told, task) >= _FLAG_TELLS:
            which = f"one {target!r}" if task == "classification" else f"some values of {target!r}"
            found[column.name] = f"is filled in almost only for {which}, so it is probably known only afterwards"
        elif _is_copy(column, y, task):
            found[column.name] = f"is {target!r} in another form"
    return found


def _flag_tells(flag: np.ndarray, told: np.ndarray, task: Task) -> float:
    """Say how well a yes or no tells the target: area under the ROC curve of a class, or share of variance."""
    n, n_yes = len(flag), int(flag.sum())
    if not 0 < n_yes < n:
        return 0.0
    sums, total = told[flag].sum(axis=0), told.sum(axis=0)
    if task == "regression":
        mean = total / n
        between = n_yes * (sums / n_yes - mean) ** 2 + (n - n_yes) * ((total - sums) / (n - n_yes) - mean) ** 2
        return float((between / np.maximum(((told - mean) ** 2).sum(axis=0), 1e-300)).max())
    area = (sums / total + 1 - (n_yes - sums) / (n - total)) / 2
    return float(np.maximum(area, 1 - area).max())


def _is_copy(column: pl.Series, y: np.ndarray, task: Task) -> bool:
    if task == "regression":
        return _correlates(column, y)
    if column.dtype.is_float() or column.n_unique() * _ROWS_A_VALUE > len(y):
        return False
    pairs = pl.DataFrame({"value": column, "y": y}).group_by("value", "y").len()
    right = pairs.group_by("value").agg(pl.col("len").max())["len"].sum()
    most = int(np.bincount(y).max())
    # Compared with always answering the most frequent class, or every column would copy a target that hardly varies.
    return bool(right - most >= _COPY_TELLS * (len(y) - most))


def _correlates(column: pl.Series, y: np.ndarray) -> bool:
    if not column.dtype.is_numeric():
        return False
    x = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < _ROWS_A_VALUE or x[both].std() == 0 or y[both].std() == 0:
        return False
    return bool(abs(np.corrcoef(x[both], y[both])[0, 1]) >= _COPY_TELLS)
