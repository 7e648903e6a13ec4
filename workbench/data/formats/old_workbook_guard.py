"""What an old workbook (.xls) would take in memory, found out before it is opened.

As in the newer kind a sheet is held as a full grid and each cell with a copy of its text. The records that name cells
and texts are gone through, nothing else is understood.

Source: Microsoft, [MS-CFB] and [MS-XLS], the file formats of compound files and of Excel 97 to 2003.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import error as StructError
from struct import unpack_from

import numpy as np

from workbench.data.formats.merged_cells import SheetFiles, Valueless
from workbench.data.formats.shared_texts import refuse_repeated
from workbench.data.formats.workbook_guard import check_grid

MAGIC = b"\xd0\xcf\x11\xe0"
_STREAMS = ("workbook", "book")
_NO_SECTOR = 0xFFFFFFFA  # from here on numbers have meanings of their own
_SHEET, _TEXTS, _MORE, _SHARED = 0x0809, 0x00FC, 0x003C, 0x00FD
_NAME, _FORMULA, _TRUTH_OR_ERROR = 0x0085, 0x0006, 0x0205
# Records that begin with row and column: numbers, texts, formulas, yes or no, and several numbers at once.
_CELLS = frozenset((0x0006, 0x00BD, 0x00D6, 0x0203, 0x0204, 0x0205, 0x027E, _SHARED))


def check_old_workbook(path: Path) -> SheetFiles:
    """Refuse a workbook of too large a grid, or whose cells repeat too much text; one that is damaged passes.

    Returns
    -------
    SheetFiles
        Which cells of each sheet hold errors, found on the way.

    Raises
    ------
    ReadError
        If it is beyond a limit.
    """
    try:
        content = _workbook(path.read_bytes())
    except (StructError, IndexError, ValueError):
        return SheetFiles()  # its reader says what is wrong with it
    sheets, titles, errors = SheetFiles(), dict[int, str](), Valueless()
    pieces: list[bytes] = []
    n_rows = n_columns = before = 0
    shared: list[int] = []
    for place, kind, record in _records(content):
        if kind == _SHEET:
            n_rows = n_columns = 0
            if place in titles:  # others are those of pictures within a sheet
                errors = sheets.valueless.setdefault(titles[place], Valueless())
        elif kind == _NAME and len(record) >= 8:
            letters = record[8:]
            wide = record[7] & 1
            titles[unpack_from("<I", record)[0]] = letters.decode("utf-16-le" if wide else "latin-1", "replace")
        elif kind in _CELLS and len(record) >= 4:
            row, column = unpack_from("<HH", record)
            n_rows, n_columns = max(n_rows, row + 1), max(n_columns, column + 1)
            check_grid(path.name, "a sheet", n_rows, n_columns)
            if _is_error(kind, record):
                errors.n_errors += 1
            if kind == _SHARED and len(record) >= 10:
                shared.append(unpack_from("<I", record, 6)[0])
        elif kind == _TEXTS:
            pieces = [record[8:]]
        elif kind == _MORE and before == _TEXTS:
            pieces.append(record)
            continue
        before = kind
    lengths = np.array(list(_text_lengths(pieces)), dtype=np.float64)
    texts = np.array(shared, dtype=np.int64)
    refuse_repeated(path.name, float(lengths[texts[texts < len(lengths)]].sum()))
    return sheets


def _is_error(kind: int, record: bytes) -> bool:
    """Whether a cell holds an error, or a formula whose result is one."""
    if kind == _TRUTH_OR_ERROR:
        return record[7:8] == b"\1"
    return kind == _FORMULA and record[12:14] == b"\xff\xff" and record[6:7] == b"\2"


def _records(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Give the place, kind and content of each record."""
    place = 0
    while place + 4 <= len(content):
        kind, length = unpack_from("<HH", content, place)
        yield place, kind, content[place + 4 : place + 4 + length]
        place += 4 + length


def _text_lengths(pieces: list[bytes]) -> Iterator[int]:
    """Give the bytes of each shared text; one that goes on in the next record begins anew there with its flags."""
    number = place = 0
    try:
        while number < len(pieces):
            if place >= len(pieces[number]):
                number, place = number + 1, 0
                continue
            n_letters, flags = unpack_from("<HB", pieces[number], place)
            place += 3
            behind = 0
            if flags & 8:
                behind += 4 * unpack_from("<H", pieces[number], place)[0]
                place += 2
            if flags & 4:
                behind += unpack_from("<I", pieces[number], place)[0]
                place += 4
            n_bytes, left = 0, n_letters
            while left:
                width = 1 + (flags & 1)
                taken = min(left, (len(pieces[number]) - place) // width)
                n_bytes, left, place = n_bytes + taken * width, left - taken, place + taken * width
                if left:
                    number, place = number + 1, 1
                    flags = pieces[number][0]
            yield n_bytes
            while behind > len(pieces[number]) - place:
                behind -= len(pieces[number]) - place
                number, place = number + 1, 0
            place += behind
    except (StructError, IndexError):
        return  # damaged from here on


def _workbook(data: bytes) -> bytes:
    """Give the stream of a compound file that holds the workbook; nothing where there is none."""
    if data[:4] != MAGIC:
        return b""
    size = 1 << min(unpack_from("<H", data, 30)[0], 20)
    fat_sectors = [number for number in unpack_from("<109I", data, 76) if number < _NO_SECTOR]
    following = unpack_from("<I", data, 68)[0]
    while following < _NO_SECTOR and len(fat_sectors) <= len(data) // size:
        *more, following = unpack_from(f"<{size // 4}I", _sector(data, following, size))
        fat_sectors += [number for number in more if number < _NO_SECTOR]
    fat = np.frombuffer(b"".join(_sector(data, number, size) for number in fat_sectors), dtype="<u4")
    entries = _chain(data, fat, unpack_from("<I", data, 48)[0], size)
    whole = b""
    for start in range(0, len(entries) - 127, 128):
        entry = entries[start : start + 128]
        name = entry[: max(0, unpack_from("<H", entry, 64)[0] - 2)].decode("utf-16-le", errors="replace").lower()
        first, n_bytes = unpack_from("<II", entry, 116)
        if start == 0:
            small = _chain(data, fat, first, size)
        elif name in _STREAMS:
            if n_bytes >= unpack_from("<I", data, 56)[0]:
                whole = _chain(data, fat, first, size)[:n_bytes]
            else:
                mini = np.frombuffer(_chain(data, fat, unpack_from("<I", data, 60)[0], size), dtype="<u4")
                whole = _chain(small, mini, first, 64, offset=0)[:n_bytes]
    return whole


def _sector(data: bytes, number: int, size: int, offset: int | None = None) -> bytes:
    start = number * size + (size if offset is None else offset)
    return data[start : start + size]


def _chain(data: bytes, fat: np.ndarray, number: int, size: int, *, offset: int | None = None) -> bytes:
    parts: list[bytes] = []
    while number < len(fat) and len(parts) <= len(fat):
        parts.append(_sector(data, number, size, offset))
        number = int(fat[number])
    return b"".join(parts)
