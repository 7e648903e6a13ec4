"""What a column is for: a number, a category, free text, an identifier and so on."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from workbench.data.spec import Kind

MIN_ROWS_FOR_IDENTIFIER = 20  # with fewer rows, all values being different says nothing
MAX_CATEGORIES = 1_000
FEW_VALUES = 20

_IDENTIFIER_WORD = re.compile(r"(^|[\s_.-])(id|key|index|uuid|guid|nr|no|number)$", re.IGNORECASE)
_IDENTIFIER_CAMEL = re.compile(r"[a-z]I[dD]$|^[A-Z]{1,3}ID$")  # PassengerId, PID


def kind_of(values: pl.Series, *, n_unique: int) -> Kind:
    """Decide the kind of a column from its type, name and values.

    Integers stay numbers, also when they are few or 0 and 1: a class code that is a number can be told to be one by a
    recipe step, whereas a number that is treated as text has lost its order.

    Parameters
    ----------
    values : Series
        The whole column; missing values are null.
    n_unique : int
        Number of different values that aren't missing.

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
    if values.dtype == pl.Binary:
        return "image"  # the only bytes that a table holds
    if n_unique <= 1:
        return "constant"
    if values.dtype == pl.Boolean:
        return "boolean"
    if values.dtype.is_temporal():
        return "datetime"
    if values.dtype.is_numeric():
        return "identifier" if _counts_rows(values, n_unique) else "number"
    return _kind_of_text(values.drop_nulls(), n_unique)


def _counts_rows(values: pl.Series, n_unique: int) -> bool:
    n_rows = len(values)
    if not values.dtype.is_integer() or n_rows < MIN_ROWS_FOR_IDENTIFIER or n_unique < 0.98 * n_rows:
        return False
    if _is_identifier_name(values.name):
        return True
    # 1, 2, 3 ... numbers the rows; consecutive years or other whole numbers that start elsewhere don't.
    low, high = values.min(), values.max()
    return n_unique == n_rows and low in (0, 1) and isinstance(high, int) and high == low + n_rows - 1  # type: ignore[operator]


_COLUMNS_AT_ONCE = 100


def _is_identifier_name(name: str) -> bool:
    return bool(_IDENTIFIER_WORD.search(name) or _IDENTIFIER_CAMEL.search(name))


def _kind_of_text(present: pl.Series, n_unique: int) -> Kind:
    n_present = len(present)
    share_unique = n_unique / n_present
    has_spaces = float(present.head(10_000).str.contains(r"\s").mean() or 0.0)  # type: ignore[arg-type]
    mean_length = float(present.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]
    if share_unique >= 0.95 and n_present >= MIN_ROWS_FOR_IDENTIFIER:
        return "identifier" if has_spaces < 0.2 and mean_length <= 64 else "text"
    if n_unique <= FEW_VALUES or (n_unique <= 50 and share_unique <= 0.5):
        return "category"
    if n_unique <= MAX_CATEGORIES and share_unique <= 0.2:
        return "category"
    if share_unique <= 0.05 and mean_length <= 64:
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
