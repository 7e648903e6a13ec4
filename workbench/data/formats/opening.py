"""From a path to an open reading: the format, the way through gzip and zip, and the reader for it."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath

from workbench.data.formats.archives import ARCHIVE_ENDINGS, Unpacking, ZipArchive, is_archive, open_gzip, unpack
from workbench.data.formats.opened import Reading, Scratch, pick, shown
from workbench.data.formats.recognizing import (
    ENDINGS,
    START_BYTES,
    TEXT_ENDINGS,
    Format,
    recognize,
    refuse_sound_and_film,
)
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError
from workbench.settings import Settings

_DOCUMENTS = ("readme", "license", "licence", "notice", "changelog", "copying", "authors", "citation", "manifest")


class Member(io.BufferedReader):
    """A stream of the bytes of one file, out of an archive where it lies in one.

    Attributes
    ----------
    display_name : str
        For messages; its ending is that of the unpacked file.
    member : str or None
        Its name within a zip.
    choices : list of str
        Other tables in the zip.
    notes : list of str
        What was left out of the zip.
    """

    display_name: str = ""
    member: str | None = None
    choices: list[str]
    notes: list[str]


def open_format(path: Path, *, options: ReaderOptions, settings: Settings, n_rows: int | None = None) -> Reading | None:
    """Open a file or a folder of images, whatever it holds, if it isn't delimited text.

    Parameters
    ----------
    path : Path
    options : ReaderOptions
    settings : Settings
    n_rows : int, optional
        Read no more than these first rows, for a look; the first of several sheets, tables or members is then taken.

    Returns
    -------
    Reading or None
        None where the content is delimited text: `open_member` then gives its bytes.

    Raises
    ------
    ReadError
        If it is damaged, foreign, a bomb, or more must be chosen.
    """
    from workbench.data.formats.images import read_image_folder

    if path.is_dir():
        refuse_sound_and_film([entry.name for entry in path.rglob("*") if entry.is_file()], path.name)
        return read_image_folder(path, options=options, n_rows=n_rows)
    with path.open("rb") as file:
        format = recognize(file.read(START_BYTES), path.name)
    if format == "zip":
        return _open_zip(path, options, settings, n_rows)
    if format == "gzip":
        with open_gzip(path, settings) as stream:
            return _open_stream(stream, path.name.removesuffix(".gz"), path.name, options, settings, n_rows)
    return _open_plain(path, path.name, format, options, settings, n_rows)


def _open_plain(
    path: Path, name: str, format: Format, options: ReaderOptions, settings: Settings, n_rows: int | None
) -> Reading | None:
    if format == "parquet":
        from workbench.data.formats.columnar import read_parquet

        return read_parquet(path, name=name, options=options, n_rows=n_rows)
    if format == "arrow":
        from workbench.data.formats.columnar import read_arrow

        return read_arrow(path, name=name, options=options, n_rows=n_rows)
    if format == "sqlite":
        from workbench.data.formats.sqlite import read_sqlite

        return read_sqlite(path, name=name, options=options, settings=settings, n_rows=n_rows)
    if format == "workbook":
        from workbench.data.formats.workbooks import read_workbook

        return read_workbook(path, name=name, options=options, settings=settings, n_rows=n_rows)
    if format in ("json", "ndjson"):
        with path.open("rb") as stream:
            return _open_json(stream, name, format, options, settings, n_rows)
    return None


def _open_json(
    stream: io.BufferedReader,
    name: str,
    format: Format,
    options: ReaderOptions,
    settings: Settings,
    n_rows: int | None,
) -> Reading:
    from workbench.data.formats.records import read_json, read_ndjson

    read = read_ndjson if format == "ndjson" else read_json
    return read(stream, name=name, options=options, settings=settings, n_rows=n_rows)


def _open_stream(
    stream: io.BufferedReader,
    inner: str,
    name: str,
    options: ReaderOptions,
    settings: Settings,
    n_rows: int | None,
) -> Reading | None:
    """Open what a gzip file or a member of a zip holds; `name` is shown in messages."""
    start = _start_of(stream)
    if is_archive(start, inner):
        raise ReadError(
            f"Got {name} with another archive ({inner}) in it, needed a table. Unpack it and give the inner file."
        )
    format = recognize(start, inner)
    if format == "delimited":
        return None
    if format in ("json", "ndjson"):
        return _open_json(stream, name, format, options, settings, n_rows)
    scratch = Scratch(settings)
    try:
        path = unpack(stream, inner, scratch)
        if format == "zip":
            reading = _open_zip(path, options, settings, n_rows, name=name)
        else:
            reading = _open_plain(path, name, format, options, settings, n_rows)
    except BaseException:
        scratch.remove()
        raise
    if reading is not None:
        reading.at_end.append(scratch.remove)
    return reading


def _start_of(stream: io.BufferedReader) -> bytes:
    """Look at the first bytes without taking them."""
    return stream.peek(START_BYTES)[:START_BYTES]


def _open_zip(
    path: Path, options: ReaderOptions, settings: Settings, n_rows: int | None, name: str | None = None
) -> Reading | None:
    from workbench.data.formats.images import is_image_name, read_image_zip
    from workbench.data.formats.keras_arrays import read_keras_arrays
    from workbench.data.formats.workbooks import read_workbook

    archive = ZipArchive.look(path, settings)
    try:
        names = {member.lower() for member in archive.members}
        if any(member.startswith("xl/") for member in names) or "content.xml" in names:
            archive.close()
            return read_workbook(path, name=name or path.name, options=options, settings=settings, n_rows=n_rows)
        if names and all(member.endswith(".npy") for member in names):
            return read_keras_arrays(archive, options=options, n_rows=n_rows)
        refuse_sound_and_film(archive.members, path.name)
        n_images = sum(map(is_image_name, archive.members))
        if options.member is None and n_images > len(archive.members) / 2:
            return read_image_zip(archive, options=options, n_rows=n_rows)
        tables = table_members(archive)
        member = pick("member", options.member, tables, name=path.name, first=n_rows is not None)
        resolved = options.model_copy(update={"member": member})
        with archive.open(member) as stream:
            reading = _open_stream(stream, member, f"{path.name}/{member}", resolved, settings, n_rows)
    except BaseException:
        archive.close()
        raise
    archive.close()
    if reading is not None:
        reading.notes[:0] = archive.notes
        if len(tables) > 1:
            reading.choices["member"] = tables
    return reading


def table_members(archive: ZipArchive) -> list[str]:
    """Give the members that may be tables: by their ending, else the only file there is.

    Raises
    ------
    ReadError
        If there is none; archives within the archive are named.
    """
    inner = (*ENDINGS, *TEXT_ENDINGS)
    files = [name for name in archive.members if not PurePosixPath(name).stem.lower().startswith(_DOCUMENTS)]
    tables = [name for name in files if name.lower().endswith(inner) and not name.lower().endswith(".zip")]
    if tables:
        return tables
    nested = [name for name in archive.members if name.lower().endswith(ARCHIVE_ENDINGS)]
    if nested:
        raise ReadError(
            f"Got {archive.path.name} with another archive ({shown(nested, 3)}) in it, needed a table. "
            "Unpack it and give the inner file."
        )
    if len(archive.members) == 1:
        return archive.members
    if len(files) == 1:
        return files
    raise ReadError(
        f"Got {archive.path.name} with no table among its {len(archive.members):,} files "
        f"({shown(archive.members, 4)}), needed one. {' '.join(archive.notes)} Pack the table."
    )


def open_member(path: Path, *, options: ReaderOptions, settings: Settings, first: bool = False) -> Member:
    """Open the bytes of a file of delimited text, out of gzip or zip where it is packed.

    Parameters
    ----------
    path : Path
    options : ReaderOptions
        Its `member` chooses among several in a zip.
    settings : Settings
    first : bool, default False
        Whether the first of several will do.

    Raises
    ------
    ReadError
        If it is damaged, a bomb, or a member must be chosen; also later, while the stream is read.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"\x1f\x8b"):
        stream = _member(open_gzip(path, settings).detach(), path.name.removesuffix(".gz"))
    elif start == b"PK\x03\x04":
        archive = ZipArchive.look(path, settings)
        tables = table_members(archive)
        chosen = pick("member", options.member, tables, name=path.name, first=first)
        stream = _member(archive.open(chosen).detach(), f"{path.name}/{chosen}")
        stream.member, stream.choices, stream.notes = chosen, tables, archive.notes
        # The list of members isn't needed any more; zipfile keeps the file open for as long as the stream needs it.
        archive.close()
    else:
        return _member(path.open("rb", buffering=0), path.name)
    return stream


def _member(raw: io.RawIOBase | io.FileIO | Unpacking, name: str) -> Member:
    stream = Member(raw, buffer_size=1 << 20)
    stream.display_name, stream.choices, stream.notes = name, [], []
    return stream
