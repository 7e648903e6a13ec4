"""The same that `summaries` tells of a column, from the counts of its values alone."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.data.coding import Coded
from workbench.data.distributions import Distribution, are_near, are_whole
from workbench.data.kinds import SPACES_AMONG, Facts, share_spaced
from workbench.data.summaries import KEPT_VALUES, ColumnSummary, summarize_parts, summary_of_numbers, summary_of_texts


def summarize_coded(name: str, dtype: pl.DataType, n_rows: int, coded: Coded) -> ColumnSummary:
    """Summarize a column of few different values.

    Examples
    --------
    >>> coded = Coded(pl.Series("port", [None, "S", "C"]), [np.array([1, 2, 0, 1])])
    >>> found = summarize_coded("port", pl.String(), 4, coded)
    >>> found.column.n_missing, found.top
    (1, [('S', 2), ('C', 1)])
    """
    counts = coded.counts()
    counts[0] = 0
    seen = np.flatnonzero(counts)
    if not len(seen):
        return summarize_parts(name, dtype, n_rows, lambda: [pl.Series(name, [None] * n_rows, dtype=dtype)])
    values, counts = coded.values.gather(seen), counts[seen]
    if dtype == pl.String:
        return _summarize_texts(coded, n_rows, values, counts)
    numbers = values.to_physical().to_numpy()
    order = np.argsort(numbers)
    numbers, counts = numbers[order], counts[order]
    is_whole = are_whole(numbers)
    if dtype.is_temporal() or (is_whole and are_near(numbers)):
        ordered = Distribution(numbers if numbers.dtype.kind == "f" else numbers.astype(np.int64), counts)
    else:
        ordered = Distribution(np.repeat(numbers, counts))  # so that sums are the same to the last bit
    return summary_of_numbers(name, dtype, n_rows, ordered, is_whole=is_whole)


def _summarize_texts(coded: Coded, n_rows: int, values: pl.Series, counts: np.ndarray) -> ColumnSummary:
    n_present = int(counts.sum())
    n_chars = int(values.str.len_chars().to_numpy() @ counts)
    facts = Facts(
        values.name,
        values.dtype,
        n_rows,
        n_present,
        len(values),
        share_spaced=share_spaced(_first_rows(coded)),
        mean_length=n_chars / n_present,
    )
    least = 1 if len(values) <= KEPT_VALUES else 2
    pairs = [(text, count) for text, count in zip(values, counts.tolist(), strict=True) if count >= least]
    return summary_of_texts(facts, sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:KEPT_VALUES])


def _first_rows(coded: Coded) -> pl.Series:
    found, n_found = [], 0
    for part in coded.parts:
        present = part[part != 0]
        found.append(coded.values.gather(present[:SPACES_AMONG]))
        n_found += len(present)
        if n_found >= SPACES_AMONG:
            break
    return pl.concat(found)
