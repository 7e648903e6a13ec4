"""Everything that is told about one column, from one sort or one count of its values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from workbench.data.columns import Column
from workbench.data.distributions import Distribution, HashCounts, are_whole, distribution_of
from workbench.data.histograms import MAX_VALUES, binned, binned_dates, binned_days
from workbench.data.kinds import SPACES_AMONG, Facts, kind_from, share_spaced
from workbench.data.usual_types import usual_frame
from workbench.data.zones import zone_of

KEPT_VALUES = 50  # most frequent values that are kept; classes of a target are rarely more
_MAX_COUNTED = 262_144  # different texts that are counted as they come; beyond, all rows are ordered at once

Parts = Callable[[], Iterable[pl.Series]]


@dataclass(frozen=True)
class ColumnSummary:
    """What is known about one column.

    Parameters
    ----------
    column : Column
    statistics : dict of str to any
        Numbers: mean, std, min, q25, median, q75, max, skew, n_outliers (beyond Tukey's fences); dates: min and max.
        All: top and top_count, the most frequent value.
    top : list of (value, count)
        Up to 50 of the most frequent values; of more than 50 different ones only those that occur twice.
    bins : tuple of (edges, counts), optional
        Of numbers and dates with more than 20 different values; edges of dates are physical values.
    is_whole : bool
        Whether all values are whole numbers.
    """

    column: Column
    statistics: dict[str, Any] = field(repr=False)
    top: list[tuple[Any, int]] = field(repr=False)
    bins: tuple[list[float], list[int]] | None = field(default=None, repr=False)
    is_whole: bool = False

    def histogram(self) -> pl.DataFrame:
        """Give ``left, right, count`` or ``value, count``; see `workbench.data.histograms`."""
        dtype = as_dtype(self.column.dtype)
        if self.bins is not None:
            edges, counts = self.bins
            cuts = pl.Series(edges)
            if dtype == pl.Date:
                cuts = cuts.cast(pl.Int32).cast(pl.Date)
            elif dtype.is_temporal():
                factor = {"ns": 1e-3, "us": 1.0, "ms": 1e3}[dtype.time_unit]  # type: ignore[attr-defined]
                cuts = (cuts * factor).cast(pl.Int64).cast(pl.Datetime("us"))
                if zone := zone_of(dtype):  # a picture's axis tells what the clocks there show
                    cuts = cuts.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
            return pl.DataFrame({"left": cuts[:-1], "right": cuts[1:], "count": pl.Series(counts, dtype=pl.Int64)})
        ordered = dtype.is_numeric() or dtype.is_temporal()
        shown = sorted(self.top) if ordered else self.top[:MAX_VALUES]
        if self.column.order:
            place = {word: place for place, word in enumerate(self.column.order)}
            shown = sorted(self.top, key=lambda pair: place.get(pair[0], len(place)))[:MAX_VALUES]
        values, counts = [value for value, _ in shown], [count for _, count in shown]
        kept = pl.String if dtype == pl.Binary else dtype
        return pl.DataFrame({"value": pl.Series(values, dtype=kept), "count": pl.Series(counts, dtype=pl.Int64)})

    def top_values(self) -> pl.DataFrame:
        """Give ``value, count``: the 20 most frequent values as text, the most frequent first."""
        shown = self.top[:MAX_VALUES]
        return pl.DataFrame(
            {"value": [str(value) for value, _ in shown], "count": [count for _, count in shown]},
            schema={"value": pl.String, "count": pl.Int64},
        )


def summarize(values: pl.Series) -> ColumnSummary:
    """Summarize one column that is in memory.

    Examples
    --------
    >>> found = summarize(pl.Series("age", [22, 38, None, 22]))
    >>> found.column.n_unique, found.statistics["median"], found.top[0]
    (2, 22.0, (22, 2))
    """
    plain = usual_frame(values.to_frame()).to_series()
    return summarize_parts(plain.name, plain.dtype, len(plain), lambda: [plain])


def summarize_parts(name: str, dtype: pl.DataType, n_rows: int, parts: Parts) -> ColumnSummary:
    """Summarize one column that comes in parts.

    Parameters
    ----------
    name : str
    dtype : DataType
        As a table holds it: number, boolean, text, date, datetime or image.
    n_rows : int
    parts : callable
        Gives the column's parts in order; called a second time for text with very many different values.
    """
    if dtype.is_numeric() or dtype.is_temporal():
        return _summarize_numbers(name, dtype, n_rows, parts)
    if dtype == pl.String:
        return _summarize_texts(name, dtype, n_rows, parts)
    return _summarize_others(name, dtype, n_rows, parts)


def as_dtype(name: str) -> pl.DataType:
    """Give the Polars type that a column's `dtype` names."""
    if name.startswith("Datetime"):
        unit = next((unit for unit in ("ns", "us", "ms") if f"'{unit}'" in name), "us")
        zone = name.partition("time_zone=")[2].strip("')")
        return pl.Datetime(unit, None if zone in ("", "None") else zone)  # type: ignore[arg-type]
    if name.startswith("Decimal"):
        return pl.Float64()
    found = getattr(pl, name.partition("(")[0], pl.String)
    return found() if found not in (pl.Categorical, pl.Enum, pl.Time, pl.Duration) else pl.String()


def _summarize_numbers(name: str, dtype: pl.DataType, n_rows: int, parts: Parts) -> ColumnSummary:
    numbers, n_missing, is_ours = _present(parts, n_rows)
    if not len(numbers):
        return ColumnSummary(Column(name, "constant", str(dtype), n_missing, 0), {}, [])
    whole = are_whole(numbers)
    ordered = distribution_of(numbers, whole=whole, in_place=is_ours)
    del numbers
    return summary_of_numbers(name, dtype, n_rows, ordered, is_whole=whole)


def summary_of_numbers(
    name: str, dtype: pl.DataType, n_rows: int, ordered: Distribution, *, is_whole: bool
) -> ColumnSummary:
    """Summarize numbers or dates (their physical values) that are in order."""
    n_unique = ordered.n_unique
    low, high = ordered.at(0), ordered.at(ordered.n - 1)
    facts = Facts(name, dtype, n_rows, ordered.n, n_unique, low, high)
    column = Column(name, kind_from(facts), str(dtype), n_rows - ordered.n, n_unique)
    top = _telling(ordered.top(KEPT_VALUES), n_unique)
    if dtype.is_temporal():
        moments = pl.Series([low, high, *(value for value, _ in top)]).cast(dtype).to_list()
        statistics = {"min": moments[0], "max": moments[1]}
        top = list(zip(moments[2:], (count for _, count in top), strict=True))
    else:
        statistics = _statistics(ordered)
    bins = None
    if n_unique > MAX_VALUES:
        cut = binned_days if dtype == pl.Date else binned_dates if dtype.is_temporal() else binned
        edges, counts = cut(ordered)
        bins = (edges.tolist(), counts.tolist())
    return ColumnSummary(column, statistics | _most_frequent(top), top, bins, is_whole)


def _present(parts: Parts, n_rows: int) -> tuple[np.ndarray, int, bool]:
    """Give the values that aren't missing as one array, the number of missing ones, and whether the array is ours."""
    whole: np.ndarray | None = None
    filled = n_missing = 0
    for part in parts():
        n_missing += part.null_count()
        physical = part.to_physical()
        numbers = (physical.drop_nulls() if part.null_count() else physical).to_numpy()
        if len(part) == n_rows:
            return numbers, n_missing, False
        if whole is None:
            whole = np.empty(n_rows, dtype=numbers.dtype)
        whole[filled : filled + len(numbers)] = numbers
        filled += len(numbers)
    return np.empty(0) if whole is None else whole[:filled], n_missing, True


def _statistics(ordered: Distribution) -> dict[str, Any]:
    mean, deviation, skew = ordered.moments()
    q25, median, q75 = (ordered.quantile(share) for share in (0.25, 0.5, 0.75))
    reach = 1.5 * (q75 - q25)  # Tukey, Exploratory Data Analysis, 1977
    below = ordered.n_below(np.array([q25 - reach]))[0]
    above = ordered.n - ordered.n_below(np.array([q75 + reach]), side="right")[0]
    return {
        "mean": mean,
        "std": deviation,
        "min": ordered.at(0),
        "q25": q25,
        "median": median,
        "q75": q75,
        "max": ordered.at(ordered.n - 1),
        "skew": skew,
        "n_outliers": int(below + above),
    }


def _telling(top: list[tuple[Any, int]], n_unique: int) -> list[tuple[Any, int]]:
    """Leave out values that occur once, where there are many of them: they are no more frequent than others."""
    return [pair for pair in top if pair[1] > 1] if n_unique > KEPT_VALUES else top


def _most_frequent(top: list[tuple[Any, int]]) -> dict[str, Any]:
    return {"top": str(top[0][0]), "top_count": top[0][1]} if top else {}


def _summarize_texts(name: str, dtype: pl.DataType, n_rows: int, parts: Parts) -> ColumnSummary:
    n_missing = n_chars = 0
    spaced: list[pl.Series] = []
    counting = HashCounts(_MAX_COUNTED)
    for part in parts():
        present = part.drop_nulls()
        n_missing += len(part) - len(present)
        n_chars += int(present.str.len_chars().sum() or 0)
        if sum(map(len, spaced)) < SPACES_AMONG:
            spaced.append(present.head(SPACES_AMONG))
        counting.add(present.hash().to_numpy())
    n_present = n_rows - n_missing
    n_unique, top = 0, []
    if n_present:
        ordered = counting.counted() or _ordered_hashes(parts, n_present)
        n_unique, top = ordered.n_unique, _top_texts(parts, ordered)
    first = share_spaced(pl.concat(spaced)) if n_present else 0.0
    mean_length = n_chars / max(n_present, 1)
    return summary_of_texts(Facts(name, dtype, n_rows, n_present, n_unique, None, None, first, mean_length), top)


def summary_of_texts(facts: Facts, top: list[tuple[str, int]]) -> ColumnSummary:
    """Put together what was found out of texts, the most frequent ones first."""
    n_missing = facts.n_rows - facts.n_present
    column = Column(facts.name, kind_from(facts), str(facts.dtype), n_missing, facts.n_unique)
    top = _telling(top, facts.n_unique)
    return ColumnSummary(column, _most_frequent(top), top)


def _ordered_hashes(parts: Parts, n_present: int) -> Distribution:
    """Order texts by their hashes, 8 bytes a row however long they are."""
    hashes = np.empty(n_present, dtype=np.uint64)
    filled = 0
    for part in _present_parts(parts):
        hashes[filled : filled + len(part)] = part.hash().to_numpy()
        filled += len(part)
    hashes.sort()
    return Distribution(hashes)


def _top_texts(parts: Parts, ordered: Distribution) -> list[tuple[str, int]]:
    """Give the most frequent texts, of equally frequent ones the first in the alphabet.

    Texts are told apart by their hashes. Two of n different ones have the same with a probability of n²/2⁶⁵: 0.00003
    for 30 million.
    """
    least = 1 if ordered.n_unique <= KEPT_VALUES else 2
    wanted = {key: count for key, count in ordered.top(KEPT_VALUES) if count >= least}
    if ordered.counts is not None and len(wanted) == KEPT_VALUES:
        level = min(wanted.values())
        among = np.flatnonzero(ordered.counts >= level)  # those that are as frequent as the last, too
        wanted = dict(zip(ordered.values[among].tolist(), ordered.counts[among].tolist(), strict=True))
    texts: dict[str, int] = {}
    keys = pl.Series(list(wanted), dtype=pl.UInt64)
    for part in _few_rows(_present_parts(parts)):
        if len(texts) == len(wanted):
            break
        keyed = pl.DataFrame({"text": part, "key": part.hash()}).filter(pl.col("key").is_in(keys.implode())).unique()
        texts |= {text: wanted[key] for text, key in keyed.rows()}
    return sorted(texts.items(), key=lambda pair: (-pair[1], pair[0]))[:KEPT_VALUES]


def _few_rows(parts: Iterable[pl.Series]) -> Iterator[pl.Series]:
    """Give few rows first, in which frequent values are, and then more and more."""
    n_rows = 16_384
    for part in parts:
        start = 0
        while start < len(part):
            yield part[start : start + n_rows]
            start, n_rows = start + n_rows, 4 * n_rows


def _present_parts(parts: Parts) -> Iterator[pl.Series]:
    return (part.drop_nulls() for part in parts())


def _summarize_others(name: str, dtype: pl.DataType, n_rows: int, parts: Parts) -> ColumnSummary:
    """Summarize yes/no columns and images (different ones are told by their hashes)."""
    n_missing = 0
    seen: list[pl.Series] = []
    for part in parts():
        present = part.drop_nulls()
        n_missing += len(part) - len(present)
        seen.append(present if dtype == pl.Boolean else present.hash())
    values = pl.concat(seen).alias("value") if seen else pl.Series("value", [], dtype=pl.Boolean)
    n_present = len(values)
    n_unique = values.n_unique() if n_present else 0
    column = Column(name, kind_from(Facts(name, dtype, n_rows, n_present, n_unique)), str(dtype), n_missing, n_unique)
    if dtype != pl.Boolean:
        return ColumnSummary(column, {}, [])
    n_true = int(values.sum() or 0)
    counts = [(value, count) for value, count in ((False, n_present - n_true), (True, n_true)) if count]
    top = sorted(counts, key=lambda pair: -pair[1])
    return ColumnSummary(column, _most_frequent([(str(value).lower(), n) for value, n in top]), top)
