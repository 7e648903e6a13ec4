"""Stored tables: one folder each, named by the digest, complete or not there at all."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.coding import Shelf
from workbench.data.digests import digest_of
from workbench.data.examining import Examined, examine
from workbench.data.freed_memory import give_back, keep_in_few_places
from workbench.data.integrity import SCHEMA, is_sound, list_files, seal
from workbench.data.normalize import normalize_frame
from workbench.data.orders import digest_with, orders_of
from workbench.data.shelf import TableInfo as TableInfo
from workbench.data.shelf import delete_table as delete_table
from workbench.data.shelf import open_stored as open_stored
from workbench.data.shelf import tables as tables
from workbench.data.stored_rows import SAMPLE_ROWS, sample_positions
from workbench.data.summarizing import FILE as PROFILE
from workbench.data.summarizing import TableSummary, summarize_frame
from workbench.data.table import SHORT_DIGEST, Table, check_target_name
from workbench.data.writing import written_rows
from workbench.errors import StorageError
from workbench.locking import locked
from workbench.settings import Settings, current
from workbench.storage import disk_errors, read_json, to_json, write_json

_ABANDONED_SECONDS = 3600.0


def store_frame(
    frame: pl.DataFrame,
    *,
    name: str,
    target: str | None = None,
    origin: dict[str, Any] | None = None,
    orders: Mapping[str, Sequence[str]] | None = None,
    settings: Settings | None = None,
) -> Table:
    """Store rows under the digest of their contents; rows that are stored already, and whole, aren't written again.

    Parameters
    ----------
    frame : DataFrame
        Polars frame; types that a model can't use are converted where that loses nothing.
    name : str
    target : str, optional
    origin : dict, optional
        Where the rows came from.
    orders : mapping of str to sequence of str, optional
        Words of ordered categories, the lowest first; a column of Polars' type Enum tells its own.
    settings : Settings, optional

    Raises
    ------
    ReadError
        If there are no rows or columns, too many columns, or a column of a type that a table can't hold.
    TargetError
        If there is no such target.
    StorageError
        If the disk is full or refuses; nothing is left behind.
    """
    settings = settings or current()
    known = orders_of(frame.schema) | {column: tuple(order) for column, order in (orders or {}).items()}
    frame, notes = normalize_frame(frame, name=name, max_columns=settings.max_columns)
    digest = digest_with(digest_of(frame), known)
    folder = settings.tables / digest
    summary = summarize_frame(frame).ordered(known)
    table = Table(
        digest=digest,
        name=name,
        target=target,
        origin=_document(origin, notes, name=name, target=target, folder=folder),
        columns=summary.columns,
        n_rows=frame.height,
        path=folder / "table.parquet",
        frame=frame,
    )
    if is_sound(folder):
        _note_reading(folder, table)
    else:
        _write_folder(folder, table, summary)
    return table


def store_batches(
    batches: Iterable[pl.DataFrame],
    *,
    name: str,
    target: str | None = None,
    origin: dict[str, Any] | Callable[[], dict[str, Any]] | None = None,
    orders: Mapping[str, Sequence[str]] | None = None,
    settings: Settings | None = None,
) -> Table:
    """Store rows that come a batch at a time, as `store_frame` does, without ever holding them all.

    Parameters
    ----------
    batches : iterable of DataFrame
        With the same columns in each.
    name : str
    target : str, optional
    origin : dict, optional
        Where the rows came from; or a function that gives it and is called when all rows are read.
    orders : mapping of str to sequence of str, optional
        Words of ordered categories, as for `store_frame`.
    settings : Settings, optional

    Raises
    ------
    ReadError, TargetError, StorageError
        As `store_frame`; and a `ReadError` if the columns differ between batches.

    Examples
    --------
    >>> parts = [pl.DataFrame({"n": [1, 2]}), pl.DataFrame({"n": [3]})]
    >>> table = store_batches(parts, name="numbers")  # doctest: +SKIP
    >>> table.n_rows  # doctest: +SKIP
    3
    """
    settings = settings or current()
    rest = iter(batches)
    start = list(islice(rest, 2))
    if start and target is not None:
        check_target_name(target, start[0].columns, name=name)
    if len(start) < 2:
        frame = start[0] if start else pl.DataFrame()
        given = origin() if callable(origin) else origin
        return store_frame(frame, name=name, target=target, origin=given, orders=orders, settings=settings)
    keep_in_few_places()
    partial = settings.tables / f".reading.{secrets.token_hex(8)}.tmp"
    with disk_errors(settings.tables / "table.parquet"):
        try:
            partial.mkdir(parents=True)
            with (
                Shelf(partial) as shelf,
                written_rows(
                    chain(_released(start), rest),
                    partial / "table.parquet",
                    name=name,
                    max_columns=settings.max_columns,
                    shelf=shelf,
                ) as (contents, notes),
            ):
                give_back()
                examined = examine(contents)
                known = contents.orders | {column: tuple(order) for column, order in (orders or {}).items()}
                examined = replace(
                    examined, digest=digest_with(examined.digest, known), summary=examined.summary.ordered(known)
                )
            given = origin() if callable(origin) else origin
            n_bytes = contents.n_bytes
            del contents
            table = _move_in(partial, examined, n_bytes, (given, notes), name=name, target=target, settings=settings)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    _remove_abandoned(settings.tables)
    give_back()
    return table


def _released(frames: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Give the frames and hold none of them any longer."""
    while frames:
        yield frames.pop(0)


