"""Text that is something else: dates and numbers that a file holds as text."""

from __future__ import annotations

import polars as pl

from workbench.recipe.converting import dates_in, numbers_in

MOSTLY = 0.95
FORMATS = (
    "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M %p", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y%m%d",
    "%d.%m.%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%Y-%m", "%b %Y",
)  # fmt: skip


def date_format_of(text: pl.Series) -> str | None:
    """Find the format in which almost all text is dates: ``""`` for ISO dates, None where there is none.

    Where days and months can't be told apart, the day comes first.

    Examples
    --------
    >>> date_format_of(pl.Series(["31.12.2024", "01.02.2025"])), date_format_of(pl.Series(["2024-12-31"]))
    ('%d.%m.%Y', '')
    >>> date_format_of(pl.Series(["a", "b"])) is None
    True
    """
    present = _present(text)
    if not len(present) or (present.str.contains(r"\d").sum() < MOSTLY * len(present)):
        return None
    shares = {form: _share(present, dates_in(pl.col("text"), form or None)) for form in ("", *FORMATS)}
    best = max(shares, key=lambda form: shares[form])  # the first of equal ones
    return best if shares[best] >= MOSTLY else None


def number_form_of(text: pl.Series) -> str | None:
    """Find the decimal mark with which almost all text is numbers, with or without units; None where there is none.

    Digits that begin with 0 are codes, not numbers.

    Examples
    --------
    >>> number_form_of(pl.Series(["12 kg", "3.5 kg"])), number_form_of(pl.Series(["1,5", "2,25"]))
    ('.', ',')
    """
    present = _present(text)
    if not len(present) or present.str.contains(r"^0\d").any():
        return None
    point = _share(present, numbers_in(pl.col("text"), decimal=".", units=True))
    comma = _share(present, numbers_in(pl.col("text"), decimal=",", units=True))
    if max(point, comma) < MOSTLY:
        return None
    return "." if point >= comma else ","


def _present(text: pl.Series) -> pl.Series:
    stripped = text.cast(pl.String).str.strip_chars().drop_nulls()
    return stripped.filter(stripped != "").unique(maintain_order=True).head(1_000)


def _share(present: pl.Series, read: pl.Expr) -> float:
    found = pl.DataFrame({"text": present}).select(read.is_not_null().sum()).item()
    return float(found) / len(present)
