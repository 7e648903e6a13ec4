"""What is worth knowing about a table before a model is trained on it, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.data.columns import Column
from workbench.data.spec import Task
from workbench.data.summaries import KEPT_VALUES, ColumnSummary, as_dtype
from workbench.data.summarizing import TableSummary, summary_of
from workbench.data.targets import MAX_VALUES_OF_A_CLASS_CODE

if TYPE_CHECKING:
    from workbench.data.table import Table

MANY_CATEGORIES = 50
MOST_ALIKE = 5  # more columns of one finding share a sentence
_NAMED_COLUMNS = 8
_LEAK_CHECKS = ("WB101", "WB102", "WB103")

_Rule = Callable[[Column, int, dict[str, Any]], str | None]


def find(
    summary: TableSummary,
    *,
    target: str | None = None,
    leaks: Mapping[str, str] | None = None,
    checked: Collection[tuple[str, str]] = (),
) -> tuple[list[str], dict[str, str]]:
    """Collect the findings about a table, the gravest first, and those about each column.

    Parameters
    ----------
    summary : TableSummary
    target : str, optional
        Column to predict.
    leaks : mapping of str to str, optional
        Columns that give the target away, each with the reason.
    checked : collection of (code, column), optional
        What the coded checks have said already (of rows rather than a column: an empty name); it isn't found again.

    Returns
    -------
    findings : list of str
        Columns of one finding share a sentence where they are many.
    by_column : dict of str to str
        All sentences about a column.
    """
    columns = {entry.column.name: entry for entry in summary.summaries}
    n_rows = summary.n_rows
    by_column: dict[str, list[str]] = {}
    about_target = {code for code, name in checked if name == target}
    found = list(_about_target(columns[target], n_rows, about_target)) if target else []
    if target and found:
        by_column[target] = list(found)
    for name, reason in (leaks or {}).items():
        if any((code, name) in checked for code in _LEAK_CHECKS):
            continue
        by_column[name] = [f"{name} {reason}; a model that sees it fails where it counts, leave it out."]
        found += by_column[name]
    if summary.n_duplicates and ("WB111", "") not in checked:
        verb = "equals" if summary.n_duplicates == 1 else "equal"
        found.append(
            f"{_rows(summary.n_duplicates)} {verb} an earlier row ({_percent(summary.n_duplicates, n_rows)}); "
            "drop them, or the same row may train and test."
        )
    for rule, together, codes in _RULES:
        told = {}
        for name, entry in columns.items():
            sentence = rule(entry.column, n_rows, entry.statistics) if name != target else None
            if sentence and not any((code, name) in checked for code in codes):
                told[name] = sentence
                by_column.setdefault(name, []).append(sentence)
        if len(told) <= MOST_ALIKE:
            found += told.values()
        else:
            found.append(f"{len(told):,} columns {together}: {_names(list(told))}.")
    return found, {name: " ".join(sentences) for name, sentences in by_column.items()}


def findings_beside(table: Table, checked: Collection[tuple[str, str]]) -> list[str]:
    """Find what is worth knowing about a table and the coded checks haven't said; see `find`."""
    leaks = table.leaks(table.target) if table.target else {}
    return find(summary_of(table), target=table.target, leaks=leaks, checked=checked)[0]


def balance_of(target: ColumnSummary) -> pl.DataFrame | None:
    """Give the classes of a target, the most frequent first; None where it has more than 50, or is measured."""
    if task_of(target) == "regression" or target.column.n_unique > KEPT_VALUES or not target.top:
        return None
    n_known = sum(count for _, count in target.top)
    return pl.DataFrame(
        {
            "value": [str(value) for value, _ in target.top],
            "count": [count for _, count in target.top],
            "share": [count / n_known for _, count in target.top],
        },
        schema={"value": pl.String, "count": pl.Int64, "share": pl.Float64},
    )


def task_of(target: ColumnSummary) -> Task:
    """Suggest a task as `workbench.data.targets.suggest_task` does, from what is known about the column."""
    if not as_dtype(target.column.dtype).is_numeric() or not target.column.n_unique:
        return "classification"
    many = target.column.n_unique > MAX_VALUES_OF_A_CLASS_CODE
    return "regression" if many or not target.is_whole else "classification"


