"""What a target column must be, and how it becomes class indices or numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.data.places import find_places, look_up, stretches
from workbench.data.spec import Task
from workbench.data.table import nearest
from workbench.errors import TargetError

MAX_CLASSES = 1_000
MAX_VALUES_OF_A_CLASS_CODE = 20
LARGEST_TARGET = float(np.finfo(np.float32).max)  # beyond it numbers count as missing in a recipe, too


def suggest_task(target: pl.Series) -> Task:
    """Suggest regression for numbers with fractions or more than 20 different values, else classification.

    Examples
    --------
    >>> suggest_task(pl.Series([0, 1, 1])), suggest_task(pl.Series([0.5, 1.0])), suggest_task(pl.Series(["a", "b"]))
    ('classification', 'regression', 'classification')
    """
    if not target.dtype.is_numeric():
        return "classification"
    if target.dtype.is_float() and not is_whole(target):
        return "regression"
    many = len(_different(target, MAX_VALUES_OF_A_CLASS_CODE)) > MAX_VALUES_OF_A_CLASS_CODE
    return "regression" if many else "classification"


def _present(values: pl.Series) -> Iterator[pl.Series]:
    """Give the values that aren't missing, a stretch at a time: a copy of all would be the largest thing in memory."""
    for rows in stretches(len(values)):
        some = values[rows].drop_nulls()
        yield some.drop_nans() if some.dtype.is_float() else some


def _different(values: pl.Series, enough: int) -> pl.Series:
    """Give the different values, or some of them once there are more than `enough`."""
    found = values.head(0)
    for some in _present(values):
        found = pl.concat([found, some.unique()]).unique()
        if len(found) > enough:
            break
    return found


def is_whole(values: pl.Series) -> bool:
    """Say whether all numbers that aren't missing are whole."""
    if not values.dtype.is_float():
        return values.dtype.is_integer()
    return all(bool((some == some.round(0)).all()) for some in _present(values))


def check_target(frame: pl.DataFrame, target: str, task: Task, *, allow_missing: bool = False) -> None:
    """Refuse a target that can't be learned.

    Parameters
    ----------
    frame : DataFrame
        The rows to learn from; after the row steps, since ``drop_missing`` is the remedy for a missing target.
    target : str
    task : {"classification", "regression"}
    allow_missing : bool, default False
        Let missing values pass, for a check before the row steps.

    Raises
    ------
    TargetError
        If the column is absent or entirely missing, has missing values, has one value only, isn't a number in a
        regression, is infinite or beyond 3.4e38 somewhere, or has more than 1,000 classes.
    """
    if target not in frame.columns:
        hint = nearest(target, frame.columns) or f" Choose one of {', '.join(frame.columns[:8])}."
        raise TargetError(f"Got target {target!r}, needed one of the table's {frame.width} columns.{hint}")
    values = frame[target] if frame[target].dtype.is_float() else _blank_to_null(frame[target])
    n_missing = len(values) - sum(map(len, _present(values))) if values.dtype.is_float() else values.null_count()
    if n_missing == len(values):
        raise TargetError(
            f"Got target {target!r} without a single value in {len(values):,} rows, needed values to learn. "
            "Choose another target."
        )
    if n_missing and not allow_missing:
        raise TargetError(
            f"Got target {target!r} with {n_missing:,} missing values in {len(values):,} rows, "
            "needed a value in each row to learn from. "
            f"Add the step drop_missing with columns [{target}]."
        )
    if not allow_missing:
        _check_size(values, target)
    _check_values(values, target, task)


def _check_size(values: pl.Series, target: str) -> None:
    """Refuse numbers whose squares leave the range of a double, and infinite ones."""
    if not values.dtype.is_float():
        return
    n_huge = sum(int((some.abs() > LARGEST_TARGET).sum()) for some in _present(values))
    if n_huge:
        raise TargetError(
            f"Got target {target!r} with {n_huge:,} values of {len(values):,} that are infinite or beyond "
            f"{LARGEST_TARGET:.2g}, needed numbers that can be squared and summed. Give it in a larger unit, or add "
            f"the step drop_missing with columns [{target}], which leaves those rows out."
        )


