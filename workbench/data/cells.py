"""From cells of text to typed columns: missing words, numbers, booleans, dates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import polars as pl

from workbench.data.cell_types import (
    BETTER_TEXT,
    BETTER_TEXT_THAN_WHOLE,
    Plan,
    Spelling,
    are_better_text,
    are_grouped,
    find_plan,
    fits,
    has_leading_zeros,
    plan_by_hand,
    shows_decimal,
    spellings_that_merge,
)
from workbench.data.column_memory import may_hold
from workbench.data.expecting import Expected, expected_plan, note_on, order_of
from workbench.data.spec import ColumnType, ReaderOptions
from workbench.data.zones import kept_in_utc

MISSING_MARKERS = ("?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL")
# What may stand for a missing value in a column of numbers or dates, in small letters and without blanks.
KNOWN_MARKS = frozenset(
    "- -- --- – — . .. ... … / : * *** ( ) n/a n.a. n.a na #n/a <na> n/v n.v. n/d n.d. n.d nd k.a. k.a k/a s/d s.d. "
    "n/s nil none null (null) \\n nan nat unk unk. unknown unspecified undefined missing empty blank notavailable "
    "notapplicable notknown notreported notrecorded nodata novalue noanswer suppressed withheld tbd tba unbekannt "
    "keineangabe fehlt inconnu nondisponible desconocido nodisponible sconosciuto #value! #ref! #div/0! #name? #num! "
    "#null! #error!".split()
)
_LEAST_MARKS = 2
_PLAIN_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)([.,]\d+)?")
MIN_COUNTRY_CODES = 10
PROBED_VALUES = 100
_FREE_TEXT_VALUES = 50


@dataclass
class CellReport:
    """What was recognised in the cells.

    Parameters
    ----------
    missing : dict
        For each column, how often each marker stood for a missing value (an empty cell is ``""``).
    notes : list of str
    marks : tuple of str
        Words that were recognised as missing in columns of numbers and dates alone.
    plans : mapping of str to Plan
        How each column was read.
    misfits : list of str
        What isn't as it was in the table before, where one is known; part of the notes.
    """

    missing: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    marks: tuple[str, ...] = ()
    plans: Mapping[str, Plan] = field(default_factory=dict)
    misfits: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CellRules:
    """What was set by hand for all cells, and what the file's own form says about them.

    Parameters
    ----------
    missing : tuple of str
        Words that stand for a missing value, beside the empty cell.
    marks : tuple of str, optional
        Words that do so in columns of numbers and dates only; recognised when absent.
    types : mapping of str to ColumnType
    spelling : Spelling
    expected : Expected
        How the columns of the table before were read: the first guess.
    """

    missing: tuple[str, ...] = MISSING_MARKERS
    marks: tuple[str, ...] | None = None
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    spelling: Spelling = Spelling()
    expected: Expected = field(default_factory=Expected)

    @classmethod
    def of(cls, options: ReaderOptions, *, prefers_comma: bool) -> CellRules:
        """Give the rules that reader options set."""
        spelling = Spelling(options.decimal, options.thousands, options.date_order, prefers_comma)
        missing = MISSING_MARKERS if options.missing is None else options.missing
        return cls(missing, options.missing_marks, options.types, spelling, options.expected)

    @cached_property
    def numbers(self) -> dict[float, str]:
        """The missing words that are numbers: in columns of numbers they are compared as such."""
        return numbers_among((*self.missing, *(self.marks or ())))


@dataclass
class Tally:
    """Counts what became of the cells of one column."""

    n_rows: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    n_lost: int = 0
    lost: list[str] = field(default_factory=list)
    n_words: int = 0
    words: list[str] = field(default_factory=list)
    n_present: int = 0
    codes: set[str] | None = field(default_factory=set)

    def country_codes(self, plan: Plan) -> pl.Series | None:
        """Give the codes of two letters that NA is one of after all, if that was unknown when it was read."""
        if (
            plan.keeps_na
            or plan.kind != "text"
            or "NA" not in self.missing
            or len(self.codes or ()) < MIN_COUNTRY_CODES
        ):
            return None
        return pl.Series(["NA", *sorted(self.codes or ())])

    def add_missing(self, marker: str, count: int) -> None:
        """Count a marker."""
        self.missing[marker] = self.missing.get(marker, 0) + count

    def add(self, other: Tally) -> None:
        """Add what was counted in another part of the column."""
        for marker, count in other.missing.items():
            self.add_missing(marker, count)
        self.n_rows += other.n_rows
        self.n_lost += other.n_lost
        self.n_words += other.n_words
        self.n_present += other.n_present
        self.codes = self.codes | other.codes if self.codes is not None and other.codes is not None else None
        self.lost = list(dict.fromkeys([*self.lost, *other.lost]))[:3]
        self.words = list(dict.fromkeys([*self.words, *other.words]))[:3]


class MisfitError(Exception):
    """Cells that the plan of their column can't read; `examples` are some of them."""

    def __init__(self, name: str, examples: pl.Series) -> None:
        super().__init__(name)
        self.name = name
        self.examples = examples


