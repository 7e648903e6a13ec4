"""A table's columns summarized one after the other, and its equal rows counted on the way; kept beside the rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.data.coded_summaries import summarize_coded
from workbench.data.coding import Coded
from workbench.data.columns import Column
from workbench.data.distributions import Distribution
from workbench.data.orders import orders_of
from workbench.data.stored_rows import BATCH_ROWS
from workbench.data.summaries import ColumnSummary, Parts, as_dtype, summarize_parts
from workbench.data.usual_types import usual_frame
from workbench.errors import StorageError
from workbench.storage import read_json, to_json, write_atomic

if TYPE_CHECKING:
    from workbench.data.table import Table

FILE = "profile.json"
FORMAT = 1
_ROWS_OF_TWO_COLUMNS = 8_000_000
_CELLS_AT_ONCE = 4_000_000  # of narrow columns that are read together


@dataclass(frozen=True)
class TableSummary:
    """What is known about each column of a table, and how many of its rows repeat an earlier one.

    Parameters
    ----------
    n_rows, n_duplicates : int
    summaries : list of ColumnSummary
    """

    n_rows: int
    n_duplicates: int
    summaries: list[ColumnSummary] = field(repr=False)

    @property
    def columns(self) -> list[Column]:
        """The columns themselves."""
        return [summary.column for summary in self.summaries]

    def ordered(self, orders: Mapping[str, Sequence[str]]) -> TableSummary:
        """Give the same with the orders of columns that are ordered categories."""
        if not orders:
            return self
        found = [
            replace(entry, column=replace(entry.column, order=tuple(orders[entry.column.name])))
            if entry.column.name in orders
            else entry
            for entry in self.summaries
        ]
        return replace(self, summaries=found)

    def save(self, path: Path) -> None:
        """Write it as JSON, in one step.

        Raises
        ------
        StorageError
            If the disk is full or refuses.
        """
        document = {
            "format": FORMAT,
            "n_rows": self.n_rows,
            "n_duplicates": self.n_duplicates,
            "columns": [_document(summary) for summary in self.summaries],
        }
        write_atomic(path, to_json(document) + "\n")


class Summarizer:
    """Takes the columns of a table in order, each once.

    Parameters
    ----------
    n_rows : int

    Examples
    --------
    >>> summarizer = Summarizer(3)
    >>> summarizer.add_frame(pl.DataFrame({"a": [1, 1, 2], "b": ["x", "x", "x"]}))
    >>> summary = summarizer.finish()
    >>> summary.n_duplicates, [column.n_unique for column in summary.columns]
    (1, [2, 1])
    """

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self._found: list[ColumnSummary | None] = []
        # Rows are told apart by 64-bit hashes, 8 bytes a row: two of n different rows have the same one with a
        # probability of n²/2⁶⁵, 0.00001 for 20 million. Hashes of columns are added up, so their order is all one.
        self._hashes: np.ndarray | None = np.zeros(n_rows, dtype=np.uint64)
        self._lock = Lock()

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Take columns that are in memory, of the types that a table holds."""
        hashes, self._hashes = self._hashes, None
        place = len(self._found)
        for series in frame:
            self.add(series.name, series.dtype, _whole(series))
        unique = any(found is not None and found.column.n_unique == self.n_rows for found in self._found[place:])
        if hashes is not None and not unique:
            hashes += frame.hash_rows(seed=place).to_numpy()  # at once, since thousands of columns may come
            self._hashes = hashes

    def add(self, name: str, dtype: pl.DataType, parts: Parts) -> None:
        """Take a column that comes in parts; `parts` may be called more than once."""
        self._found.append(None)
        self._summarize(len(self._found) - 1, name, dtype, parts)

    def add_all(
        self,
        columns: Iterable[tuple[str, pl.DataType, Parts | Coded]],
        *,
        also: Callable[[str, pl.DataType, Parts | Coded], object] | None = None,
    ) -> None:
        """Take columns, two at the same time where they aren't too long: reading and sorting hold no lock.

        What `also` does with a column is done first, in the same thread.
        """
        # Two columns of a table beyond this size might not fit into the memory together.
        n_at_once = 2 if self.n_rows <= _ROWS_OF_TWO_COLUMNS and (os.cpu_count() or 1) > 1 else 1

        def take(place: int, name: str, dtype: pl.DataType, parts: Parts | Coded) -> None:
            if also is not None:
                also(name, dtype, parts)
            self._summarize(place, name, dtype, parts)

        waiting: set[Future[None]] = set()
        with ThreadPoolExecutor(n_at_once, "summary") as pool:
            for name, dtype, parts in columns:
                self._found.append(None)
                waiting.add(pool.submit(take, len(self._found) - 1, name, dtype, parts))
                if len(waiting) > n_at_once:  # one more than are taken, so that nobody waits for the next
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
            for future in waiting:
                future.result()

    def finish(self) -> TableSummary:
        """Give what was found."""
        n_duplicates = 0
        if self._hashes is not None and self.n_rows and self._found:
            self._hashes.sort()
            n_duplicates = self.n_rows - Distribution(self._hashes).n_unique
        self._hashes = None
        return TableSummary(self.n_rows, n_duplicates, [summary for summary in self._found if summary is not None])

    def _summarize(self, place: int, name: str, dtype: pl.DataType, parts: Parts | Coded) -> None:
        if isinstance(parts, Coded):
            summary = summarize_coded(name, dtype, self.n_rows, parts)
            self._add_coded_hashes(place, parts)
        else:
            summary = summarize_parts(name, dtype, self.n_rows, self._hashed(place, parts))
        self._found[place] = summary
        if summary.column.n_unique == self.n_rows:
            self._hashes = None  # no row equals another

    def _add_coded_hashes(self, place: int, coded: Coded) -> None:
        # Codes times an odd number, drawn at random for each column: their sums tell rows apart nearly as well as sums
        # of hashes (those of rows that differ in one column always), and need no look at a table. Multilinear hashing,
        # Lemire and Kaser, Strongly universal string hashing is fast, 2014.
        factor, start = np.random.default_rng(place).integers(2**63, dtype=np.uint64) * np.uint64(2) + np.uint64(1), 0
        for codes in coded.parts:
            found = codes.astype(np.uint64)
            found *= factor
            with self._lock:
                if self._hashes is None:
                    return
                self._hashes[start : start + len(found)] += found
            start += len(found)

    def _hashed(self, place: int, parts: Parts) -> Parts:
        """Add each part's hashes to those of the rows while it is in hand for the first time."""
        passes = iter([True])

        def once() -> Iterable[pl.Series]:
            first, start = next(passes, False), 0
            for part in parts():
                if first:
                    self._add_hashes(start, place, part)
                    start += len(part)
                yield part

        return once

    def _add_hashes(self, start: int, place: int, part: pl.Series) -> None:
        if self._hashes is not None:
            found = part.hash(place).to_numpy()
            with self._lock:
                if self._hashes is not None:
                    self._hashes[start : start + len(part)] += found


