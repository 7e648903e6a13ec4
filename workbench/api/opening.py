"""Tables for notebooks and the command line: what the Data page does, in one call each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.spec import DataSpec, ReaderOptions, parse_reader_options
from workbench.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from workbench.data import Table
    from workbench.data.looking import FileLook

Options = ReaderOptions | Mapping[str, Any] | None


def read_table(
    source: Any,
    *,
    target: str | None = None,
    name: str | None = None,
    options: Options = None,
    settings: Settings | None = None,
    on_progress: Callable[[float], object] | None = None,
) -> Table:
    """Read a file, a frame, a folder of images or a database's query, and store the rows as a table.

    What the file is shows in its content: delimited text, Parquet, JSON, a workbook, Arrow, SQLite, an archive or
    images. Encoding, delimiter, header, decimal mark, missing-value words and dates are recognised; `Table.origin`
    says how under ``reader``, and `look_at` shows it beforehand. Reading the same content again stores nothing twice.

    Parameters
    ----------
    source : str, Path or frame
        A path (also searched below the folder that ``WORKBENCH_DATA`` names), or a connection string such as
        ``postgresql://reader:${PASSWORD}@host/shop`` with a query in `options`. Or rows in memory: a Polars DataFrame
        or LazyFrame, a pandas DataFrame, a pyarrow Table, anything with Arrow's stream, a dict of lists. A named index
        of a pandas frame becomes a column.
    target : str, optional
        Column to predict.
    name : str, optional
        Name to show; the file's by default.
    options : ReaderOptions or dict, optional
        What is to be read otherwise than recognised: ``{"decimal": ",", "types": {"zip": "text"}}``.
    settings : Settings, optional
    on_progress : callable, optional
        Called with the share that is read, 0 to 1.

    Raises
    ------
    TableNotFoundError
        If there is no such file.
    ReadError
        If it can't be read, or is beyond a limit.
    SpecError
        If an option is unknown or malformed.
    TargetError
        If there is no such target.
    """
    from workbench.data import read_table as read_file
    from workbench.data.formats import is_connection, read_database

    chosen = reader_options(options)
    if isinstance(source, str | Path) and is_connection(str(source)):
        return read_database(str(source), options=chosen, target=target, name=name, settings=settings)
    return read_file(source, target=target, name=name, options=chosen, settings=settings, on_progress=on_progress)


def look_at(source: str | Path, *, options: Options = None, settings: Settings | None = None) -> FileLook:
    """Show how a file would be read, from its beginning only: nothing is stored.

    Raises
    ------
    TableNotFoundError, ReadError, SpecError
        As `read_table`.
    """
    from workbench.data.looking import look_at as look

    return look(source, options=reader_options(options), settings=settings)


def reread(table: Table, options: Options, *, settings: Settings | None = None) -> Table:
    """Read the file that a table came from again, with other options; both tables stay.

    Raises
    ------
    TableNotFoundError
        If the file isn't there any more.
    ReadError
        If it can't be read so, or has changed.
    """
    from workbench.data.reading import reread as read_again

    return read_again(table, reader_options(options) or ReaderOptions(), settings=settings)


def open_source(
    source: Any, *, target: str | None = None, options: Options = None, settings: Settings | None = None
) -> Table:
    """Open whatever a RunSpec may name: a sample, a stored table by its digest, a file, a database.

    Parameters
    ----------
    source : str, DataSpec or frame
        The ``data`` of a RunSpec is opened as a run opens it: with its reader's options and its test file. A frame is
        stored as `read_table` stores it.
    target : str, optional
    options : ReaderOptions or dict, optional
        How a file is read; see `read_table`.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError
        If it is none of them.
    ReadError
        If it is a file that can't be read.
    TargetError
        If the table has no such target.
    """
    from workbench.data import resolve

    if isinstance(source, DataSpec):
        return resolve(source if target is None else source.model_copy(update={"target": target}), settings=settings)
    if not isinstance(source, str):
        return read_table(source, target=target, options=options, settings=settings)
    chosen = reader_options(options)
    # A DataSpec always has a target; where none is asked for, the table's own stays (samples have one).
    if target is not None:
        return resolve(DataSpec(source=source, target=target, reader=chosen), settings=settings)
    return _without_target(source, chosen, settings)


def _without_target(source: str, options: ReaderOptions | None, settings: Settings | None) -> Table:
    from workbench.data import open_table
    from workbench.errors import TableNotFoundError

    try:
        return open_table(source, settings=settings)
    except TableNotFoundError as not_stored:
        try:
            return read_table(source, options=options, settings=settings)
        except TableNotFoundError as no_file:
            raise (not_stored if _is_digest(source) else no_file) from None


def _is_digest(text: str) -> bool:
    return len(text) >= 6 and all(character in "0123456789abcdefABCDEF" for character in text)


def samples_frame() -> pl.DataFrame:
    """List the samples that ship, one row each, with source and licence."""
    import polars as pl

    from workbench.data import samples

    return pl.DataFrame([vars(info) for info in samples()])


def reader_options(options: Options) -> ReaderOptions | None:
    """Check options that were given as a mapping.

    Raises
    ------
    SpecError
        With the option that is wrong.
    """
    return None if options is None else parse_reader_options(options)
