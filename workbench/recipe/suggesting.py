"""Suggest a recipe from what the columns are, with a reason for each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from workbench.data.encoding import input_type
from workbench.recipe.spec import DropColumns, DropDuplicates, DropMissing, Impute, OneHot, Ordinal, Standardize, Step

if TYPE_CHECKING:
    from workbench.data.table import Column

MAX_ONE_HOT = 50  # Adult's native_country has 42; beyond, a linear model gets more features than it can estimate well
MAX_ORDINAL = 1_000
MOSTLY_MISSING = 0.9

_WHY_DROPPED = {
    "identifier": "names the row: a model would learn it by heart",
    "text": "is free text, which no step here encodes",
    "constant": "has one value or none, so that there is nothing to learn",
    "datetime": "holds dates, which no step here encodes",
}


class EstimatorNeeds(Protocol):
    """What a suggestion asks of an estimator; an entry of the catalogue will do."""

    @property
    def needs_scaling(self) -> bool:
        """Whether numbers must be on one scale."""

    @property
    def handles_missing(self) -> bool:
        """Whether missing numbers may stay."""


def suggest(
    columns: Sequence[Column],
    target: str,
    estimator_needs: EstimatorNeeds | None = None,
    *,
    n_rows: int | None = None,
    n_duplicates: int = 0,
    leaks: Mapping[str, str] | None = None,
) -> list[tuple[Step, str]]:
    """Suggest steps that turn a table into numbers.

    Only the columns' descriptions are read, no rows, so it takes the same time for any table.

    Parameters
    ----------
    columns : sequence of Column
    target : str
    estimator_needs : EstimatorNeeds, optional
        An entry of the estimators' catalogue; when absent the recipe suits every estimator.
    n_rows : int, optional
        Of the table; with it, columns that are almost empty are left out.
    n_duplicates : int, default 0
        Rows of the table that repeat an earlier one.
    leaks : mapping of str to str, optional
        Columns that give the target away, each with the reason; they are left out.

    Returns
    -------
    list of (Step, str)
        Each step with its reason.

    Examples
    --------
    >>> from workbench.data.table import Column
    >>> columns = [Column("age", "number", "Float64", 3, 70), Column("sex", "category", "String", 0, 2)]
    >>> [step.step for step, _ in suggest(columns, "survived")]
    ['impute', 'one_hot', 'standardize']
    """
    features = [column for column in columns if column.name != target]
    known = leaks or {}
    dropped = {column.name: known.get(column.name) or _why_drop(column, n_rows, estimator_needs) for column in features}
    kept = [column for column in features if not dropped[column.name]]
    steps: list[tuple[Step, str]] = []
    if n_duplicates:
        reason = f"{n_duplicates:,} rows repeat an earlier one; a row both in training and in test flatters the model."
        steps.append((DropDuplicates(), reason))
    unknown = next((column.n_missing for column in columns if column.name == target), 0)
    if unknown:
        reason = f"{unknown:,} rows have no {target!r}, and only rows that have one can be learned from."
        steps.append((DropMissing(columns=(target,)), reason))
    gone = {name: why for name, why in dropped.items() if why}
    if gone:
        steps.append((DropColumns(columns=tuple(gone)), _sentence(gone)))
    return steps + _learned(kept, estimator_needs)


def _why_drop(column: Column, n_rows: int | None, needs: EstimatorNeeds | None) -> str:
    if column.n_unique == 0:
        return "has no value at all"
    if column.kind in _WHY_DROPPED:
        return _WHY_DROPPED[column.kind]
    if n_rows and column.n_missing > MOSTLY_MISSING * n_rows:
        return f"is missing in {column.n_missing / n_rows:.0%} of the rows"
    if input_type(column.dtype) == "string" and column.n_unique > (MAX_ONE_HOT if _scales(needs) else MAX_ORDINAL):
        return f"has {column.n_unique:,} categories, too many for this kind of estimator to learn each of them"
    return ""


def _learned(kept: list[Column], needs: EstimatorNeeds | None) -> list[tuple[Step, str]]:
    texts = [column for column in kept if input_type(column.dtype) == "string"]
    flags = [column for column in kept if column.kind == "boolean" and column not in texts]
    numbers = [column for column in kept if column not in texts and column not in flags]
    steps: list[tuple[Step, str]] = []
    if needs is None or not needs.handles_missing:
        gaps = _names(column for column in numbers if column.n_missing)
        if gaps:
            reason = "Missing numbers become the median of the training rows, which extreme values don't move."
            steps.append((Impute(columns=gaps, strategy="median"), reason))
        gaps = _names(column for column in flags if column.n_missing)
        if gaps:
            reason = "A missing yes or no becomes the more frequent one of the training rows."
            steps.append((Impute(columns=gaps, strategy="most_frequent"), reason))
    few = _names(column for column in texts if column.n_unique <= MAX_ONE_HOT)
    if few:
        reason = "One 0/1 column for each category; a missing or unseen one gives zeros, so nothing need be imputed."
        steps.append((OneHot(columns=few), reason))
    many = _names(column for column in texts if column.n_unique > MAX_ONE_HOT)
    if many:
        reason = (
            f"More than {MAX_ONE_HOT} categories: trees can split on their number, and one column stays one column."
        )
        steps.append((Ordinal(columns=many), reason))
    if numbers and _scales(needs):
        reason = "Networks and linear models learn faster and fairer when all numbers have the same spread."
        steps.append((Standardize(columns=_names(numbers)), reason))
    return steps


def _scales(needs: EstimatorNeeds | None) -> bool:
    return needs is None or needs.needs_scaling


def _names(columns: Iterable[Column]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def _sentence(gone: dict[str, str], limit: int = 8) -> str:
    by_reason: dict[str, list[str]] = {}
    for name, why in gone.items():
        by_reason.setdefault(why, []).append(name)
    parts = []
    for why, names in by_reason.items():
        shown = ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
        parts.append(f"{shown}: {why}")
    return "; ".join(parts) + "."
