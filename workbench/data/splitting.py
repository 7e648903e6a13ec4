"""Which rows train, which choose, which judge: train, validation and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.data.spec import SplitSpec, Task
from workbench.data.table import nearest
from workbench.data.targets import class_labels
from workbench.errors import SplitError


@dataclass(frozen=True)
class Split:
    """Row positions of each part, sorted; together they are all rows, and no row is in two.

    Parameters
    ----------
    train, validation, test : ndarray of int64
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def parts(self) -> dict[str, np.ndarray]:
        """Give the parts by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def split_rows(frame: pl.DataFrame, spec: SplitSpec, *, target: str, task: Task, seed: int) -> Split:
    """Divide the rows as `spec` says.

    Parameters
    ----------
    frame : DataFrame
        The rows that the row steps left.
    spec : SplitSpec
    target : str
        Column whose classes are stratified.
    task : {"classification", "regression"}
        Only a classification is stratified.
    seed : int
        The same seed gives the same split.

    Raises
    ------
    SplitError
        If there are too few rows, groups, times or rows of one class, or the column can't order or group the rows.
    """
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    if frame.height < n_parts:
        raise SplitError(
            f"Got {frame.height} rows, needed at least {n_parts} to split into {n_parts} parts. "
            "Give more rows or set test or validation to 0."
        )
    rng = np.random.default_rng(seed)
    if spec.by == "group":
        return _by_group(frame, spec, rng)
    if spec.by == "time":
        return _by_time(frame, spec)
    if spec.stratify and task == "classification":
        return _stratified(class_labels(frame[target]), target, spec, rng)
    return _at_random(frame.height, spec, rng)


def _sizes(n_rows: int, spec: SplitSpec) -> tuple[int, int]:
    """Give the number of test and validation rows; each asked-for part gets one at least, and so does training."""
    n_test = max(1, round(n_rows * spec.test)) if spec.test else 0
    n_validation = max(1, round(n_rows * spec.validation)) if spec.validation else 0
    n_test = min(n_test, n_rows - 1 - bool(spec.validation))
    return n_test, min(n_validation, n_rows - n_test - 1)


def _split_of(part_of_row: np.ndarray) -> Split:
    train, validation, test = (np.flatnonzero(part_of_row == part).astype(np.int64) for part in range(3))
    return Split(train=train, validation=validation, test=test)


def _at_random(n_rows: int, spec: SplitSpec, rng: np.random.Generator) -> Split:
    n_test, n_validation = _sizes(n_rows, spec)
    order = rng.permutation(n_rows)
    part = np.zeros(n_rows, dtype=np.int8)
    part[order[:n_test]] = 2
    part[order[n_test : n_test + n_validation]] = 1
    return _split_of(part)


def _stratified(labels: pl.Series, target: str, spec: SplitSpec, rng: np.random.Generator) -> Split:
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    # A fixed order of the classes, so that the same seed gives the same split.
    classes, class_of_row, counts = np.unique(
        np.array(labels.fill_null("" if labels.dtype == pl.String else 0).to_list()),
        return_inverse=True,
        return_counts=True,
    )
    rarest = int(counts.argmin())
    if counts[rarest] < n_parts:
        raise SplitError(
            f"Got class {classes[rarest].item()!r} of {target!r} with {counts[rarest]} rows, "
            f"needed at least {n_parts} to put one into each part. "
            "Set stratify: false in the split, or leave the rows of that class out."
        )
    n_test, n_validation = _sizes(len(labels), spec)
    test = _shares_of_classes(counts, n_test, spec.test, keep=1 + (spec.validation > 0))
    validation = _shares_of_classes(counts, n_validation, spec.validation, keep=1, taken=test)
    part = np.zeros(len(labels), dtype=np.int8)
    for index in range(len(classes)):
        rows = rng.permutation(np.flatnonzero(class_of_row == index))
        part[rows[: test[index]]] = 2
        part[rows[test[index] : test[index] + validation[index]]] = 1
    return _split_of(part)


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


def _split_column(frame: pl.DataFrame, spec: SplitSpec) -> pl.Series:
    name = str(spec.column)
    if name not in frame.columns:
        hint = nearest(name, frame.columns) or " Name a column of the table."
        raise SplitError(
            f"Got a split by {spec.by} of column {name!r}, needed one of the table's {frame.width} columns.{hint}"
        )
    values = frame[name]
    if values.null_count():
        raise SplitError(
            f"Got split column {name!r} with {values.null_count():,} missing values, "
            f"needed a value in each row to split by {spec.by}. "
            f"Add the step drop_missing with columns [{name}], or split by another column."
        )
    return values


def _by_group(frame: pl.DataFrame, spec: SplitSpec, rng: np.random.Generator) -> Split:
    values = _split_column(frame, spec)
    group_of_row = values.rank("dense").to_numpy().astype(np.int64) - 1
    sizes = np.bincount(group_of_row)
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    if len(sizes) < n_parts:
        raise SplitError(
            f"Got {len(sizes)} groups in column {spec.column!r}, needed at least {n_parts} to put one into each part. "
            "Split by another column, or set test or validation to 0."
        )
    n_test, n_validation = _sizes(frame.height, spec)
    order = list(rng.permutation(len(sizes)))
    part_of_group = np.zeros(len(sizes), dtype=np.int8)
    for part, wanted, n_later in ((2, n_test, n_parts - 1), (1, n_validation, 1)):
        for group in _fill(order, sizes, wanted, leave=n_later):
            part_of_group[group] = part
            order.remove(group)
    return _split_of(part_of_group[group_of_row])


def _fill(order: list[int], sizes: np.ndarray, wanted: int, *, leave: int) -> list[int]:
    """Pick groups whose rows come near to `wanted`, one at least, and leave `leave` groups for the other parts."""
    if not wanted:
        return []
    picked: list[int] = []
    filled = 0
    for group in order:
        if len(order) - len(picked) <= leave:
            break
        if abs(filled + sizes[group] - wanted) <= abs(filled - wanted):
            picked.append(group)
            filled += sizes[group]
    return picked or [min(order, key=lambda group: sizes[group])]


def _by_time(frame: pl.DataFrame, spec: SplitSpec) -> Split:
    values = _split_column(frame, spec)
    if not (values.dtype.is_temporal() or values.dtype.is_numeric()):
        raise SplitError(
            f"Got time column {spec.column!r} of type {values.dtype}, needed dates or numbers to order the rows. "
            "Write the dates as 2024-12-31, or split by another column."
        )
    moment_of_row = values.rank("dense").to_numpy().astype(np.int64) - 1
    sizes = np.bincount(moment_of_row)
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    if len(sizes) < n_parts:
        raise SplitError(
            f"Got {len(sizes)} different times in column {spec.column!r}, needed at least {n_parts}. "
            "Split by another column or at random."
        )
    n_test, n_validation = _sizes(frame.height, spec)
    # Rows of one moment stay together, or the model would be tested on a time that it has seen.
    start = np.cumsum(sizes) - sizes
    test_from = (
        _boundary(start, frame.height - n_test, first=1 + (n_validation > 0), last=len(sizes) - 1)
        if n_test
        else len(sizes)
    )
    validation_from = test_from
    if n_validation:
        validation_from = _boundary(start, frame.height - n_test - n_validation, first=1, last=test_from - 1)
    part = np.zeros(frame.height, dtype=np.int8)
    part[moment_of_row >= validation_from] = 1
    part[moment_of_row >= test_from] = 2
    return _split_of(part)


def _boundary(start: np.ndarray, row: int, *, first: int, last: int) -> int:
    """Give the moment, from `first` to `last`, that begins nearest to `row`."""
    return first + int(np.abs(start[first : last + 1] - row).argmin())
