"""Where the rows are in a JSON document."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO, Any

from workbench.errors import ReadError

WINDOW = 4 * 1024 * 1024
_MAX_RECORD_BYTES = 256 * 1024 * 1024
_MAX_DOCUMENT_BYTES = 1024 * 1024 * 1024
_BLANK = re.compile(r"[ \t\r\n]*")


class RepeatedKeys:
    """Finds keys that stand twice in one object: parsers keep the last value without a word."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()

    def look(self, written: str | bytes, value: Any) -> None:
        """Compare what was written with what became of it; only where keys seem to be missing it is parsed anew."""
        mark, spaced = ('":', '" :') if isinstance(written, str) else (b'":', b'" :')
        n_written = written.count(mark) + written.count(spaced)  # type: ignore[arg-type]
        if n_written > (len(value) if type(value) is dict else 0) and n_written > _n_keys(value):
            json.loads(written, object_pairs_hook=self._pairs)

    def notes(self) -> list[str]:
        """Say which keys were repeated."""
        return [
            f"The key {key!r} is repeated within {count:,} object{'s'[: count > 1]}; the last value of each was taken."
            for key, count in self._found.items()
        ]

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            self._found.update(key for key, count in counts.items() if count > 1)
        return made


def _n_keys(value: Any) -> int:
    if type(value) is dict:
        return len(value) + sum(_n_keys(inner) for inner in value.values() if type(inner) in (dict, list))
    return sum(_n_keys(inner) for inner in value if type(inner) in (dict, list)) if type(value) is list else 0


def array_elements(text: IO[str], window: str, name: str, keys: RepeatedKeys | None = None) -> Iterator[Any]:
    """Decode the elements of an array one by one, never more of it in memory than an element needs.

    Parameters
    ----------
    text : text file
    window : str
        What was read of it already.
    name : str
        For messages.
    keys : RepeatedKeys, optional
        Looks at each element.

    Raises
    ------
    ReadError
        If the array is never closed, or an element is larger than 256 MiB.
    JSONDecodeError
        If it is no JSON.
    """
    decode = json.JSONDecoder().raw_decode
    place = window.index("[") + 1
    first = True
    while True:
        place, window = _skip(text, window, place)
        if place >= len(window):
            raise ReadError(f"Got {name}, whose array is never closed. Needed a complete file; write it again.")
        if window[place] == "]":
            return
        if not first:
            if window[place] != ",":
                raise json.JSONDecodeError("Expecting ',' delimiter", window, place)
            place, window = _skip(text, window, place + 1)
        first = False
        while True:
            try:
                record, place_after = decode(window, place)
                if place_after < len(window):  # a number at the end of the window may go on behind it
                    break
            except json.JSONDecodeError:
                place_after = -1
            more = text.read(max(WINDOW, len(window) - place))
            if not more and place_after < 0:
                decode(window, place)  # raises again
            if not more:
                break
            if len(window) - place > _MAX_RECORD_BYTES:
                raise ReadError(f"Got {name} with a record of more than 256 MiB, needed rows of a table in it.")
            window, place = window[place:] + more, 0
        if keys is not None:
            keys.look(window[place:place_after], record)
        place = place_after
        yield record
        if place > WINDOW:
            window, place = window[place:], 0


def _skip(text: IO[str], window: str, place: int) -> tuple[int, str]:
    while True:
        match = _BLANK.match(window, place)
        place = match.end() if match else place
        if place < len(window):
            return place, window
        more = text.read(WINDOW)
        if not more:
            return place, window
        window, place = more, 0


def rest_of(text: IO[str], name: str) -> str:
    """Read the rest of a document that can only be read whole.

    Raises
    ------
    ReadError
        If that is more than 1 GiB.
    """
    pieces, size = [], 0
    while piece := text.read(WINDOW):
        size += len(piece)
        if size > _MAX_DOCUMENT_BYTES:
            raise ReadError(
                f"Got {name}, a JSON object of more than 1 GiB, which can only be read whole. "
                "Needed an array of objects or one object a line (NDJSON); write it so."
            )
        pieces.append(piece)
    return "".join(pieces)


def rows_of(document: Any, name: str) -> Iterable[Any]:
    """Find the rows in an object: columns of one length, records below a key, objects by name, or one row.

    Raises
    ------
    ReadError
        If there are none, or below several keys.
    """
    if isinstance(document, dict) and document:
        if _is_split(document):
            return (dict(zip(document["columns"], row, strict=True)) for row in document["data"])
        lists = {key: value for key, value in document.items() if isinstance(value, list)}
        of_objects = [key for key, value in lists.items() if value and all(isinstance(row, dict) for row in value)]
        if len(lists) == len(document) and len({len(value) for value in lists.values()}) == 1 and not of_objects:
            return (dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True))
        if len(of_objects) == 1:
            return lists[of_objects[0]]
        if len(of_objects) > 1:
            raise ReadError(
                f"Got {name} with records below several keys ({', '.join(map(repr, of_objects[:5]))}), needed them "
                "below one. Save the one you mean as a file of its own."
            )
        inner = [value for value in document.values() if isinstance(value, dict)]
        if len(inner) == 1 and not lists and any(isinstance(value, list) for value in inner[0].values()):
            return rows_of(inner[0], name)
        if len(inner) == len(document):
            return _rows_of_objects(document)
        if not lists:
            return [document]
    raise ReadError(
        f"Got {name}, JSON that holds no table, needed an array of objects, an object of columns of one length, "
        "records below one key, or one object a line. Write the rows so."
    )


def _is_split(document: dict[str, Any]) -> bool:
    """Whether names and rows stand apart, as pandas writes them with ``orient="split"``."""
    names, rows = document.get("columns"), document.get("data")
    return (
        set(document) in ({"columns", "data"}, {"columns", "index", "data"})
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names)
        and isinstance(rows, list)
        and bool(rows)
        and all(isinstance(row, list) and len(row) == len(names) for row in rows)
    )


def _rows_of_objects(document: dict[str, dict[str, Any]]) -> Iterable[Any]:
    """Read what pandas writes: each column an object from row to value, or each row one from column to value."""
    inner = list(document.values())
    same = all(value.keys() == inner[0].keys() for value in inner)
    if same and all(key.isdigit() for key in inner[0]):
        return ({column: cells[row] for column, cells in document.items()} for row in inner[0])
    return inner