def summarize_frame(frame: pl.DataFrame) -> TableSummary:
    """Summarize rows that are in memory, of any types."""
    summarizer = Summarizer(frame.height)
    summarizer.add_frame(usual_frame(frame))
    return summarizer.finish().ordered(orders_of(frame.schema))


def summary_of(table: Table) -> TableSummary:
    """Give the summary that is kept beside a stored table, or compute and keep it.

    A stored table is read one column at a time, text in parts, so that it may be larger than the memory.
    """
    kept = table.path.with_name(FILE) if table.path and table.path.parent.name == table.digest else None
    if kept is not None:
        found = load_summary(kept, table)
        if found is not None:
            return found
    summarizer = Summarizer(table.n_rows)
    if table.is_in_memory:
        summarizer.add_frame(table.frame())
    elif table.n_rows <= BATCH_ROWS:
        names = [column.name for column in table.columns]
        at_once = max(1, _CELLS_AT_ONCE // max(table.n_rows, 1))
        for start in range(0, len(names), at_once):
            for _, frame in table.batches(names[start : start + at_once]):
                summarizer.add_frame(frame)
    else:
        summarizer.add_all(_columns_of(table))
    summary = summarizer.finish().ordered(table.orders)
    if kept is not None:
        with suppress(StorageError):  # it can be computed again
            summary.save(kept)
    return summary


def load_summary(path: Path, table: Table) -> TableSummary | None:
    """Read a kept summary; None where it is missing, damaged, of another format or not of this table."""
    try:
        document = read_json(path)
        if document["format"] != FORMAT or document["n_rows"] != table.n_rows:
            return None
        summaries = [_from_document(entry) for entry in document["columns"]]
        if [(entry.column.name, entry.column.dtype) for entry in summaries] != [
            (column.name, column.dtype) for column in table.columns
        ]:
            return None
        return TableSummary(table.n_rows, int(document["n_duplicates"]), summaries)
    except (StorageError, KeyError, TypeError, ValueError, AttributeError, pl.exceptions.PolarsError):
        return None


def _columns_of(table: Table) -> Iterator[tuple[str, pl.DataType, Parts]]:
    for column in table.columns:
        yield column.name, as_dtype(column.dtype), _in_parts(table, column.name)


def _whole(series: pl.Series) -> Parts:
    return lambda: [series]


def _in_parts(table: Table, name: str) -> Callable[[], Iterator[pl.Series]]:
    return lambda: (batch.to_series() for _, batch in table.batches([name]))


def _document(summary: ColumnSummary) -> dict[str, Any]:
    values = [value for value, _ in summary.top]
    statistics = dict(summary.statistics)
    if as_dtype(summary.column.dtype).is_temporal():
        values = _physical(values, summary.column.dtype)
        for name in ("min", "max"):
            if name in statistics:
                statistics[name] = _physical([statistics[name]], summary.column.dtype)[0]
    return {
        **asdict(summary.column),
        "statistics": statistics,
        "values": values,
        "counts": [count for _, count in summary.top],
        "bins": summary.bins,
        "is_whole": summary.is_whole,
    }


def _from_document(entry: dict[str, Any]) -> ColumnSummary:
    column = Column(
        **{name: entry[name] for name in ("name", "kind", "dtype", "n_missing", "n_unique")}, order=entry.get("order")
    )
    values, statistics = entry["values"], dict(entry["statistics"])
    dtype = as_dtype(column.dtype)
    if dtype.is_temporal():
        values = pl.Series(values, dtype=pl.Int64).cast(dtype).to_list()
        for name in ("min", "max"):
            if name in statistics:
                statistics[name] = pl.Series([statistics[name]], dtype=pl.Int64).cast(dtype)[0]
    bins = entry["bins"]
    return ColumnSummary(
        column=column,
        statistics=statistics,
        top=list(zip(values, (int(count) for count in entry["counts"]), strict=True)),
        bins=None if bins is None else ([float(edge) for edge in bins[0]], [int(count) for count in bins[1]]),
        is_whole=bool(entry["is_whole"]),
    )


def _physical(values: list[Any], dtype: str) -> list[int]:
    physical: list[int] = pl.Series(values, dtype=as_dtype(dtype)).to_physical().cast(pl.Int64).to_list()
    return physical
