"""Splits that follow a column: its groups, its times, or its words for the parts."""

from __future__ import annotations

from itertools import chain

import numpy as np
import polars as pl

from workbench.data.parts import Split, part_sizes, split_of
from workbench.data.places import Moments, count_places, find_places, look_up, stretches
from workbench.data.spec import SplitSpec
from workbench.data.table import nearest
from workbench.errors import SplitError

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
    place_of_row, words = find_places(values)
    part_of_word = _parts_in(words)
    if part_of_word.null_count():
        unknown = part_of_word.is_null()
        shown = ", ".join(repr(word) for word in words.filter(unknown).head(3)) + (", ..." if unknown.sum() > 3 else "")
        n_unknown = count_places(place_of_row, len(words))[unknown.to_numpy()].sum()
        raise SplitError(
            f"Got {shown} in {n_unknown:,} rows of part column {spec.column!r}, needed one of the words "
            f"{', '.join(PART_WORDS)}. Correct the column, drop those rows with a filter step, or split at random."
        )
    split = split_of(look_up(part_of_word.to_numpy(), place_of_row))
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
    group_of_row, groups = find_places(split_column(frame, spec, target=target))
    sizes = count_places(group_of_row, len(groups))
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
        picked = _fill(order, sizes, wanted, leave=n_later)
        part_of_group[picked] = part
        order = order[part_of_group[order] == 0]
    return split_of(look_up(part_of_group, group_of_row))


def _fill(order: np.ndarray, sizes: np.ndarray, wanted: int, *, leave: int) -> list[int]:
    """Pick groups whose rows come near to `wanted`, one at least, and leave `leave` groups for the other parts."""
    if not wanted:
        return []
    picked: list[int] = []
    filled = 0
    for group in chain.from_iterable(order[some].tolist() for some in stretches(len(order))):
        if len(order) - len(picked) <= leave or filled >= wanted:
            break
        if abs(filled + sizes[group] - wanted) <= abs(filled - wanted):
            picked.append(group)
            filled += sizes[group]
    return picked or [int(order[sizes[order].argmin()])]


def by_time(frame: pl.DataFrame, spec: SplitSpec, *, target: str) -> Split:
    """Test on the latest rows and validate on those before them."""
    moments = Moments(time_column(frame, spec, target=target))
    n_parts = 1 + (spec.test > 0) + (spec.validation > 0)
    earliest = moments.starts(n_parts)
    if len(earliest) < n_parts:
        raise SplitError(
            f"Got {len(earliest)} different times in column {spec.column!r}, needed at least {n_parts}. "
            "Split by another column or at random."
        )
    n_rows = frame.height
    n_test, n_validation = part_sizes(n_rows, test=spec.test, validation=spec.validation)
    # Rows of one moment stay together, or the model would be tested on a time that it has seen.
    test_from = n_rows
    if n_test:
        test_from = moments.nearest(n_rows - n_test, first=earliest[n_parts - 1], last=moments.before(n_rows))
    part = np.zeros(n_rows, dtype=np.int8)
    if n_validation:
        wanted = n_rows - n_test - n_validation
        part[moments.not_before(moments.nearest(wanted, first=earliest[1], last=moments.before(test_from)))] = 1
    part[moments.not_before(test_from)] = 2
    del moments  # a sorted copy of the column
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
