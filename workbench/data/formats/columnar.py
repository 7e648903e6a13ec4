"""Parquet and Arrow: typed already, read batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.cell_types import Plan
from workbench.data.cells import Tally, numbers_among, report_of, without_numbers
from workbench.data.formats.opened import BATCH_ROWS, Reading, limited
from workbench.data.formats.typing_by_hand import check_types, set_type
from workbench.data.orders import Orders, ordered_frame, orders_of, with_order
from workbench.data.spec import ReaderOptions
from workbench.data.zones import taking_offsets
from workbench.errors import ReadError


def read_parquet(path: Path, *, name: str, options: ReaderOptions, n_rows: int | None = None) -> Reading:
    """Open a Parquet file.

    Raises
    ------
    ReadError
        If it is damaged, at once or while its batches are gone through.
    """
    import pyarrow.parquet as pq

    def batches() -> Iterator[pl.DataFrame]:
        rows = pl.scan_parquet(path, glob=False)
        orders = _parquet_orders(path, rows.collect_schema())
        if n_rows is not None:
            yield _ordered(rows.head(n_rows).collect(), orders)
            return
        n_batches = 0
        for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            n_batches += 1
            yield _ordered(batch, orders)
        if not n_batches:
            yield pl.DataFrame(schema=rows.collect_schema())

    with _damage(name, "Parquet"):
        zones = _zones(pq.read_schema(path))
        with taking_offsets(zones):
            columns = pl.scan_parquet(path, glob=False).collect_schema().names()
    return _reading("parquet", _guarded(batches, name, "Parquet", zones), columns, name, options)


def _parquet_orders(path: Path, schema: pl.Schema) -> Orders:
    """Find the words of ordered dictionaries, as pandas writes an ordered Categorical, in a file's first rows.

    The whole dictionary stands in front of them. Polars 2.1 reads such a column as Categorical, without its order.
    """
    names = [name for name, dtype in schema.items() if isinstance(dtype, pl.Categorical)]
    if not names:
        return {}
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        known = file.schema_arrow
        names = [name for name in names if name in known.names and getattr(known.field(name).type, "ordered", False)]
        if not names or not file.num_row_groups:
            return {}
        return orders_of(ordered_frame(file.read_row_group(0, columns=names)).schema)


def _ordered(frame: pl.DataFrame, orders: Orders) -> pl.DataFrame:
    return frame.with_columns(with_order(frame[name], order) for name, order in orders.items()) if orders else frame


def read_arrow(path: Path, *, name: str, options: ReaderOptions, n_rows: int | None = None) -> Reading:
    """Open an Arrow file or stream (``.arrow``, ``.feather``).

    Each batch is checked in full before it is used, since a damaged one may point anywhere in memory.

    Raises
    ------
    ReadError
        If it is damaged.
    """
    import pyarrow as pa

    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"

    def batches() -> Iterator[pl.DataFrame]:
        with pa.OSFile(str(path)) as source:
            if is_file:
                opened = pa.ipc.open_file(source)
                pieces = (opened.get_batch(place) for place in range(opened.num_record_batches))
            else:
                opened = pa.ipc.open_stream(source)
                pieces = iter(opened)
            n_batches = 0
            for piece in pieces:
                piece.validate(full=True)
                frame = ordered_frame(pa.Table.from_batches([piece]))
                for start in range(0, max(frame.height, 1), BATCH_ROWS):
                    n_batches += 1
                    yield frame.slice(start, BATCH_ROWS)
            if not n_batches:
                yield ordered_frame(opened.schema.empty_table())

    with _damage(name, "Arrow"), pa.OSFile(str(path)) as source:
        schema = (pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)).schema
        zones = _zones(schema)
        columns = schema.names
    if len(set(columns)) < len(columns):
        raise ReadError(f"Got {name} with two columns of one name, needed different names. Rename one of them.")
    rows = limited(_guarded(batches, name, "Arrow", zones), n_rows)
    return _reading("arrow", rows, columns, name, options)


def _zones(schema: Any) -> list[str]:
    return [field.type.tz for field in schema if getattr(field.type, "tz", None)]


def _reading(format: str, batches: Any, columns: list[str], name: str, options: ReaderOptions) -> Reading:
    report: dict[str, Any] = {"notes": []}
    if options.types and not any("." in column for column in options.types):
        check_types(options.types, columns, name)
    return Reading(format, _typed(batches, options, report["notes"]), report, options)


def _typed(batches: Any, options: ReaderOptions, notes: list[str]) -> Iterator[pl.DataFrame]:
    lost: dict[str, int] = {}
    flattened: set[str] = set()
    missing: dict[str, Tally] = {}
    for batch in batches:
        frame = _without_words(_flatten(batch, flattened), options, missing)
        by_hand = [name for name in options.types if name in frame.columns]
        yield frame.with_columns(set_type(frame[name], options.types[name], lost) for name in by_hand)
    notes += [f"The objects in {name!r} were spread over columns such as '{name}.…'." for name in sorted(flattened)]
    notes += report_of({name: Plan() for name in missing}, missing).notes
    notes += [
        f"{n:,} values of {name!r} are no {options.types[name]} and were read as missing." for name, n in lost.items()
    ]


def _without_words(frame: pl.DataFrame, options: ReaderOptions, tallies: dict[str, Tally]) -> pl.DataFrame:
    """Turn words and numbers that were set by hand to stand for a missing value into one."""
    words = options.missing or ()
    numbers = numbers_among((*words, *(options.missing_marks or ())))
    if not words and not numbers:
        return frame
    columns = []
    for series in frame:
        tally = tallies.setdefault(series.name, Tally())
        if series.dtype in (pl.String, pl.Categorical, pl.Enum):
            marked = series.cast(pl.String).is_in([*words])
            for word, count in series.filter(marked).cast(pl.String).value_counts(name="count of cells").iter_rows():
                tally.add_missing(word, count)
            series = series.set(marked, None) if marked.any() else series
        columns.append(without_numbers(series, numbers, tally))
    return pl.DataFrame(columns)


def _flatten(frame: pl.DataFrame, flattened: set[str]) -> pl.DataFrame:
    """Spread objects over columns, as with JSON; lists stay and are refused where a table is stored."""
    for column in frame:
        if isinstance(column.dtype, pl.Struct) and column.dtype.fields:
            flattened.add(column.name)
            inner = [field.name for field in column.dtype.fields]
            renamed = column.struct.rename_fields([f"{column.name}.{field}" for field in inner])
            frame = frame.with_columns(renamed.alias(column.name)).unnest(column.name)
    return frame


def _guarded(
    batches: Callable[[], Iterator[pl.DataFrame]], name: str, what: str, zones: Sequence[str] = ()
) -> Iterator[pl.DataFrame]:
    with _damage(name, what), taking_offsets(zones):
        yield from batches()


@contextmanager
def _damage(name: str, what: str) -> Iterator[None]:
    """Turn the libraries' words, and a panic of Polars, into a `ReadError`."""
    try:
        yield
    except (GeneratorExit, KeyboardInterrupt, ReadError):
        raise
    except BaseException as error:
        known = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, KeyError, TypeError)
        if not isinstance(error, known) and not type(error).__module__.startswith("pyarrow"):
            raise
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ReadError(
            f"Got {name}, a damaged {what} file ({said}). Needed a complete one; write or download it again."
        ) from error