def numbers_among(words: Sequence[str]) -> dict[float, str]:
    """Give the words that are numbers; codes with leading zeros are none.

    Examples
    --------
    >>> numbers_among(["NA", "-999", "007"])
    {-999.0: '-999'}
    """
    return {float(word.replace(",", ".")): word for word in words if _PLAIN_NUMBER.fullmatch(word.strip())}


def without_numbers(values: pl.Series, numbers: Mapping[float, str], tally: Tally) -> pl.Series:
    """Turn the numbers that stand for a missing value into one, and count each."""
    if not numbers or not values.dtype.is_numeric():
        return values
    for number, word in numbers.items():
        is_whole = number == int(number)
        if values.dtype.is_integer() and not is_whole:
            continue
        found = (values == (int(number) if values.dtype.is_integer() else number)).fill_null(False)
        if found.any():
            tally.add_missing(word, int(found.sum()))
            values = values.set(found, None)
    return values


def type_columns(
    frame: pl.DataFrame, *, decimal_comma: bool = False, rules: CellRules | None = None
) -> tuple[pl.DataFrame, CellReport]:
    """Recognise missing values, and give each column the narrowest type that fits all its values.

    Blanks around cells are no part of them, except in free text.

    Parameters
    ----------
    frame : DataFrame
        Strings only.
    decimal_comma : bool, default False
        Read ``3,14`` as a number, as where a semicolon separates the columns.
    rules : CellRules, optional
        What was set by hand.

    Examples
    --------
    >>> frame, report = type_columns(pl.DataFrame({"age": ["39", " ?"], "day": ["2024-01-31", ""]}))
    >>> list(frame.schema.values()), report.missing
    ([Int64, Date], {'age': {'?': 1}, 'day': {'': 1}})
    """
    rules = rules or CellRules(spelling=Spelling(prefers_comma=decimal_comma))
    tallies, typed = {}, []
    plans = {cells.name: recognise(cells, rules) for cells in frame}
    plans = settle_marks(plans, {cells.name: cells for cells in frame}, rules)
    for cells in frame:
        tallies[cells.name] = Tally()
        typed.append(convert(cells, plans[cells.name], rules, tallies[cells.name]))
    return pl.DataFrame(typed), report_of(plans, tallies)


