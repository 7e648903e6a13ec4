"""The shelf of stored tables: open, list and delete them."""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.integrity import QUICK_BYTES, ROWS, SCHEMA, damage, is_sealed
from workbench.data.table import SHORT_DIGEST, Column, Table
from workbench.errors import StorageError, TableNotFoundError
from workbench.settings import Settings, current
from workbench.storage import disk_errors, read_json


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


def open_stored(digest: str, *, settings: Settings | None = None) -> Table:
    """Open a stored table by its digest or an unambiguous beginning of it; only its schema is taken in.

    That its files are those that were written is looked at once in a process; of a large one only the size, until all
    of it is read.

    Raises
    ------
    TableNotFoundError
        If no stored table begins with these digits, or several do.
    StorageError
        If it is damaged.
    """
    settings = settings or current()
    folder = _find(digest, settings)
    schema = _schema(folder)
    origin = _origin(folder)
    path = folder / ROWS
    try:
        problem = damage(path, up_to=QUICK_BYTES)
    except OSError as error:
        problem = f"it can't be read ({error.strerror})" if "files" in schema else ""
    if problem:
        raise StorageError(
            f"The stored table {origin.get('name', folder.name[:SHORT_DIGEST])!r} is damaged: of {ROWS}, {problem}. "
            "Read the original file again; it is then stored anew."
        )
    return Table(
        digest=folder.name,
        name=str(origin.get("name", folder.name[:SHORT_DIGEST])),
        target=origin.get("target"),
        origin=origin,
        columns=[Column(**column) for column in schema["columns"]],
        n_rows=int(schema["n_rows"]),
        path=path,
        n_bytes=schema.get("n_bytes"),
    )


def _schema(folder: Path) -> dict[str, Any]:
    schema = read_json(folder / SCHEMA)
    if not is_sealed(schema):
        raise StorageError(
            f"The stored table {folder.name[:SHORT_DIGEST]} is damaged: its {SCHEMA} isn't what was written. Read the "
            "original file again; it is then stored anew."
        )
    found: dict[str, Any] = schema
    return found


def _origin(folder: Path) -> dict[str, Any]:
    try:
        origin = read_json(folder / "origin.json", default={})
    except StorageError:  # only a note: the rows are what counts
        origin = {}
    return origin if isinstance(origin, dict) else {}


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
            if not folder.name.startswith(".") and (folder / SCHEMA).exists()
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []


def tables(*, settings: Settings | None = None) -> list[TableInfo]:
    """List the stored tables, the one read last first."""
    settings = settings or current()
    found = []
    for folder in _folders(settings):
        # One that is deleted meanwhile, or damaged, hides none of the others.
        with suppress(OSError, StorageError, KeyError, TypeError, ValueError):
            found.append(_info(folder, read_json(folder / SCHEMA), _origin(folder)))
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
    """Delete a stored table; runs that used it keep their results. An upload goes with the last table that came of it.

    Raises
    ------
    TableNotFoundError
        If no stored table begins with these digits, or several do.
    """
    settings = settings or current()
    from workbench.data.originals import release

    folder = _find(digest, settings)
    origin = _origin(folder)
    doomed = folder.with_name(f".{folder.name[:SHORT_DIGEST]}.{secrets.token_hex(4)}.tmp")
    with disk_errors(folder):
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    release(origin, (info.origin for info in tables(settings=settings)), settings)
