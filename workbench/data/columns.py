"""What the columns of a table are: name, kind, type, and how many values are missing or different."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from workbench.data.kinds import count_unique, kind_of
from workbench.data.orders import order_of
from workbench.data.spec import Kind


@dataclass(frozen=True)
class Column:
    """Name and nature of one column.

    Parameters
    ----------
    name : str
    kind : Kind
        What the column is for.
    dtype : str
        Polars type, as text.
    n_missing, n_unique : int
        Missing values, and different values that aren't missing.
    order : tuple of str, optional
        Of an ordered category (a Polars Enum, an ordered pandas Categorical): its words, the lowest first.
    """

    name: str
    kind: Kind
    dtype: str
    n_missing: int
    n_unique: int
    order: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.order is not None:  # JSON knows lists only
            object.__setattr__(self, "order", tuple(self.order))


def describe_columns(frame: pl.DataFrame) -> list[Column]:
    """Decide the kind of each column and count its missing and different values."""
    n_unique = count_unique(frame)
    return [
        Column(
            name=series.name,
            kind=kind_of(series, n_unique=n_unique[series.name]),
            dtype=str(series.dtype),
            n_missing=series.null_count(),
            n_unique=n_unique[series.name],
            order=order_of(series.dtype),
        )
        for series in frame
    ]


def nearest(name: str, names: Iterable[str]) -> str:
    """Give ``" Did you mean 'age'?"``, or nothing where no name is near."""
    candidates = list(names)
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(by_lower[match]) for match in found)}?" if found else ""