def _check_values(values: pl.Series, target: str, task: Task) -> None:
    different = _different(values, MAX_CLASSES)
    n_different = len(different)
    if n_different == 1:
        raise TargetError(
            f"Got target {target!r} with one value only ({different[0]!r}), needed at least two to tell apart. "
            "Choose another target or other rows."
        )
    if task == "regression" and not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        raise TargetError(
            f"Got target {target!r} of type {values.dtype}, needed numbers for a regression. "
            "Set the task to classification or choose another target."
        )
    if task == "classification" and n_different > MAX_CLASSES:
        n_classes = values.drop_nulls().n_unique()
        remedy = "Set the task to regression" if values.dtype.is_numeric() else "Choose a target with fewer values"
        raise TargetError(
            f"Got target {target!r} with {n_classes:,} classes, needed at most {MAX_CLASSES:,}. {remedy}."
        )


def class_labels(target: pl.Series) -> pl.Series:
    """Give each row's class label as it is shown and returned: an integer or a string.

    Whole numbers become integers, booleans ``"false"`` and ``"true"``, everything else stripped text. Missing stays
    null.

    Examples
    --------
    >>> class_labels(pl.Series([1.0, 2.0])).to_list(), class_labels(pl.Series([True, False])).to_list()
    ([1, 2], ['true', 'false'])
    """
    if target.dtype.is_numeric() and is_whole(target):
        return target.cast(pl.Int64)
    if target.dtype == pl.Boolean:
        return target.replace_strict({True: "true", False: "false"}, return_dtype=pl.String)
    return _blank_to_null(target.cast(pl.String).str.strip_chars())


def class_places(target: pl.Series) -> tuple[np.ndarray, list[str | int]]:
    """Give each row's place among the sorted class labels, a missing label counting as ``""`` or 0.

    It costs few bytes a row, however long the labels are.

    Returns
    -------
    place_of_row : ndarray of unsigned integers, of shape (n_rows,)
    labels : list of str or int

    Examples
    --------
    >>> class_places(pl.Series(["b", "a", None]))
    (array([2, 1, 0], dtype=uint32), ['', 'a', 'b'])
    """
    if target.dtype == pl.Boolean and not target.null_count():
        places, found = find_places(target)
        return places, ["true" if value else "false" for value in found]
    if isinstance(target.dtype, (pl.String, pl.Enum)):
        return _places_of_words(target)
    labels = class_labels(target)
    places, found = find_places(labels.fill_null("" if labels.dtype == pl.String else 0))
    return places, found.to_list()


def _places_of_words(target: pl.Series) -> tuple[np.ndarray, list[str | int]]:
    """Give places of text; only the different words are stripped, not those of every row."""
    if target.null_count():
        target = target.cast(pl.String).fill_null("")
    word_of_row, words = find_places(target)
    place_of_word, labels = find_places(class_labels(words).fill_null(""))
    return look_up(place_of_word, word_of_row), labels.to_list()


def encode_target(target: pl.Series, task: Task) -> tuple[np.ndarray, list[str | int] | None]:
    """Turn a target into what a model learns.

    Returns
    -------
    y : ndarray of shape (n_rows,)
        int64 class indices, or float64 values for a regression.
    classes : list of str or int, sorted; None for a regression

    Raises
    ------
    TargetError
        If a value is missing, or isn't a number in a regression.

    Examples
    --------
    >>> encode_target(pl.Series(["b", "a", "b"]), "classification")
    (array([1, 0, 1]), ['a', 'b'])
    """
    frame = target.to_frame(target.name or "target")
    name = frame.columns[0]
    if task == "regression":
        if not (target.dtype.is_numeric() or target.dtype == pl.Boolean):
            check_target(frame, name, task)
        y = target.cast(pl.Float64).fill_nan(None)
        _refuse_missing(y, name)
        return y.to_numpy(), None
    _refuse_missing(_blank_to_null(target), name)
    places, classes = class_places(target)
    return places.astype(np.int64), classes


def _refuse_missing(values: pl.Series, name: str) -> None:
    if values.null_count():
        raise TargetError(
            f"Got target {name!r} with {values.null_count():,} missing values in {len(values):,} rows, "
            "needed a value in each row to learn from. "
            f"Add the step drop_missing with columns [{name}]."
        )


def _blank_to_null(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.Enum):
        words = values.unique().drop_nulls().cast(pl.String)
        if words.str.strip_chars().str.len_bytes().min() != 0:
            return values
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        return values.set(values.str.strip_chars() == "", None)
    return values.fill_nan(None) if values.dtype.is_float() else values
