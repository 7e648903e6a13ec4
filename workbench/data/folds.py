"""Folds: the rows that aren't test rows, divided several times, so that each of them validates once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from workbench.data.parts import Split
from workbench.data.places import Moments, count_places, find_places, look_up, members_of, number_rows
from workbench.data.spec import SplitSpec, Task
from workbench.data.split_columns import split_column, time_column
from workbench.data.targets import class_places
from workbench.errors import SplitError

_FOLD_STREAM = 1  # beside the seed, so that folds don't repeat the draws of the split


def split_folds(
    frame: pl.DataFrame, spec: SplitSpec, split: Split, *, target: str, task: Task, seed: int
) -> list[Split]:
    """Divide the rows that aren't test rows into ``spec.folds`` folds.

    Random folds keep the shares of the classes where the split does, and groups stay together. For time the windows
    expand: each fold validates on a stretch of time and trains on all that came before it, the latest fold first.

    Parameters
    ----------
    frame : DataFrame
        As for `split_rows`.
    spec : SplitSpec
    split : Split
        Its train and validation rows are divided anew; its test rows stay.
    target, task, seed
        As for `split_rows`.

    Returns
    -------
    list of Split
        One a fold. Validation parts don't overlap, and for random and group folds they are all rows but the test rows.

    Raises
    ------
    SplitError
        If there are too few rows, groups, times or rows of one class.

    Examples
    --------
    >>> frame, spec = pl.DataFrame({"y": [0, 1] * 10}), SplitSpec(folds=4)
    >>> split = Split(train=np.arange(16), validation=np.arange(0), test=np.arange(16, 20))
    >>> folds = split_folds(frame, spec, split, target="y", task="classification", seed=0)
    >>> [(len(fold.train), len(fold.validation), len(fold.test)) for fold in folds]
    [(12, 4, 4), (12, 4, 4), (12, 4, 4), (12, 4, 4)]
    """
    rows = split.learning
    if spec.by == "time":
        return list(_windows(_learning(frame, rows, str(spec.column)), rows, spec, split, target=target))
    fold_of_row = _fold_of_row(frame, rows, spec, target=target, task=task, seed=seed)
    return [_fold(fold, fold_of_row, rows, split) for fold in range(spec.folds or 2)]


def first_fold(frame: pl.DataFrame, spec: SplitSpec, split: Split, *, target: str, task: Task, seed: int) -> Split:
    """Give the first of `split_folds`, without holding the rows of the others."""
    rows = split.learning
    if spec.by == "time":
        return next(_windows(_learning(frame, rows, str(spec.column)), rows, spec, split, target=target))
    return _fold(0, _fold_of_row(frame, rows, spec, target=target, task=task, seed=seed), rows, split)


def _learning(frame: pl.DataFrame, rows: np.ndarray, column: str) -> pl.DataFrame:
    chosen = frame.select(column) if column in frame.columns else frame  # what is absent is refused later
    return chosen[rows]


def _fold(fold: int, fold_of_row: np.ndarray, rows: np.ndarray, split: Split) -> Split:
    validates = fold_of_row == fold
    return Split(train=rows[~validates], validation=rows[validates], test=split.test)


def _fold_of_row(
    frame: pl.DataFrame, rows: np.ndarray, spec: SplitSpec, *, target: str, task: Task, seed: int
) -> np.ndarray:
    n_folds = spec.folds or 2
    rng = np.random.default_rng((seed, _FOLD_STREAM))
    if spec.by == "group":
        return _group_folds(_learning(frame, rows, str(spec.column)), spec, n_folds, rng, target=target)
    if spec.stratify and task == "classification":
        return _stratified_folds(_learning(frame, rows, target)[target], target, n_folds, rng)
    return _random_folds(len(rows), n_folds, rng)


def fold_frame(folds: Sequence[Split], *, by: str = "random") -> pl.DataFrame:
    """Give what a picture of folds draws: one row for each stretch of rows of each fold, in drawing order.

    Returns
    -------
    DataFrame
        ``fold`` (from 1), ``part`` ("train", "validation", "test" or "unused", what a fold by time doesn't know yet),
        ``n_rows``.
    """
    test = len(folds[0].test)
    rows: list[tuple[int, str, int]] = []
    if by == "time":
        every = max(len(fold.train) + len(fold.validation) for fold in folds)
        for number, fold in enumerate(folds, start=1):
            later = every - len(fold.train) - len(fold.validation)
            rows += [(number, "train", len(fold.train)), (number, "validation", len(fold.validation))]
            rows += [(number, "unused", later), (number, "test", test)]
    else:
        for number in range(1, len(folds) + 1):
            for place, fold in enumerate(folds, start=1):
                rows.append((number, "validation" if place == number else "train", len(fold.validation)))
            rows.append((number, "test", test))
    schema = {"fold": pl.Int64, "part": pl.String, "n_rows": pl.Int64}
    return pl.DataFrame([row for row in rows if row[2]], schema=schema, orient="row")


def _random_folds(n_rows: int, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    if n_rows < n_folds:
        raise SplitError(
            f"Got {n_rows:,} rows beside the test rows, needed at least {n_folds} for {n_folds} folds. "
            "Set fewer folds or give more rows."
        )
    order = number_rows(n_rows)
    rng.shuffle(order)
    fold_of_row = np.empty(n_rows, dtype=np.int8)
    fold_of_row[order] = np.resize(np.arange(n_folds, dtype=np.int8), n_rows)
    return fold_of_row


def _stratified_folds(values: pl.Series, target: str, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    class_of_row, classes = class_places(values)
    counts = count_places(class_of_row, len(classes))
    rarest = int(counts.argmin())
    if counts[rarest] < n_folds:
        raise SplitError(
            f"Got class {classes[rarest]!r} of {target!r} with {counts[rarest]} rows beside the test rows, needed at "
            f"least {n_folds} to put one into each of {n_folds} folds. "
            "Set fewer folds or stratify: false, or leave the rows of that class out."
        )
    fold_of_row = np.empty(len(class_of_row), dtype=np.int8)
    dealt = 0
    # Dealt out class after class without starting anew, so that the folds are of one size.
    for members in members_of(class_of_row, counts):
        turns = ((np.arange(n_folds) + dealt) % n_folds).astype(np.int8)
        rng.shuffle(members)
        fold_of_row[members] = np.resize(turns, len(members))
        dealt += len(members)
    return fold_of_row


def _group_folds(
    learning: pl.DataFrame, spec: SplitSpec, n_folds: int, rng: np.random.Generator, *, target: str
) -> np.ndarray:
    group_of_row, groups = find_places(split_column(learning, spec, target=target))
    sizes = count_places(group_of_row, len(groups))
    if len(sizes) < n_folds:
        raise SplitError(
            f"Got {len(sizes)} groups in column {spec.column!r} beside the test rows, needed at least {n_folds} to put "
            f"one into each of {n_folds} folds. Set fewer folds, or split by another column."
        )
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]  # the largest first, so that the folds come out even
    filled = np.zeros(n_folds, dtype=np.int64)
    fold_of_group = np.empty(len(sizes), dtype=np.int8)
    for group in order:
        fold = int(filled.argmin())
        fold_of_group[group] = fold
        filled[fold] += sizes[group]
    return look_up(fold_of_group, group_of_row)


def _windows(
    learning: pl.DataFrame, rows: np.ndarray, spec: SplitSpec, split: Split, *, target: str
) -> Iterator[Split]:
    n_folds = spec.folds or 2
    moments = Moments(time_column(learning, spec, target=target))
    earliest = moments.starts(n_folds + 1)
    if len(earliest) <= n_folds:
        raise SplitError(
            f"Got {len(earliest)} different times in column {spec.column!r} beside the test rows, needed at least "
            f"{n_folds + 1} for {n_folds} folds. Set fewer folds, or split by another column or at random."
        )
    latest = [len(rows)]  # the latest moment that each fold may begin with, so that the later ones get one, too
    for _ in range(n_folds):
        latest.append(moments.before(latest[-1]))
    edges = [0]
    for number in range(1, n_folds + 1):
        ideal = len(rows) * number / (n_folds + 1)
        edges.append(moments.nearest(ideal, first=moments.after(edges[-1]), last=latest[n_folds - number + 1]))
    edges.append(len(rows))
    for first, last in zip(edges[-2:0:-1], edges[:1:-1], strict=True):
        known = ~moments.not_before(first)
        validates = ~(known | moments.not_before(last))
        yield Split(train=rows[known], validation=rows[validates], test=split.test)
