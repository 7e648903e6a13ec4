"""SQLite files, opened so that nothing can be written: a table, a view or one SELECT."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from workbench.data.formats.opened import Reading, pick
from workbench.data.formats.queries import check_query, quoted_name
from workbench.data.formats.settling import Settling
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError
from workbench.settings import Settings

_MAX_STEPS = 2_000_000_000  # of SQLite's machine: minutes; a recursive SELECT without an end is stopped
_STEPS_AT_ONCE = 10_000_000
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}


def read_sqlite(
    path: Path, *, name: str, options: ReaderOptions, settings: Settings, n_rows: int | None = None
) -> Reading:
    """Read a table or the answer to one SELECT.

    Raises
    ------
    ReadError
        If it is damaged or empty, there is no such table, several and none chosen, or the query is no SELECT.
    """
    with _sqlite_errors(name), closing(_connect(path)) as connection:
        tables = [
            str(row[0])
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' "
                "ESCAPE '\\' ORDER BY type, name"
            )
        ]
        if not tables:
            raise ReadError(f"Got {name}, an SQLite database without tables, needed one. Check the file.")
        table = None
        if options.query is not None:
            query = check_query(options.query)
        else:
            table = pick("table", options.table, tables, name=name, first=n_rows is not None)
            query = f"SELECT * FROM {quoted_name(table)}"  # noqa: S608 - quoted, and the connection can't write
        connection.set_authorizer(_authorize)
        with Settling(name, options, settings) as settling:
            read_cursor(connection.execute(query), settling, n_rows)
    resolved = options.model_copy(update={"table": table})
    reading = settling.reading("sqlite", {}, resolved)
    journal = path.with_name(path.name + "-wal")
    if journal.exists() and journal.stat().st_size:
        reading.notes.append(
            f"{name} is open in another program: rows that it hasn't yet moved from {journal.name} into the file are "
            "not read. Close that program and read again."
        )
    reading.choices = {"table": tables} if len(tables) > 1 else {}
    return reading


def read_cursor(cursor: sqlite3.Cursor, settling: Settling, n_rows: int | None) -> None:
    """Go through an answer, a batch at a time."""
    from workbench.data.formats.queries import add_rows, column_names

    names = column_names([str(column[0]) for column in cursor.description or []], settling.name)
    add_rows(cursor.fetchmany, names, settling, n_rows)


def _connect(path: Path) -> sqlite3.Connection:
    # immutable: no lock, no journal, no file beside it; a database that is being written to is read as it lies there.
    address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA trusted_schema = 0")
    connection.text_factory = _decode
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += _STEPS_AT_ONCE
        return int(steps > _MAX_STEPS)

    connection.set_progress_handler(count, _STEPS_AT_ONCE)
    return connection


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _authorize(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


@contextmanager
def _sqlite_errors(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if "not authorized" in said or "readonly" in said:
            raise ReadError(
                f"Got a query that does more than read {name} ({said}), needed one SELECT. Nothing was changed."
            ) from error
        if "interrupted" in said:
            raise ReadError(f"Got a query on {name} that goes on too long, needed an answer. Simplify it.") from error
        if isinstance(error, sqlite3.OperationalError) and ("no such" in said or "syntax" in said):
            raise ReadError(
                f"Got a query that {name} doesn't understand ({said}), needed one of its tables. Correct it."
            ) from error
        raise ReadError(
            f"Got {name}, a damaged SQLite database ({said}). Needed a complete one; copy it again."
        ) from error
