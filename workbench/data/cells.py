"""From cells of text to typed columns: missing markers, numbers, booleans, dates."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import polars as pl

MISSING_MARKERS = ("?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL")
MIN_COUNTRY_CODES = 10
PROBED_VALUES = 100

_DATE_FORMATS = (
    (r"^\d{4}-\d{2}-\d{2}$", ("%Y-%m-%d",), False),
    (r"^\d{4}/\d{2}/\d{2}$", ("%Y/%m/%d",), False),
    (r"^\d{1,2}\.\d{1,2}\.\d{4}$", ("%d.%m.%Y",), False),
    (r"^\d{1,2}/\d{1,2}/\d{4}$", ("%d/%m/%Y", "%m/%d/%Y"), False),
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


@dataclass
class CellReport:
    """What was recognised in the cells.

    Parameters
    ----------
    missing : dict
        For each column, how often each marker stood for a missing value (an empty cell is ``""``).
    notes : list of str
    """

    missing: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def type_columns(frame: pl.DataFrame, *, decimal_comma: bool = False) -> tuple[pl.DataFrame, CellReport]:
    """Strip the cells, recognise missing values, and give each column the narrowest type that fits all its values.

    Parameters
    ----------
    frame : DataFrame
        Strings only.
    decimal_comma : bool, default False
        Read ``3,14`` as a number, as where a semicolon separates the columns.

    Examples
    --------
    >>> frame, report = type_columns(pl.DataFrame({"age": ["39", " ?"], "day": ["2024-01-31", ""]}))
    >>> list(frame.schema.values()), report.missing
    ([Int64, Date], {'age': {'?': 1}, 'day': {'': 1}})
    """
    report = CellReport()
    typed = [_type_column(series, decimal_comma, report) for series in frame]
    markers: dict[str, list[str]] = {}
    for name, found in report.missing.items():
        for marker, count in found.items():
            if marker:
                markers.setdefault(marker, []).append(f"{name} ({count:,})")
    for marker, where in markers.items():
        more = f" and {len(where) - 8} more columns" if len(where) > 8 else ""
        report.notes.insert(0, f"{marker!r} was read as missing in {', '.join(where[:8])}{more}.")
    return pl.DataFrame(typed), report


def _type_column(cells: pl.Series, decimal_comma: bool, report: CellReport) -> pl.Series:
    direct = _clean_numbers(cells)
    if direct is not None:
        if cells.null_count():
            report.missing[cells.name] = {"": cells.null_count()}
        return direct
    values = _without_markers(cells.str.strip_chars(), report)
    if values.null_count() == len(values):
        return values
    probe = values.drop_nulls().head(PROBED_VALUES)
    for attempt in (_as_boolean, _as_number, _as_date):
        # Most columns fail on their first values already; the whole column is tried only where those fit, or where
        # they fit in a way that must be told.
        told = CellReport()
        if attempt(probe, decimal_comma, told) is not None or told.notes:
            typed = attempt(values, decimal_comma, report)
            if typed is not None:
                return typed
    _note_almost_numbers(values.drop_nulls(), report)
    return values


def _clean_numbers(cells: pl.Series) -> pl.Series | None:
    """Read a column of nothing but numbers and empty cells without a look at each cell: most are, and it is fast."""
    probe = cells.drop_nulls().head(PROBED_VALUES)
    if not len(probe) or _as_number(probe, False, CellReport()) is None:
        return None
    number = _as_number(cells, False, CellReport())
    return None if number is None or (number.dtype.is_float() and number.is_nan().any()) else number


def _without_markers(cells: pl.Series, report: CellReport) -> pl.Series:
    marked = cells.is_in(["", *MISSING_MARKERS])
    n_null = cells.null_count()
    if not n_null and not marked.any():
        return cells
    markers = cells.filter(marked).value_counts(sort=True)
    counts = dict(zip(markers[cells.name].to_list(), markers["count"].to_list(), strict=True))
    if n_null:
        counts[""] = counts.get("", 0) + n_null
    if "NA" in counts and _are_country_codes(cells):
        del counts["NA"]
        report.notes.append(
            f"'NA' in {cells.name!r} was kept as a value, since all others are codes of two letters, too (Namibia)."
        )
        marked = cells.is_in(list(counts))
    if counts:
        report.missing[cells.name] = counts
    return cells.set(marked.fill_null(False), None)


def _are_country_codes(cells: pl.Series) -> bool:
    others = cells.filter((cells != "NA") & (cells != "")).unique()
    return len(others) >= MIN_COUNTRY_CODES and bool(others.str.contains(r"^[A-Z]{2}$").all())


def _as_boolean(values: pl.Series, decimal_comma: bool, report: CellReport) -> pl.Series | None:
    lower = values.str.to_lowercase()
    if not lower.drop_nulls().is_in(["true", "false"]).all():
        return None
    return (lower == "true").alias(values.name)


def _as_number(values: pl.Series, decimal_comma: bool, report: CellReport) -> pl.Series | None:
    whole = _cast(values, pl.Int64)
    if whole is not None:
        # 020 and 0526301100 are codes: as numbers they would lose their zeros.
        if values.str.contains(r"^[+-]?0\d").any():
            report.notes.append(f"{values.name!r} has numbers with leading zeros and was kept as text.")
            return None
        return whole
    number = _cast(values, pl.Float64)
    if number is not None and values.str.contains(r"^[+-]?\d{17,}$").any():
        report.notes.append(f"{values.name!r} has whole numbers of more than 18 digits and was kept as text.")
        return None
    if (
        number is None
        and decimal_comma
        and values.drop_nulls().str.contains(r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$").all()
    ):
        number = _cast(values.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True), pl.Float64)
        if number is not None:
            report.notes.append(f"{values.name!r} was read with decimal commas.")
    return number


def _cast(values: pl.Series, dtype: type[pl.DataType]) -> pl.Series | None:
    typed = values.cast(dtype, strict=False)
    return typed if typed.null_count() == values.null_count() else None


def _as_date(values: pl.Series, decimal_comma: bool, report: CellReport) -> pl.Series | None:
    first = values.drop_nulls()[0]
    if re.fullmatch(r"\d{4}-\d{2}", first):
        values = values + "-01"
        first = values.drop_nulls()[0]
    for pattern, formats, has_time in _DATE_FORMATS:
        if re.match(pattern, first):
            fitting = [typed for typed in (_to_date(values, text, has_time) for text in formats) if typed is not None]
            if len(fitting) > 1 and not fitting[0].equals(fitting[1]):
                report.notes.append(
                    f"{values.name!r} may be day/month or month/day and was kept as text. "
                    "Write the dates as 2024-12-31."
                )
                return None
            if fitting:
                return fitting[0]
    return None


def _to_date(values: pl.Series, text: str, has_time: bool) -> pl.Series | None:
    try:
        typed = values.str.to_datetime(text, strict=False) if has_time else values.str.to_date(text, strict=False)
    except pl.exceptions.ComputeError:
        return None
    return typed if typed.null_count() == values.null_count() else None


def _note_almost_numbers(present: pl.Series, report: CellReport) -> None:
    number = present.cast(pl.Float64, strict=False)
    n_other = number.null_count()
    if n_other <= 0.1 * len(present):
        examples = ", ".join(
            repr(value) for value in present.filter(number.is_null()).unique(maintain_order=True).head(3)
        )
        if present.str.contains(r"^[+-]?0\d").any():
            return
        report.notes.append(
            f"{present.name!r} was kept as text, because {n_other:,} of {len(present):,} values are no numbers "
            f"(such as {examples})."
        )
