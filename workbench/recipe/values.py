"""What kind of values a column holds, and the one form in which column steps and expressions read them.

A number is a double of at most 3.4e38 in size or missing, text is a string that isn't empty or missing, a date or time
is a point in UTC with microseconds (its zone stands in `Content`), yes and no are booleans. Training, prediction and
graph read a column alike, whatever type a table or a request gave it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl

from workbench.data.orders import order_of
from workbench.data.zones import zone_of
from workbench.recipe.fitted_step import InputType
from workbench.recipe.spec import TakenKind

# float32 is what trees and networks compute in: a number beyond its range would be infinite to them, and scikit-learn
# refuses infinite values. Both count as missing, which every recipe has an answer to.
LARGEST_NUMBER = float(np.finfo(np.float32).max)
DATETIME = pl.Datetime("us")
# After these a missing value is something else, so that they answer missing values at prediction time by themselves.
ANSWER_MISSING = ("impute", "one_hot", "ordinal", "target_encode", "hashing", "tf_idf")

_NUMBER_NAMES = ("Int", "UInt", "Float", "Decimal")
_DATETIME_NAMES = ("Date", "Datetime", "Time", "Duration")
WORDS: dict[TakenKind, str] = {
    "number": "numbers",
    "text": "text",
    "boolean": "yes or no",
    "datetime": "dates",
    "image": "images",
}


@dataclass(frozen=True)
class Content:
    """What is known of a column at one place of a recipe.

    Parameters
    ----------
    kind : {"number", "text", "boolean", "datetime", "image"}
    sources : tuple of str
        Raw columns that its values come from, in the table's order of first use.
    zone : str, optional
        Of dates: the time zone by whose clocks hours, days and quoted dates are reckoned. `read` gives moments in UTC.
    order : tuple of str, optional
        Of ordered categories: their words, the lowest first.
    """

    kind: TakenKind
    sources: tuple[str, ...]
    zone: str | None = None
    order: tuple[str, ...] | None = None


def kind_of_dtype(dtype: pl.DataType | type[pl.DataType] | str) -> TakenKind:
    """Say what kind of values a Polars type holds.

    Examples
    --------
    >>> kind_of_dtype(pl.Int64), kind_of_dtype("Boolean"), kind_of_dtype(pl.String), kind_of_dtype(pl.Date)
    ('number', 'boolean', 'text', 'datetime')
    """
    name = str(dtype)
    if name.startswith("Boolean"):
        return "boolean"
    if name.startswith(_NUMBER_NAMES):
        return "number"
    if name.startswith(_DATETIME_NAMES):
        return "datetime"
    return "image" if name.startswith("Binary") else "text"


def contents_of(
    frame: pl.DataFrame | pl.LazyFrame | Mapping[str, TakenKind],
    zones: Mapping[str, str] | None = None,
    orders: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Content]:
    """Give each column of a frame, or of a mapping of names to kinds (with zones and orders), as its own source."""
    known = {name: tuple(order) for name, order in (orders or {}).items()}
    if isinstance(frame, Mapping):
        return {name: Content(kind, (name,), (zones or {}).get(name), known.get(name)) for name, kind in frame.items()}
    schema = frame.collect_schema() if isinstance(frame, pl.LazyFrame) else frame.schema
    return {
        name: Content(kind_of_dtype(dtype), (name,), zone_of(dtype), known.get(name) or order_of(dtype))
        for name, dtype in schema.items()
    }


def input_type_of(kind: TakenKind) -> InputType | None:
    """Say as what values of a kind enter learned steps; None for those that can't."""
    return {"number": "number", "boolean": "number", "text": "string"}.get(kind)  # type: ignore[return-value]


def finite(number: pl.Expr) -> pl.Expr:
    """Let numbers that are infinite or no number be missing.

    The expression stands here once: with `when(x.is_finite()).then(x)` each division in another doubles the work, which
    ten of them make a thousandfold, and Polars' plan is as large before it finds the equal parts.
    """
    return number.cast(pl.Float64).replace([float("inf"), float("-inf"), float("nan")], None)


def read(name: str, kind: TakenKind) -> pl.Expr:
    """Give a column in the one form of its kind; see the module."""
    column = pl.col(name)
    if kind == "number":
        number = column.cast(pl.Float64, strict=False)
        return pl.when(number.abs() <= LARGEST_NUMBER).then(number)
    if kind == "boolean":
        return column.cast(pl.Float64, strict=False).fill_nan(None) != 0
    if kind == "text":
        text = column.cast(pl.String)
        return pl.when(text != "").then(text)
    return column.cast(DATETIME) if kind == "datetime" else column


def exact(name: str) -> pl.Expr:
    """Give a column of numbers in its own type, in which whole numbers beyond 2**53 keep their last digits."""
    column = pl.col(name)
    return pl.when(column.cast(pl.Float64, strict=False).abs() <= LARGEST_NUMBER).then(column)


def is_rounded(values: pl.Series) -> bool:
    """Say whether some whole number is beyond 2**53, where a double passes over every other one."""
    if not values.dtype.is_integer() or values.null_count() == len(values):
        return False
    low, high = cast(int, values.min()), cast(int, values.max())
    return max(-low, high) > 2**53


def is_present(name: str, kind: TakenKind) -> pl.Expr:
    """Say which values of a column aren't missing: empty text and infinite or huge numbers are, as in a recipe."""
    if kind == "number":
        return (pl.col(name).cast(pl.Float64, strict=False).abs() <= LARGEST_NUMBER).fill_null(False)
    if kind == "text":
        return (pl.col(name).cast(pl.String) != "").fill_null(False)
    return pl.col(name).is_not_null()


def with_points_in_time(frame: pl.LazyFrame, kinds: Mapping[str, TakenKind]) -> pl.LazyFrame:
    """Turn times of day, durations, seconds since 1970 and ISO text into points in time, where dates are expected."""
    schema = frame.collect_schema()
    changed = []
    for name, kind in kinds.items():
        if kind != "datetime" or name not in schema:
            continue
        dtype = schema[name]
        if dtype == pl.Time:
            changed.append((pl.col(name).cast(pl.Int64) // 1_000).cast(DATETIME))
        elif dtype == pl.Duration:
            changed.append(pl.col(name).cast(pl.Duration("us")).cast(pl.Int64).cast(DATETIME))
        elif dtype.is_numeric():
            seconds = pl.col(name).cast(pl.Float64)
            seconds = pl.when(seconds.abs() < 2.5e11).then(seconds)  # up to the year 9892
            changed.append((seconds * 1e6).round().cast(pl.Int64).cast(DATETIME))
        elif dtype not in (pl.Date, pl.Datetime):
            changed.append(pl.col(name).cast(pl.String).str.to_datetime(time_unit="us", strict=False))
    return frame.with_columns(changed) if changed else frame