def _names(names: list[str]) -> str:
    more = len(names) - _NAMED_COLUMNS
    return ", ".join(names[:_NAMED_COLUMNS]) + (f" and {more:,} more" if more > 0 else "")


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.1f} %" if share >= 0.1 else "less than 0.1 %"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _about_target(target: ColumnSummary, n_rows: int, passed: Collection[str]) -> Iterator[str]:
    name, n_missing = target.column.name, target.column.n_missing
    if n_missing and "WB121" not in passed:
        yield f"The target {name} is missing in {_rows(n_missing)}; a model can't learn from them, drop them."
    if target.column.n_unique <= 1:
        yield f"The target {name} has one value only; there is nothing to learn."
    elif target.column.n_unique <= MANY_CATEGORIES and task_of(target) == "classification" and target.top:
        rarest, n_least = target.top[-1]
        if n_least < 0.3 * n_rows / target.column.n_unique and "WB123" not in passed:
            yield (
                f"The classes of {name} are uneven: {rarest!r} has {_rows(n_least)} of {n_rows:,} "
                f"({_percent(n_least, n_rows)}); look at balanced accuracy beside accuracy."
            )


def _empty(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    return f"{column.name} is missing in every row; leave it out." if column.n_missing == n_rows else None


def _constant(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    if column.kind != "constant" or column.n_missing == n_rows:
        return None
    where = "every row that has one" if column.n_missing else "every row"
    return f"{column.name} has the same value in {where}; it can't help a model, leave it out."


def _identifier(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    if column.kind != "identifier":
        return None
    return (
        f"{column.name} differs in nearly every row, as an identifier does; "
        "leave it out, it says nothing about new rows."
    )


def _text(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    if column.kind != "text":
        return None
    return (
        f"{column.name} is free text with {column.n_unique:,} different values; "
        "turn it into numbers by TF-IDF, or leave it out."
    )


def _dates(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    if column.kind != "datetime":
        return None
    return f"{column.name} holds dates; take their parts (year, weekday ...) as numbers, or split by time."


def _missing(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    if not 0 < column.n_missing < n_rows:
        return None
    advice = "consider leaving it out" if column.n_missing > 0.5 * n_rows else "impute it"
    share = _percent(column.n_missing, n_rows)
    return f"{column.name} is missing in {_rows(column.n_missing)} ({share}); {advice}."


def _many_categories(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    if column.kind != "category" or column.n_unique <= MANY_CATEGORIES:
        return None
    return f"{column.name} has {column.n_unique:,} categories; ordinal or target encoding is smaller than one-hot."


def _mostly_one_value(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    if column.kind != "number" or column.n_unique <= 2 or numbers["q25"] != numbers["q75"]:
        return None
    return f"{column.name} is {numbers['median']:g} in {_percent(numbers['top_count'], n_rows)} of the rows."


def _long_tail(column: Column, n_rows: int, numbers: dict[str, Any]) -> str | None:
    skew = numbers.get("skew") or 0.0
    if column.kind != "number" or column.n_unique <= 2 or numbers["q25"] == numbers["q75"] or abs(skew) <= 3:
        return None
    side = "high" if skew > 0 else "low"
    low, middle, high = (f"{numbers[name]:,.6g}" for name in ("min", "median", "max"))
    return f"{column.name} has a long tail of {side} values, from {low} to {high} around a median of {middle}."


# Beside what is said of many columns together: the coded checks that say the same of a column.
_RULES: tuple[tuple[_Rule, str, tuple[str, ...]], ...] = (
    (_empty, "are missing in every row; leave them out", ("WB131",)),
    (_constant, "have the same value in every row; they can't help a model, leave them out", ("WB131",)),
    (_identifier, "differ in nearly every row, as an identifier does; leave them out", ("WB104",)),
    (_text, "are free text; turn them into numbers by TF-IDF, or leave them out", ("WB133",)),
    (_dates, "hold dates; take their parts as numbers, or split by time", ("WB112",)),
    (_missing, "have missing values; impute them", ()),
    (
        _many_categories,
        f"have more than {MANY_CATEGORIES} categories; ordinal or target encoding is smaller than one-hot",
        ("WB133",),
    ),
    (_mostly_one_value, "have one value in most rows", ("WB131",)),
    (_long_tail, "have a long tail of high or low values", ("WB136",)),
)
