"""Cells of one kind read as another: numbers with units, yes and no, dates; misfits become missing."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import polars as pl

from workbench.data.zones import moment_of
from workbench.graph import GraphBuilder
from workbench.recipe import expression_graph as nodes
from workbench.recipe.spec import TakenKind
from workbench.recipe.values import DATETIME, finite

YES = ("yes", "y", "true", "t", "on", "1", "1.0", "ja", "j", "wahr", "oui", "vrai", "si", "sí", "sim")
NO = ("no", "n", "false", "f", "off", "0", "0.0", "nein", "falsch", "non", "faux", "não", "nao")

# What may stand in front of a number and behind it: a comparison, a currency, a unit that begins with a letter, per
# cent, degrees.
_COMPARED = r"(?:(?:[<>]=?|[≤≥~≈])\s*)?"
_BEFORE = r"(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3})?\s*"
_BEHIND = r"\s*(?:\p{Sc}|[%‰°]\p{L}?|\p{L}[\p{L}\p{N}/.·^²³\-]*(?:\s\p{L}+)*)?"
_ISO = (  # the groups: day, minutes, seconds, hours and minutes of the offset, Z
    r"^\s*(\d{4}-\d{1,2}-\d{1,2})(?:[T ](\d{1,2}:\d{2})(:\d{2}(?:[.,]\d{1,9})?)?)?\s*"
    r"(?:([+-]\d{2}):?(\d{2})|(Z))?\s*$"
)


def numbers_in(text: pl.Expr, *, decimal: Literal[".", ","], units: bool) -> pl.Expr:
    """Read text as numbers: ``1,234.5``, ``1.234,5 km`` with a decimal comma, ``$ 3.50``, ``45 %``, ``> 100``.

    Thousands marks must divide groups of three digits; anything else that isn't one number is missing.

    Examples
    --------
    >>> frame = pl.DataFrame({"way": ["1.234,5 km", "-3", "3 to 5", "1,23"]})
    >>> frame.select(numbers_in(pl.col("way"), decimal=",", units=True)).to_series().to_list()
    [1234.5, -3.0, None, 1.23]
    """
    thousands, point = ("[,\\s'’]", r"\.") if decimal == "." else ("[.\\s'’]", ",")
    digits = rf"((?:\d{{1,3}}(?:{thousands}\d{{3}})+|\d+)(?:{point}\d*)?(?:[eE][+-]?\d+)?|{point}\d+)"
    compared, before, behind = (_COMPARED, _BEFORE, _BEHIND) if units else ("", "", "")
    groups = text.str.extract_groups(rf"^\s*{compared}([+\-−]?)\s*{before}([+\-−]?)\s*{digits}{behind}\s*$")
    # Joined within the struct: three expressions over `groups` would each match the pattern anew.
    joined = pl.concat_str([pl.field(str(place)) for place in (1, 2, 3)]).alias("written")
    written = groups.struct.with_fields(joined).struct.field("written").str.replace_all(thousands, "")
    written = written.str.replace("−", "-", literal=True)
    if decimal == ",":
        written = written.str.replace(",", ".", literal=True)
    return finite(written.cast(pl.Float64, strict=False))


def yes_or_no_in(text: pl.Expr) -> pl.Expr:
    """Read words of several languages as yes or no."""
    word = text.str.strip_chars().str.to_lowercase()
    return pl.when(word.is_in(YES)).then(True).when(word.is_in(NO)).then(False)


def text_of(value: pl.Expr, kind: TakenKind, digits: pl.Expr | None = None) -> pl.Expr:
    """Write numbers and yes or no as text; whole numbers with all their digits and without a point."""
    if kind == "number":
        as_is = value if digits is None else digits
        whole = [as_is.cast(dtype, strict=False).cast(pl.String) for dtype in (pl.Int64, pl.UInt64)]
        written = value.cast(pl.String)
        return pl.when(value == value.floor()).then(pl.coalesce(*whole, written)).otherwise(written)
    if kind == "boolean":
        return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))
    return value


def converted(
    value: pl.Expr,
    kind: TakenKind,
    to: TakenKind,
    *,
    decimal: Literal[".", ","],
    units: bool,
    digits: pl.Expr | None = None,
) -> pl.Expr:
    """Read values of one kind as another; `digits` are numbers in their own type, where whole ones aren't rounded."""
    if kind == to:
        return value
    if to == "text":
        return text_of(value, kind, digits)
    if kind == "text":
        return numbers_in(value, decimal=decimal, units=units) if to == "number" else yes_or_no_in(value)
    if to == "number":
        return value.cast(pl.Float64)
    return pl.when(value == 1).then(True).when(value == 0).then(False)


