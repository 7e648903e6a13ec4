"""Suggest a recipe from what the columns are, with a reason for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import polars as pl

from workbench.data.zones import zone_of
from workbench.recipe.fitted_step import listed
from workbench.recipe.made_target import (
    is_made,
    making_steps,
    target_column,
    target_sources,
    telling_columns,
    with_target,
)
from workbench.recipe.spec import DropColumns, DropDuplicates, DropMissing, Step
from workbench.recipe.suggested_steps import MAX_ONE_HOT, Feature, Setting, column_steps, learned_steps
from workbench.recipe.suggested_words import Reason, sentence
from workbench.recipe.suggesting_images import is_for_images, suggest_image_steps
from workbench.recipe.values import DATETIME, kind_of_dtype

if TYPE_CHECKING:
    from workbench.data.profile import Profile
    from workbench.data.table import Column, Table

MOSTLY_MISSING = 0.9
MOSTLY_DIFFERENT = 0.5
FEW_WORDS = 3.0

_WHY_DROPPED: dict[str, Reason] = {
    "identifier": Reason(
        "names the row: a model would learn it by heart", "name the row: a model would learn them by heart"
    ),
    "constant": Reason(
        "has one value or none, so that there is nothing to learn",
        "have one value or none, so that there is nothing to learn",
    ),
    "image": Reason("holds images, which no step encodes", "hold images, which no step encodes"),
}


class EstimatorNeeds(Protocol):
    """What a suggestion asks of an estimator; an entry of the catalogue will do."""

    @property
    def needs_scaling(self) -> bool:
        """Whether numbers must be on one scale."""

    @property
    def handles_missing(self) -> bool:
        """Whether missing numbers may stay."""


@dataclass(frozen=True)
class Looks:
    """What is known of a table beside its columns, from a look at its rows.

    Parameters
    ----------
    n_rows : int, optional
    n_duplicates : int
        Rows that repeat an earlier one.
    leaks : mapping of str to str
        Columns that give the target away, each with the reason.
    dates : mapping of str to str
        Columns of text that hold dates, each with the format; ``""`` for ISO dates.
    numbers : mapping of str to str
        Columns of text that hold numbers, each with the decimal mark.
    skew : mapping of str to float
        Of number columns.
    without_time : frozenset of str
        Date columns whose times are all midnight.
    few_words : frozenset of str
        Text columns of a word or two a cell, which are names rather than sentences.
    parts : frozenset of str
        Columns that say which part a row is in, as train and test.
    answer : str, optional
        The column that holds the known answer where nothing is predicted.
    """

    n_rows: int | None = None
    n_duplicates: int = 0
    leaks: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    skew: Mapping[str, float] = field(default_factory=dict)
    without_time: frozenset[str] = frozenset()
    few_words: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    answer: str | None = None


def suggest(
    columns: Sequence[Column],
    target: str,
    estimator_needs: EstimatorNeeds | None = None,
    *,
    n_rows: int | None = None,
    n_duplicates: int = 0,
    leaks: Mapping[str, str] | None = None,
    looks: Looks | None = None,
) -> list[tuple[Step, str]]:
    """Suggest steps that turn a table into numbers.

    Only the columns' descriptions are read, no rows, so it takes the same time for any table; `suggest_for` also looks
    at rows.

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
    looks : Looks, optional
        More that is known; instead of the three before.

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
    looks = looks or Looks(n_rows, n_duplicates, leaks or {})
    features = [column for column in columns if column.name != target]
    dropped = {column.name: _why_drop(column, looks) for column in features}
    kept = [column for column in features if dropped[column.name] is None]
    steps: list[tuple[Step, str]] = []
    if looks.n_duplicates:
        why = "a row both in training and in test flatters the model"
        repeat = "1 row repeats" if looks.n_duplicates == 1 else f"{looks.n_duplicates:,} rows repeat"
        steps.append((DropDuplicates(), f"{repeat} an earlier one; {why}."))
    unknown = next((column.n_missing for column in columns if column.name == target), 0)
    if unknown:
        have = "1 row has" if unknown == 1 else f"{unknown:,} rows have"
        reason = f"{have} no {target!r}, and only rows that have one can be learned from."
        steps.append((DropMissing(columns=(target,)), reason))
    gone = {name: why for name, why in dropped.items() if why is not None}
    if gone:
        steps.append((DropColumns(columns=tuple(gone)), sentence(gone)))
    setting = Setting(
        handles_missing=estimator_needs is not None and estimator_needs.handles_missing,
        scales=estimator_needs is None or estimator_needs.needs_scaling,
        n_rows=looks.n_rows,
        n_classes=_n_classes(columns, target),
        taken={column.name for column in columns},
        embeds=bool(getattr(estimator_needs, "embeds", False)),  # few estimators do, and needs say only what they need
    )
    reshaping, left = column_steps([_feature(column, looks) for column in kept], setting)
    return steps + reshaping + learned_steps(left, setting)


