"""An uploaded file on its way to a table: to the disk at once, read, and gone from memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from workbench.data.formats import ENDINGS as _ENDINGS
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.spec import ReaderOptions

# As the upload widget takes them: the last part only, without the dot.
ENDINGS = sorted({ending.rsplit(".", 1)[-1] for ending in _ENDINGS})


def read_upload(file: BinaryIO, name: str, *, before: Table | None = None, settings: Settings | None = None) -> Table:
    """Keep an uploaded file on the disk, and read it as a table.

    Parameters
    ----------
    file : binary file
    name : str
        Its name on the reader's machine; gives the table's name.
    before : Table, optional
        The table whose test rows these are: the file is read first as that one was.

    Raises
    ------
    ReadError
        If the file isn't a table; it isn't kept then.
    StorageError
        If the disk is full or refuses.
    """
    from workbench.data.originals import keep_upload
    from workbench.data.originals import read_upload as read

    path = keep_upload(file, name, settings=settings)
    if before is not None:
        from workbench.data.later_files import read_later_upload

        return read_later_upload(path, before, name=table_name(path.name), settings=settings)
    return read(path, name=table_name(path.name), settings=settings)


def read_kept(
    path: Path, *, options: ReaderOptions | None = None, on_progress: Callable[[float], object] | None = None
) -> Table:
    """Read an upload that lies on the disk; one that can't be read stays there, to be read with other options.

    Raises
    ------
    ReadError, StorageError
        As `read_upload`.
    """
    from workbench.data.originals import read_upload as read

    return read(path, name=table_name(path.name), options=options, on_progress=on_progress, keep=True)


def table_name(file_name: str) -> str:
    """Name a table after its file.

    Examples
    --------
    >>> table_name("adult_train.csv.gz")
    'adult_train'
    """
    return file_name.split(".")[0] or file_name
