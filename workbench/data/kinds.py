"""What a column is for: a number, a category, free text, an identifier and so on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.data.spec import Kind

MIN_ROWS_FOR_IDENTIFIER = 20  # with fewer rows, all values being different says nothing
MAX_CATEGORIES = 1_000
FEW_VALUES = 20
SPACES_AMONG = 10_000
_COLUMNS_AT_ONCE = 100

_IDENTIFIER_WORD = re.compile(r"(^|[\s_.-])(id|key|index|uuid|guid|nr|no|number)$", re.IGNORECASE)
_IDENTIFIER_CAMEL = re.compile(r"[a-z]I[dD]$|^[A-Z]{1,3}ID$")  # PassengerId, PID


def kind_of(values: pl.Series, *, n_unique: int, n_rows: int | None = None, n_present: int | None = None) -> Kind:
    """Decide the kind of a column from its type, name and values.

    Integers stay numbers, also when they are few or 0 and 1: a class code that is a number can be told to be one by a
    recipe step, whereas a number that is treated as text has lost its order.

    Parameters
    ----------
    values : Series
        The whole column; missing values are null. Of a large column its first rows will do, unless it is one of whole
        numbers that hardly repeat.
    n_unique : int
        Number of different values that aren't missing.
    n_rows, n_present : int, optional
        Rows of the whole column, and those that aren't missing, where `values` are only its first rows.

    Returns
    -------
    {"number", "category", "text", "boolean", "datetime", "identifier", "constant", "image"}

    Examples
    --------
    >>> kind_of(pl.Series("port", ["S", "C", "S", "Q"]), n_unique=3)
    'category'
    >>> kind_of(pl.Series("pclass", [1, 2, 3, 1]), n_unique=3)
    'number'
    """
    present = values.drop_nulls()
    is_text = values.dtype == pl.String
    ends = (values.min(), values.max()) if values.dtype.is_integer() and n_unique > 1 else (None, None)
    return kind_from(
        Facts(
            name=values.name,
            dtype=values.dtype,
            n_rows=len(values) if n_rows is None else n_rows,
            n_present=len(present) if n_present is None else n_present,
            n_unique=n_unique,
            low=ends[0],
            high=ends[1],
            share_spaced=share_spaced(present) if is_text else 0.0,
            mean_length=float(present.str.len_chars().mean() or 0.0) if is_text else 0.0,  # type: ignore[arg-type]
        )
    )


@dataclass(frozen=True)
class Facts:
    """What the kind of a column depends on.

    Parameters
    ----------
    name : str
    dtype : DataType
    n_rows, n_present, n_unique : int
        Rows, rows with a value, and different values.
    low, high : optional
        Of whole numbers.
    share_spaced, mean_length : float
        Of text: share of the first values that hold a space, and mean number of characters.
    """

    name: str
    dtype: pl.DataType
    n_rows: int
    n_present: int
    n_unique: int
    low: Any = None
    high: Any = None
    share_spaced: float = 0.0
    mean_length: float = 0.0


def kind_from(facts: Facts) -> Kind:
    """Decide the kind of a column from what is known about it; see `kind_of`."""
    if facts.dtype == pl.Binary:
        return "image"  # the only bytes that a table holds
    if facts.n_unique <= 1:
        return "constant"
    if facts.dtype == pl.Boolean:
        return "boolean"
    if facts.dtype.is_temporal():
        return "datetime"
    if facts.dtype.is_numeric():
        return "identifier" if _counts_rows(facts) else "number"
    return _kind_of_text(facts)


def share_spaced(present: pl.Series) -> float:
    """Give the share of the first 10,000 texts that hold a space."""
    return float(present.head(SPACES_AMONG).str.contains(r"\s").mean() or 0.0)  # type: ignore[arg-type]


def _counts_rows(facts: Facts) -> bool:
    if not facts.dtype.is_integer() or facts.n_rows < MIN_ROWS_FOR_IDENTIFIER or facts.n_unique < 0.98 * facts.n_rows:
        return False
    if _is_identifier_name(facts.name):
        return True
    # 1, 2, 3 ... numbers the rows; consecutive years or other whole numbers that start elsewhere don't.
    return facts.n_unique == facts.n_rows and facts.low in (0, 1) and facts.high == facts.low + facts.n_rows - 1


def _is_identifier_name(name: str) -> bool:
    return bool(_IDENTIFIER_WORD.search(name) or _IDENTIFIER_CAMEL.search(name))


def _kind_of_text(facts: Facts) -> Kind:
    share_unique = facts.n_unique / facts.n_present
    if share_unique >= 0.95 and facts.n_present >= MIN_ROWS_FOR_IDENTIFIER:
        return "identifier" if facts.share_spaced < 0.2 and facts.mean_length <= 64 else "text"
    if facts.n_unique <= FEW_VALUES or (facts.n_unique <= 50 and share_unique <= 0.5):
        return "category"
    if facts.n_unique <= MAX_CATEGORIES and share_unique <= 0.2:
        return "category"
    if share_unique <= 0.05 and facts.mean_length <= 64:
        return "category"  # airports, tail numbers: many values, each of them often
    return "text"


def count_unique(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> dict[str, int]:
    """Count the different values of each column, missing ones left out."""
    names = list(columns) if columns is not None else frame.columns
    counts: dict[str, int] = {}
    # In groups: one query over thousands of columns takes time that grows with their square.
    for start in range(0, len(names), _COLUMNS_AT_ONCE):
        part = frame.select(names[start : start + _COLUMNS_AT_ONCE])
        counts |= part.select(pl.all().drop_nulls().n_unique()).row(0, named=True)
    return counts
