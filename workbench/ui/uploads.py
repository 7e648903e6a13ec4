"""An uploaded file on its way to a table: to the disk at once, read, and gone from memory."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from workbench.settings import Settings, current
from workbench.storage import disk_errors

if TYPE_CHECKING:
    from workbench.data import Table

_CHUNK = 1 << 20
ENDINGS = ["csv", "tsv", "txt", "parquet", "gz"]


def read_upload(file: BinaryIO, name: str, *, settings: Settings | None = None) -> Table:
    """Store an uploaded file, read it as a table, and delete the file again.

    Parameters
    ----------
    file : binary file
    name : str
        Its name on the reader's machine; gives the table's name and the format.

    Raises
    ------
    ReadError
        If the file isn't a table.
    StorageError
        If the disk is full or refuses.
    """
    from workbench.data import read_table

    settings = settings or current()
    safe_name = Path(name.replace("\\", "/")).name or "upload"
    folder = settings.home / "uploads" / secrets.token_hex(6)
    path = folder / safe_name
    try:
        with disk_errors(path):
            folder.mkdir(parents=True)
            with path.open("wb") as target:
                shutil.copyfileobj(file, target, _CHUNK)
        return read_table(path, name=table_name(safe_name), settings=settings)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table_name(file_name: str) -> str:
    """Name a table after its file.

    Examples
    --------
    >>> table_name("adult_train.csv.gz")
    'adult_train'
    """
    return file_name.split(".")[0] or file_name
