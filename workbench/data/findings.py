"""What is worth knowing about a table before a model is trained on it, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl

from workbench.data.leakage import find_leaks
from workbench.data.table import Column
from workbench.data.targets import suggest_task

MANY_CATEGORIES = 50
MOST_ALIKE = 5  # more columns of one finding share a sentence
_NAMED_COLUMNS = 8

_Rule = Callable[[Column, pl.DataFrame, dict[str, Any]], str | None]


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
    found = [*_about_target(frame, columns, target), *_about_leaks(frame, target)] if target else []
    if n_duplicates:
        verb = "equals" if n_duplicates == 1 else "equal"
        found.append(
            f"{_rows(n_duplicates)} {verb} an earlier row ({_percent(n_duplicates, frame.height)}); "
            "drop them, or the same row may train and test."
        )
    for rule, together in _RULES:
        told = {}
        for column in columns:
            sentence = rule(column, frame, statistics[column.name]) if column.name != target else None
            if sentence:
                told[column.name] = sentence
        if len(told) <= MOST_ALIKE:
            found += told.values()
        else:
            found.append(f"{len(told):,} columns {together}: {_names(list(told))}.")
    return found


def _names(names: list[str]) -> str:
    more = len(names) - _NAMED_COLUMNS
    return ", ".join(names[:_NAMED_COLUMNS]) + (f" and {more:,} more" if more > 0 else "")


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
    elif column.n_unique <= MANY_CATEGORIES and suggest_task(frame[target]) == "classification":
        counts = frame[target].drop_nulls().value_counts(sort=True)
        n_least = int(counts["count"][-1])
        if n_least < 0.3 * frame.height / column.n_unique:
            yield (
                f"The classes of {target} are uneven: {counts[target][-1]!r} has {_rows(n_least)} of {frame.height:,} "
                f"({_percent(n_least, frame.height)}); look at balanced accuracy beside accuracy."
            )


def _about_leaks(frame: pl.DataFrame, target: str) -> Iterator[str]:
    for name, reason in find_leaks(frame, target, suggest_task(frame[target])).items():
        yield f"{name} {reason}; a model that sees it fails where it counts, leave it out."


def _empty(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    return f"{column.name} is missing in every row; leave it out." if column.n_missing == frame.height else None


def _constant(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    if column.kind != "constant" or column.n_missing == frame.height:
        return None
    where = "every row that has one" if column.n_missing else "every row"
    return f"{column.name} has the same value in {where}; it can't help a model, leave it out."


def _identifier(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    if column.kind != "identifier":
        return None
    return (
        f"{column.name} differs in nearly every row, as an identifier does; "
        "leave it out, it says nothing about new rows."
    )


def _text(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    if column.kind != "text":
        return None
    return f"{column.name} is free text with {column.n_unique:,} different values; leave it out."


def _dates(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    if column.kind != "datetime":
        return None
    return f"{column.name} holds dates; a model can't use them as they are, but a split by time can."


def _missing(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    if not 0 < column.n_missing < frame.height:
        return None
    advice = "consider leaving it out" if column.n_missing > 0.5 * frame.height else "impute it"
    share = _percent(column.n_missing, frame.height)
    return f"{column.name} is missing in {_rows(column.n_missing)} ({share}); {advice}."


def _many_categories(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    if column.kind != "category" or column.n_unique <= MANY_CATEGORIES:
        return None
    return f"{column.name} has {column.n_unique:,} categories; ordinal encoding is smaller than one-hot."


def _mostly_one_value(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    if column.kind != "number" or column.n_unique <= 2 or numbers["q25"] != numbers["q75"]:
        return None
    n_same = int((frame[column.name] == numbers["median"]).sum() or 0)
    return f"{column.name} is {numbers['median']:g} in {_percent(n_same, frame.height)} of the rows."


def _long_tail(column: Column, frame: pl.DataFrame, numbers: dict[str, Any]) -> str | None:
    skew = numbers.get("skew") or 0.0
    if column.kind != "number" or column.n_unique <= 2 or numbers["q25"] == numbers["q75"] or abs(skew) <= 3:
        return None
    side = "high" if skew > 0 else "low"
    low, middle, high = (f"{numbers[name]:,.6g}" for name in ("min", "median", "max"))
    return f"{column.name} has a long tail of {side} values, from {low} to {high} around a median of {middle}."


_RULES: tuple[tuple[_Rule, str], ...] = (
    (_empty, "are missing in every row; leave them out"),
    (_constant, "have the same value in every row; they can't help a model, leave them out"),
    (_identifier, "differ in nearly every row, as an identifier does; leave them out"),
    (_text, "are free text; leave them out"),
    (_dates, "hold dates; a model can't use them as they are, but a split by time can use one"),
    (_missing, "have missing values; impute them"),
    (_many_categories, f"have more than {MANY_CATEGORIES} categories; ordinal encoding is smaller than one-hot"),
    (_mostly_one_value, "have one value in most rows"),
    (_long_tail, "have a long tail of high or low values"),
)
