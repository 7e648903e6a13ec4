"""Few columns of very many rows, as the column steps leave them: a byte or two a row for most numbers and words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from workbench.data.places import number_rows
from workbench.data.stored_rows import BATCH_ROWS
from workbench.data.table import Table
from workbench.recipe.columns import prepared
from workbench.recipe.spec import Step

_MOST_WORDS = 1_000_000  # with more of them the list of words is what takes the memory


def compactly_prepared(
    table: Table | pl.DataFrame,
    steps: Sequence[Step],
    *,
    columns: Sequence[str],
    positions: np.ndarray | None = None,
    target: str | None = None,
) -> pl.DataFrame:
    """Give rows as `prepared` does, whole numbers in the narrowest type and text of few words as an enumeration.

    A column and a batch are read at a time.

    Parameters
    ----------
    table, steps, columns, positions, target
        As for `prepared`.

    Raises
    ------
    RecipeError
        As `prepared`.

    Examples
    --------
    >>> frame = pl.DataFrame({"a": ["x", "y", "x"], "b": [1, 2, 3]})
    >>> compactly_prepared(frame, [], columns=["a"], positions=np.array([2, 0])).schema["a"]
    Enum(categories=['x'])
    """
    places = None
    if positions is not None and not (positions[1:] > positions[:-1]).all():
        ascending, places = np.unique(positions, return_inverse=True)
        positions, places = ascending, places.astype(positions.dtype)
    found = [_column(table, steps, name, positions, target) for name in columns]
    return pl.DataFrame([column if places is None else column[places] for column in found])


def _column(
    table: Table | pl.DataFrame, steps: Sequence[Step], name: str, positions: np.ndarray | None, target: str | None
) -> pl.Series:
    def batches() -> Iterator[pl.Series]:
        for rows in _batches(table, positions):
            yield prepared(table, steps, positions=rows, columns=[name], target=target)[name]

    kind = next(batches()).dtype
    if kind.is_integer():
        narrow = [batch.shrink_dtype() for batch in batches()]
        widest = max(
            (batch.dtype for batch in narrow), key=lambda dtype: pl.Series([], dtype=dtype).to_numpy().itemsize
        )
        return pl.concat([batch.cast(widest) for batch in narrow])
    if kind != pl.String:
        return pl.concat(list(batches()))
    words = pl.Series(name, [], dtype=pl.String)
    for batch in batches():
        words = pl.concat([words, batch.unique()]).unique()
        if len(words) > _MOST_WORDS:
            return pl.concat(list(batches()))
    listed = pl.Enum(words.drop_nulls().sort())
    return pl.concat([batch.cast(listed) for batch in batches()])


def _batches(table: Table | pl.DataFrame, positions: np.ndarray | None) -> Iterator[np.ndarray]:
    """Give the positions of the rows a batch at a time, of at least one batch."""
    n_rows = table.height if isinstance(table, pl.DataFrame) else table.n_rows
    n_rows = n_rows if positions is None else len(positions)
    for start in range(0, max(1, n_rows), BATCH_ROWS):
        if positions is None:
            yield number_rows(min(BATCH_ROWS, n_rows - start)) + start
        else:
            yield positions[start : start + BATCH_ROWS]