def _why_drop(column: Column, looks: Looks) -> Reason | None:
    if column.name == looks.answer:
        return Reason("holds the known answer, which groups found with it would only repeat")
    if column.name in looks.leaks:
        return Reason(looks.leaks[column.name])
    if column.name in looks.parts:
        return Reason("says which part a row is in; the split can follow it, but no new row has it")
    if column.n_unique == 0 and column.kind != "image":
        return Reason("has no value at all", "have no value at all")
    is_other = column.name in looks.dates or column.name in looks.numbers
    if column.kind in _WHY_DROPPED and not (is_other and column.kind == "identifier"):
        return _WHY_DROPPED[column.kind]
    n_rows = looks.n_rows
    if n_rows and column.n_missing > MOSTLY_MISSING * n_rows:
        share = f"{column.n_missing / n_rows:.0%}"
        return Reason(f"is missing in {share} of the rows", f"are missing in {share} of the rows")
    is_word = kind_of_dtype(column.dtype) == "text" and (column.kind != "text" or column.name in looks.few_words)
    if is_word and not is_other and n_rows and column.n_unique > MAX_ONE_HOT:
        if column.n_unique > MOSTLY_DIFFERENT * (n_rows - column.n_missing):
            return Reason("hardly ever repeats a value", "hardly ever repeat a value")
    return None


def _feature(column: Column, looks: Looks) -> Feature:
    name, n_missing, n_unique = column.name, column.n_missing, column.n_unique
    kind = kind_of_dtype(column.dtype)
    with_time = name not in looks.without_time and not column.dtype.startswith("Date(") and column.dtype != "Date"
    if name in looks.dates:  # cells that are no date become missing
        return Feature(name, "date", max(1, n_missing), n_unique, with_time=with_time, date_format=looks.dates[name])
    if name in looks.numbers:
        return Feature(name, "number", max(1, n_missing), n_unique, decimal=looks.numbers[name])
    if kind == "datetime":
        return Feature(name, "date", n_missing, n_unique, with_time=with_time)
    if kind == "text":
        is_text = column.kind == "text" and name not in looks.few_words
        # Two words are one 0/1 column either way; of none of them can be said that it is more.
        ordered = column.order is not None and n_unique > 2
        return Feature(name, "text" if is_text else "category", n_missing, n_unique, ordered=ordered)
    if column.kind == "boolean":
        return Feature(name, "yes/no", n_missing, n_unique)
    return Feature(name, "number", n_missing, n_unique, looks.skew.get(name, 0.0))


def _n_classes(columns: Sequence[Column], target: str) -> int:
    found = next((column for column in columns if column.name == target), None)
    if found is None or (kind_of_dtype(found.dtype) == "number" and found.n_unique > 20):
        return 0
    return found.n_unique


def suggest_for(
    table: Table,
    target: str,
    estimator_needs: EstimatorNeeds | None = None,
    *,
    steps: Sequence[Step] = (),
    answer: str | None = None,
) -> list[tuple[Step, str]]:
    """Suggest steps for a table, looking at a sample of its rows, too: for dates and numbers held as text, and leaks.

    Where one of the `steps` that are there already makes the target, those that make it come first, and what it is made
    from is left out. Without a target, groups or outliers are to be found: the column `answer` (by default the table's
    own target) says what they should come to, and is left out. See `suggest` for the other parameters and the result.
    """
    if is_for_images(table.columns, target):
        return suggest_image_steps(table, target)
    if is_made(table, steps, target):
        return _suggest_for_made(table, target, estimator_needs, steps)
    known = None if target else answer or table.target
    return suggest(table.columns, target, estimator_needs, looks=replace(look(table, target), answer=known))


