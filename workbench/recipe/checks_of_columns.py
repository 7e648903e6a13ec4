"""Checks of single columns, and of columns that equal each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from workbench.recipe.check_list import Check, Remedy, made, named
from workbench.recipe.checks_of_target import cleaning, shown, variants
from workbench.recipe.date_texts import date_format
from workbench.recipe.examined import Examined
from workbench.recipe.spec import (
    Convert,
    DateParts,
    DropColumns,
    Hashing,
    Log,
    OneHot,
    Ordinal,
    ParseDates,
    Power,
    TargetEncode,
)
from workbench.recipe.values import is_rounded

MANY_CATEGORIES = 50
MAX_CODES = 50
NEARLY_ALL = 0.99
LONG_TAIL = 3.0
MOST_WORDS = 0.2
_CODE = re.compile(
    r"(^|[\s_.-])(code|type|zip|postcode|postal|plz|district|region|area_code|cluster|category|cat)s?$", re.I
)
_CAPABLE = ("target_encode", "hashing", "merge_rare", "ordinal", "tf_idf")
_TAMING = ("log", "power", "quantile_transform", "bins", "clip", "ordinal", "one_hot", "target_encode")


def identifiers(seen: Examined) -> Iterator[Check]:
    """Columns that name the row (WB104)."""
    found = tuple(name for name in seen.features if seen.kind(name) == "identifier")
    found = tuple(name for name in found if not seen.taken_by(name, "tf_idf", "hashing"))
    if found:
        verb = "differs" if len(found) == 1 else "differ"
        remedy = Remedy(f"Leave {named(found)} out", (DropColumns(columns=found),))
        yield made("WB104", found, f"{named(found)} {verb} in nearly every row, as identifiers do.", remedy)


def constant(seen: Examined) -> Iterator[Check]:
    """Columns with one value in nearly all rows (WB131)."""
    same, nearly = [], []
    for name in seen.features:
        summary = seen.summaries[name]
        n_present = _n_rows(seen, name) - summary.column.n_missing
        if summary.column.kind == "constant":
            same.append(name)
        elif n_present and summary.top and summary.top[0][1] >= NEARLY_ALL * _n_rows(seen, name):
            nearly.append(name)
    for names, told in ((same, "one value or none"), (nearly, f"the same value in {NEARLY_ALL:.0%} of the rows")):
        if names:
            found = tuple(names)
            remedy = Remedy(f"Leave {named(found)} out", (DropColumns(columns=found),))
            verb = "has" if len(found) == 1 else "have"
            yield made("WB131", found, f"{named(found)} {verb} {told}.", remedy)


def _n_rows(seen: Examined, name: str) -> int:
    """Rows that the column's summary counts."""
    exact = any(summary is seen.summaries[name] for summary in seen.whole.summaries)
    return seen.table.n_rows if exact else seen.rows.height


def equal_columns(seen: Examined) -> Iterator[Check]:
    """Columns with the same values (WB132)."""
    first: dict[tuple[str, int, int, int], list[str]] = {}
    for name in seen.features:
        summary = seen.summaries[name]
        if summary.column.kind in ("constant", "image"):
            continue
        values = seen.rows[name]
        values = _comparable(values)
        key = (str(values.dtype), values.null_count(), int(values.hash().sum()), int(values.head(50).hash().sum()))
        first.setdefault(key, []).append(name)
    for names in first.values():
        a, *others = names
        compared = {name: _comparable(seen.rows[name]) for name in names}
        same = tuple(name for name in others if compared[name].alias(a).equals(compared[a].alias(a)))
        if same:
            verb = "equals" if len(same) == 1 else "equal"
            remedy = Remedy(f"Leave {named(same)} out", (DropColumns(columns=same),))
            message = f"{named(same)} {verb} {a} in every row{seen.said}."
            yield made("WB132", (a, *same), message, remedy)


def _comparable(values: pl.Series) -> pl.Series:
    """Let 1 and 1.0 be equal; whole numbers that a double would round stay as they are."""
    return values.cast(pl.Float64) if values.dtype.is_numeric() and not is_rounded(values) else values


def rounded(seen: Examined) -> Iterator[Check]:
    """Whole numbers beyond what a double holds (WB139)."""
    found = tuple(name for name in seen.features if is_rounded(seen.rows[name]))
    if found:
        verb = "holds" if len(found) == 1 else "hold"
        leave = Remedy(f"Leave {named(found)} out", (DropColumns(columns=found),))
        treat = Remedy("Treat as text", (Convert(columns=found, to="text"),))
        message = f"{named(found)} {verb} whole numbers above 9,007,199,254,740,992, which a model can't tell apart."
        yield made("WB139", found, message, leave, treat)


