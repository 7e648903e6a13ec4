"""Types that a reader of the table sets for a column, against what was recognised."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from workbench.data.spec import ColumnType
from workbench.data.table import nearest
from workbench.data.zones import zone_of
from workbench.errors import ReadError


def check_types(types: Mapping[str, ColumnType], columns: list[str], name: str) -> None:
    """Refuse a type for a column that isn't there.

    Raises
    ------
    ReadError
        Names the column and those that are near.
    """
    for column in types:
        if column not in columns:
            raise ReadError(
                f"Got a type for column {column!r}, needed one of the {len(columns)} columns of {name}."
                f"{nearest(column, columns) or ' Look at the column names.'}"
            )


def set_type(values: pl.Series, wanted: ColumnType, lost: dict[str, int]) -> pl.Series:
    """Convert a column; values that don't fit become missing and are counted in `lost`.

    Examples
    --------
    >>> lost: dict[str, int] = {}
    >>> set_type(pl.Series("age", ["39", "old"]), "number", lost).to_list(), lost
    ([39.0, None], {'age': 1})
    """
    typed = _convert(values, wanted)
    n_lost = typed.null_count() - values.null_count()
    if n_lost > 0:
        lost[values.name] = lost.get(values.name, 0) + n_lost
    return typed


def _convert(values: pl.Series, wanted: ColumnType) -> pl.Series:
    if wanted == "text":
        return values.cast(pl.String)
    if isinstance(values.dtype, (pl.Categorical, pl.Enum)):
        values = values.cast(pl.String)
    if wanted == "number":
        return _number(values)
    if wanted == "boolean":
        if values.dtype != pl.String:
            return values.cast(pl.Boolean, strict=False)
        words = {"true": True, "yes": True, "1": True, "t": True, "y": True}
        words |= {"false": False, "no": False, "0": False, "f": False, "n": False}
        return values.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)
    dtype = pl.Date() if wanted == "date" else pl.Datetime("us")
    if values.dtype == pl.String:
        days = values.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        if wanted == "date":
            return days
        spaced = values.str.replace("T", " ", literal=True)
        times = spaced.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
        return times.fill_null(spaced.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False)).fill_null(
            days.cast(pl.Datetime("us"))
        )
    if zone := zone_of(values.dtype):
        shown = values.dt.replace_time_zone(None).cast(dtype)  # the day on which it was there
        return shown if wanted == "date" else values.cast(pl.Datetime("us", zone))
    if values.dtype.is_temporal():
        return values.cast(dtype, strict=False)
    return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))


def _number(values: pl.Series) -> pl.Series:
    if values.dtype != pl.String:
        return values.cast(pl.Float64, strict=False) if not values.dtype.is_numeric() else values
    # One type for all batches: whole numbers in one and fractions in the next would not go into one column.
    return values.cast(pl.Float64, strict=False)
