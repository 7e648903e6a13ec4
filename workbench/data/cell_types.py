"""What a column of text cells can be read as: yes/no, numbers in several spellings, dates in several orders."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from workbench.data.spec import DateOrder

TRUE_WORDS = ("true", "yes", "1", "t", "y")
FALSE_WORDS = ("false", "no", "0", "f", "n")

_YEAR_FIRST = (
    (r"^\d{4}-\d{2}-\d{2}$", ("%Y-%m-%d",), False),
    (r"^\d{4}/\d{2}/\d{2}$", ("%Y/%m/%d",), False),
    (r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$", ("%Y-%m-%d %H:%M",), True),
    (r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$", ("%Y-%m-%d %H:%M:%S",), True),
    (r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d+$", ("%Y-%m-%d %H:%M:%S%.f",), True),
    (r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?$", ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"), True),
    (
        r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$",
        ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z"),
        True,
    ),
)
_TIMES = (("", "", False), (r" \d{1,2}:\d{2}", " %H:%M", True), (r" \d{1,2}:\d{2}:\d{2}", " %H:%M:%S", True))
_DAY_OR_MONTH_FIRST = tuple(
    (rf"^\d{{1,2}}{re.escape(mark)}\d{{1,2}}{re.escape(mark)}\d{{4}}{pattern}$", mark, time, has_time)
    for mark in "./-"
    for pattern, time, has_time in _TIMES
)
_ANY_DATE = r"^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([T ]\d{1,2}:\d{2}.*)?$"
# Leading zeros, more digits than a float keeps, and two digits or more in front of an E, which no program writes.
_POWER_CODE = r"^\d{2,}E\d{1,2}$"
_SHORT_POWER_CODE = r"^\dE\d{1,2}$"
BETTER_TEXT = rf"^[+-]?(?:0\d|\d{{17,}}$)|{_POWER_CODE}"
BETTER_TEXT_THAN_WHOLE = r"^[+-]?0\d"
_LOOKED_AT_SPELLINGS = 20_000
_SPELLINGS = ((",", "."), (".", ","), (",", " "), (".", " "), (".", "'"), (",", "'"))


@dataclass(frozen=True)
class Plan:
    """How the cells of one column are read.

    Parameters
    ----------
    kind : {"whole", "number", "spelled", "boolean", "date", "datetime", "text"}
        ``spelled`` numbers have a decimal comma or thousands marks.
    format : str
        Of dates.
    decimal, thousands : str
        Of spelled numbers.
    by_hand : bool
        Cells that don't fit become missing, since the type was set by hand.
    strip : bool
        Blanks around the cells are no part of them.
    keeps_na : bool
        NA is a value here.
    doubtful : tuple of str
        Formats that all fit so far, but give different dates.
    nearly_numbers : bool
        Text that is nearly all numbers, of which the others are counted.
    is_unknown : bool
        No example had a value.
    marks : tuple of str
        Words that stand for a missing value here, since all others are numbers or dates.
    notes : tuple of str
        What a reader would want to know.
    misfit : str
        What of the column isn't as it was in the table before, where one is known.
    """

    kind: Literal["whole", "number", "spelled", "boolean", "date", "datetime", "text"] = "text"
    format: str = ""
    decimal: str = "."
    thousands: str = ""
    by_hand: bool = False
    strip: bool = True
    keeps_na: bool = False
    doubtful: tuple[str, ...] = ()
    nearly_numbers: bool = False
    is_unknown: bool = False
    marks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    misfit: str = ""

    def noting(self, note: str) -> Plan:
        """Give the same plan with one more note."""
        return replace(self, notes=(*self.notes, note))

    def read(self, values: pl.Series) -> pl.Series:
        """Read stripped cells; what doesn't fit becomes null."""
        if self.kind == "whole":
            return values.cast(pl.Int64, strict=False)
        if self.kind == "number":
            return values.cast(pl.Float64, strict=False)
        if self.kind == "spelled":
            return _spelled(values, self.decimal, self.thousands, may_round=self.by_hand)
        if self.kind == "boolean":
            return _boolean(values, by_hand=self.by_hand)
        if self.kind == "text":
            return values
        return _date(values, self.format, has_time=self.kind == "datetime")


