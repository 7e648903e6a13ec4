"""JSON and NDJSON: an array of objects, an object of columns, records below one key, or one object a line."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from workbench.data.formats.json_documents import WINDOW, RepeatedKeys, array_elements, rest_of, rows_of
from workbench.data.formats.opened import Reading
from workbench.data.formats.settling import Settling
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError
from workbench.settings import Settings

_BATCH_ROWS = 20_000
_BATCH_BYTES = 32 * 1024 * 1024
_MAX_LINE_BYTES = 256 * 1024 * 1024
_LONG_NUMBER = re.compile(rb"\d{19}")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class _Records:
    """Gathers objects to batches of columns, one level of objects within them spread over columns."""

    def __init__(self, settling: Settling, n_rows: int | None) -> None:
        self._settling = settling
        self._left = n_rows if n_rows is not None else -1
        self._records: list[dict[str, Any]] = []
        self._n_bytes = 0
        self.flattened: set[str] = set()

    def add(self, record: Any, n_bytes: int = 0) -> bool:
        """Take one record; False when enough were taken."""
        if type(record) is not dict:
            where = f"record {self._settling.n_rows + len(self._records) + 1:,}"
            raise ReadError(
                f"Got {self._settling.name} with {_what(record)} as {where}, needed an object with the columns' "
                'names, as {"age": 39, "sex": "male"}. Write each row as an object.'
            )
        self._records.append(record)
        self._n_bytes += n_bytes
        self._left -= 1
        if len(self._records) >= _BATCH_ROWS or self._n_bytes > _BATCH_BYTES:
            self.end_batch()
        return self._left != 0

    def end_batch(self) -> None:
        """Hand the batch on."""
        records, n_rows = self._records, len(self._records)
        if not n_rows:
            return
        first = records[0].keys()
        if all(record.keys() == first for record in records):
            columns = {key: [record[key] for record in records] for key in first}
        else:
            keys = dict.fromkeys(key for record in records for key in record)
            self._check_width(len(keys))
            columns = {key: [record.get(key) for record in records] for key in keys}
        self._settling.add(self._flat(columns), n_rows)
        self._records, self._n_bytes = [], 0

    def _check_width(self, n_columns: int) -> None:
        # Before columns are made of keys: a million objects with a key of their own each would take all memory.
        if n_columns > self._settling.settings.max_columns:
            raise ReadError(
                f"Got {self._settling.name} with more than {self._settling.settings.max_columns:,} columns, needed at "
                "most that. Leave some out, or raise WORKBENCH_MAX_COLUMNS."
            )

    def _flat(self, columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
        flat: dict[str, list[Any]] = {}
        for key, cells in columns.items():
            types = set(map(type, cells))
            if dict not in types or not types <= {dict, type(None)}:
                spread = {key: cells}
            else:
                self.flattened.add(key)
                inner = dict.fromkeys(name for cell in cells if cell is not None for name in cell)
                self._check_width(len(flat) + len(inner))
                spread = {
                    f"{key}.{name}": [None if cell is None else cell.get(name) for cell in cells] for name in inner
                }
            repeated = [name for name in spread if name in flat]
            if repeated:
                raise ReadError(
                    f"Got {self._settling.name} with {repeated[0]!r} twice in one record, once within an object. "
                    "Rename one of them."
                )
            flat |= spread
        return flat


def read_ndjson(
    stream: IO[bytes], *, name: str, options: ReaderOptions, settings: Settings, n_rows: int | None = None
) -> Reading:
    """Read one object a line, line by line.

    Raises
    ------
    ReadError
        If a line is no JSON or no object; the message gives its number.
    """
    import orjson

    def parse(line: bytes) -> Any:
        # orjson turns whole numbers of 20 digits into fractions; Python's own parser keeps them.
        return json.loads(line) if _LONG_NUMBER.search(line) else orjson.loads(line)

    with Settling(name, options, settings) as settling:
        records, keys = _Records(settling, n_rows), RepeatedKeys()
        for number, line in enumerate(_lines(stream, options, name), 1):
            if line.isspace():
                continue
            try:
                record = parse(line)
            except (ValueError, RecursionError) as error:
                with _json_errors(name, f"line {number:,}"):
                    raise error
            if type(record) is dict and line.count(b'":') != len(
                record
            ):  # for most lines it is the number of their keys
                keys.look(line, record)
            if not records.add(record, len(line)):
                break
        return _end(records, settling, "ndjson", options, keys)


def _lines(stream: IO[bytes], options: ReaderOptions, name: str) -> Iterator[bytes]:
    encoding = _encoding(stream, options)
    if encoding == "utf-8-sig":
        stream.read(3)
    if encoding.startswith("utf-8"):
        while line := stream.readline(_MAX_LINE_BYTES):
            if len(line) == _MAX_LINE_BYTES:
                raise ReadError(
                    f"Got {name} with a line of more than 256 MiB, needed one record a line. Write it anew."
                )
            yield line
        return
    with _json_errors(name, "it"), _text(stream, options) as text:
        while line_text := text.readline(_MAX_LINE_BYTES):
            yield line_text.encode()


def read_json(
    stream: IO[bytes], *, name: str, options: ReaderOptions, settings: Settings, n_rows: int | None = None
) -> Reading:
    """Read a JSON document: an array of objects is streamed, anything else is read whole.

    Raises
    ------
    ReadError
        If it is no JSON, too large to be read whole, or holds no table.
    """
    with Settling(name, options, settings) as settling, _json_errors(name, "it"), _text(stream, options) as text:
        records, keys = _Records(settling, n_rows), RepeatedKeys()
        window = text.read(WINDOW)
        if window.lstrip().startswith("["):
            rows: Iterable[Any] = array_elements(text, window, name, keys)
        else:
            written = window + rest_of(text, name)
            document = json.loads(written)
            keys.look(written, document)
            rows = rows_of(document, name)
        for record in rows:
            if not records.add(record):
                break
        return _end(records, settling, "json", options, keys)


def _end(records: _Records, settling: Settling, format: str, options: ReaderOptions, keys: RepeatedKeys) -> Reading:
    records.end_batch()
    reading = settling.reading(format, {"encoding": options.encoding or "utf-8"}, options)
    reading.notes.extend(keys.notes())
    if records.flattened:
        named = ", ".join(repr(key) for key in sorted(records.flattened)[:8])
        first = sorted(records.flattened)[0]
        reading.notes.append(f"The objects in {named} were spread over columns such as '{first}.…'.")
    return reading


def _encoding(stream: IO[bytes], options: ReaderOptions) -> str:
    """Give the encoding that was set, else the one that a mark at the start tells; JSON is UTF-8 without one."""
    if options.encoding is not None:
        return options.encoding.lower().replace("_", "-").replace("utf8", "utf-8")
    peek: Callable[[int], bytes] = stream.peek  # type: ignore[attr-defined]
    start = peek(4)[:4]
    return next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")


@contextmanager
def _text(stream: IO[bytes], options: ReaderOptions) -> Iterator[io.TextIOWrapper]:
    try:
        text = io.TextIOWrapper(stream, encoding=_encoding(stream, options), newline="")
    except LookupError as error:
        raise ReadError(
            f"Got the encoding {options.encoding!r}, needed one that Python knows, such as utf-8 or cp1252. Correct it."
        ) from error
    try:
        yield text
    finally:
        text.detach()  # whoever opened the stream closes it


def _what(value: Any) -> str:
    words = {list: "an array", str: "a text", bool: "a yes/no value", type(None): "null"}
    return words.get(type(value), "a number")


@contextmanager
def _json_errors(name: str, where: str) -> Iterator[None]:
    """Turn the parsers' words into a `ReadError` that says where."""
    try:
        yield
    except ReadError:
        raise
    except UnicodeError as error:
        raise ReadError(f"Got {name}, whose text isn't UTF-8 ({error}), needed that. Give the encoding.") from error
    except RecursionError as error:
        raise ReadError(f"Got {name} with JSON nested too deep, needed rows of a table. Flatten it.") from error
    except ValueError as error:  # JSONDecodeError, and whole numbers of thousands of digits
        raise ReadError(
            f"Got {name}, in which {where} is no JSON ({error}). Needed complete JSON; write it again."
        ) from error
