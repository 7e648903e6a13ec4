"""Stored tables: one folder each, named by the digest, complete or not there at all."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.digests import digest_of
from workbench.data.normalize import normalize_frame
from workbench.data.table import SHORT_DIGEST, Column, Table, describe_columns
from workbench.errors import StorageError, TableNotFoundError
from workbench.settings import Settings, current
from workbench.storage import disk_errors, read_json, to_json, write_json

_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True)
class TableInfo:
    """One line of the list of stored tables.

    Parameters
    ----------
    digest, name : str
    target : str or None
    n_rows, n_columns : int
    read : float
        When it was last read, in seconds since 1970.
    source : str
        Path or name of what was read.
    size_bytes : int
        Size on disk.
    origin : dict
        Where the rows came from.
    """

    digest: str
    name: str
    target: str | None
    n_rows: int
    n_columns: int
    read: float
    source: str
    size_bytes: int
    origin: dict[str, Any]

    @property
    def short_digest(self) -> str:
        """First 12 digits of the digest."""
        return self.digest[:SHORT_DIGEST]


def store_frame(
    frame: pl.DataFrame,
    *,
    name: str,
    target: str | None = None,
    origin: dict[str, Any] | None = None,
    settings: Settings | None = None,
) -> Table:
    """Store rows under the digest of their contents; rows that are stored already aren't written again.

    Parameters
    ----------
    frame : DataFrame
        Polars frame; types that a model can't use are converted where that loses nothing.
    name : str
    target : str, optional
    origin : dict, optional
        Where the rows came from.
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
    frame, notes = normalize_frame(frame, name=name, max_columns=settings.max_columns)
    document = dict(origin or {"kind": "memory"})
    if notes:
        reader = dict(document.get("reader", {}))
        document["reader"] = {**reader, "notes": [*reader.get("notes", []), *notes]}
    document |= {"name": name, "read": time.time()}
    digest = digest_of(frame)
    folder = settings.tables / digest
    is_stored = (folder / "schema.json").exists()
    stored = read_json(folder / "origin.json", default={}) if is_stored else {}
    document["target"] = target or stored.get("target")
    table = Table(
        digest=digest,
        name=name,
        target=target,
        origin=document,
        columns=describe_columns(frame),
        n_rows=frame.height,
        path=folder / "table.parquet",
        frame=frame,
    )
    if is_stored:
        with suppress(StorageError):  # the rows are safe; only when they were last read isn't noted
            write_json(folder / "origin.json", document)
    else:
        _write_folder(folder, table)
    return table


def _write_folder(folder: Path, table: Table) -> None:
    """Write beside the place, then rename: a second writer or a kill never leaves half a table."""
    partial = folder.with_name(f".{folder.name[:SHORT_DIGEST]}.{secrets.token_hex(4)}.tmp")
    with disk_errors(folder / "table.parquet"):
        try:
            partial.mkdir(parents=True)
            _write_synced(partial / "table.parquet", parquet_bytes(table.frame()))
            _write_synced(partial / "schema.json", (to_json(table.schema_document(), indent=1) + "\n").encode())
            _write_synced(partial / "origin.json", (to_json(table.origin, indent=2) + "\n").encode())
            _move_into_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    _remove_abandoned(folder.parent)


def _move_into_place(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not (
            folder / "schema.json"
        ).exists():  # another process has stored the same rows meanwhile: theirs are as good
            raise


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


def open_stored(digest: str, *, settings: Settings | None = None) -> Table:
    """Open a stored table by its digest or an unambiguous beginning of it; only its schema is read.

    Raises
    ------
    TableNotFoundError
        If no stored table begins with these digits, or several do.
    """
    settings = settings or current()
    folder = _find(digest, settings)
    schema = read_json(folder / "schema.json")
    origin = read_json(folder / "origin.json", default={})
    return Table(
        digest=folder.name,
        name=str(origin.get("name", folder.name[:SHORT_DIGEST])),
        target=origin.get("target"),
        origin=origin,
        columns=[Column(**column) for column in schema["columns"]],
        n_rows=int(schema["n_rows"]),
        path=folder / "table.parquet",
        n_bytes=schema.get("n_bytes"),
    )


def _find(digest: str, settings: Settings) -> Path:
    found = (
        [folder for folder in _folders(settings) if folder.name.startswith(digest.lower())] if len(digest) >= 6 else []
    )
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(folder.name[:SHORT_DIGEST] for folder in found[:5])
        raise TableNotFoundError(
            f"Got table {digest!r}, which {len(found)} stored tables begin with ({shown}). Give more digits."
        )
    raise TableNotFoundError(
        f"Got table {digest!r}, needed the first 6 or more digits of a stored table in {settings.tables}. "
        "Read the file again to store it."
    )


def _folders(settings: Settings) -> list[Path]:
    try:
        return [
            folder
            for folder in settings.tables.iterdir()
            if not folder.name.startswith(".") and (folder / "schema.json").exists()
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []


def tables(*, settings: Settings | None = None) -> list[TableInfo]:
    """List the stored tables, the one read last first."""
    settings = settings or current()
    found = []
    for folder in _folders(settings):
        schema = read_json(folder / "schema.json", default=None)
        if schema is None:  # deleted between listing and reading
            continue
        origin = read_json(folder / "origin.json", default={})
        with suppress(FileNotFoundError):
            found.append(_info(folder, schema, origin))
    return sorted(found, key=lambda info: info.read, reverse=True)


def _info(folder: Path, schema: dict[str, Any], origin: dict[str, Any]) -> TableInfo:
    return TableInfo(
        digest=folder.name,
        name=str(origin.get("name", folder.name[:SHORT_DIGEST])),
        target=origin.get("target"),
        n_rows=int(schema["n_rows"]),
        n_columns=len(schema["columns"]),
        read=float(origin.get("read", 0.0)),
        source=str(origin.get("path", origin.get("kind", ""))),
        size_bytes=(folder / "table.parquet").stat().st_size,
        origin=origin,
    )


def delete_table(digest: str, *, settings: Settings | None = None) -> None:
    """Delete a stored table; runs that used it keep their results.

    Raises
    ------
    TableNotFoundError
        If no stored table begins with these digits, or several do.
    """
    settings = settings or current()
    folder = _find(digest, settings)
    doomed = folder.with_name(f".{folder.name[:SHORT_DIGEST]}.{secrets.token_hex(4)}.tmp")
    with disk_errors(folder):
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