def _move_in(
    partial: Path,
    examined: Examined,
    n_bytes: int,
    origin: tuple[dict[str, Any] | None, list[str]],
    *,
    name: str,
    target: str | None,
    settings: Settings,
) -> Table:
    """Move rows that were written and examined to the place that their digest names."""
    folder = settings.tables / examined.digest
    table = Table(
        digest=examined.digest,
        name=name,
        target=target,
        origin=_document(*origin, name=name, target=target, folder=folder),
        columns=examined.summary.columns,
        n_rows=examined.summary.n_rows,
        path=folder / "table.parquet",
        n_bytes=n_bytes,
    )
    if is_sound(folder):
        _note_reading(folder, table)
        return table
    if examined.sample is not None:
        _write_synced(partial / "sample.parquet", parquet_bytes(examined.sample))
    _write_documents(partial, table, examined.summary)
    _move_into_place(partial, folder)
    return table


def _document(
    origin: dict[str, Any] | None, notes: list[str], *, name: str, target: str | None, folder: Path
) -> dict[str, Any]:
    document = dict(origin or {"kind": "memory"})
    if notes:
        reader = dict(document.get("reader", {}))
        document["reader"] = {**reader, "notes": [*reader.get("notes", []), *notes]}
    stored: Any = {}
    with suppress(StorageError):  # a damaged note is written anew
        stored = read_json(folder / "origin.json", default={})
    stored = stored if isinstance(stored, dict) else {}
    return document | {"name": name, "read": time.time(), "target": target or stored.get("target")}


def _note_reading(folder: Path, table: Table) -> None:
    with suppress(StorageError):  # the rows are safe; only when they were last read isn't noted
        write_json(folder / "origin.json", table.origin)


def _write_folder(folder: Path, table: Table, summary: TableSummary) -> None:
    """Write beside the place, then rename: a second writer or a kill never leaves half a table."""
    partial = folder.with_name(f".{folder.name[:SHORT_DIGEST]}.{secrets.token_hex(4)}.tmp")
    with disk_errors(folder / "table.parquet"):
        try:
            partial.mkdir(parents=True)
            _write_synced(partial / "table.parquet", parquet_bytes(table.frame()))
            if table.n_rows > SAMPLE_ROWS:
                sample = table.frame()[sample_positions(table.n_rows)]
                _write_synced(partial / "sample.parquet", parquet_bytes(sample))
            _write_documents(partial, table, summary)
            _move_into_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    _remove_abandoned(folder.parent)


def _write_documents(partial: Path, table: Table, summary: TableSummary) -> None:
    summary.save(partial / PROFILE)
    document = seal({**table.schema_document(), "files": list_files(partial)})
    _write_synced(partial / SCHEMA, (to_json(document, indent=1) + "\n").encode())
    _write_synced(partial / "origin.json", (to_json(table.origin, indent=2) + "\n").encode())


def _move_into_place(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        if is_sound(folder):  # another process has stored the same rows meanwhile: theirs are as good
            return
        with locked(folder.parent / ".mending.lock"):
            if not is_sound(folder):
                _mend(partial, folder)


def _mend(partial: Path, folder: Path) -> None:
    """Replace the files of a damaged table, or of one without digests, each in one step; the schema last."""
    names = sorted((path.name for path in partial.iterdir()), key=lambda name: name == SCHEMA)
    for name in names:
        os.replace(partial / name, folder / name)


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """Give the frame as zstd-compressed Parquet."""
    # Through memory, since Polars reports a full disk in words of its own and leaves a part of the file.
    buffer = BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=True)
    return buffer.getvalue()


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _remove_abandoned(folder: Path) -> None:
    for partial in folder.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(partial, ignore_errors=True)
