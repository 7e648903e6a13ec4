"""Files to tables: delimited text here, other formats by their readers; anything else is refused in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.files import check_size, find_file, sha256_of, stem_of
from workbench.data.formats import is_connection, open_format, read_database
from workbench.data.frames import store_rows
from workbench.data.normalize import normalize_frame
from workbench.data.spec import ReaderOptions
from workbench.data.store import store_batches, store_frame
from workbench.data.streaming import NextPassError
from workbench.data.table import Table
from workbench.data.texts import TextFile, open_text, parse_content
from workbench.errors import ReadError
from workbench.settings import Settings, current

__all__ = ["find_file", "parse_content", "read_frame", "read_table", "reread"]

Progress = Callable[[float], object]
_READ_SHARE = 0.8  # of the time; the rest is spent on the digest and the columns


def read_table(
    path: Any,
    *,
    target: str | None = None,
    name: str | None = None,
    options: ReaderOptions | None = None,
    settings: Settings | None = None,
    on_progress: Progress | None = None,
) -> Table:
    """Read a file of any format, packed or not, and store it.

    What the file is shows in its content, not in its name. Of delimited text the encoding, delimiter, quoting, title
    lines, missing markers (``?``, ``NA``, ``null`` and the like), spellings of numbers and dates are recognised;
    `Table.origin` says how under ``reader``. Reading the same content again gives the same digest and stores nothing
    twice. A large file is read in blocks and never held in memory.

    Parameters
    ----------
    path : str, Path or frame
        Also searched below the folder that ``WORKBENCH_DATA`` names. A folder of images or a database's connection
        string will do, too; so will a Polars (also lazy), pandas or Arrow frame, or a dict of lists.
    target : str, optional
        Column to predict.
    name : str, optional
        Name to show; the file's by default.
    options : ReaderOptions, optional
        Corrects what was recognised.
    settings : Settings, optional
    on_progress : callable, optional
        Called now and then with the share that is done, from 0 to 1.

    Raises
    ------
    TableNotFoundError
        If there is no such file.
    ReadError
        If the file is empty, binary, damaged, larger than ``max_upload_mib``, has uneven lines or
        no rows.
    TargetError
        If there is no such target.
    StorageError
        If the table can't be stored.

    Examples
    --------
    >>> table = read_table("adult_train.csv.gz", target="income")  # doctest: +SKIP
    >>> table.n_rows, table.column("workclass").n_missing  # doctest: +SKIP
    (32561, 1836)
    """
    settings, options = settings or current(), options or ReaderOptions()
    if not isinstance(path, str | Path):
        return store_rows(path, target=target, name=name, options=options, settings=settings)
    if isinstance(path, str) and is_connection(path):
        return read_database(path, options=options, target=target, name=name, settings=settings)
    found = find_file(path, settings=settings)
    origin = {"kind": "file", "path": str(found.resolve())}
    return read_as(found, origin, target=target, name=name, options=options, settings=settings, on_progress=on_progress)


def read_as(
    path: Path,
    origin: dict[str, Any],
    *,
    target: str | None = None,
    name: str | None = None,
    options: ReaderOptions,
    settings: Settings,
    on_progress: Progress | None = None,
) -> Table:
    """Read a file that was found, and note where it came from.

    Raises
    ------
    ReadError, TargetError, StorageError
        As `read_table`.
    """
    if on_progress is not None:
        on_progress(0.0)
    with ThreadPoolExecutor(1, "sha256") as pool, ExitStack() as stack:
        sha256: Future[str] | None = None
        if path.is_file():
            origin = {**origin, "n_bytes": check_size(path, settings)}
            sha256 = pool.submit(sha256_of, path)

        by_hand = options.model_dump(mode="json", exclude_defaults=True)

        def described(reader: dict[str, Any]) -> dict[str, Any]:
            if by_hand:
                reader = {**reader, "given": by_hand}
            return {**origin, **({"sha256": sha256.result()} if sha256 else {}), "reader": reader}

        given: dict[str, Any] = {"name": name or stem_of(path.name), "target": target, "settings": settings}
        reading = open_format(path, options=options, settings=settings)
        if reading is not None:
            stack.enter_context(reading)
            options_found = reading.options.model_dump(mode="json")
            table = store_batches(
                reading.batches,
                origin=lambda: described({**reading.report, "format": reading.format, "options": options_found}),
                **given,
            )
        else:
            table = _store_text(path, described, options, settings, on_progress, given)
    if on_progress is not None:
        on_progress(1.0)
    return table


def _store_text(
    path: Path,
    described: Callable[[dict[str, Any]], dict[str, Any]],
    options: ReaderOptions,
    settings: Settings,
    on_progress: Progress | None,
    given: dict[str, Any],
) -> Table:
    def tell(share: float) -> None:
        if on_progress is not None:
            on_progress(_READ_SHARE * share)

    text = open_text(path, options=options, settings=settings, on_progress=tell)
    if text.frame is not None:
        return store_frame(text.frame, origin=described(text.report), **given)
    while True:
        try:
            return store_batches(text.batches(), origin=lambda: described(text.report), **given)
        except NextPassError:
            continue


def read_frame(
    path: str | Path, *, options: ReaderOptions | None = None, settings: Settings | None = None
) -> pl.DataFrame:
    """Read a file as `read_table` does, without storing it: for rows that are only to be predicted.

    Raises
    ------
    TableNotFoundError, ReadError
        As `read_table`; also if the rows take more memory than ``max_table_mib``.
    """
    return read_noted(path, options=options, settings=settings).frame


@dataclass(frozen=True)
class Noted:
    """Rows of a file, with what was recognised in it.

    Parameters
    ----------
    frame : DataFrame
    report : dict
        As it stands in a table's origin under ``reader``.
    written : dict of str to str
        How the file writes the names of columns that were renamed.
    """

    frame: pl.DataFrame
    report: dict[str, Any]
    written: dict[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What a reader would want to know."""
        return list(self.report.get("notes", []))

    @property
    def misfits(self) -> list[str]:
        """What isn't as it was in the table before, where the options know of one."""
        return list(self.report.get("misfits", []))


