"""Which columns a step may name: those that are there at its place, of a kind that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.recipe.matching import made_by, type_of
from workbench.recipe.spec import columns_of

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.table import Column

TAKE_TARGET = ("drop_duplicates", "drop_missing", "sort", "clean_text")
_ENCODERS = ("one_hot", "ordinal", "target_encode", "hashing", "tf_idf", "merge_rare")
_KEEP_TYPE = ("impute", "merge_rare")
MANY_CATEGORIES = 50
FEW_GAPS = 20  # rows that nobody will miss


@dataclass(frozen=True)
class Known:
    """A column at some place of the recipe.

    Parameters
    ----------
    name, type : str
        The type is number, text, boolean, datetime or image; empty where nobody knows before the rows are looked at.
    column : Column, optional
        Where it is one of the table's, as the table has it.
    taken : frozenset of str
        Names of the steps so far that took it.
    """

    name: str
    type: str
    column: Column | None = None
    taken: frozenset[str] = frozenset()


def columns_at(table: Table, steps: Sequence[Any], place: int) -> dict[str, Known]:
    """Follow the columns through the steps before a place."""
    known = {column.name: Known(column.name, type_of(column), column) for column in table.columns}
    for step in steps[:place]:
        if step.enabled:
            _follow(known, step)
    return known


def _follow(known: dict[str, Known], step: Any) -> None:
    names = [name for name in columns_of(step) if name in known]
    if step.step == "rename":
        for old, new in step.names.items():
            found = known.pop(old, None)
            known[new] = Known(new, found.type if found else "", found.column if found else None)
        return
    for name in names:
        found = known[name]
        known[name] = Known(name, _type_after(step, found.type), found.column, found.taken | {step.step})
    if step.step == "drop_columns" or (step.step == "date_parts" and step.drop):
        for name in names:
            del known[name]
    for name in made_by(step):
        known[name] = Known(name, _computed_type(step, known) if step.step == "calculate" else "number")


def _computed_type(step: Any, known: dict[str, Known]) -> str:
    from workbench.recipe.expressions import check

    try:
        return check(step.expression, {name: entry.type or "number" for name, entry in known.items()})
    except WorkbenchError:
        return ""


def _type_after(step: Any, before: str) -> str:
    if step.step == "convert":
        return str(step.to)
    if step.step == "parse_dates":
        return "datetime"
    return "number" if step.family == "learned" and step.step not in _KEEP_TYPE else before


def choices(kind: Any, known: dict[str, Known], target: str | None) -> list[str]:
    """Give the names that a step may take, in the table's order."""
    takes_target = kind.model_fields["step"].default in TAKE_TARGET
    return [
        entry.name
        for entry in known.values()
        if (entry.type in kind.takes or not entry.type) and (takes_target or entry.name != target)
    ]


def likely(kind: Any, known: dict[str, Known], target: str | None) -> list[str]:
    """Preselect the columns that a step is usually for."""
    name = kind.model_fields["step"].default
    rule = _RULES.get(name) or _RULES.get(kind.purpose)
    if rule is None:
        return []
    return [
        entry
        for entry in choices(kind, known, target)
        if entry != target and name not in known[entry].taken and rule(known[entry])
    ]


def _is_category(entry: Known) -> bool:
    fresh = not entry.taken.intersection(_ENCODERS[:-1])
    return entry.type == "text" and fresh and (entry.column is None or entry.column.kind in ("category", "boolean"))


def _n_unique(entry: Known) -> int:
    return 0 if entry.column is None else entry.column.n_unique


def _is_useless(entry: Known) -> bool:
    return entry.column is not None and entry.column.kind in ("identifier", "constant")


def _is_measure(entry: Known) -> bool:
    return entry.type == "number" and entry.column is not None and entry.column.kind == "number"


def _has_gaps(entry: Known) -> bool:
    return entry.column is not None and entry.column.n_missing > 0 and "impute" not in entry.taken


def _has_few_gaps(entry: Known) -> bool:
    return _has_gaps(entry) and entry.column is not None and entry.column.n_missing <= FEW_GAPS


# By step, or else by purpose, so that a new step of a known purpose needs no entry.
_RULES: dict[str, Any] = {
    "impute": lambda entry: _has_gaps(entry) and entry.type in ("number", "boolean"),
    "drop_missing": _has_few_gaps,
    "flag_missing": _has_gaps,
    "drop_columns": _is_useless,
    "parse_dates": lambda entry: False,
    "date_parts": lambda entry: True,
    "one_hot": lambda entry: _is_category(entry) and _n_unique(entry) <= MANY_CATEGORIES,
    "target_encode": lambda entry: _is_category(entry) and _n_unique(entry) > MANY_CATEGORIES,
    "hashing": lambda entry: _is_category(entry) and _n_unique(entry) > MANY_CATEGORIES,
    "tf_idf": lambda entry: entry.column is not None and entry.column.kind == "text" and not entry.taken,
    "clean_text": lambda entry: entry.column is not None and entry.column.kind == "text",
    "clip": _is_measure,
    "Categories": _is_category,
    "Scale": lambda entry: _is_measure(entry) and not entry.taken.intersection(_ENCODERS),
    "Missing values": _has_gaps,
}