@dataclass(frozen=True)
class Spelling:
    """What is known of the spelling of numbers and dates, by hand or from the file.

    Parameters
    ----------
    decimal, thousands : str, optional
        Set by hand.
    date_order : DateOrder, optional
        Set by hand.
    prefers_comma : bool
        A comma doesn't separate the columns, so it may well stand within numbers.
    """

    decimal: str | None = None
    thousands: str | None = None
    date_order: DateOrder | None = None
    prefers_comma: bool = False

    def marks(self) -> list[tuple[str, str]]:
        """Give the pairs of decimal and thousands mark that come into question, the likeliest first."""
        order = _SPELLINGS if self.prefers_comma else (_SPELLINGS[1], _SPELLINGS[0], *_SPELLINGS[2:])
        if self.decimal is not None and self.thousands is not None:
            return [(self.decimal, self.thousands)] if self.decimal != self.thousands else []
        fitting = [
            (decimal, thousands)
            for decimal, thousands in order
            if self.decimal in (None, decimal) and self.thousands in (None, thousands)
        ]
        if self.thousands == "":
            fitting = [(self.decimal or ",", "")]
        return fitting


def fits(values: pl.Series, plan: Plan) -> bool:
    """Whether every cell that isn't missing can be read so."""
    try:
        return plan.read(values).null_count() == values.null_count()
    except pl.exceptions.PolarsError:
        return False


def find_plan(values: pl.Series, spelling: Spelling) -> Plan | None:
    """Find what all cells can be read as, if not as text only.

    Parameters
    ----------
    values : Series of String
        Stripped, at least one of them not missing.
    """
    if fits(values, Plan("boolean")):
        return Plan("boolean")
    return _number_plan(values, spelling) or _date_plan(values, spelling)


def number_of_text(values: pl.Series) -> Plan | None:
    """Give the plan for numbers that are better kept as text, with the reason; None where there is none."""
    if not are_better_text(values):
        return None
    if fits(values, Plan("number")):
        # 020, 038.11 and 0526301100 are codes: as numbers they would lose their zeros.
        if has_leading_zeros(values):
            return Plan().noting(f"{values.name!r} has numbers with leading zeros and was kept as text.")
        power = values.filter(values.str.contains(_POWER_CODE).fill_null(False))
        if len(power):
            return Plan().noting(
                f"{values.name!r} has codes such as {power[0]!r}, which aren't written as numbers are, and was kept as "
                "text."
            )
        if not fits(values, Plan("whole")):
            return Plan().noting(f"{values.name!r} has whole numbers of more than 18 digits and was kept as text.")
    return None


def are_better_text(values: pl.Series) -> bool:
    """Whether some cell would lose something as a number: leading zeros, digits, or that it is a code such as 12E4."""
    return bool(values.str.contains(BETTER_TEXT).any())


def has_leading_zeros(values: pl.Series) -> bool:
    """Whether some cell is a number that begins with a zero too many."""
    return bool(values.str.contains(r"^[+-]?0\d").any())


def has_long_numbers(values: pl.Series) -> bool:
    """Whether some cell has more digits than a float keeps."""
    return bool(values.str.contains(r"^[+-]?\d{17,}$").any())


def spellings_that_merge(values: pl.Series) -> str | None:
    """Give a note where numbers are written in ways that codes are, which makes one value of several.

    Examples
    --------
    >>> spellings_that_merge(pl.Series("icd9", ["250.00", "250.0", "401.9"]))
    "'icd9' has '250.00' beside '250.0', which became one number. If they are codes, set the column's type to text."
    >>> spellings_that_merge(pl.Series("price", ["250.00", "401.90"]))
    """
    some = values.drop_nulls().head(_LOOKED_AT_SPELLINGS)
    power = some.filter(some.str.contains(_SHORT_POWER_CODE))
    if len(power):
        number = float(power[0])
        return (
            f"{values.name!r} has {power[0]!r}, which was read as {number:,.0f}. "
            "If it holds codes, set the column's type to text."
        )
    ended = some.filter(some.str.ends_with("0"))
    ended = ended.filter(ended.str.contains(r"\.\d+0$")).unique(maintain_order=True) if len(ended) else ended
    if not len(ended):
        return None
    bare = ended.str.strip_chars_end("0").str.strip_chars_end(".")
    for shorter in (ended.str.strip_suffix("0"), bare, bare + ".0"):
        found = (shorter != ended) & shorter.is_in(some.implode())
        if found.any():
            place = int(found.arg_true()[0])
            return (
                f"{values.name!r} has {ended[place]!r} beside {shorter[place]!r}, which became one number. "
                "If they are codes, set the column's type to text."
            )
    return None