def recognise(cells: pl.Series, rules: CellRules, *, least_marks: int = _LEAST_MARKS) -> Plan:
    """Find how a column is read, from all its cells or from examples.

    Parameters
    ----------
    cells : Series of String
    rules : CellRules
    least_marks : int
        How often a word must occur to stand for a missing value among numbers or dates; 1 where only examples are
        known, and 0 where no word does.
    """
    wanted = rules.types.get(cells.name)
    expected = rules.expected.columns.get(cells.name)
    if expected is not None and (wanted is None or expected.by_hand):
        return _recognise_as_before(cells, expected, rules)
    probe = cells.drop_nulls().head(PROBED_VALUES)
    spelled = rules.spelling.decimal or rules.spelling.thousands
    if wanted is None and not spelled and len(probe) and fits(probe, Plan("number")):
        # A column of nothing but plain numbers and empty cells: most are, and the look at each cell is spared.
        plan = Plan("whole") if fits(cells, Plan("whole")) else Plan("number")
        if fits(cells, plan) and not _has_nan(cells, plan) and not _better_text(cells, plan):
            return _noting_spellings(cells, plan)
    stripped = cells.str.strip_chars()
    keeps_na = wanted is None and "NA" in rules.missing and are_country_codes(stripped)
    values = _without(stripped, _markers(rules, cells.name, keeps_na))
    present = values.drop_nulls()
    if wanted is not None:
        return plan_by_hand(present, wanted, rules.spelling)
    if not len(present):
        return Plan(is_unknown=True)
    # Most columns fail on their first values already; all are tried only where those fit or have something to tell.
    probed = find_plan(present.head(PROBED_VALUES), rules.spelling)
    fitting = find_plan(values, rules.spelling) if probed is not None else None
    plan = fitting or _plan_beside_marks(values, rules, least_marks) or Plan()
    if plan.kind == "text":
        plan = _text_plan(cells, present, plan)
    elif plan.kind == "number":
        plan = _noting_spellings(present, plan)
    if keeps_na:
        note = f"'NA' in {cells.name!r} was kept as a value, since all others are codes of two letters, too (Namibia)."
        plan = replace(plan, keeps_na=True).noting(note)
    return plan


def settle_marks(plans: Mapping[str, Plan], cells: Mapping[str, pl.Series], rules: CellRules) -> dict[str, Plan]:
    """Read numbers such as 1.234 as thousands where another column shows that the mark isn't the decimal one.

    A file has one way of writing numbers. A column in which three digits follow each mark may hold fractions or
    thousands; one with other numbers of digits behind the mark decides it. Where none does, and the marks are points in
    a file whose cells a comma doesn't separate, a note says how they were read.

    Parameters
    ----------
    plans : mapping of str to Plan
    cells : mapping of str to Series
        All cells or examples.
    rules : CellRules
    """
    settled = dict(plans)
    if rules.spelling.decimal is not None or rules.spelling.thousands is not None:
        return settled
    own = {
        name: (cells[name].str.strip_chars(), "," if plan.decimal == "," else ".")
        for name, plan in plans.items()
        if plan.kind in ("number", "spelled") and not plan.by_hand and name not in rules.expected.columns
    }
    shown = {decimal for values, decimal in own.values() if shows_decimal(values, decimal)}
    for name, (values, decimal) in own.items():
        other = "." if decimal == "," else ","
        present = _without(values, _markers(rules, name, keeps_na=False))
        if plans[name].marks or decimal in shown or not are_grouped(present, decimal):
            continue
        if other in shown:
            plan = Plan("spelled", decimal=other, thousands=decimal)
            said = (
                f"was read with {decimal!r} between the thousands, as {other!r} is the decimal mark of other columns."
            )
            settled[name] = plan.noting(f"{name!r} {said}")
        elif decimal == "." and rules.spelling.prefers_comma:
            example = next(value for value in present.drop_nulls() if "." in value)
            note = (
                f"{name!r} has {example!r}, which was read with a decimal point. If the point stands between the "
                "thousands, set the decimal mark to a comma and the thousands mark to a point."
            )
            settled[name] = plans[name] if note in plans[name].notes else plans[name].noting(note)
    return settled


def _noting_spellings(cells: pl.Series, plan: Plan) -> Plan:
    note = spellings_that_merge(cells) if plan.kind == "number" else None
    return plan.noting(note) if note else plan


