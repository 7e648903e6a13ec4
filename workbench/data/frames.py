"""Rows that are in memory already: Polars, pandas and Arrow frames, brought to one kind and stored as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.data.formats.typing_by_hand import check_types, set_type
from workbench.data.orders import ordered_frame
from workbench.data.spec import ReaderOptions
from workbench.data.table import Table
from workbench.data.zones import taking_offsets
from workbench.errors import ReadError
from workbench.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

_IN_MEMORY = "table"  # what a frame is called where no name is given


def is_frame(rows: Any) -> bool:
    """Whether these are rows of a table in memory: a frame of Polars, pandas or Arrow, or a stored table.

    Examples
    --------
    >>> is_frame(pl.LazyFrame({"age": [31]})), is_frame("people.csv")
    (True, False)
    """
    if isinstance(rows, pl.DataFrame | pl.LazyFrame | Table):
        return True
    if isinstance(rows, pl.Series):
        return False
    # Arrow's stream is what pyarrow tables, batches and readers, DuckDB relations and others share.
    return _is_pandas(rows) or hasattr(rows, "__arrow_c_stream__") or _is_batch(rows)


def to_polars(rows: Any) -> pl.DataFrame:
    """Give the rows of any frame as a Polars frame; a lazy one is computed.

    The index of a pandas frame becomes columns where it has a name. Ordered categories keep their order.

    Parameters
    ----------
    rows : Polars DataFrame or LazyFrame, pandas DataFrame, pyarrow Table or RecordBatch, Table
        Or anything else that offers Arrow's stream.

    Raises
    ------
    ReadError
        If two columns have one name.

    Examples
    --------
    >>> import pandas as pd
    >>> to_polars(pd.DataFrame({"age": [31, None]})).to_dict(as_series=False)
    {'age': [31.0, None]}
    """
    if isinstance(rows, pl.DataFrame):
        return rows
    if isinstance(rows, pl.LazyFrame):
        return rows.collect()
    if isinstance(rows, Table):
        return rows.frame()
    if _is_pandas(rows):
        return _from_pandas(rows)
    return _from_arrow(rows)


def store_rows(
    rows: Any,
    *,
    target: str | None = None,
    name: str | None = None,
    options: ReaderOptions | None = None,
    settings: Settings,
) -> Table:
    """Store the rows of a frame as a table.

    Parameters
    ----------
    rows : as `to_polars`, or a dict of lists, or a list of dicts
    target, name : str, optional
    options : ReaderOptions, optional
        `types` and `missing` apply; the others are about files.
    settings : Settings

    Raises
    ------
    ReadError
        If there are no rows, or a column of a type that a table can't hold.
    TargetError, StorageError
        As `workbench.data.store_frame`.
    """
    from workbench.data.store import store_frame

    if isinstance(rows, Table):
        return rows if target is None else rows.with_target(target)
    name = name or _IN_MEMORY
    notes: list[str] = []
    is_values = isinstance(rows, Mapping | Sequence) and not isinstance(rows, str | bytes | bytearray)
    if not is_values and not is_frame(rows):
        raise ReadError(
            f"A value of type {type(rows).__name__} is no table. Pass the path of a file, a Polars, pandas or Arrow "
            "frame, or a dict with a list for each column."
        )
    frame = _from_values(rows) if is_values else to_polars(rows)
    if options is not None:
        frame = _corrected(frame, options, name, notes)
    origin: dict[str, Any] = {"kind": "memory"}
    if notes:
        origin["reader"] = {"notes": notes}
    return store_frame(frame, name=name, target=target, origin=origin, settings=settings)


def _is_pandas(rows: Any) -> bool:
    return type(rows).__module__.partition(".")[0] == "pandas" and hasattr(rows, "columns")


def _is_batch(rows: Any) -> bool:
    return type(rows).__module__.partition(".")[0] == "pyarrow" and hasattr(rows, "schema")


def _from_values(rows: Any) -> pl.DataFrame:
    try:
        return pl.DataFrame(rows, infer_schema_length=None)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReadError(
            f"These values can't become a table ({said}). Pass a dict with a list for each column, all of one length "
            "and each of one type, or a DataFrame."
        ) from error


def _from_arrow(rows: Any) -> pl.DataFrame:
    schema: Any = getattr(rows, "schema", None) if _is_batch(rows) else None
    names = list(getattr(getattr(rows, "schema", None), "names", []))
    _refuse_repeated(names)
    if hasattr(rows, "to_table"):  # a pyarrow data set
        rows = rows.to_table()
    elif hasattr(rows, "read_all"):  # a reader of batches
        rows = rows.read_all()
    with taking_offsets(zone for field in schema or () if (zone := getattr(field.type, "tz", None))):
        if _is_batch(rows) and hasattr(rows, "column"):
            return ordered_frame(rows)
        frame = pl.from_arrow(rows) if _is_batch(rows) else pl.DataFrame(rows)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def _from_pandas(frame: pd.DataFrame) -> pl.DataFrame:
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    labels: list[Any] = list(frame.columns)
    names = [" ".join(map(str, label)) if isinstance(label, tuple) else str(label) for label in labels]
    _refuse_repeated(names)
    return pl.DataFrame([_column(name, frame.iloc[:, place]) for place, name in enumerate(names)])


def _column(name: str, values: Any) -> pl.Series:
    order = getattr(getattr(values, "cat", None), "categories", None) if getattr(values.dtype, "ordered", False) else ()
    if order is not None and len(order) and all(isinstance(category, str) for category in order):
        cells = [None if gap else value for value, gap in zip(values.tolist(), values.isna().tolist(), strict=True)]
        return pl.Series(name, cells, dtype=pl.Enum(list(order)))
    kind = type(values.dtype).__name__
    if kind == "PeriodDtype":
        values = values.dt.to_timestamp()
    elif kind == "IntervalDtype":
        values = values.astype("string")
    elif kind == "SparseDtype":
        values = values.sparse.to_dense()
    try:
        with taking_offsets([str(getattr(values.dtype, "tz", None))]):
            read: pl.Series = pl.from_pandas(values)
            return read.alias(name)
    except Exception:  # pyarrow, Polars and pandas each have their own for a column of mixed objects
        cells = [None if gap else value for value, gap in zip(values.tolist(), values.isna().tolist(), strict=True)]
    try:
        return pl.Series(name, cells, strict=True)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)


def _refuse_repeated(names: Sequence[str]) -> None:
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise ReadError(
            f"The frame has two columns of one name ({', '.join(map(repr, repeated[:5]))}). Rename one of them."
        )


def _corrected(frame: pl.DataFrame, options: ReaderOptions, name: str, notes: list[str]) -> pl.DataFrame:
    """Apply the missing-value words and types that were set by hand."""
    if options.missing:
        frame = pl.DataFrame([_without(series, options.missing) for series in frame])
    check_types(options.types, frame.columns, name)
    lost: dict[str, int] = {}
    frame = frame.with_columns(set_type(frame[column], wanted, lost) for column, wanted in options.types.items())
    notes += [
        f"{n:,} values of {column!r} are no {options.types[column]} and were read as missing."
        for column, n in lost.items()
    ]
    return frame


def _without(values: pl.Series, words: Sequence[str]) -> pl.Series:
    if values.dtype == pl.String:
        return values.set(values.is_in(list(words)).fill_null(False), None)
    if values.dtype.is_numeric():
        numbers = pl.Series(words, dtype=pl.String).cast(pl.Float64, strict=False).drop_nulls()
        return values.set(values.cast(pl.Float64).is_in(numbers.to_list()).fill_null(False), None)
    return values