def are_grouped(values: pl.Series, mark: str) -> bool:
    """Whether numbers look as if a mark stood between their thousands.

    Examples
    --------
    >>> are_grouped(pl.Series(["1.234", "12.345", "7"]), "."), are_grouped(pl.Series(["1.234", "0.500"]), ".")
    (True, False)
    """
    present, point = values.drop_nulls(), re.escape(mark)
    grouped = rf"^[+-]?[1-9]\d{{0,2}}(?:{point}\d{{3}})+$"
    probe = present.head(100)
    if not len(probe) or not probe.str.contains(rf"{grouped}|^[+-]?\d{{1,3}}$").all():
        return False
    return bool(present.str.contains(grouped).any()) and bool(
        present.str.contains(rf"{grouped}|^[+-]?\d{{1,3}}$").all()
    )


def shows_decimal(values: pl.Series, mark: str) -> bool:
    """Whether some of these numbers can only be meant with a mark as the decimal one.

    Examples
    --------
    >>> shows_decimal(pl.Series(["1.234", "1.5"]), "."), shows_decimal(pl.Series(["1.234", "7"]), ".")
    (True, False)
    """
    point, other = re.escape(mark), re.escape("." if mark == "," else ",")
    pattern = "|".join(
        (
            rf"^[+-]?0{point}\d",
            rf"^[^{point}]*{point}(?:\d{{1,2}}|\d{{4,}})$",
            rf"^[+-]?\d{{4,}}{point}\d+$",
            rf"^[+-]?\d{{1,3}}(?:{other}\d{{3}}){{2,}}",
        )
    )
    return bool(values.str.contains(pattern).any())


def _number_plan(values: pl.Series, spelling: Spelling) -> Plan | None:
    as_text = number_of_text(values)
    if as_text is not None:
        return as_text
    if (spelling.decimal or ".") == "." and spelling.thousands != ".":
        for kind in ("whole", "number"):
            plan = Plan(kind)
            if fits(values, plan):
                return plan
    for decimal, thousands in spelling.marks():
        plan = Plan("spelled", decimal=decimal, thousands=thousands)
        if fits(values, plan):
            said = "decimal commas" if decimal == "," else f"{thousands!r} between the thousands"
            return plan.noting(f"{values.name!r} was read with {said}.")
        if fits(values, replace(plan, by_hand=True)):
            return Plan().noting(
                f"{values.name!r} has whole numbers with more digits than a decimal number keeps and was kept as text."
            )
    return None


def _spelled(values: pl.Series, decimal: str, thousands: str, *, may_round: bool = False) -> pl.Series:
    mark = re.escape(thousands) if thousands != " " else "[ \u00a0\u202f]"
    whole = rf"(\d+|\d{{1,3}}({mark}\d{{3}})+)" if thousands else r"\d+"
    right = values.str.contains(rf"^[+-]?{whole}({re.escape(decimal)}\d+)?$")
    plain = values.set(~right, None)
    if thousands:
        plain = plain.str.replace_all(mark, "")
    if decimal != ".":
        plain = plain.str.replace(decimal, ".", literal=True)
    numbers = plain.cast(pl.Float64, strict=False)
    if may_round:
        return numbers
    # Whole numbers beyond 2^53 are those of orders and accounts: their last digits matter.
    lossy = (numbers.abs() >= 2**53) & ~plain.str.contains(".", literal=True)
    return numbers.set(lossy.fill_null(False), None) if lossy.any() else numbers