def _plan_beside_marks(values: pl.Series, rules: CellRules, least: int) -> Plan | None:
    """Find numbers or dates that the only other words are marks for missing beside; None where that isn't so."""
    given = rules.marks
    if given == () or (given is None and not least):
        return None
    present = values.drop_nulls()
    probe = present.head(PROBED_VALUES)
    others = probe.filter(~are_marks(probe, given))
    if len(others) and (len(others) == len(present) or find_plan(others, rules.spelling) is None):
        return None
    marked = are_marks(values, given).fill_null(False)
    if not marked.any():
        return None
    counts = dict(values.filter(marked).value_counts().iter_rows())
    if marked.sum() == len(present) or (given is None and min(counts.values()) < least):
        return None
    plan = find_plan(values.set(marked, None), rules.spelling)
    if plan is None or plan.kind in ("text", "boolean"):
        return None
    return replace(plan, marks=tuple(sorted(counts)))


def are_marks(values: pl.Series, given: Sequence[str] | None = None) -> pl.Series:
    """Say which words are among those given, or else may stand for a missing value however they are written.

    Examples
    --------
    >>> are_marks(pl.Series(["k. A.", "Unknown", "12", "None of them"])).to_list()
    [True, True, False, False]
    """
    if given is not None:
        return values.is_in([*given])
    return values.str.to_lowercase().str.replace_all(" ", "", literal=True).is_in(KNOWN_MARKS)


def _recognise_as_before(cells: pl.Series, expected: Plan, rules: CellRules) -> Plan:
    """Read a column as in the table before where all of it fits; otherwise by itself, with a note on what differs."""
    stripped = cells.str.strip_chars()
    marks = () if expected.kind == "text" else tuple(sorted({*expected.marks, *(rules.marks or ())}))
    values = _without(stripped, [*_markers(rules, cells.name, expected.keeps_na), *marks])
    if expected.kind == "text" and expected.keeps_na != are_country_codes(stripped):
        # Few codes say nothing by themselves; what no code is, or ten of them, does.
        suits = expected.keeps_na and are_country_codes(stripped, least=0)
    else:
        suits = True
    plan = expected_plan(values, expected, rules.expected.marks) if suits else None
    if plan is not None and plan.kind == "text" and not plan.by_hand:
        plan = replace(_text_plan(cells, values.drop_nulls(), Plan()), keeps_na=plan.keeps_na, nearly_numbers=False)
    elif plan is not None:
        plan = replace(plan, marks=marks)
    else:
        order = rules.spelling.date_order or order_of(expected.format)
        spelling = replace(rules.spelling, date_order=order)
        plan = recognise(cells, replace(rules, spelling=spelling, expected=Expected(kept=rules.expected.kept)))
    note = note_on(values, expected, plan, rules.expected.marks)
    return replace(plan, misfit=note) if note else plan


def _text_plan(cells: pl.Series, present: pl.Series, plan: Plan) -> Plan:
    if not plan.notes and not has_leading_zeros(present):
        n_other = present.cast(pl.Float64, strict=False).null_count()
        plan = replace(plan, nearly_numbers=n_other <= 0.5 * len(present))
    return replace(plan, strip=not _is_free_text(cells.drop_nulls()))


def _is_free_text(present: pl.Series) -> bool:
    """Whether the cells are sentences rather than words: blanks around those may mean something.

    Where each cell begins with a blank, as behind ``, ``, it is the file's and not the text's.
    """
    if not len(present) or bool(present.str.starts_with(" ").all()):
        return False
    share_spaced = float(present.head(10_000).str.strip_chars().str.contains(r"\s").mean() or 0.0)  # type: ignore[arg-type]
    return share_spaced >= 0.5 and present.n_unique() > max(_FREE_TEXT_VALUES, 0.2 * len(present))


def _has_nan(cells: pl.Series, plan: Plan) -> bool:
    return plan.kind == "number" and bool(plan.read(cells).is_nan().any())


def _better_text(cells: pl.Series, plan: Plan) -> bool:
    return has_leading_zeros(cells) if plan.kind == "whole" else are_better_text(cells)


