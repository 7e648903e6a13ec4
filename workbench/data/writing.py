"""Batches of rows to one Parquet file as they come, so that the table may be larger than the memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import polars as pl

from workbench.data.behind import Behind
from workbench.data.coding import Coders, Shelf
from workbench.data.examining import Contents
from workbench.data.normalize import Normalizer, TooWideError, no_rows
from workbench.data.row_groups import RowGroups
from workbench.data.stored_rows import BATCH_ROWS
from workbench.errors import ReadError


@contextmanager
def written_rows(
    batches: Iterable[pl.DataFrame], path: Path, *, name: str, max_columns: int, shelf: Shelf | None = None
) -> Iterator[tuple[Contents, list[str]]]:
    """Normalize the batches and write them; the file's end is written while the context lasts.

    Parameters
    ----------
    batches : iterable of DataFrame
    path : Path
    name : str
        For messages.
    max_columns : int
    shelf : Shelf, optional
        For the codes of the columns; used as long as the contents are.

    Yields
    ------
    contents : Contents
    notes : list of str
        What normalizing changed.

    Raises
    ------
    ReadError
        If there are no rows or columns, too many columns, a column of a type that a table can't hold, or batches with
        different columns.
    OSError
        If the disk is full or refuses; perhaps only when the context is left.
    """
    writer = _Writer(name=name, normalizer=Normalizer(name=name, max_columns=max_columns), shelf=shelf)
    rest: Iterator[pl.DataFrame] = iter(batches)
    with ExitStack() as stack:
        while True:
            wait = writer.write(rest, path, stack)
            if writer.pending is None:
                break
            # Whole numbers became too wide for what is written already: that is read back as the wider type.
            wait()
            stack.close()
            earlier = path.with_name(f"{path.name}.earlier")
            path.replace(earlier)
            wide = pl.col(writer.normalizer.wide).cast(pl.Float64)
            written = (
                pl.scan_parquet(earlier).slice(start, BATCH_ROWS).with_columns(wide).collect()
                for start in range(0, writer.n_rows, BATCH_ROWS)
            )
            rest = chain(written, [writer.pending], rest)
            writer = _Writer(name=name, normalizer=writer.normalizer, shelf=shelf)
        path.with_name(f"{path.name}.earlier").unlink(missing_ok=True)
        if not writer.n_rows:
            raise no_rows(name, len(writer.schema))
        contents = Contents(
            path, writer.schema, writer.n_rows, writer.n_missing, writer.n_bytes, writer.coders, wait,
            writer.normalizer.orders,
        )  # fmt: skip
        yield contents, writer.normalizer.notes()


@dataclass
class _Writer:
    """Counts what it writes. `pending` is the batch that no longer fitted, if it ended early."""

    name: str
    normalizer: Normalizer
    shelf: Shelf | None
    schema: dict[str, pl.DataType] = field(default_factory=dict)
    n_rows: int = 0
    n_bytes: int = 0
    n_missing: dict[str, int] = field(default_factory=dict)
    coders: Coders = field(default_factory=lambda: Coders({}))
    pending: pl.DataFrame | None = None

    def write(self, batches: Iterator[pl.DataFrame], path: Path, stack: ExitStack) -> Callable[[], None]:
        """Give a function that waits until the file is whole."""
        first = next(batches, None)
        if first is None:
            return lambda: None
        start = self.normalizer.apply(first)
        self.schema = dict(start.schema)
        self.n_missing = dict.fromkeys(self.schema, 0)
        self.coders = Coders(self.schema, self.shelf)
        groups = stack.enter_context(RowGroups(path, start))
        writing = stack.enter_context(Behind("writing", n_behind=3))
        with Behind("coding", n_behind=1) as coding:

            def code(rows: pl.DataFrame) -> None:
                self.coders.add(rows)
                writing.do(groups.add, rows, self.coders.texts())

            self._count(start)
            coding.do(code, start)
            del start
            for batch in batches:
                try:
                    normal = self.normalizer.apply(batch)
                except TooWideError:
                    self.pending = batch
                    break
                if dict(normal.schema) != self.schema:
                    raise _other_columns(self.name, self.schema, dict(normal.schema))
                os.utime(path.parent)  # a sign of life: a folder that nobody writes to is taken for abandoned
                self._count(normal)
                coding.do(code, normal)
        writing.do(groups.finish)
        return writing.finish

    def _count(self, batch: pl.DataFrame) -> None:
        self.n_rows += batch.height
        self.n_bytes += int(batch.estimated_size())
        for series in batch:
            self.n_missing[series.name] += series.null_count()


def _other_columns(name: str, first: dict[str, pl.DataType], other: dict[str, pl.DataType]) -> ReadError:
    differing = [column for column in {**first, **other} if first.get(column) != other.get(column)]
    shown = ", ".join(f"{column!r} ({first.get(column)} and {other.get(column)})" for column in differing[:5])
    return ReadError(
        f"Got {name} with parts of different columns: {shown}. Needed the same columns and types throughout. "
        "Write the table anew with one type a column."
    )
