"""Cells of a later file: read first as those of the table before were, whatever the few rows at hand look like.

``2.500`` alone may be two and a half or two thousand and five hundred, and 03/04 may be in March or in April. The table
that a model learned from has decided that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_args, get_type_hints

import polars as pl

from workbench.data.cell_types import Plan, fits, has_leading_zeros, has_long_numbers
from workbench.data.spec import DateOrder

_KEPT = ("kind", "format", "decimal", "thousands", "by_hand", "strip", "keeps_na", "marks")
_KINDS = get_args(get_type_hints(Plan)["kind"])
_TEXTS = ("format", "decimal", "thousands")
_NUMBERS = ("whole", "number", "spelled")
_DATES = ("date", "datetime")
_GROUPS = r"^[+-]?\d{1,3}([.,' \x{a0}\x{202f}]\d{3})+$"


@dataclass(frozen=True)
class Expected:
    """How the columns of the table before were read.

    Parameters
    ----------
    columns : mapping of str to Plan
    marks : tuple of str, optional
        Decimal and thousands mark of that file, where it had one way of writing numbers.
    kept : mapping of str to tuple of str
        Words that stand for missing values elsewhere, but are values of these columns.
    """

    columns: Mapping[str, Plan] = field(default_factory=dict)
    marks: tuple[str, str] | None = None
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """Give what of a plan holds for later files, too, as plain values without defaults."""
    usual, found = asdict(Plan()), asdict(plan)
    kept = {name: found[name] for name in _KEPT if name == "kind" or found[name] != usual[name]}
    if not plan.by_hand:
        kept.pop("strip", None)  # how much text a few cells hold is theirs to say
    return kept


def columns_document(plans: Mapping[str, Plan]) -> dict[str, dict[str, Any]]:
    """Write down how columns were read, those left out of which no value was seen."""
    return {name: plan_to_dict(plan) for name, plan in plans.items() if not plan.is_unknown}


def plan_from_dict(document: Mapping[str, Any]) -> Plan:
    """Rebuild a plan; what a later workbench wrote in addition is passed over.

    Raises
    ------
    ValueError
        If it isn't one.
    """
    if document.get("kind") not in _KINDS or any(type(document.get(name, "")) is not str for name in _TEXTS):
        raise ValueError(f"{document!r} isn't how a column is read")
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items() if name in _KEPT
    }
    return Plan(**given)


def expected_plan(values: pl.Series, expected: Plan, marks: tuple[str, str] | None) -> Plan | None:
    """Give the plan under which all cells are what they would have been in training; None where there is none.

    Parameters
    ----------
    values : Series of String
        Stripped, the words for missing values taken out.
    expected : Plan
    marks : tuple of str, optional
        Decimal and thousands mark of the file before.

    Examples
    --------
    >>> german = Plan("spelled", decimal=",", thousands=".")
    >>> expected_plan(pl.Series(["2.500"]), german, (",", ".")).read(pl.Series(["2.500"]))[0]
    2500.0
    >>> expected_plan(pl.Series(["2500.75"]), german, (",", ".")) is None
    True
    """
    if expected.by_hand or expected.kind == "text":
        return expected
    for plan in _candidates(expected, marks):
        if fits(values, plan) and not _is_better_text(values, plan):
            return plan
    return None


def _candidates(expected: Plan, marks: tuple[str, str] | None) -> list[Plan]:
    if expected.kind not in ("whole", "number"):
        return [expected]
    # No number of the column had a mark before; those of the file's other columns decide what one would mean.
    spelled = [Plan("spelled", decimal=marks[0], thousands=marks[1])] if marks else []
    plain = [Plan("whole"), Plan("number")]
    if expected.kind == "number":
        return [*plain, *spelled]
    return [plain[0], *spelled, plain[1]]


def _is_better_text(values: pl.Series, plan: Plan) -> bool:
    if plan.kind == "whole":
        return has_leading_zeros(values)
    return plan.kind == "number" and (has_long_numbers(values) or bool(plan.read(values).is_nan().any()))


def is_doubtful(values: pl.Series, expected: Plan, plan: Plan, marks: tuple[str, str] | None) -> bool:
    """Whether marks stand where only whole numbers stood, and nothing tells fractions from thousands."""
    if expected.kind != "whole" or plan.kind not in ("number", "spelled") or expected.by_hand:
        return False
    if marks is not None and plan.decimal == marks[0]:
        return False  # the file's other columns have decided it
    marked = values.filter(values.str.contains(r"[.,' ]").fill_null(False))
    return bool(len(marked)) and bool(marked.str.contains(_GROUPS).all())


def note_on(values: pl.Series, expected: Plan, plan: Plan, marks: tuple[str, str] | None) -> str | None:
    """Say what doesn't fit, where that changes what the cells mean; None where it doesn't."""
    if expected.kind == plan.kind == "spelled" and (expected.decimal, expected.thousands) == (
        plan.decimal,
        plan.thousands,
    ):
        return None
    example = next(iter(values.drop_nulls().filter(values.drop_nulls().str.contains(r"\D"))), None)
    shown = f" ({example!r})" if example is not None else ""
    if expected.kind in _NUMBERS and plan.kind in _NUMBERS:
        if is_doubtful(values, expected, plan, marks):
            value = plan.read(pl.Series([example]))[0]
            return (
                f"{values.name!r} had only whole numbers in the training table; here {example!r} was read as "
                f"{value:g}. If that is wrong, set the decimal and thousands marks."
            )
        if "spelled" not in (expected.kind, plan.kind) or plan.kind == "whole" or expected.kind == "whole":
            return None
        if marks is None or (plan.decimal, plan.thousands) != marks or expected.kind == "spelled":
            return (
                f"{values.name!r} isn't written as in the training table ({_written(expected)}): it was read with "
                f"{_written(plan)}{shown}."
            )
        return None
    if expected.kind in _DATES and plan.kind in _DATES:
        if order_of(expected.format) == order_of(plan.format):
            return None
        before, now = (_WORDS[order_of(entry.format)] for entry in (expected, plan))
        return (
            f"The dates in {values.name!r} aren't written as in the training table ({before}): they were read as {now}"
            f"{shown}."
        )
    if expected.kind == plan.kind:
        return None
    odd = values.filter(expected.read(values).is_null() & values.is_not_null())
    such = f" (such as {odd[0][:40]!r})" if len(odd) else ""
    return f"{values.name!r} held {_title(expected)} in the training table; here it doesn't{such}."


_WORDS: dict[DateOrder | None, str] = {
    "day_month_year": "day, month, year",
    "month_day_year": "month, day, year",
    "year_month_day": "year, month, day",
    None: "another order",
}


def _written(plan: Plan) -> str:
    if plan.kind != "spelled":
        return "a decimal point"
    mark = "a decimal comma" if plan.decimal == "," else "a decimal point"
    return f"{mark} and {plan.thousands!r} between the thousands" if plan.thousands else mark


def _title(plan: Plan) -> str:
    if plan.kind in _NUMBERS:
        return "numbers"
    return "dates" if plan.kind in _DATES else "true and false" if plan.kind == "boolean" else "text"


def order_of(text: str) -> DateOrder | None:
    """Give the order of day, month and year in a format."""
    if text.startswith("%Y"):
        return "year_month_day"
    if text.startswith("%d"):
        return "day_month_year"
    return "month_day_year" if text.startswith("%m") else None