def convert(cells: pl.Series, plan: Plan, rules: CellRules, tally: Tally, *, has_blanks: bool = True) -> pl.Series:
    """Read the cells of a column, or of a part of it, and count what became of them.

    `has_blanks` is False where it is known that there is nothing to strip.

    Raises
    ------
    MisfitError
        If cells don't fit a plan that wasn't set by hand, which can be when it was found from examples.
    """
    tally.n_rows += len(cells)
    if not plan.by_hand and plan.kind in ("whole", "number") and fits(cells, plan) and not _has_nan(cells, plan):
        if _better_text(cells, plan):
            raise MisfitError(cells.name, _odd(cells, plan))
        if cells.null_count():
            tally.add_missing("", cells.null_count())
        return without_numbers(plan.read(cells), rules.numbers, tally)
    stripped = cells.str.strip_chars() if has_blanks else cells
    if plan.keeps_na and not are_country_codes(stripped, least=0):
        raise MisfitError(cells.name, stripped.filter(~stripped.str.contains(r"^[A-Z]{2}$")).head(1000))
    values = _without_markers(stripped, [*_markers(rules, cells.name, plan.keeps_na), *plan.marks], tally)
    if plan.kind != "text":
        return without_numbers(_typed(values, plan, tally), rules.numbers, tally)
    if plan.is_unknown and values.null_count() < len(values):
        raise MisfitError(cells.name, values.drop_nulls().head(10_000))
    if plan.doubtful:
        _check_doubt(values, plan)
    if plan.nearly_numbers:
        _count_words(values, tally)
    _note_codes(values, tally)
    # Empty, but not an empty string: blanks that a reader can't see are no value either.
    return values if plan.strip else cells.set(values.is_null(), None)


def _typed(values: pl.Series, plan: Plan, tally: Tally) -> pl.Series:
    typed = plan.read(values)
    if typed.null_count() != values.null_count():
        odd = values.filter(typed.is_null() & values.is_not_null())
        if not plan.by_hand:
            raise MisfitError(values.name, odd.unique(maintain_order=True).head(1000))
        if plan.kind == "whole" and odd.cast(pl.Float64, strict=False).null_count() < len(odd):
            raise MisfitError(values.name, odd.unique(maintain_order=True).head(1000))
        tally.n_lost += len(odd)
        tally.lost = [*tally.lost, *odd.unique(maintain_order=True).head(3)][:3]
    elif not plan.by_hand and plan.kind in ("whole", "number") and _better_text(values, plan):
        raise MisfitError(values.name, _odd(values, plan))
    return typed


def _odd(cells: pl.Series, plan: Plan) -> pl.Series:
    pattern = BETTER_TEXT_THAN_WHOLE if plan.kind == "whole" else BETTER_TEXT
    return cells.filter(cells.str.contains(pattern).fill_null(False)).head(100)


def _check_doubt(values: pl.Series, plan: Plan) -> None:
    """Say so when a day beyond the twelfth decides the order."""
    different = values.drop_nulls().unique(maintain_order=True)
    kind = "datetime" if "%H" in plan.doubtful[0] else "date"
    fitting = [text for text in plan.doubtful if fits(different, Plan(kind, format=text))]  # type: ignore[arg-type]
    if len(fitting) < len(plan.doubtful):
        raise MisfitError(values.name, different.head(1000) if not fitting else _deciding(different, plan))


def _deciding(different: pl.Series, plan: Plan) -> pl.Series:
    kind = "datetime" if "%H" in plan.doubtful[0] else "date"
    read = [Plan(kind, format=text).read(different) for text in plan.doubtful]  # type: ignore[arg-type]
    return different.filter(
        pl.DataFrame([part.is_null().alias(str(n)) for n, part in enumerate(read)]).max_horizontal()
    )


def _note_codes(values: pl.Series, tally: Tally) -> None:
    first = values[0] if len(values) else None
    if tally.codes is None or (first is not None and not (first.isupper() and len(first) == 2)):
        tally.codes = None
        return
    # Most columns show in their first cells already that they are something else.
    for part in (values.head(PROBED_VALUES), values):
        different = part.drop_nulls().unique()
        if not different.str.contains(r"^[A-Z]{2}$").all():
            tally.codes = None
            return
    tally.codes = set(different)


