"""Splits that follow a column: its groups, its times, or its words for the parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.data.parts import Split, part_sizes, split_of
from workbench.data.spec import SplitSpec
from workbench.data.table import nearest
from workbench.errors import SplitError

_FEW_PLACES = 32

PART_WORDS: dict[str, int] = {
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("validation", "valid", "val", "dev"), 1),
    **dict.fromkeys(("test", "testing", "holdout"), 2),
}


def split_column(frame: pl.DataFrame, spec: SplitSpec, *, target: str) -> pl.Series:
    """Give the column that a split follows.

    Raises
    ------
    SplitError
        If it is absent, the target, or has missing values.
    """
    name = str(spec.column)
    if name == target:
        raise SplitError(
            f"Got a split by {spec.by} of {name!r}, which is the target; needed another column, or the model would be "
            "tested on answers that it never saw in training. Split at random (stratify keeps the shares of the "
            "classes), or name another column."
        )
    if name not in frame.columns:
        hint = nearest(name, frame.columns) or " Name a column of the table."
        raise SplitError(
            f"Got a split by {spec.by} of column {name!r}, needed one of the table's {frame.width} columns.{hint}"
        )
    values = frame[name].fill_nan(None) if frame[name].dtype.is_float() else frame[name]
    if values.null_count():
        raise SplitError(
            f"Got split column {name!r} with {values.null_count():,} missing values, "
            f"needed a value in each row to split by {spec.by}. "
            f"Add the step drop_missing with columns [{name}], or split by another column."
        )
    return values


def by_words(frame: pl.DataFrame, spec: SplitSpec, *, target: str) -> Split:
    """Take the parts from words such as train, val and test, in any case.

    Raises
    ------
    SplitError
        If the column holds anything else, or no row is a training row.
    """
    values = split_column(frame, spec, target=target)
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        raise SplitError(
            f"Got part column {spec.column!r} of type {values.dtype}, needed the words train, validation and test, "
            "since numbers don't say which part they mean. Add a calculate step that writes the words, such as "
            f"name: part, expression: \"if_else({spec.column} == 1, 'test', 'train')\", and split by that column."
        )
    part = _parts_in(values)
    if part.null_count():
        unknown = values.filter(part.is_null()).unique().sort().to_list()
        shown = ", ".join(repr(word) for word in unknown[:3]) + (", ..." if len(unknown) > 3 else "")
        raise SplitError(
            f"Got {shown} in {part.null_count():,} rows of part column {spec.column!r}, needed one of the words "
            f"{', '.join(PART_WORDS)}. Correct the column, drop those rows with a filter step, or split at random."
        )
    split = split_of(part.to_numpy())
    if not len(split.train):
        raise SplitError(
            f"Got part column {spec.column!r} without a row that says train, needed rows to learn from. "
            "Correct the column or the row steps, or split at random."
        )
    return split


def names_parts(values: pl.Series) -> bool:
    """Say whether each value is one of the words for the parts, and both train and test are there.

    Examples
    --------
    >>> names_parts(pl.Series(["train", "Test", "train"])), names_parts(pl.Series(["train", "bus"]))
    (True, False)
    """
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum) or values.null_count():
        return False
    different = values.unique()
    if len(different) > 2 * len(PART_WORDS):
        return False
    parts = set(_parts_in(different))
    return {0, 2} <= parts and None not in parts


def _parts_in(values: pl.Series) -> pl.Series:
    words = values.cast(pl.String).str.to_lowercase().str.replace_all(r"[\s_-]+", "")
    return words.replace_strict(PART_WORDS, default=None, return_dtype=pl.Int8)


def by_group(frame: pl.DataFrame, spec: SplitSpec, rng: np.random.Generator, *, target: str) -> Split:
    """Keep all rows of one value together."""
    group_of_row, sizes = places(split_column(frame, spec, target=target))
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    if len(sizes) < n_parts:
        raise SplitError(
            f"Got {len(sizes)} groups in column {spec.column!r}, needed at least {n_parts} to put one into each part. "
            "Split by another column, or set test or validation to 0."
        )
    n_test, n_validation = part_sizes(frame.height, test=spec.test, validation=spec.validation)
    order = rng.permutation(len(sizes))
    part_of_group = np.zeros(len(sizes), dtype=np.int8)
    for part, wanted, n_later in ((2, n_test, n_parts - 1), (1, n_validation, 1)):
        picked = _fill(order.tolist(), sizes, wanted, leave=n_later)
        part_of_group[picked] = part
        order = order[part_of_group[order] == 0]
    return split_of(part_of_group[group_of_row])


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


def by_time(frame: pl.DataFrame, spec: SplitSpec, *, target: str) -> Split:
    """Test on the latest rows and validate on those before them."""
    moment_of_row, sizes = places(time_column(frame, spec, target=target))
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    if len(sizes) < n_parts:
        raise SplitError(
            f"Got {len(sizes)} different times in column {spec.column!r}, needed at least {n_parts}. "
            "Split by another column or at random."
        )
    n_test, n_validation = part_sizes(frame.height, test=spec.test, validation=spec.validation)
    # Rows of one moment stay together, or the model would be tested on a time that it has seen.
    start = np.cumsum(sizes) - sizes
    test_from = (
        boundary(start, frame.height - n_test, first=1 + (n_validation > 0), last=len(sizes) - 1)
        if n_test
        else len(sizes)
    )
    validation_from = test_from
    if n_validation:
        validation_from = boundary(start, frame.height - n_test - n_validation, first=1, last=test_from - 1)
    part = np.zeros(frame.height, dtype=np.int8)
    part[moment_of_row >= validation_from] = 1
    part[moment_of_row >= test_from] = 2
    return split_of(part)


def time_column(frame: pl.DataFrame, spec: SplitSpec, *, target: str) -> pl.Series:
    """Give the column that orders the rows.

    Raises
    ------
    SplitError
        If it holds neither dates nor numbers.
    """
    values = split_column(frame, spec, target=target)
    if not (values.dtype.is_temporal() or values.dtype.is_numeric()):
        remedy = "Split by another column."
        if values.dtype in (pl.String, pl.Categorical, pl.Enum):
            remedy = f"Add the step parse_dates with columns [{spec.column}] first, or split by another column."
        raise SplitError(
            f"Got time column {spec.column!r} of type {values.dtype}, needed dates or numbers to order the rows. "
            f"{remedy}"
        )
    return values


def places(values: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Give each row's place among the sorted different values, and the number of rows of each value."""
    place_of_row = values.rank("dense").to_numpy() - 1
    return place_of_row, np.bincount(place_of_row)


def members_of(place_of_row: np.ndarray, sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Give the rows of each place in order, one place at a time."""
    if len(sizes) <= _FEW_PLACES:  # a look for each costs less memory than the order of all rows
        yield from (np.flatnonzero(place_of_row == place) for place in range(len(sizes)))
    else:
        yield from np.split(np.argsort(place_of_row, kind="stable"), np.cumsum(sizes)[:-1])


def boundary(start: np.ndarray, row: float, *, first: int, last: int) -> int:
    """Give the moment, from `first` to `last`, that begins nearest to `row`."""
    return first + int(np.abs(start[first : last + 1] - row).argmin())
