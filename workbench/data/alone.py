"""How well each column tells the target all by itself."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.data.spec import Task
from workbench.data.targets import encode_target
from workbench.errors import TargetError

_N_BINS = 20
_MAX_LEVELS = 200
_MAX_CLASSES = 20
_SMOOTHING = 5.0  # rows that the overall mean weighs in a bin


def tell_alone(rows: pl.DataFrame, target: str, task: Task, *, seed: int = 0) -> dict[str, float]:
    """Score each column by itself, 0 for chance and 1 for certainty.

    Numbers are cut into 20 bins of equally many rows, categories taken as they are (the 200 most frequent), a missing
    value is a bin of its own. The mean target of each bin of one half of the rows predicts the other half, and the
    other way round; so a column of many values isn't flattered, and no relation is missed for being crooked.

    Parameters
    ----------
    rows : DataFrame
    target : str
    task : {"classification", "regression"}
    seed : int
        Of the halves.

    Returns
    -------
    dict of str to float
        Classification: 2 AUC - 1, the mean over the classes against the others; regression: R². Never negative; empty
        where the target can't be learned.

    Examples
    --------
    >>> rows = pl.DataFrame({"y": [0, 1] * 50, "same": [0, 1] * 50, "other": [0, 0, 1, 1] * 25})
    >>> {name: round(score, 1) for name, score in tell_alone(rows, "y", "classification").items()}
    {'same': 1.0, 'other': 0.0}
    """
    known = rows.filter(pl.col(target).is_not_null())
    try:
        y, classes = encode_target(known[target], task)
    except TargetError:
        return {}
    if len(y) < 20 or (classes is not None and not 2 <= len(classes) <= _MAX_CLASSES):
        return {}
    if classes is None:
        answers = y[:, None].astype(float)
    elif len(classes) == 2:
        answers = (y == 1)[:, None].astype(float)
    else:
        answers = np.eye(len(classes))[y]
    first = np.random.default_rng(seed).permutation(len(y)) % 2 == 0
    scored = {}
    for column in known.drop(target):
        if column.dtype == pl.Binary:
            continue
        told = _predicted(_binned(column), answers, first)
        score = _variance_told(answers, told) if classes is None else _area(answers, told)
        scored[column.name] = max(0.0, score)
    return scored


def _binned(column: pl.Series) -> np.ndarray:
    """Give each row the number of its bin; 0 for a missing value."""
    if column.dtype.is_numeric() or column.dtype.is_temporal():
        numbers = column.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
        present = np.isfinite(numbers)
        if not present.any():
            return np.zeros(len(column), dtype=np.int64)
        edges = np.unique(np.quantile(numbers[present], np.linspace(0, 1, _N_BINS + 1)[1:-1]))
        # A value equal to an edge is a bin of its own side: both 0 and 1 of a flag, however rare, stay apart.
        bins = np.searchsorted(edges, numbers, side="left") + np.searchsorted(edges, numbers, side="right")
        return np.asarray(np.where(present, bins + 1, 0))
    texts = column.cast(pl.String).alias("value")
    counts = texts.drop_nulls().value_counts(sort=True)["value"]
    places = pl.DataFrame({"value": counts, "bin": np.minimum(np.arange(len(counts)), _MAX_LEVELS) + 1})
    joined = texts.to_frame().join(places, on="value", how="left", maintain_order="left")
    return joined["bin"].fill_null(0).cast(pl.Int64).to_numpy()


def _predicted(bins: np.ndarray, answers: np.ndarray, first: np.ndarray) -> np.ndarray:
    told = np.empty_like(answers)
    n_bins = int(bins.max()) + 1
    for half in (first, ~first):
        counts = np.bincount(bins[half], minlength=n_bins)
        for place in range(answers.shape[1]):
            overall = answers[half, place].mean()
            sums = np.bincount(bins[half], weights=answers[half, place], minlength=n_bins)
            told[~half, place] = ((sums + _SMOOTHING * overall) / (counts + _SMOOTHING))[bins[~half]]
    return told


def _variance_told(answers: np.ndarray, told: np.ndarray) -> float:
    total = float(((answers - answers.mean()) ** 2).sum())
    return 1 - float(((answers - told) ** 2).sum()) / total if total > 0 else 0.0


def _area(answers: np.ndarray, told: np.ndarray) -> float:
    """Give the mean over the classes of 2 AUC - 1, by ranks."""
    areas = []
    for place in range(answers.shape[1]):
        yes = answers[:, place] > 0
        n_yes, n_no = int(yes.sum()), int((~yes).sum())
        if n_yes and n_no:
            ranks = pl.Series(told[:, place]).rank("average").to_numpy()
            areas.append((ranks[yes].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))
    return 2 * float(np.mean(areas)) - 1 if areas else 0.0
