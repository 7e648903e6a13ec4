"""What is worth knowing about a table before a model is trained on it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from workbench.data.table import Column
from workbench.data.targets import suggest_task

MANY_CATEGORIES = 50


def find(
    frame: pl.DataFrame,
    columns: Sequence[Column],
    statistics: dict[str, dict[str, Any]],
    *,
    n_duplicates: int,
    target: str | None = None,
) -> list[str]:
    """Collect the findings about a table, the gravest first.

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of Column
    statistics : dict of str to dict
        As in `Profile`.
    n_duplicates : int
        Rows that are equal to an earlier row.
    target : str, optional
        Column to predict.
    """
    found = list(_about_target(frame, columns, target)) if target else []
    if n_duplicates:
        found.append(
            f"{_rows(n_duplicates)} equal an earlier row ({_percent(n_duplicates, frame.height)}); "
            "drop them, or the same row may train and test."
        )
    inputs = [column for column in columns if column.name != target]
    for about in (_about_use, _about_missing, _about_categories, _about_shape):
        for column in inputs:
            found += about(column, frame, statistics[column.name])
    return found


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.1f} %" if share >= 0.1 else "less than 0.1 %"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _about_target(frame: pl.DataFrame, columns: Sequence[Column], target: str) -> Iterator[str]:
    column = next(column for column in columns if column.name == target)
    if column.n_missing:
        yield f"The target {target} is missing in {_rows(column.n_missing)}; a model can't learn from them, drop them."
    if column.n_unique <= 1:
        yield f"The target {target} has one value only; there is nothing to learn."
    elif suggest_task(frame[target]) == "classification":
        counts = frame[target].drop_nulls().value_counts(sort=True)
        n_least = int(counts["count"][-1])
        share = n_least / frame.height
        if share < 0.1 and column.n_unique <= MANY_CATEGORIES:
            yield (
                f"The classes of {target} are uneven: {counts[target][-1]!r} has {_rows(n_least)} of {frame.height:,} "
                f"({_percent(n_least, frame.height)}); look at balanced accuracy beside accuracy."
            )


def _about_use(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> Iterator[str]:
    if column.n_missing == frame.height:
        yield f"{column.name} is missing in every row; leave it out."
    elif column.kind == "constant":
        yield f"{column.name} has the same value in every row that has one; it can't help a model, leave it out."
    elif column.kind == "identifier":
        yield f"{column.name} is different in nearly every row, as an identifier is; leave it out, a model would learn it by heart."
    elif column.kind == "text":
        yield f"{column.name} is free text with {column.n_unique:,} different values; leave it out or encode it."
    elif column.kind == "datetime":
        yield f"{column.name} holds dates; a model can't use them as they are, but a split by time can."


def _about_missing(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> Iterator[str]:
    if 0 < column.n_missing < frame.height:
        advice = "consider leaving it out" if column.n_missing > 0.5 * frame.height else "impute it"
        yield f"{column.name} is missing in {_rows(column.n_missing)} ({_percent(column.n_missing, frame.height)}); {advice}."


def _about_categories(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> Iterator[str]:
    if column.kind == "category" and column.n_unique > MANY_CATEGORIES:
        yield f"{column.name} has {column.n_unique:,} categories; ordinal encoding is smaller than one-hot."


def _about_shape(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> Iterator[str]:
    if column.kind != "number" or column.n_unique <= 2:
        return
    if numbers.get("q25") == numbers.get("q75"):
        n_same = int((frame[column.name] == numbers["median"]).sum() or 0)
        yield f"{column.name} is {numbers['median']:g} in {_percent(n_same, frame.height)} of the rows."
    elif abs(numbers.get("skew") or 0.0) > 3:
        side = "high" if numbers["skew"] > 0 else "low"
        yield f"{column.name} has a long tail of {side} values, from {numbers['min']:g} to {numbers['max']:g} around a median of {numbers['median']:g}."
