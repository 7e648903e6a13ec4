"""Tables from a database by its connection string: one query that reads, in a transaction that can't write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.formats.connecting import (
    Connection,
    connect_to,
    database_errors,
    is_connection,
    open_engine,
    parse_connection,
    shown_connection,
)
from workbench.data.formats.opened import Reading, pick
from workbench.data.formats.queries import add_rows, check_query, column_names
from workbench.data.formats.settling import Settling
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError, TableNotFoundError
from workbench.settings import Settings, current

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from workbench.data.table import Table

__all__ = ["is_connection", "open_database", "read_database"]

QUERY_SECONDS = 1_800.0


def read_database(
    connection: str,
    *,
    options: ReaderOptions | None = None,
    target: str | None = None,
    name: str | None = None,
    settings: Settings | None = None,
) -> Table:
    """Read the answer to a query, or a table, and store it.

    The transaction reads only and is rolled back. What a function does outside of it (PostgreSQL's ``lo_export``,
    ``dblink``) is the database's to forbid: connect as a user that may SELECT and nothing else.

    Parameters
    ----------
    connection : str
        ``postgresql://USER:${PASSWORD}@HOST:5432/DATABASE``, ``sqlite:///shop.db`` or another that SQLAlchemy has a
        driver for. ``${NAME}`` as user or password is filled in from the environment, where
        ``WORKBENCH_CONNECTION_VARIABLES`` allows it for that host.
    options : ReaderOptions, optional
        With `query` (one SELECT) or `table`; not needed where there is one table only.
    target : str, optional
        Column to predict.
    name : str, optional
        Name to show; the table's or database's by default.
    settings : Settings, optional

    Raises
    ------
    ReadError
        If there is no connection, the user, table or column isn't known, the query doesn't only read, or takes more
        than half an hour. No message holds a password.
    MissingExtraError
        If the driver isn't installed.
    TargetError
        If there is no such target.
    StorageError
        If the table can't be stored.
    """
    from workbench.data.store import store_batches

    settings = settings or current()
    options = options or ReaderOptions()
    url = parse_connection(connection)  # as typed: no variable's value is shown or stored
    with open_database(connection, options=options, settings=settings) as reading:
        base = reading.options.table or (Path(url.database).stem if url.database else url.get_backend_name())

        def origin() -> dict[str, Any]:
            reader = {"format": reading.format, **reading.report, "options": reading.options.model_dump()}
            path = shown_connection(url)
            return {"kind": "database", "path": path, "name": base, "reader": reader, "read": time.time()}

        return store_batches(reading.batches, name=name or base, target=target, origin=origin, settings=settings)


def open_database(
    connection: str,
    *,
    options: ReaderOptions,
    settings: Settings,
    n_rows: int | None = None,
    seconds: float = QUERY_SECONDS,
) -> Reading:
    """Ask a database and gather its answer, which is handed on in batches.

    Parameters
    ----------
    connection : str
    options : ReaderOptions
    settings : Settings
    n_rows : int, optional
        Read no more than these first rows, for a look.
    seconds : float, default 1800
        After this time PostgreSQL gives up a query.

    Raises
    ------
    ReadError, MissingExtraError
        As `read_database`.
    """
    opened = connect_to(connection, settings)
    if opened.backend == "sqlite":
        return _open_sqlite(opened, options, settings, n_rows)
    engine = open_engine(opened)
    try:
        with database_errors(opened):
            query, table, tables = _query(engine, options, opened.shown, first=n_rows is not None)
            with Settling(opened.shown, options, settings) as settling:
                if engine.dialect.name == "postgresql":
                    _ask_postgresql(engine, query, settling, n_rows, seconds)
                else:
                    _ask(engine, query, settling, n_rows)
                reading = settling.reading(engine.dialect.name, {}, options.model_copy(update={"table": table}))
    finally:
        engine.dispose()
    reading.choices = {"table": tables} if len(tables) > 1 else {}
    return reading


def _open_sqlite(opened: Connection, options: ReaderOptions, settings: Settings, n_rows: int | None) -> Reading:
    from workbench.data.formats.sqlite import read_sqlite

    database = opened.url.database
    path = Path(database or "")
    if not database or database == ":memory:":
        raise ReadError("Got an SQLite connection without a file, needed sqlite:///PATH. Name the file.")
    if not path.is_file():
        raise TableNotFoundError(
            f"Got {str(path)!r}, which isn't there, needed an SQLite file. Check the path: three slashes begin a "
            "relative one, four an absolute one."
        )
    return read_sqlite(path, name=path.name, options=options, settings=settings, n_rows=n_rows)


def _query(engine: Engine, options: ReaderOptions, where: str, *, first: bool) -> tuple[str, str | None, list[str]]:
    """Give the query, the table it reads, and all tables to choose from."""
    from sqlalchemy import inspect

    if options.query is not None:
        if options.table is not None:
            raise ReadError("Got both a query and a table, needed one of them. Leave the other out.")
        return check_query(options.query), None, []
    inspector = inspect(engine)
    quote = engine.dialect.identifier_preparer.quote
    schema, dot, inner = (options.table or "").rpartition(".")
    if dot and inspector.has_table(inner, schema=schema):
        return f"SELECT * FROM {quote(schema)}.{quote(inner)}", options.table, []  # noqa: S608 - quoted
    tables = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
    if not tables and options.table is None:
        raise ReadError(f"Got {where} without tables that this user sees, needed a table or query. Give a query.")
    table = pick("table", options.table, tables, name=where, first=first)
    return f"SELECT * FROM {quote(table)}", table, tables  # noqa: S608 - quoted


def _ask_postgresql(engine: Engine, query: str, settling: Settling, n_rows: int | None, seconds: float) -> None:
    """Stream the answer from a server-side cursor in a transaction that reads only.

    Three locks, each enough: DECLARE CURSOR takes nothing but a query, the extended protocol nothing but one
    statement, and the transaction is read only, as are all of this session.
    """
    raw: Any = engine.raw_connection()
    try:
        driver = raw.driver_connection
        with driver.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        with driver.cursor(name="workbench") as cursor:
            cursor.execute(query)
            names = column_names([str(column.name) for column in cursor.description or []], settling.name)
            add_rows(cursor.fetchmany, names, settling, n_rows)
    finally:
        raw.rollback()
        raw.close()


def _ask(engine: Engine, query: str, settling: Settling, n_rows: int | None) -> None:
    """Ask any other database, in a transaction that reads only where it knows one, and that is always rolled back."""
    if ";" in query:
        raise ReadError("Got a query with a semicolon in it, needed one SELECT without. Leave it out.")
    raw: Any = engine.raw_connection()
    try:
        cursor = raw.cursor()
        if engine.dialect.name in ("mysql", "mariadb"):
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
        elif engine.dialect.name == "oracle":
            cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(query)
        names = column_names([str(column[0]) for column in cursor.description or []], settling.name)
        add_rows(cursor.fetchmany, names, settling, n_rows)
        cursor.close()
    finally:
        raw.rollback()
        raw.close()