def _count_words(values: pl.Series, tally: Tally) -> None:
    present = values.drop_nulls()
    words = present.filter(present.cast(pl.Float64, strict=False).is_null())
    tally.n_present += len(present)
    tally.n_words += len(words)
    if len(tally.words) < 3:
        tally.words = list(dict.fromkeys([*tally.words, *words.unique(maintain_order=True).head(3)]))[:3]


def _markers(rules: CellRules, column: str, keeps_na: bool) -> list[str]:
    kept = rules.expected.kept.get(column, ())
    return ["", *(word for word in rules.missing if not (keeps_na and word == "NA") and word not in kept)]


def _without(cells: pl.Series, markers: list[str]) -> pl.Series:
    return cells.set(cells.is_in(markers).fill_null(False), None)


def _without_markers(cells: pl.Series, markers: list[str], tally: Tally) -> pl.Series:
    """Turn the markers into missing values and count each."""
    if cells.null_count():
        tally.add_missing("", cells.null_count())
    if not may_hold(cells, markers):
        return cells
    marked = cells.is_in(markers)
    if not marked.any():
        return cells
    found = cells.filter(marked).value_counts(sort=True, name="count of cells")
    for marker, count in found.iter_rows():
        tally.add_missing(marker, count)
    return cells.set(marked.fill_null(False), None)


def unrepeated_marks(plan: Plan, tally: Tally, rules: CellRules) -> pl.Series | None:
    """Give the marks for missing that occur too rarely in a whole column, so that it is text after all."""
    rare = [mark for mark in plan.marks if tally.missing.get(mark, 0) < _LEAST_MARKS]
    return pl.Series(rare, dtype=pl.String) if rare and rules.marks is None else None


def are_country_codes(cells: pl.Series, *, least: int = MIN_COUNTRY_CODES) -> bool:
    """Whether the cells are codes of two letters, of which NA is one."""
    if least and not (cells == "NA").any():
        return False
    others = cells.filter((cells != "NA") & (cells != "")).unique()
    return len(others) >= least and bool(others.str.contains(r"^[A-Z]{2}$").all())


def report_of(plans: Mapping[str, Plan], tallies: Mapping[str, Tally]) -> CellReport:
    """Tell what was recognised, when all cells are read."""
    report = CellReport(
        missing={name: tally.missing for name, tally in tallies.items() if tally.missing}, plans=dict(plans)
    )
    markers: dict[tuple[str, bool], list[str]] = {}
    for name, found in report.missing.items():
        for marker, count in found.items():
            if marker:
                markers.setdefault((marker, marker in plans[name].marks), []).append(f"{name} ({count:,})")
    for (marker, is_mark), where in reversed(markers.items()):
        more = f" and {len(where) - 8} more columns" if len(where) > 8 else ""
        beside = ", where all else is numbers or dates" if is_mark else ""
        report.notes.append(f"{marker!r} was read as missing in {', '.join(where[:8])}{more}{beside}.")
    report.marks = tuple(sorted({mark for plan in plans.values() for mark in plan.marks}))
    for name, plan in plans.items():
        report.misfits += [plan.misfit] * bool(plan.misfit)
        report.notes += [plan.misfit] if plan.misfit else plan.notes
        report.notes += _counts(name, plan, tallies[name])
    return report


def _counts(name: str, plan: Plan, tally: Tally) -> list[str]:
    notes = []
    if plan.kind == "datetime" and plan.format.endswith("%#z"):
        notes.append(kept_in_utc(name))
    if plan.nearly_numbers and 0 < tally.n_words <= 0.1 * tally.n_present:
        notes.append(
            f"{name!r} was kept as text, because {tally.n_words:,} of {tally.n_present:,} values are no numbers "
            f"(such as {', '.join(map(repr, tally.words))})."
        )
    if tally.n_lost:
        shown = ", ".join(map(repr, tally.lost))
        notes.append(f"{tally.n_lost:,} values of {name!r} don't fit its type and were read as missing ({shown}).")
    return notes
