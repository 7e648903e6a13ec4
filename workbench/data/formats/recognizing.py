"""What a file is, from its first bytes and, where they leave it open, its name."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import PurePosixPath
from typing import Literal

from workbench.errors import ReadError

Format = Literal["parquet", "arrow", "sqlite", "gzip", "zip", "workbook", "json", "ndjson", "delimited"]

START_BYTES = 64 * 1024
ENDINGS = (
    ".csv",
    ".tsv",
    ".txt",
    ".tab",
    ".parquet",
    ".pq",
    ".json",
    ".ndjson",
    ".jsonl",
    ".xlsx",
    ".xls",
    ".ods",
    ".arrow",
    ".feather",
    ".ipc",
    ".sqlite",
    ".sqlite3",
    ".db",
    ".gz",
    ".zip",
    ".npz",
)
TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".dat", ".data")
_AUDIO = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".aac", ".opus", ".wma")
_VIDEO = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg")

# What is known, isn't read, and the way to a table.
_FOREIGN = (
    (b"%PDF", "a PDF document", "Export the table from the program that made it"),
    (b"FEA1", "a Feather file of the first version", "Write it again with a newer pyarrow or polars"),
    (b"\x89HDF", "an HDF5 file", "Save the table as Parquet"),
    (b"\x93NUMPY", "a single NumPy array", "Save images and labels as .npz with x_train and y_train"),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it, or pack it as zip"),
    (b"Rar!", "a RAR archive", "Unpack it, or pack it as zip"),
    (b"BZh", "a bzip2 archive", "Unpack it, or pack it as gzip"),
    (b"\xfd7zXZ", "an xz archive", "Unpack it, or pack it as gzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it, or pack it as gzip"),
    (
        b"\x80\x02",
        "a Python pickle",
        "Save the table as Parquet; pickles are never opened, since they can run anything",
    ),
    (
        b"\x80\x03",
        "a Python pickle",
        "Save the table as Parquet; pickles are never opened, since they can run anything",
    ),
    (
        b"\x80\x04",
        "a Python pickle",
        "Save the table as Parquet; pickles are never opened, since they can run anything",
    ),
    (
        b"\x80\x05",
        "a Python pickle",
        "Save the table as Parquet; pickles are never opened, since they can run anything",
    ),
    (b"fLaC", "a sound file", "Sound isn't read; give a table of features computed from it"),
    (b"OggS", "a sound file", "Sound isn't read; give a table of features computed from it"),
    (b"ID3", "a sound file", "Sound isn't read; give a table of features computed from it"),
    (b"\x89PNG", "a single PNG image", "Give a folder or zip with one folder of images a class"),
    (b"\xff\xd8\xff", "a single JPEG image", "Give a folder or zip with one folder of images a class"),
    (b"GIF8", "a single GIF image", "Give a folder or zip with one folder of images a class"),
)
_MARKUP = re.compile(rb"\s*<(!doctype html|html|head|body|\?xml|!--|svg)", re.IGNORECASE)
_JSON_START = re.compile(r"\s*(\{\s*(\"|\}|$)|\[\s*([\[{\"\]\d-]|true|false|null|$))")


def recognize(start: bytes, name: str) -> Format:
    r"""Say what a file is by its first bytes.

    Parameters
    ----------
    start : bytes
        The first 64 KiB or all.
    name : str
        Decides between JSON and text where both would fit.

    Raises
    ------
    ReadError
        If it is something that can't be read as a table; the message says what and what to do.

    Examples
    --------
    >>> recognize(b"PAR1\x15\x04", "flights.csv"), recognize(b"a,b\n1,2\n", "table.json")
    ('parquet', 'delimited')
    """
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if start.startswith(b"SQLite format 3\0"):
        return "sqlite"
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "workbook"
    _refuse_foreign(start, name)
    return _json_or_text(start, name)


def _refuse_foreign(start: bytes, name: str) -> None:
    what, remedy = next(((what, remedy) for magic, what, remedy in _FOREIGN if start.startswith(magic)), ("", ""))
    if start.startswith(b"RIFF") and start[8:12] in (b"WAVE", b"WEBP"):
        is_sound = start[8:12] == b"WAVE"
        what, remedy = next(
            (what, remedy) for magic, what, remedy in _FOREIGN if magic == (b"fLaC" if is_sound else b"GIF8")
        )
        what = what if is_sound else "a single WebP image"
    elif start[257:262] == b"ustar":
        what, remedy = "a tar archive", "Unpack it, or pack the table alone as gzip or zip"
    elif _MARKUP.match(start):
        is_xml = start.lstrip().lower().startswith((b"<?xml", b"<svg"))
        what = "an XML document" if is_xml else "a web page (HTML), perhaps one that asks to log in or reports an error"
        remedy = "Download the file itself, or export the table as CSV"
    if what:
        raise ReadError(f"Got {name}, which is {what}, needed a table. {remedy}.")


def _json_or_text(start: bytes, name: str) -> Format:
    text = _decoded(start)
    if not _JSON_START.match(text):
        return "delimited"
    ending = PurePosixPath(name.lower().removesuffix(".gz")).suffix
    if ending in (".ndjson", ".jsonl"):
        return "ndjson"
    if ending in TEXT_ENDINGS and not re.match(r"\s*(\[\s*)?\{\s*\"", text):
        return "delimited"  # a column that is called [1] or {x}
    first, _, rest = text.strip().partition("\n")
    if first.startswith("{") and rest.lstrip().startswith("{") and _is_object(first):
        return "ndjson"
    return "json"


def _decoded(start: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            return start.decode(encoding, "replace")
    return start.decode("utf-8", "replace")


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def refuse_sound_and_film(names: list[str], archive: str) -> None:
    """Refuse an archive or folder of sounds or films.

    Raises
    ------
    ReadError
        If most of its files are such.
    """
    for endings, what in ((_AUDIO, "sound"), (_VIDEO, "film")):
        found = [name for name in names if name.lower().endswith(endings)]
        if len(found) > len(names) / 2:
            raise ReadError(
                f"Got {archive} with {len(found):,} {what} files (such as {found[0]}), needed a table or images. "
                f"{what.capitalize()} isn't read yet; give a table of features computed from it."
            )