def emit_converted(graph: GraphBuilder, tensor: str, kind: TakenKind, to: TakenKind) -> str:
    """Add the graph of `converted` between numbers and yes or no; there is none for text."""
    tensor = nodes.within(graph, tensor)
    if kind == "boolean":
        return nodes.truth(graph, tensor)
    if to == "number":
        return tensor
    is_one = str(graph.node("Equal", tensor, nodes.number(graph, 1.0)))
    is_zero = str(graph.node("Equal", tensor, nodes.number(graph, 0.0)))
    zero = nodes.where(graph, is_zero, nodes.number(graph, 0.0), nodes.number(graph, float("nan")))
    return nodes.where(graph, is_one, nodes.number(graph, 1.0), zero)


def dates_in(text: pl.Expr, format: str | None, zone: str | None = None) -> pl.Expr:
    """Read text as points in time (UTC): by a format, or ISO dates with or without time and offset.

    What has no offset is a time by the clocks of `zone`, where there is one.

    Examples
    --------
    >>> frame = pl.DataFrame({"day": ["2024-12-31", "2024-12-31T23:59+02:00", "31.12.2024"]})
    >>> [str(day) for day in frame.select(dates_in(pl.col("day"), None)).to_series()]
    ['2024-12-31 00:00:00', '2024-12-31 21:59:00', 'None']
    """
    if format:
        text = text.str.strip_chars()
        if "%z" in format or "%:z" in format or "%#z" in format:
            zoned = text.str.strptime(pl.Datetime("us", "UTC"), format, strict=False)
            return zoned.dt.replace_time_zone(None)
        local = text.str.strptime(DATETIME, format, strict=False)
        return moment_of(local, zone) if zone else local
    day, minute, second, hours, minutes = (pl.field(str(place)) for place in range(1, 6))
    second = second.fill_null(":00").str.replace(",", ".", literal=True)
    written = pl.concat_str([day, pl.lit(" "), minute.fill_null("00:00"), second])
    local = written.str.strptime(DATETIME, "%Y-%m-%d %H:%M:%S%.f", strict=False)
    sign = pl.when(hours.str.starts_with("-")).then(-1).otherwise(1)
    offset = hours.cast(pl.Int64, strict=False) * 60 + sign * minutes.cast(pl.Int64, strict=False)
    moment = local - pl.duration(minutes=offset.fill_null(0))
    if zone:
        without = hours.is_null() & pl.field("6").is_null()
        moment = pl.when(without).then(moment_of(local, zone)).otherwise(moment)
    return text.str.extract_groups(_ISO).struct.with_fields(moment.alias("moment")).struct.field("moment")


def is_date_format(format: str) -> bool:
    """Say whether a format reads what it writes.

    Examples
    --------
    >>> is_date_format("%d.%m.%Y"), is_date_format("dd.mm.yyyy"), is_date_format("%Q")
    (True, False, False)
    """
    if "%" not in format:
        return False
    zoned = "z" in format.lower()
    moment = pl.Series([datetime(2001, 2, 3, 4, 5, 6)], dtype=DATETIME)
    try:
        written = (moment.dt.replace_time_zone("UTC") if zoned else moment).dt.strftime(format)
        read = pl.DataFrame({"written": written}).select(dates_in(pl.col("written"), format))
        return read.to_series().null_count() == 0 and written[0] != format
    except (pl.exceptions.PolarsError, ValueError):
        return False
