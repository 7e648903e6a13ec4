"""The steps of a suggestion: what each kind of column needs, for an estimator that scales or takes missing values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from workbench.recipe.spec import (
    Convert,
    DatePart,
    DateParts,
    FlagMissing,
    Hashing,
    Impute,
    Log,
    MergeRare,
    OneHot,
    Ordinal,
    ParseDates,
    Standardize,
    Step,
    TargetEncode,
    TfIdf,
)  # fmt: skip
from workbench.recipe.suggested_words import shown

MAX_ONE_HOT = 50  # Adult's native_country has 42; beyond, a linear model gets more features than it can estimate well
MAX_ORDINAL = 1_000
MIN_MERGED = 20  # with fewer categories hardly any is rare
MAX_ENCODED_CLASSES = 10  # target encoding gives each column one feature a class
MIN_ROWS_TO_ENCODE = 100  # below, its folds hold too few rows for a mean
MAX_SKEW = 3.0
FLAGGED_SHARE = 0.05
TERM_CELLS = 50_000_000  # TF-IDF gives rows times terms doubles: 400 MB
MAX_TERMS = 3_000  # beyond, sentences about films or news are told apart hardly any better
MAX_TERMS_OF_TREES = 500  # they look through each term for each split
_DATE_PARTS: tuple[DatePart, ...] = ("year", "month", "day", "weekday")

Role = Literal["number", "yes/no", "category", "text", "date", "flag"]
Pairs = list[tuple[Step, str]]


@dataclass(frozen=True)
class Feature:
    """A column as the steps so far leave it.

    Parameters
    ----------
    name : str
    role : {"number", "yes/no", "category", "text", "date", "flag"}
        What it is used as; a flag is 0 or 1 and never missing.
    n_missing : int
    n_unique : int
    skew : float
    with_time : bool
        Of dates.
    ordered : bool
        Of categories whose words have an order.
    date_format, decimal : str, optional
        Of text that holds dates (``""`` for ISO dates) or numbers.
    """

    name: str
    role: Role
    n_missing: int = 0
    n_unique: int = 0
    skew: float = 0.0
    with_time: bool = True
    date_format: str | None = None
    decimal: str | None = None
    ordered: bool = False


@dataclass(frozen=True)
class Setting:
    """What a suggestion depends on beside the columns; `embeds` where the estimator learns a vector per category."""

    handles_missing: bool
    scales: bool
    n_rows: int | None
    n_classes: int
    taken: set[str] = field(default_factory=set)
    embeds: bool = False


def column_steps(features: Sequence[Feature], setting: Setting) -> tuple[Pairs, list[Feature]]:
    """Suggest column steps, and give the features that they leave."""
    steps: Pairs = []
    result: list[Feature] = []
    steps += _grouped(
        features,
        lambda feature: feature.date_format,
        lambda names, form: ParseDates(columns=names, format=form or None),
        "{} {hold} dates as text{}; as dates their parts can be used and rows split by time.",
    )
    steps += _grouped(
        features,
        lambda feature: feature.decimal,
        lambda names, decimal: Convert(columns=names, to="number", decimal="," if decimal == "," else "."),
        "{} {hold} numbers as text; what isn't a number becomes missing.",
    )
    dates = [feature for feature in features if feature.role == "date"]
    for with_time in (False, True):
        chosen = [feature for feature in dates if feature.with_time == with_time]
        steps += _date_parts(chosen, with_time, setting, result)
    flagged = _names(feature for feature in features if _flag(feature, setting))
    if flagged:
        reason = "That a value is missing may itself tell something, which imputing would hide."
        steps.append((FlagMissing(columns=flagged), reason))
        result += [Feature(f"{name}_missing", "flag") for name in flagged]
    return steps, [feature for feature in features if feature.role != "date"] + result


def _grouped(
    features: Sequence[Feature],
    key: Callable[[Feature], str | None],
    step: Callable[[tuple[str, ...], str], Step],
    words: str,
) -> Pairs:
    groups: dict[str, list[str]] = {}
    for feature in features:
        if (found := key(feature)) is not None:
            groups.setdefault(found, []).append(feature.name)
    return [
        (
            step(tuple(names), found),
            words.format(
                shown(names), f" ({found})" if "%" in found else "", hold="holds" if len(names) == 1 else "hold"
            ),
        )
        for found, names in groups.items()
    ]


def _date_parts(dates: Sequence[Feature], with_time: bool, setting: Setting, result: list[Feature]) -> Pairs:
    parts: tuple[DatePart, ...] = (*_DATE_PARTS, "hour") if with_time else _DATE_PARTS
    groups: dict[tuple[DatePart, ...], list[Feature]] = {}
    for feature in dates:
        free = tuple(part for part in parts if f"{feature.name}_{part}" not in setting.taken)
        groups.setdefault(free or ("seconds_since_1970",), []).append(feature)
    steps: Pairs = []
    for chosen, found in groups.items():
        reason = "Models take numbers: the parts of a date show seasons, weekdays and trends."
        steps.append((DateParts(columns=_names(found), parts=chosen), reason))
        result += [
            Feature(f"{feature.name}_{part}", "number", feature.n_missing, 12) for feature in found for part in chosen
        ]
    return steps


def _flag(feature: Feature, setting: Setting) -> bool:
    return bool(
        feature.role == "number"
        and not setting.handles_missing
        and setting.n_rows
        and feature.n_missing >= FLAGGED_SHARE * setting.n_rows
        and f"{feature.name}_missing" not in setting.taken
    )


def learned_steps(features: Sequence[Feature], setting: Setting) -> Pairs:
    """Suggest the learned steps."""
    numbers = [feature for feature in features if feature.role == "number"]
    steps: Pairs = []
    if not setting.handles_missing:
        gaps = _names(feature for feature in numbers if feature.n_missing)
        if gaps:
            reason = "Missing numbers become the median of the training rows, which extreme values don't move."
            steps.append((Impute(columns=gaps, strategy="median"), reason))
        gaps = _names(feature for feature in features if feature.role == "yes/no" and feature.n_missing)
        if gaps:
            reason = "A missing yes or no becomes the more frequent one of the training rows."
            steps.append((Impute(columns=gaps, strategy="most_frequent"), reason))
        gaps = _names(feature for feature in features if feature.ordered and feature.n_missing and not setting.embeds)
        if gaps:
            reason = "A missing place in an order becomes the most frequent one of the training rows."
            steps.append((Impute(columns=gaps, strategy="most_frequent"), reason))
    encoded, numeric = _encoding([feature for feature in features if feature.role == "category"], setting)
    steps += encoded
    texts = _names(feature for feature in features if feature.role == "text")
    if texts:
        most = (MAX_TERMS if setting.scales else MAX_TERMS_OF_TREES) // len(texts)
        n_terms = max(20, min(most, TERM_CELLS // max(1, (setting.n_rows or 1) * len(texts))))
        reason = "Free text becomes the words in it, rare ones weighing more."
        steps.append((TfIdf(columns=texts, max_features=n_terms), reason))
    if setting.scales:
        steps += _scaling(numbers, numeric)
    return steps


def _encoding(categories: Sequence[Feature], setting: Setting) -> tuple[Pairs, list[str]]:
    """Suggest how categories become numbers; also name those that become one number, not several columns."""
    steps: Pairs = []
    if setting.embeds:
        return _numbering(categories)
    ranked = _names(feature for feature in categories if feature.ordered)
    categories = [feature for feature in categories if not feature.ordered]
    if ranked:
        verb = "has" if len(ranked) == 1 else "have"
        reason = f"{shown(ranked)} {verb} an order, which one number keeps: 0 for the lowest."
        steps.append((Ordinal(columns=ranked), reason))
    few = [feature for feature in categories if feature.n_unique <= MAX_ONE_HOT]
    rare = _names(feature for feature in few if feature.n_unique > MIN_MERGED and setting.scales)
    if rare:
        reason = "Categories in fewer than 1 of 200 training rows are too rare to learn from; together they may not be."
        steps.append((MergeRare(columns=rare, min_share=0.005), reason))
    if few:
        reason = "One 0/1 column for each category; a missing or unseen one gives zeros, so nothing need be imputed."
        steps.append((OneHot(columns=_names(few)), reason))
    many = [feature for feature in categories if feature.n_unique > MAX_ONE_HOT]
    numbered = [feature for feature in many if not setting.scales and feature.n_unique <= MAX_ORDINAL]
    if numbered:
        reason = (
            f"More than {MAX_ONE_HOT} categories: trees can split on their number, and one column stays one column."
        )
        steps.append((Ordinal(columns=_names(numbered)), reason))
    left = _names(feature for feature in many if feature not in numbered)
    if not left:
        return steps, list(ranked)
    if setting.n_classes > MAX_ENCODED_CLASSES or (setting.n_rows or MIN_ROWS_TO_ENCODE) < MIN_ROWS_TO_ENCODE:
        reason = f"More than {MAX_ONE_HOT} categories: a hash spreads them over 32 columns each."
        return [*steps, (Hashing(columns=left), reason)], list(ranked)
    reason = (
        f"More than {MAX_ONE_HOT} categories: the mean target of each, cross-fitted so that no row sees its own answer."
    )
    return [*steps, (TargetEncode(columns=left), reason)], [*ranked, *left]


def _numbering(categories: Sequence[Feature]) -> tuple[Pairs, list[str]]:
    """Suggest numbers for categories that each get a vector of their own; they are no amounts, and aren't scaled."""
    steps: Pairs = []
    rare = _names(feature for feature in categories if feature.n_unique > MIN_MERGED)
    if rare:
        reason = "Categories in fewer than 1 of 200 training rows are too rare to learn from; together they may not be."
        steps.append((MergeRare(columns=rare, min_share=0.005), reason))
    if categories:
        reason = "Each category gets a number, for which this network learns a vector; so do missing and unseen ones."
        steps.append((Ordinal(columns=_names(categories)), reason))
    return steps, []


def _scaling(numbers: Sequence[Feature], encoded: list[str]) -> Pairs:
    steps: Pairs = []
    skewed = _names(feature for feature in numbers if abs(feature.skew) > MAX_SKEW and feature.n_unique > MIN_MERGED)
    if skewed:
        reason = f"{shown(skewed)}: a few values are far larger than the rest, which the logarithm tames."
        steps.append((Log(columns=skewed), reason))
    scaled = (*_names(numbers), *encoded)
    if scaled:
        reason = "Networks and linear models learn faster and fairer when all numbers have the same spread."
        steps.append((Standardize(columns=scaled), reason))
    return steps


def _names(features: Iterable[Feature]) -> tuple[str, ...]:
    return tuple(feature.name for feature in features)