def read_noted(path: str | Path, *, options: ReaderOptions | None = None, settings: Settings | None = None) -> Noted:
    """Read a file as `read_frame` does, and say what was recognised.

    Raises
    ------
    TableNotFoundError, ReadError
        As `read_frame`.
    """
    settings, options = settings or current(), options or ReaderOptions()
    found = find_file(path, settings=settings)
    if found.is_file():
        check_size(found, settings)
    reading = open_format(found, options=options, settings=settings)
    if reading is not None:
        with reading:
            frame = _together(iter(reading.batches), found.name, settings)
            report = {**reading.report, "format": reading.format, "options": reading.options.model_dump(mode="json")}
    else:
        text = open_text(found, options=options, settings=settings)
        frame = _text_frame(text, found.name, settings)
        report = text.report
    frame, notes = normalize_frame(frame, name=found.name, max_columns=settings.max_columns)
    return Noted(frame, {**report, "notes": [*report.get("notes", []), *notes]})


def _text_frame(text: TextFile, name: str, settings: Settings) -> pl.DataFrame:
    if text.frame is not None:
        return text.frame
    while True:
        try:
            return _together(text.batches(), name, settings)
        except NextPassError:
            continue


def _together(batches: Iterator[pl.DataFrame], name: str, settings: Settings) -> pl.DataFrame:
    found, n_bytes = [], 0
    for batch in batches:
        found.append(batch)
        n_bytes += int(batch.estimated_size())
        if n_bytes > settings.max_table_mib * 1024 * 1024:
            raise ReadError(
                f"Got {name} with rows that take more than {settings.max_table_mib:,} MiB of memory, needed at most "
                "that to predict at once. Give it in parts, or raise WORKBENCH_MAX_TABLE_MIB."
            )
    return pl.concat(found) if found else pl.DataFrame()


def reread(table: Table, options: ReaderOptions, *, settings: Settings | None = None) -> Table:
    """Read the file that a table came from once more, with corrected options.

    Parameters
    ----------
    table : Table
    options : ReaderOptions
    settings : Settings, optional

    Raises
    ------
    ReadError
        If the table didn't come from a file, or the file is gone or has changed since; else as `read_table`.
    """
    from workbench.data.originals import original_of

    settings = settings or current()
    path, origin = original_of(table, settings)
    again = read_as(path, origin, name=table.name, options=options, settings=settings)
    target = table.target
    return again.with_target(target) if target in {column.name for column in again.columns} else again
