"""Whether the files of a stored table are those that were written: size and SHA-256, as ``schema.json`` lists them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from threading import Lock
from typing import Any

from workbench.errors import StorageError
from workbench.storage import read_json, to_json

ROWS, SAMPLE, SCHEMA = "table.parquet", "sample.parquet", "schema.json"
QUICK_BYTES = 32 * 1024 * 1024  # opening a table must stay quick: the digest of more waits until rows are read
SOME_BYTES = 256 * 1024 * 1024  # a look at some rows of a larger file must not wait until all of it was read

_SAID: dict[tuple[str, int, int, int], str] = {}  # a file's path, inode, time of change and size: what was found
_LOCK = Lock()
_MOST_SAID = 10_000


def list_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Give size and digest of each file with rows, to be kept in ``schema.json``."""
    there = (folder / name for name in (ROWS, SAMPLE))
    return {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in there if path.exists()}


def seal(document: dict[str, Any]) -> dict[str, Any]:
    """Add to a document the digest of what it says, so that a change within it shows."""
    said = {name: value for name, value in document.items() if name != "sha256"}
    return {**said, "sha256": _digest_of(said)}


def is_sealed(document: Any) -> bool:
    """Whether a document says what was written; those without a digest, of before, are taken as they are."""
    if not isinstance(document, dict):
        return False
    said = {name: value for name, value in document.items() if name != "sha256"}
    return "sha256" not in document or document["sha256"] == _digest_of(said)


def _digest_of(document: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(document).encode()).hexdigest()


def damage(path: Path, *, up_to: int | None = None) -> str:
    """Say what is wrong with a file of a stored table; empty where nothing is.

    The digest is reckoned once in a process, and again when the file changes. Files that no ``schema.json`` lists (the
    samples, tables stored by an earlier workbench) are taken as they are.

    Parameters
    ----------
    path : Path
    up_to : int, optional
        Of a file with more bytes only the size is compared.

    Raises
    ------
    OSError
        If the file isn't there or can't be read.
    """
    status = os.stat(path)
    key = (str(path), status.st_ino, status.st_mtime_ns, status.st_size)
    if key in _SAID:
        return _SAID[key]
    try:
        document = read_json(path.with_name(SCHEMA))
    except StorageError:
        document = None
    files = document.get("files") if isinstance(document, dict) else None
    expected = files.get(path.name) if isinstance(files, dict) else None
    if not isinstance(expected, dict):
        return ""
    if status.st_size != expected.get("bytes"):
        return f"it has {status.st_size:,} bytes instead of {expected.get('bytes'):,}"
    if up_to is not None and status.st_size > up_to:
        return ""
    found = "" if _sha256(path) == expected.get("sha256") else "its bytes aren't those that were written"
    with _LOCK:
        if len(_SAID) >= _MOST_SAID:
            _SAID.clear()
        _SAID[key] = found
    return found


def is_sound(folder: Path) -> bool:
    """Whether a stored table is there, all of it as it was written; one of an earlier workbench can't tell and isn't.

    What isn't is written anew when the same rows are read again.
    """
    try:
        document = read_json(folder / SCHEMA)
        return (
            is_sealed(document)
            and ROWS in document["files"]
            and not any(damage(folder / name) for name in document["files"])
        )
    except (OSError, StorageError, KeyError, TypeError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
