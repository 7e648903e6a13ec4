"""Files that lie on the server: what the pages may open by its path, and nothing outside the folder that is named."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from workbench.data.formats.recognizing import ENDINGS
from workbench.data.image_heads import IMAGE_ENDINGS
from workbench.errors import ReadError, TableNotFoundError
from workbench.settings import Settings, current

_MAX_LISTED = 2_000
_MAX_LOOKED_AT = 50_000


@dataclass(frozen=True)
class ServerFile:
    """A file, or a folder of images, that may be opened.

    Parameters
    ----------
    path : str
        Below the folder, with slashes.
    n_bytes : int
        0 for a folder.
    is_folder : bool
    """

    path: str
    n_bytes: int
    is_folder: bool = False


def server_file(path_text: str, settings: Settings | None = None) -> Path:
    """Give the file or folder that a page names, if it lies in the folder that ``WORKBENCH_FILES`` names.

    Links are followed first, so that one that leads out is refused, too.

    Parameters
    ----------
    path_text : str
        Below the folder, or absolute within it.
    settings : Settings, optional

    Raises
    ------
    ReadError
        If no folder is named, the path leads out of it, or it is neither file nor folder.
    TableNotFoundError
        If there is nothing of that name.
    """
    settings = settings or current()
    root = _root(settings)
    if not path_text.strip() or "\0" in path_text:
        raise ReadError("Got an empty path, needed one below the server's folder of files. Choose a file.")
    asked = root / path_text.strip()  # an absolute path replaces the root, and is then checked like any other
    try:
        found = asked.resolve(strict=True)
    except (OSError, RuntimeError):
        found = None
    lexical = Path(os.path.normpath(asked))
    if not (lexical.is_relative_to(root) or found is not None and found.is_relative_to(root)):
        raise _outside(path_text)  # whether there is anything outside is nobody's business
    if found is None:
        raise TableNotFoundError(
            f"Got {path_text!r}, which isn't there, needed a file below the server's folder of files. Choose one of "
            "those that are listed."
        )
    if not found.is_relative_to(root):
        raise _outside(path_text)
    if not found.is_file() and not found.is_dir() or found == root:
        raise ReadError(f"Got {path_text!r}, which is no file, needed a file or a folder of images. Choose another.")
    return found


def visitor_source(text: str, settings: Settings | None = None) -> str | Path:
    """Give what a page may read a table from when somebody types a database's connection string there.

    Parameters
    ----------
    text : str
        A database server's address; or ``sqlite:///PATH`` with a path below the folder that ``WORKBENCH_FILES`` names.
    settings : Settings, optional

    Returns
    -------
    str or Path
        The connection string, or the SQLite file.

    Raises
    ------
    ReadError
        If it is anything else, such as a path, or a connection that leads to a file, a socket or a credential here.
    TableNotFoundError
        If there is no such SQLite file.
    """
    from workbench.data.formats.connecting import check_visitor, is_connection, parse_connection

    if not is_connection(text.strip()):
        raise ReadError(
            "This isn't the address of a database. Write it as postgresql://USER:${PASSWORD}@HOST/DATABASE; a file can "
            "be uploaded."
        )
    url = parse_connection(text)
    if url.get_backend_name() == "sqlite":
        if url.query or url.host:
            raise ReadError("An SQLite file is named as sqlite:///PATH, without a host or options. Leave them out.")
        return server_file(url.database or "", settings)
    check_visitor(url)
    return text.strip()


def _outside(path_text: str) -> ReadError:
    return ReadError(
        f"Got {path_text!r}, which leads outside the server's folder of files, needed a path below it. Choose one of "
        "the files that are listed, or upload yours."
    )


def _root(settings: Settings) -> Path:
    if settings.files is None:
        raise ReadError(
            "Got a path on the server, but no folder may be read from. Upload the file, or set WORKBENCH_FILES to the "
            "folder whose files may be opened."
        )
    try:
        return settings.files.expanduser().resolve(strict=True)
    except OSError as error:
        raise ReadError(
            f"Got WORKBENCH_FILES={settings.files}, which can't be opened ({error.strerror}). Needed a folder; correct "
            "the setting."
        ) from error


def server_files(settings: Settings | None = None) -> list[ServerFile]:
    """List what may be opened by its path, in order of names; up to 2,000 entries, nothing where no folder is named.

    Raises
    ------
    ReadError
        If the folder can't be opened.
    """
    settings = settings or current()
    if settings.files is None:
        return []
    root = _root(settings)
    found: list[ServerFile] = []
    n_looked_at = 0
    for where, folders, files in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        n_looked_at += len(files)
        if any(name.lower().endswith(IMAGE_ENDINGS) for name in files):
            found.append(_image_folder(Path(where), root))
            folders[:] = []
        else:
            entries = [_entry(Path(where, name), root) for name in sorted(files)]
            found += [entry for entry in entries if entry is not None]
        if len(found) >= _MAX_LISTED or n_looked_at > _MAX_LOOKED_AT:
            break
    unique = {entry.path: entry for entry in found if entry.path != "."}
    return sorted(unique.values(), key=lambda entry: entry.path)[:_MAX_LISTED]


def _image_folder(where: Path, root: Path) -> ServerFile:
    """Give the folder that holds the class folders: images lie in data/train/cat, and data is what is read."""
    folder = where.parent if where != root else where
    if folder != root and folder.name.lower() in ("train", "test", "val", "valid", "validation"):
        folder = folder.parent
    return ServerFile((folder if folder != root else where).relative_to(root).as_posix(), 0, is_folder=True)


def _entry(path: Path, root: Path) -> ServerFile | None:
    if path.name.startswith(".") or not path.name.lower().endswith(ENDINGS):
        return None
    try:
        target = path.resolve(strict=True)
        facts = target.stat()
    except (OSError, RuntimeError):
        return None
    if not target.is_relative_to(root) or not stat.S_ISREG(facts.st_mode):
        return None
    return ServerFile(path.relative_to(root).as_posix(), facts.st_size)
