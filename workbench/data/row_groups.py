"""A Parquet file written in row groups of one size, texts of few values by their codes."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import polars as pl

from workbench.data.coding import Coded
from workbench.data.stored_rows import BATCH_ROWS


class RowGroups:
    """A context that writes rows as they come; without `finish` nobody can read them.

    Parameters
    ----------
    path : Path
    first : DataFrame
        Has the columns that all rows have.
    """

    def __init__(self, path: Path, first: pl.DataFrame) -> None:
        self._path = path
        # Only Arrow's own schema in the file keeps other zones than UTC, but it would keep codes of texts as codes.
        zones = {getattr(dtype, "time_zone", None) for dtype in first.dtypes}
        self._keeps_schema = bool(zones - {None, "UTC"})
        self._waiting: list[tuple[pl.DataFrame, dict[str, Coded]]] = []
        self._n_waiting = 0
        self._schema: Any = None
        self._writer: Any = None

    def __enter__(self) -> RowGroups:
        self._file = _Target(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            with suppress(Exception):  # an end that is of no use, where it wasn't written already
                self._writer.close()
        self._file.close()
        if self._file.error is not None and raised is not self._file.error:
            raise self._file.error from None  # Arrow says in words of its own what the disk said

    def finish(self) -> None:
        """Write the rows that are left and the file's end, and wait until the disk has them.

        Raises
        ------
        OSError
            If the disk is full or refuses.
        """
        try:
            if self._n_waiting:
                self._write(self._n_waiting)
            self._writer.close()
            self._file.sync()
        except Exception as error:
            raise (self._file.error or error) from None

    def add(self, rows: pl.DataFrame, texts: Mapping[str, Coded]) -> None:
        """Take some rows, and the codes of those columns that have codes."""
        self._waiting.append((rows, {} if self._keeps_schema else dict(texts)))
        self._n_waiting += rows.height
        while self._n_waiting >= BATCH_ROWS:
            self._write(BATCH_ROWS)

    def _write(self, n_rows: int) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        group, self._waiting = _first(self._waiting, n_rows)
        self._n_waiting -= n_rows
        coded = set.intersection(*(set(texts) for _, texts in group))
        columns = {
            name: _codes([texts[name] for _, texts in group])
            if name in coded
            else pa.chunked_array([rows[name].to_arrow() for rows, _ in group])
            for name in group[0][0].columns
        }
        if self._writer is None:
            self._schema = pa.schema([(name, column.type) for name, column in columns.items()])
            self._writer = pq.ParquetWriter(
                self._file,
                self._schema,
                compression="lz4",
                write_statistics=False,  # nobody reads them
                store_schema=self._keeps_schema,
            )
        as_first = [_like(columns[field.name], field.type) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(as_first, schema=self._schema), row_group_size=BATCH_ROWS)


class _Target(io.RawIOBase):
    """A file that remembers what the disk refused."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
        super().close()


def _first(
    waiting: list[tuple[pl.DataFrame, dict[str, Coded]]], n_rows: int
) -> tuple[list[tuple[pl.DataFrame, dict[str, Coded]]], list[tuple[pl.DataFrame, dict[str, Coded]]]]:
    """Part the first so many rows from the others."""
    taken = []
    while n_rows:
        rows, texts = waiting.pop(0)
        if rows.height > n_rows:
            later = {name: Coded(text.values, [text.parts[0][n_rows:]]) for name, text in texts.items()}
            waiting.insert(0, (rows[n_rows:], later))
            rows = rows[:n_rows]
            texts = {name: Coded(text.values, [text.parts[0][:n_rows]]) for name, text in texts.items()}
        taken.append((rows, texts))
        n_rows -= rows.height
    return taken, waiting


def _codes(texts: list[Coded]) -> Any:
    """Give a column as codes among the texts that occur in it."""
    import pyarrow as pa

    codes = np.concatenate([part for text in texts for part in text.parts])
    values = texts[-1].values  # the latest list begins with all the earlier ones
    is_used = np.bincount(codes, minlength=len(values)) > 0
    has_missing, is_used[0] = bool(is_used[0]), False
    places = (np.cumsum(is_used) - 1).astype(np.int32).take(codes)
    known = values.gather(np.flatnonzero(is_used)).to_arrow()
    bits = pa.py_buffer(np.packbits(codes != 0, bitorder="little")) if has_missing else None
    # Not pa.array, which imports pandas to look whether it got something of it.
    indices = pa.Array.from_buffers(pa.int32(), len(places), [bits, pa.py_buffer(places)])
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, known)])


def _like(column: Any, wanted: Any) -> Any:
    """Give a column in the type of the first row group, whether it has codes or not."""
    import pyarrow as pa

    if column.type == wanted:
        return column
    return column.dictionary_encode() if pa.types.is_dictionary(wanted) else column.cast(wanted)
