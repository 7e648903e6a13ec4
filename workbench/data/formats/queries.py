"""One query that only reads, and its rows on their way to columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from workbench.data.formats.settling import Settling
from workbench.errors import ReadError

_FIRST_ROWS = 500
_MAX_ROWS = 65_536
_BATCH_BYTES = 32 * 1024 * 1024
_STARTS = ("select", "with", "values", "table")
_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<text>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r"|(?P<end>;)|(?P<word>\w[\w$]*)|(?P<other>\S)",
    re.DOTALL,
)


def check_query(query: str) -> str:
    """Give one statement that reads, without a semicolon at its end.

    This is a first look for a clear message; that nothing is written is up to the database, which is asked to read
    only.

    Raises
    ------
    ReadError
        If it is empty, several statements, or begins otherwise than with SELECT, WITH, VALUES or TABLE.

    Examples
    --------
    >>> check_query("select * from people;")
    'select * from people'
    """
    tokens = [match for match in _TOKEN.finditer(query) if match["comment"] is None]
    while tokens and tokens[-1]["end"]:
        tokens.pop()
    if not tokens:
        raise ReadError("Got an empty query, needed one SELECT. Write it, or name a table.")
    if any(token["end"] for token in tokens):
        raise ReadError("Got several statements in one query, needed one SELECT. Remove the others.")
    first = next((token["word"] for token in tokens if token[0] != "("), None)
    if first is None or first.lower() not in _STARTS:
        raise ReadError(
            f"Got a query that begins with {tokens[0][0][:30]!r}, needed one SELECT (or WITH, VALUES, TABLE): "
            "a database is only read. Rewrite it."
        )
    return query[: tokens[-1].end()]


def quoted_name(name: str) -> str:
    """Quote a table's name as SQL does."""
    return '"' + name.replace('"', '""') + '"'


def column_names(names: list[str], source: str) -> list[str]:
    """Refuse an answer with two columns of one name, which a join of two tables gives easily.

    Raises
    ------
    ReadError
        Names them.
    """
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(names) < 20_000 else []
    if repeated:
        raise ReadError(
            f"Got {source} with columns of one name ({', '.join(map(repr, repeated[:5]))}), needed different ones. "
            "Rename them in the query with AS."
        )
    return names


def add_rows(
    fetch: Callable[[int], Sequence[Sequence[Any]]], names: list[str], settling: Settling, n_rows: int | None
) -> None:
    """Fetch rows batch by batch, fewer at a time the longer they are."""
    for name in names:
        settling.declare(name)
    size, left = _FIRST_ROWS, n_rows if n_rows is not None else -1
    while left:
        rows = fetch(size if left < 0 else min(size, left))
        if not rows:
            return
        n_bytes = settling.add(
            {name: list(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}, len(rows)
        )
        left -= len(rows) if left > 0 else 0
        per_row = max(n_bytes / len(rows), 1)
        size = int(min(max(_BATCH_BYTES / per_row, 20), _MAX_ROWS, size * 8))
