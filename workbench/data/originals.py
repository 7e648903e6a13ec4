"""The files that tables came from: uploads are kept once each, so that they can be read again with other options."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from workbench.data.files import sha256_of
from workbench.data.table import Table
from workbench.errors import ReadError
from workbench.settings import Settings, current
from workbench.storage import disk_errors

_CHUNK = 1 << 20
_SHORT = 16


def keep_upload(file: BinaryIO, name: str, *, settings: Settings | None = None) -> Path:
    """Copy an uploaded file to the disk; the same bytes are kept once.

    Parameters
    ----------
    file : binary file
    name : str
        Its name on the user's machine.

    Raises
    ------
    StorageError
        If the disk is full or refuses; nothing is left then.
    """
    settings = settings or current()
    folder = settings.home / "uploads"
    partial = folder / f".{secrets.token_hex(6)}.tmp"
    digest = hashlib.sha256()
    with disk_errors(folder / _safe(name)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as target:
                while piece := file.read(_CHUNK):
                    digest.update(piece)
                    target.write(piece)
            place = folder / digest.hexdigest()[:_SHORT]
            place.mkdir(exist_ok=True)
            path = place / _safe(name)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return path


def read_upload(
    path: Path,
    *,
    name: str | None = None,
    options: Any = None,
    settings: Settings | None = None,
    on_progress: Any = None,
    keep: bool = False,
) -> Table:
    """Read an uploaded file that was kept; one that isn't a table goes again, unless `keep` says otherwise.

    Raises
    ------
    ReadError, StorageError
        As `workbench.data.read_table`.
    """
    from workbench.data.reading import read_as
    from workbench.data.spec import ReaderOptions

    settings = settings or current()
    origin = {"kind": "upload", "path": path.name}
    try:
        return read_as(
            path, origin, name=name, options=options or ReaderOptions(), settings=settings, on_progress=on_progress
        )
    except ReadError:
        if not keep:
            drop_upload(path, settings=settings)
        raise


def drop_upload(path: Path, *, settings: Settings | None = None) -> None:
    """Delete an uploaded file from which no table came."""
    if not _is_needed(path.parent.name, settings or current()):
        shutil.rmtree(path.parent, ignore_errors=True)


def original_of(table: Table, settings: Settings) -> tuple[Path, dict[str, Any]]:
    """Give the file that a table came from, and the beginning of its origin.

    Raises
    ------
    ReadError
        If it came from no file, or the file is gone or has changed since.
    """
    origin = table.origin
    kind, sha256 = origin.get("kind"), str(origin.get("sha256", ""))
    if kind == "upload":
        path = settings.home / "uploads" / sha256[:_SHORT] / _safe(str(origin.get("path")))
        if not path.is_file():  # the same bytes under another name
            path = next(iter(sorted(path.parent.glob("*"))), path)
        started = {"kind": "upload", "path": path.name}
    elif kind == "file" and sha256:
        path = Path(str(origin["path"]))
        started = {"kind": "file", "path": str(path)}
    else:
        raise ReadError(
            f"Got table {table.name!r}, which came from {kind or 'memory'} and not from a file; needed a file to read "
            "again. Read it anew from where it is."
        )
    if not path.is_file():
        raise ReadError(
            f"Got table {table.name!r}, whose file {path.name} is no longer there; needed it to read it again. "
            "Put it back, or upload it anew."
        )
    if sha256_of(path) != sha256:
        raise ReadError(
            f"Got table {table.name!r}, whose file {path.name} has changed since it was read; needed the same bytes. "
            "Read it as a new table."
        )
    return path, started


def release(origin: dict[str, Any], others: Iterable[dict[str, Any]], settings: Settings) -> None:
    """Delete the upload that a deleted table came from, unless another table came from it, too."""
    sha256 = str(origin.get("sha256", ""))
    if origin.get("kind") == "upload" and sha256 and all(other.get("sha256") != sha256 for other in others):
        with suppress(OSError):
            shutil.rmtree(settings.home / "uploads" / sha256[:_SHORT])


def _is_needed(short: str, settings: Settings) -> bool:
    from workbench.data.shelf import tables

    return any(str(info.origin.get("sha256", "")).startswith(short) for info in tables(settings=settings))


def _safe(name: str) -> str:
    return Path(name.replace("\\", "/")).name[-200:] or "upload"