def many_categories(seen: Examined) -> Iterator[Check]:
    """Categories that are too many for a column each (WB133)."""
    found = tuple(
        name
        for name in seen.features
        if seen.kind(name) == "category"
        and seen.summaries[name].column.n_unique > MANY_CATEGORIES
        and not seen.taken_by(name, *_CAPABLE)
        and not any(step.step == "one_hot" and name in step.columns and step.max_categories for step in seen.steps)
    )
    if found:
        most = ", ".join(f"{name} {seen.summaries[name].column.n_unique:,}" for name in found[:6])
        yield made(
            "WB133",
            found,
            f"More than {MANY_CATEGORIES} categories: {most}{' ...' if len(found) > 6 else ''}.",
            Remedy("Encode by the mean target", (TargetEncode(columns=found),)),
            Remedy("Number the categories (for trees)", (Ordinal(columns=found),)),
            Remedy("Spread them over 32 columns by a hash", (Hashing(columns=found),)),
            Remedy(f"Leave {named(found)} out", (DropColumns(columns=found),)),
        )


def dates_as_text(seen: Examined) -> Iterator[Check]:
    """Text that holds dates (WB134)."""
    for name in seen.features:
        if seen.rows[name].dtype != pl.String:
            continue
        format_ = date_format(seen.rows[name])
        if format_ is not None:
            example = seen.rows[name].drop_nulls()[0]
            read = ParseDates(columns=(name,), format=format_.pattern)
            yield made(
                "WB134",
                (name,),
                f"{name} holds dates as text, such as {example!r}{seen.said}.",
                Remedy("Read as dates and take their parts", (read, DateParts(columns=(name,)))),
                Remedy("Read as dates", (read,)),
            )


def mixed_types(seen: Examined) -> Iterator[Check]:
    """Text that is mostly numbers (WB135)."""
    for name in seen.features:
        values = seen.rows[name].drop_nulls()
        if values.dtype != pl.String or len(values) < 5:
            continue
        words = values.filter(values.str.strip_chars().cast(pl.Float64, strict=False).is_null())
        if 0 < len(words) <= MOST_WORDS * len(values):
            kinds = words.unique(maintain_order=True)[:3].to_list()
            message = (
                f"{name} is text because {len(words):,} of {len(values):,} values are no plain numbers, such as "
                f"{', '.join(repr(word) for word in kinds)}{seen.said}."
            )
            remedy = Remedy("Read as numbers; what is none becomes missing", (Convert(columns=(name,), to="number"),))
            yield made("WB135", (name,), message, remedy)


def long_tails(seen: Examined) -> Iterator[Check]:
    """Numbers with a few extreme values (WB136)."""
    found = []
    for name in seen.features:
        numbers = seen.summaries[name].statistics
        is_spread = seen.summaries[name].column.n_unique > 20 and numbers.get("q25") != numbers.get("q75")
        if seen.kind(name) == "number" and is_spread and abs(numbers.get("skew") or 0.0) > LONG_TAIL:
            if not seen.taken_by(name, *_TAMING):
                found.append(name)
    counts = tuple(name for name in found if seen.summaries[name].statistics["skew"] > 0)
    others = tuple(name for name in found if name not in counts)
    for names, step, label in ((counts, Log, "Take the logarithm"), (others, Power, "Take a power that evens it out")):
        if names:
            side = "high" if names is counts else "low"
            verb = "has" if len(names) == 1 else "have"
            yield made(
                "WB136",
                names,
                f"{named(names)} {verb} a long tail of {side} values.",
                Remedy(label, (step(columns=names),)),
            )


def codes(seen: Examined) -> Iterator[Check]:
    """Whole numbers whose name says that they are names (WB137)."""
    found = tuple(
        name
        for name in seen.features
        if seen.rows[name].dtype.is_integer()
        and seen.kind(name) == "number"
        and 2 < seen.summaries[name].column.n_unique
        and _CODE.search(name)
        and not seen.taken_by(name, "one_hot", "ordinal", "target_encode", "bins")
    )
    few = tuple(name for name in found if seen.summaries[name].column.n_unique <= MAX_CODES)
    many = tuple(name for name in found if name not in few)
    for names in (few, many):
        if names:
            encode = OneHot(columns=names) if names is few else TargetEncode(columns=names)
            remedy = Remedy("Treat as names", (Convert(columns=names, to="text"), encode))
            verb = "is a number" if len(names) == 1 else "are numbers"
            yield made("WB137", names, f"{named(names)} {verb}, but the name says that it stands for a thing.", remedy)


def written_variants(seen: Examined) -> Iterator[Check]:
    """Categories that differ in spaces, capitals or a full stop only (WB138)."""
    for name in seen.features:
        if seen.rows[name].dtype == pl.String and seen.kind(name) == "category":
            found = variants(seen.rows[name])
            if found:
                message = f"{name} writes one thing in several ways: {shown(found)}{seen.said}."
                yield made("WB138", (name,), message, cleaning(name, found))
