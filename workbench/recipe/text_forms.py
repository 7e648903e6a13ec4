"""Text that is something else: dates and numbers that a file holds as text."""

from __future__ import annotations

import polars as pl

from workbench.recipe.converting import dates_in, numbers_in

MOSTLY = 0.95
CURRENCIES = (
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "BRL", "RUB", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON",
    "AUD", "CAD", "NZD", "SGD", "HKD", "MXN", "ZAR", "TRY", "KRW", "THB", "IDR", "ILS", "AED", "Rs", "Fr", "kr",
)  # fmt: skip
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

    Digits that begin with 0 are codes, not numbers; so are digits with letters of which there are many.

    Examples
    --------
    >>> number_form_of(pl.Series(["12 kg", "3.5 kg"])), number_form_of(pl.Series(["1,5", "2,25"]))
    ('.', ',')
    >>> number_form_of(pl.Series(["PAL0708", "PAL0709"])) is None, number_form_of(pl.Series(["> 100", "85"]))
    (True, '.')
    """
    present = _present(text)
    if not len(present) or present.str.contains(r"^0\d").any() or _are_codes(present):
        return None
    point = _share(present, numbers_in(pl.col("text"), decimal=".", units=True))
    comma = _share(present, numbers_in(pl.col("text"), decimal=",", units=True))
    if max(point, comma) < MOSTLY:
        return None
    return "." if point >= comma else ","


def _are_codes(present: pl.Series) -> bool:
    """Whether letters beside the digits are no unit: others than one currency before, or several words behind."""
    allowed = (1 - MOSTLY) * len(present)
    before = present.str.extract(r"^[<>≤≥~≈=\s+\-−]*(\p{L}+|\p{L}*\p{Sc})\s*[+\-−]?\d", 1)
    words = before.filter(before.str.contains(r"\p{L}$").fill_null(False))
    if words.is_in(CURRENCIES).not_().sum() > allowed or _n_rarer(before) > allowed:
        return True
    behind = present.str.extract(r"\d[^\p{L}\p{Sc}%‰°]*?\s*([\p{L}\p{Sc}%‰°].*)$", 1).set(before.is_not_null(), None)
    behind = behind.filter(~behind.str.contains(r"^[eE][+\-]?\d+$").fill_null(True))
    # 800 g and 1 kg aren't 800 and 1 of anything; 1 day and 2 days are.
    return _n_rarer(behind.str.to_lowercase().str.strip_chars_end("s. ")) > allowed


def _n_rarer(words: pl.Series) -> int:
    """Count the words that aren't the most frequent one."""
    present = words.drop_nulls()
    if not len(present):
        return 0
    return len(present) - int(present.value_counts(sort=True, name="count of words")["count of words"][0])


def _present(text: pl.Series) -> pl.Series:
    stripped = text.cast(pl.String).str.strip_chars().drop_nulls()
    return stripped.filter(stripped != "").unique(maintain_order=True).head(1_000)


def _share(present: pl.Series, read: pl.Expr) -> float:
    found = pl.DataFrame({"text": present}).select(read.is_not_null().sum()).item()
    return float(found) / len(present)
