"""Files as the user names them: found, measured, refused in words."""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path

from workbench.data.formats.images import holds_images
from workbench.errors import ReadError, TableNotFoundError
from workbench.settings import Settings, current

_MIB = 1024 * 1024
_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".gz", ".zip", ".xlsx", ".json", ".ndjson", ".arrow", ".npz")


def find_file(path: str | Path, *, settings: Settings | None = None) -> Path:
    """Find a file or a folder of images as named, or below the folder that ``WORKBENCH_DATA`` names.

    Raises
    ------
    TableNotFoundError
        If there is none; the message suggests names that are near.
    ReadError
        If it is a folder without images.
    """
    settings = settings or current()
    asked = Path(path).expanduser()
    places = [asked] + ([settings.data / asked] if settings.data and not asked.is_absolute() else [])
    for place in places:
        if place.is_file():
            return place
    folders = [place for place in places if place.is_dir()]
    for folder in folders:
        if holds_images(folder):
            return folder
    if folders:
        raise ReadError(
            f"Got {folders[0]}, which is a folder, needed a file or a folder of images. "
            f"Name one of the files in it{_examples_in(folders[0])}."
        )
    raise TableNotFoundError(
        f"Got {str(path)!r}, which isn't there, needed a CSV, TSV or Parquet file.{_near_files(places)}"
    )


def _examples_in(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.lower().endswith(_SUFFIXES))[:3]
    return f", such as {', '.join(names)}" if names else ""


def _near_files(places: list[Path]) -> str:
    names = {
        entry.name for place in places if place.parent.is_dir() for entry in place.parent.iterdir() if entry.is_file()
    }
    wanted = places[0].name
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    near += sorted(name for name in names if name.startswith(wanted) and name not in near)[:3]
    return (
        f" Did you mean {' or '.join(near)}?"
        if near
        else f" Check the path; it was looked for in {places[-1].parent.resolve()}."
    )


def check_size(path: Path, settings: Settings) -> int:
    """Give the size of a file in bytes.

    Raises
    ------
    ReadError
        If it is larger than ``max_upload_mib``, or can't be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ReadError(
            f"Got {path}, which can't be read ({error.strerror or error}). Needed a readable file; "
            "check its permissions."
        ) from error
    if size > settings.max_upload_mib * _MIB:
        raise ReadError(
            f"Got {path.name} of {size / _MIB:,.0f} MiB, needed at most {settings.max_upload_mib:,} MiB. "
            "Give a part of it, or raise WORKBENCH_MAX_UPLOAD_MIB."
        )
    return size


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stem_of(file_name: str) -> str:
    """Give a file's name without its endings.

    Examples
    --------
    >>> stem_of("adult_train.csv.gz")
    'adult_train'
    """
    stem = file_name
    while stem.lower().endswith(_SUFFIXES):
        stem = stem[: stem.rindex(".")]
    return stem or file_name