def _boolean(values: pl.Series, *, by_hand: bool) -> pl.Series:
    lower = values.str.to_lowercase()
    words = dict.fromkeys(TRUE_WORDS if by_hand else TRUE_WORDS[:1], True)
    words |= dict.fromkeys(FALSE_WORDS if by_hand else FALSE_WORDS[:1], False)
    return lower.replace_strict(words, default=None, return_dtype=pl.Boolean)


def _date(values: pl.Series, text: str, *, has_time: bool) -> pl.Series:
    if text == "%Y-%m":
        values, text = values + "-01", "%Y-%m-%d"
    return values.str.to_datetime(text, strict=False) if has_time else values.str.to_date(text, strict=False)


def _date_plan(values: pl.Series, spelling: Spelling) -> Plan | None:
    first = values.drop_nulls()[0]
    if re.fullmatch(r"\d{4}-\d{2}", first) and fits(values, Plan("date", format="%Y-%m")):
        return Plan("date", format="%Y-%m")
    formats, has_time = _formats_like(first, spelling.date_order)
    plans = [Plan("datetime" if has_time else "date", format=text) for text in formats]
    fitting = [plan for plan in plans if fits(values, plan)]
    if len(fitting) > 1 and not fitting[0].read(values).equals(fitting[1].read(values)):
        return Plan(doubtful=tuple(plan.format for plan in fitting)).noting(
            f"{values.name!r} may be day/month or month/day and was kept as text. Write the dates as 2024-12-31."
        )
    if fitting:
        return fitting[0]
    if formats and float(values.drop_nulls().str.contains(_ANY_DATE).mean() or 0.0) >= 0.9:  # type: ignore[arg-type]
        return Plan().noting(
            f"{values.name!r} has dates written in different orders and was kept as text. "
            "Write the dates as 2024-12-31."
        )
    return None


def _formats_like(first: str, order: DateOrder | None) -> tuple[tuple[str, ...], bool]:
    """Give the formats that a cell may have, and whether there is a time in them."""
    for pattern, formats, has_time in _YEAR_FIRST:
        if re.match(pattern, first):
            return formats, has_time
    for pattern, mark, time, has_time in _DAY_OR_MONTH_FIRST:
        if re.match(pattern, first):
            day_first, month_first = (f"%d{mark}%m{mark}%Y{time}", f"%m{mark}%d{mark}%Y{time}")
            if order == "month_day_year":
                return (month_first,), has_time
            # Points are the mark of those who write the day first.
            return ((day_first,) if order == "day_month_year" or mark == "." else (day_first, month_first)), has_time
    return (), False


def plan_by_hand(values: pl.Series, wanted: str, spelling: Spelling) -> Plan:
    """Give the plan for a type set by hand: that which most cells fit.

    Parameters
    ----------
    values : Series of String
        Stripped.
    wanted : {"number", "text", "boolean", "date", "datetime"}
    spelling : Spelling
    """
    if wanted == "text":
        return Plan(by_hand=True, strip=False)
    if wanted == "boolean":
        return Plan("boolean", by_hand=True)
    if wanted == "number":
        marks = [Plan("spelled", decimal=first, thousands=other, by_hand=True) for first, other in spelling.marks()]
        candidates = [Plan("number"), *marks] if (spelling.decimal or ".") == "." else marks
    else:
        firsts = values.drop_nulls().unique(maintain_order=True).head(1000)
        found = {text: has_time for first in firsts for text, has_time in _with_time(first, spelling.date_order)}
        candidates = [Plan("datetime" if has_time else "date", format=text) for text, has_time in found.items()]
        candidates = candidates or [Plan("date", format="%Y-%m-%d")]
    best = max(candidates, key=lambda plan: len(values) - plan.read(values).null_count())
    if best.kind == "number" and _is_whole(best.read(values)) and not has_long_numbers(values):
        best = Plan("whole")
    return replace(best, by_hand=True)


def _with_time(first: str, order: DateOrder | None) -> list[tuple[str, bool]]:
    formats, has_time = _formats_like(first, order)
    return [(text, has_time) for text in formats]


def _is_whole(numbers: pl.Series) -> bool:
    present = numbers.drop_nulls()
    return bool((present == present.floor()).all()) and bool((present.abs() < 2**53).all())