def _suggest_for_made(
    table: Table, target: str, estimator_needs: EstimatorNeeds | None, steps: Sequence[Step]
) -> list[tuple[Step, str]]:
    from workbench.data.leakage import leaks_among

    making = making_steps(steps, target)
    sources = target_sources(table, making, target)
    leaks = leaks_among(with_target(table, making, target).drop(sources), target)
    columns = [column for column in table.columns if column.name not in sources]
    described = [*columns, target_column(table, making, target)]
    found = suggest(described, target, estimator_needs, looks=replace(look(table, ""), leaks=leaks))
    # In a large table the rows without a target were counted in a sample.
    told = f"Rows without {target!r} can't be learned from."
    found = [(step, told if step == DropMissing(columns=(target,)) else reason) for step, reason in found]
    telling = tuple(telling_columns(table, making, target))
    if telling:
        reason = f"{target!r} is made from {listed(list(sources))}, which nobody knows before it."
        place = next((place for place, (step, _) in enumerate(found) if step.family != "row"), len(found))
        found.insert(place, (DropColumns(columns=telling), reason))
    return [*((step, f"It makes {target!r}, which is to be predicted.") for step in making), *found]


def look(table: Table, target: str, *, n_rows: int = 2_000) -> Looks:
    """Find what a suggestion needs to know beside the columns."""
    from workbench.data.split_columns import names_parts
    from workbench.recipe.text_forms import date_format_of, number_form_of

    profile = table.profile()
    sample, _ = table.sampled(min(n_rows, table.n_rows))
    dates, numbers, few_words, without_time, parts = {}, {}, set(), set(), set()
    for column in table.columns:
        if column.name == target or column.kind == "image" or not column.n_unique:
            continue
        values = sample[column.name]
        kind = kind_of_dtype(column.dtype)
        if kind == "datetime" and _all_at_midnight(values):
            without_time.add(column.name)
        if kind != "text" or column.kind == "constant":
            continue
        if names_parts(values):
            parts.add(column.name)
            continue
        form = date_format_of(values)
        if form is not None:
            dates[column.name] = form
            if not _has_time(values, form):
                without_time.add(column.name)
        elif column.n_unique > 2 and (decimal := number_form_of(values)) is not None:
            numbers[column.name] = decimal
        elif float(values.str.count_matches(r"\S+").mean() or 0.0) < FEW_WORDS:  # type: ignore[arg-type]
            few_words.add(column.name)
    return Looks(
        n_rows=table.n_rows,
        n_duplicates=profile.n_duplicates,
        leaks=table.leaks(target) if target else {},
        dates=dates,
        numbers=numbers,
        skew=_skew(profile),
        without_time=frozenset(without_time),
        few_words=frozenset(few_words),
        parts=frozenset(parts),
    )


def _all_at_midnight(values: pl.Series) -> bool:
    if values.dtype not in (pl.Date, pl.Datetime):
        return False
    shown = values.dt.replace_time_zone(None) if zone_of(values.dtype) else values
    return bool((shown.cast(DATETIME).dt.truncate("1d") == shown.cast(DATETIME)).all())


def _has_time(values: pl.Series, form: str) -> bool:
    return "%H" in form or "%I" in form or (not form and bool(values.str.contains(r"\d[T ]\d").any()))


def _skew(profile: Profile) -> dict[str, float]:
    """Give the skew of columns whose bulk varies; of one that is mostly 0 a logarithm would leave no more than that.

    Columns on both sides of 0, such as delays, are passed over: around 0 a logarithm pulls apart what is alike.
    """
    found = profile.frame()
    low, high = (pl.col(name).cast(pl.Float64, strict=False) for name in ("min", "max"))
    varied = found.filter(pl.col("q25") != pl.col("q75"), pl.col("skew").is_not_null(), (low >= 0) | (high <= 0))
    return dict(varied.select("column", "skew").rows())
