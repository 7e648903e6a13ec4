"""Which rows train, which choose, which judge: train, validation and test."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.data.folds import first_fold
from workbench.data.parts import Split as Split
from workbench.data.parts import part_sizes, split_of
from workbench.data.places import count_places, members_of, number_rows, rows_where
from workbench.data.spec import SplitSpec, Task
from workbench.data.split_columns import by_group, by_time, by_words
from workbench.data.targets import class_places
from workbench.errors import SplitError


def split_rows(
    frame: pl.DataFrame,
    spec: SplitSpec,
    *,
    target: str,
    task: Task,
    seed: int,
    n_train_rows: int | None = None,
    positions: np.ndarray | None = None,
) -> Split:
    """Divide the rows as `spec` says.

    Parameters
    ----------
    frame : DataFrame
        The rows that the row steps left; of their columns only the target and the split column are looked at.
    spec : SplitSpec
        With `folds` the first fold is the validation part; `split_folds` gives them all.
    target : str
        Column whose classes are stratified.
    task : {"classification", "regression"}
        Only a classification is stratified.
    seed : int
        The same seed gives the same split.
    n_train_rows : int, optional
        Of a table that was joined from a train and a test file: rows from this position on are the test rows. The
        shares of `spec` are then shares of the other rows, and ``spec.test`` is passed over.
    positions : ndarray of integers, optional
        Position in the table of each row of `frame`, where row steps dropped or moved some.

    Raises
    ------
    SplitError
        If there are too few rows, groups, times or rows of one class, or the column can't order, group or name the
        parts of the rows.

    Examples
    --------
    >>> split = split_rows(pl.DataFrame({"y": [0, 1] * 10}), SplitSpec(), target="y", task="classification", seed=0)
    >>> {name: len(rows) for name, rows in split.parts().items()}
    {'train': 12, 'validation': 4, 'test': 4}
    """
    first = spec.model_copy(update={"validation": 0.0}) if spec.folds else spec
    if n_train_rows is None:
        split = _divided(frame, first, target=target, task=task, seed=seed)
    else:
        given = _given_test(frame.height, n_train_rows, positions)
        learning = rows_where(~given)
        without = first.model_copy(update={"test": 0.0})
        divided = _divided(frame[learning], without, target=target, task=task, seed=seed)
        split = Split(
            train=learning[divided.train],
            validation=learning[divided.validation],
            test=np.sort(np.concatenate([learning[divided.test], rows_where(given)])),
        )
    return first_fold(frame, spec, split, target=target, task=task, seed=seed) if spec.folds else split


def _given_test(n_rows: int, n_train_rows: int, positions: np.ndarray | None) -> np.ndarray:
    given: np.ndarray = (np.arange(n_rows) if positions is None else np.asarray(positions)) >= n_train_rows
    if not given.any() or given.all():
        file = "test" if not given.any() else "train"
        raise SplitError(
            f"Got no row of the {file} file among the {n_rows:,} rows that the row steps leave, needed some of each "
            "file. Look at the row steps: a filter or drop_duplicates may drop them all."
        )
    return given


def _divided(frame: pl.DataFrame, spec: SplitSpec, *, target: str, task: Task, seed: int) -> Split:
    if spec.by == "column":
        return by_words(frame, spec, target=target)
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    if frame.height < n_parts:
        raise SplitError(
            f"Got {frame.height} rows, needed at least {n_parts} to split into {n_parts} parts. "
            "Give more rows or set test or validation to 0."
        )
    rng = np.random.default_rng(seed)
    if spec.by == "group":
        return by_group(frame, spec, rng, target=target)
    if spec.by == "time":
        return by_time(frame, spec, target=target)
    if spec.stratify and task == "classification":
        return _stratified(frame[target], target, spec, rng)
    return _at_random(frame.height, spec, rng)


def _at_random(n_rows: int, spec: SplitSpec, rng: np.random.Generator) -> Split:
    n_test, n_validation = part_sizes(n_rows, test=spec.test, validation=spec.validation)
    order = number_rows(n_rows)
    rng.shuffle(order)
    part = np.zeros(n_rows, dtype=np.int8)
    part[order[:n_test]] = 2
    part[order[n_test : n_test + n_validation]] = 1
    return split_of(part)


def _stratified(values: pl.Series, target: str, spec: SplitSpec, rng: np.random.Generator) -> Split:
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    class_of_row, classes = class_places(values)
    counts = count_places(class_of_row, len(classes))
    rarest = int(counts.argmin())
    if counts[rarest] < n_parts:
        raise SplitError(
            f"Got class {classes[rarest]!r} of {target!r} with {counts[rarest]} rows, "
            f"needed at least {n_parts} to put one into each part. "
            "Set stratify: false in the split, or leave the rows of that class out."
        )
    n_test, n_validation = part_sizes(len(values), test=spec.test, validation=spec.validation)
    test = _shares_of_classes(counts, n_test, spec.test, keep=1 + (spec.validation > 0))
    validation = _shares_of_classes(counts, n_validation, spec.validation, keep=1, taken=test)
    part = np.zeros(len(values), dtype=np.int8)
    for index, members in enumerate(members_of(class_of_row, counts)):
        rng.shuffle(members)
        part[members[: test[index]]] = 2
        part[members[test[index] : test[index] + validation[index]]] = 1
    return split_of(part)


def _shares_of_classes(
    counts: np.ndarray, total: int, share: float, *, keep: int, taken: np.ndarray | None = None
) -> np.ndarray:
    """Divide `total` rows among the classes by largest remainder, one at least of each class."""
    if not share:
        return np.zeros(len(counts), dtype=np.int64)
    most = counts - keep - (0 if taken is None else taken)
    ideal = counts * share
    sizes = np.minimum(np.maximum(np.floor(ideal).astype(np.int64), 1), most)
    wanting = np.argsort(-(ideal - sizes), kind="stable")
    for index in wanting:
        if sizes.sum() >= total:
            break
        if sizes[index] < most[index] and sizes[index] < ideal[index]:
            sizes[index] += 1
    return np.asarray(sizes)
