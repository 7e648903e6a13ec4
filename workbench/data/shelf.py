"""The shelf of stored tables: open, list and delete them."""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.table import SHORT_DIGEST, Column, Table
from workbench.errors import TableNotFoundError
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
    """Delete a stored table; runs that used it keep their results. An upload goes with the last table that came of it.

    Raises
    ------
    TableNotFoundError
        If no stored table begins with these digits, or several do.
    """
    settings = settings or current()
    from workbench.data.originals import release

    folder = _find(digest, settings)
    origin = read_json(folder / "origin.json", default={})
    doomed = folder.with_name(f".{folder.name[:SHORT_DIGEST]}.{secrets.token_hex(4)}.tmp")
    with disk_errors(folder):
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    release(origin, (info.origin for info in tables(settings=settings)), settings)
