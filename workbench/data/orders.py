"""Ordered categories: the order of their words, which text alone has lost.

A table's rows hold such a column as text; the order stands beside it, in `Column.order`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

Orders = dict[str, tuple[str, ...]]


def order_of(dtype: pl.DataType | type[pl.DataType]) -> tuple[str, ...] | None:
    """Give the words of an ordered category, the lowest first; None for every other type.

    Examples
    --------
    >>> order_of(pl.Enum(["low", "high"])), order_of(pl.String())
    (('low', 'high'), None)
    """
    words = tuple(word for word in dtype.categories.to_list() if word) if isinstance(dtype, pl.Enum) else ()
    return words or None


def orders_of(schema: Mapping[str, pl.DataType] | pl.Schema) -> Orders:
    """Give the order of each column that has one."""
    return {name: order for name, dtype in schema.items() if (order := order_of(dtype))}


def digest_with(digest: str, orders: Mapping[str, Sequence[str]]) -> str:
    """Give the digest of rows whose categories are ordered so; without any order that of the rows."""
    if not orders:
        return digest
    said = json.dumps({name: list(orders[name]) for name in sorted(orders)}, ensure_ascii=False)
    return hashlib.sha256(f"workbench orders 1\n{digest}\n{said}".encode()).hexdigest()


def in_order(words: Iterable[str], order: Sequence[str]) -> list[str]:
    """Sort words as an order says; those that it lacks follow, by letters.

    Examples
    --------
    >>> in_order(["other", "high", "low"], ["low", "mid", "high"])
    ['low', 'high', 'other']
    """
    place = {word: place for place, word in enumerate(order)}
    return sorted(words, key=lambda word: (place.get(word, len(place)), word))


def with_order(values: pl.Series, order: Sequence[str] | None) -> pl.Series:
    """Give text the type of an ordered category, unless a word isn't in its order."""
    if not order or values.dtype not in (pl.String, pl.Categorical):
        return values
    words = values.cast(pl.String)
    known = words.is_in(list(order)) | words.is_null()
    return words.cast(pl.Enum(list(order))) if known.all() else values


def ordered_frame(table: Any) -> pl.DataFrame:
    """Turn an Arrow table, or a batch of one, into a Polars frame whose ordered dictionaries stay ordered.

    Polars 2.1 reads them as Categorical, whose words have no order.
    """
    import pyarrow as pa

    frame = pl.from_arrow(table)
    frame = frame if isinstance(frame, pl.DataFrame) else frame.to_frame()
    ordered = []
    for place, field in enumerate(table.schema):
        if not pa.types.is_dictionary(field.type) or not field.type.ordered or field.name not in frame.columns:
            continue
        column = table.column(place)
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        words = [word for chunk in chunks for word in chunk.dictionary.to_pylist()]
        if words and all(isinstance(word, str) for word in words):
            ordered.append(with_order(frame[field.name], list(dict.fromkeys(words))))
    return frame.with_columns(ordered) if ordered else frame
