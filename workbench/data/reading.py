"""Files to tables: CSV, TSV and Parquet, also gzipped; anything else is refused in words."""

from __future__ import annotations

import difflib
import gzip
import hashlib
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.cells import type_columns
from workbench.data.delimited import read_delimited
from workbench.data.normalize import normalize_frame
from workbench.data.rows import DELIMITERS
from workbench.data.store import store_frame
from workbench.data.table import Table
from workbench.errors import ReadError, TableNotFoundError
from workbench.settings import Settings, current

_MIB = 1024 * 1024
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".gz")


def read_table(
    path: str | Path, *, target: str | None = None, name: str | None = None, settings: Settings | None = None
) -> Table:
    """Read a CSV, TSV or Parquet file, gzipped or not, and store it.

    What the file is shows in its content, not in its name. Encoding, delimiter, quoting, missing markers (``?``,
    ``NA``, ``null`` and the like) and dates are recognised; `Table.origin` says how under ``reader``. Reading the same
    content again gives the same digest and stores nothing twice.

    Parameters
    ----------
    path : str or Path
        Also searched below the folder that ``WORKBENCH_DATA`` names.
    target : str, optional
        Column to predict.
    name : str, optional
        Name to show; the file's by default.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError
        If there is no such file.
    ReadError
        If the file is empty, binary, damaged, larger than ``max_upload_mib``, has uneven lines, repeated column names
        or no rows.
    TargetError
        If there is no such target.
    StorageError
        If the table can't be stored.

    Examples
    --------
    >>> table = read_table("adult_train.csv.gz", target="income")  # doctest: +SKIP
    >>> table.n_rows, table.column("workclass").n_missing  # doctest: +SKIP
    (32561, 1836)
    """
    settings = settings or current()
    found = find_file(path, settings=settings)
    data = _content(found, settings.max_upload_mib)
    frame, reader = parse_content(data, name=found.name, settings=settings)
    origin = {"kind": "file", "path": str(found.resolve()), "n_bytes": found.stat().st_size, "reader": reader}
    origin["sha256"] = hashlib.sha256(data).hexdigest()
    return store_frame(frame, name=name or _stem(found.name), target=target, origin=origin, settings=settings)


def read_frame(path: str | Path, *, settings: Settings | None = None) -> pl.DataFrame:
    """Read a file as `read_table` does, without storing it: for rows that are only to be predicted.

    Raises
    ------
    TableNotFoundError, ReadError
        As `read_table`.
    """
    settings = settings or current()
    found = find_file(path, settings=settings)
    frame, _ = parse_content(_content(found, settings.max_upload_mib), name=found.name, settings=settings)
    return normalize_frame(frame, name=found.name, max_columns=settings.max_columns)[0]


def find_file(path: str | Path, *, settings: Settings | None = None) -> Path:
    """Find a file as named, or below the folder that ``WORKBENCH_DATA`` names.

    Raises
    ------
    TableNotFoundError
        If there is none; the message suggests names that are near.
    ReadError
        If it is a folder.
    """
    settings = settings or current()
    asked = Path(path).expanduser()
    places = [asked] + ([settings.data / asked] if settings.data and not asked.is_absolute() else [])
    for place in places:
        if place.is_file():
            return place
    for place in places:
        if place.is_dir():
            raise ReadError(
                f"Got {place}, which is a folder, needed a file. Name one of the files in it{_examples_in(place)}."
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


def _content(path: Path, max_mib: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > max_mib * _MIB:
            raise ReadError(
                f"Got {path.name} of {size / _MIB:,.0f} MiB, needed at most {max_mib:,} MiB. "
                "Give a part of it, or raise WORKBENCH_MAX_UPLOAD_MIB."
            )
        data = path.read_bytes()
    except OSError as error:
        raise ReadError(
            f"Got {path}, which can't be read ({error.strerror or error}). Needed a readable file; "
            "check its permissions."
        ) from error
    return _unzip(data, path.name, max_mib) if data.startswith(_GZIP) else data


def _unzip(data: bytes, name: str, max_mib: int) -> bytes:
    """Unpack gzip piece by piece, so that a small file that unpacks to terabytes is refused in time."""
    pieces, size = [], 0
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            while piece := file.read(4 * _MIB):
                size += len(piece)
                if size > max_mib * _MIB:
                    raise ReadError(
                        f"Got {name}, which unpacks to more than {max_mib:,} MiB, needed at most that. "
                        "Give a part of it, or raise WORKBENCH_MAX_UPLOAD_MIB."
                    )
                pieces.append(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ReadError(
            f"Got {name}, a damaged gzip file ({error}). Needed a complete one; download or pack it again."
        ) from error
    return b"".join(pieces)


def parse_content(data: bytes, *, name: str, settings: Settings | None = None) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Turn the (unpacked) bytes of a file into a frame and what was recognised in them, without storing anything.

    Raises
    ------
    ReadError
        As `read_table`.
    """
    settings = settings or current()
    if data.startswith(_PARQUET):
        return _parquet(data, name), {"format": "parquet", "notes": []}
    tabs = ".tsv" in name.lower()
    cells, text = read_delimited(data, name=name, max_columns=settings.max_columns, tabs=tabs)
    frame, report = type_columns(cells, decimal_comma=text.delimiter != ",")
    return frame, {
        "format": "csv",
        "encoding": text.encoding,
        "delimiter": DELIMITERS[text.delimiter],
        "quoted": text.quoted,
        "missing": report.missing,
        "notes": [*text.notes, *report.notes],
    }


def _parquet(data: bytes, name: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(BytesIO(data))
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise ReadError(
            f"Got {name}, a damaged Parquet file ({error}). Needed a complete one; write or download it again."
        ) from error


def _stem(file_name: str) -> str:
    stem = file_name
    while stem.lower().endswith(_SUFFIXES):
        stem = stem[: stem.rindex(".")]
    return stem or file_name
