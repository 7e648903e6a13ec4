"""Databases by connection string, against a real PostgreSQL server that lives as long as these tests."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench.data.formats import is_connection, read_database
from workbench.data.formats.connecting import holds_secret
from workbench.data.formats.databases import open_database
from workbench.data.spec import ReaderOptions
from workbench.errors import MissingExtraError, ReadError, TableNotFoundError
from workbench.settings import Settings

PASSWORD = "s3cr:t/@%" + secrets.token_hex(6)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, connection_variables="SHOP_PASSWORD@127.0.0.1, NOT_SET_ANYWHERE@host, SHOP_USER@*")


def _server_folder() -> Path | None:
    named = os.environ.get("WORKBENCH_POSTGRES")
    places = [Path(named)] if named else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    places += [Path(found).parent] if found else []
    return next((place for place in places if (place / "initdb").is_file() and (place / "pg_ctl").is_file()), None)


class Server:
    """A throw-away cluster with a user that may do everything, so that what stops a write isn't a missing right."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder, self.binaries = folder, binaries
        self.port = _free_port()
        self._user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root

    def start(self) -> None:
        if self._user:
            try:
                shutil.chown(self.folder, self._user)
            except LookupError:
                self._user = "nobody"
                shutil.chown(self.folder, self._user)
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o644)
        self._run("initdb", "-D", "data", "-U", "owner", "-A", "scram-sha-256", "--pwfile=password", "-E", "UTF8", "-N")
        options = f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop", check=False)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        done = subprocess.run(
            [str(self.binaries / program), *arguments],
            cwd=self.folder,
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be inherited by the server, and never end
            stderr=subprocess.DEVNULL,
            timeout=120,
        )
        if check and done.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text() if log.exists() else 'no log'}")

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="owner", password=PASSWORD, dbname="postgres", autocommit=True
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def address(self, password: str = "${SHOP_PASSWORD}", user: str = "owner", database: str = "postgres") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    binaries = _server_folder()
    if binaries is None:
        pytest.skip("needs PostgreSQL's server: apt-get install postgresql, or its folder in WORKBENCH_POSTGRES")
    folder = Path(tempfile.mkdtemp(prefix="wb-pg-", dir="/tmp"))
    made = Server(folder, binaries)
    try:
        made.start()
        made.execute(
            "CREATE TABLE people (id int PRIMARY KEY, name text, height real, born date, seen timestamptz,"
            " member boolean, wage numeric(10,2), tags text[], extra jsonb, key uuid, nap interval, at time)",
            "INSERT INTO people SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE 'p' || i END, i / 2.0,"
            " date '2000-01-01' + i % 5000, timestamptz '2024-03-01 12:00:00+02' + i * interval '1 minute', i % 2 = 0,"
            " i * 1.25, ARRAY['a', 'b'], '{\"k\": 1}', gen_random_uuid(), interval '90 minutes', time '08:30'"
            " FROM generate_series(1, 150000) AS i",
            "CREATE SCHEMA sales",
            'CREATE TABLE sales."Odd Name" (a int, "select" text)',
            "INSERT INTO sales.\"Odd Name\" VALUES (1, 'x;y'), (2, NULL)",
            "CREATE SEQUENCE counter",
            "CREATE FUNCTION sneaky() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM people; RETURN 1; END $$",
        )
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def read(server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)

    def read_(address: str | None = None, **options: Any) -> Any:
        return read_database(address or server.address(), options=ReaderOptions(**options), settings=settings)

    return read_


def test_a_table_of_postgresql_is_read_with_its_types(read):
    table = read(table="people")
    assert (table.n_rows, table.name) == (150_000, "people")
    frame = table.frame()
    assert frame.schema["born"] == pl.Date and frame.schema["member"] == pl.Boolean
    row = frame.row(0, named=True)
    assert row["id"] == 1 and row["height"] == 0.5 and row["wage"] == 1.25 and row["nap"] == 5400.0
    assert row["seen"] == dt.datetime(2024, 3, 1, 10, 1, tzinfo=dt.UTC), "whatever zone the session has"
    assert any(note.startswith("The times in 'seen' have offsets") for note in table.origin["reader"]["notes"])
    assert row["tags"] == '["a", "b"]' and row["extra"] == '{"k": 1}' and row["at"] == "08:30:00"
    assert table.column("name").n_missing == 150_000 // 7
    assert any("JSON text" in note for note in table.origin["reader"]["notes"])


def test_the_origin_names_the_database_and_no_password(read, server):
    table = read(query="SELECT id, name FROM people WHERE id <= 10;")
    assert table.n_rows == 10
    assert table.origin["kind"] == "database"
    assert table.origin["path"] == f"postgresql://owner@127.0.0.1:{server.port}/postgres"
    assert table.origin["reader"]["options"]["query"].startswith("SELECT id")
    assert PASSWORD not in str(table.origin) and "SHOP_PASSWORD" not in str(table.origin)


def test_a_table_in_a_schema_and_odd_names_are_quoted(read):
    table = read(table="sales.Odd Name")
    assert table.frame().rows() == [(1, "x;y"), (2, None)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) AS n FROM people -- ; DELETE FROM people",
        "WITH young AS (SELECT * FROM people WHERE id < 5) SELECT count(*) AS n FROM young",
        "VALUES (1, 'a'), (2, 'b')",
        'TABLE sales."Odd Name"',
        "SELECT ';' AS text, $$ ; $$ AS more, E'\\';' AS third, 100 % 7 AS rest, '%s :name' AS marks",
        "(SELECT 1 AS a) UNION ALL (SELECT 2)",
    ],
)
def test_every_kind_of_reading_query_is_answered(read, query):
    assert read(query=query).n_rows >= 1


WRITES = [
    "DELETE FROM people",
    "SELECT 1; DELETE FROM people",
    "WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone",
    "SELECT * INTO copied FROM people",
    "SELECT sneaky()",
    "SELECT nextval('counter')",
    "SELECT * FROM people FOR UPDATE",
    "SELECT set_config('transaction_read_only', 'off', false), sneaky()",
    "SELECT set_config('default_transaction_read_only', 'off', false), sneaky()",
    # Quotes that a splitter of statements reads otherwise than the server does.
    "SELECT 1 AS a$x$; COMMIT; DELETE FROM people; SELECT 1 AS b$x$",
    "SELECT E'a\\''; COMMIT; DELETE FROM people; SELECT 'b'",
    'SELECT 1 AS "a"; SET default_transaction_read_only = off; DELETE FROM people',
    "COPY people TO PROGRAM 'touch /tmp/written'",
    "CREATE TABLE more (a int)",
    "DROP TABLE people",
    "EXPLAIN ANALYZE DELETE FROM people",
    "CALL sneaky()",
    "",
]


@pytest.mark.parametrize("query", WRITES)
def test_nothing_can_be_written(read, server, query):
    with pytest.raises(ReadError, match=r"needed one SELECT|would write|can't answer|Needed one SELECT|can't|error"):
        read(query=query)
    assert server.execute("SELECT count(*), (SELECT last_value FROM counter) FROM people") == [(150_000, 1)]
    assert server.execute("SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'sales')") == [(2,)]
    assert server.execute("SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]


@pytest.mark.parametrize("query", WRITES)
def test_the_database_refuses_also_where_our_look_at_the_query_is_passed_over(read, server, query, monkeypatch):
    monkeypatch.setattr("workbench.data.formats.databases.check_query", lambda text: text)
    with pytest.raises(ReadError):
        read(query=query)
    assert server.execute("SELECT count(*), (SELECT last_value FROM counter) FROM people") == [(150_000, 1)]
    assert server.execute("SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'sales')") == [(2,)]


def test_what_a_read_only_transaction_lets_through_is_rolled_back(read, server):
    read(query="SELECT lo_create(0) AS made")
    assert server.execute("SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]


def test_a_comment_within_a_comment_hides_no_statement(read):
    with pytest.raises(ReadError, match=r"several statements"):
        read(query="SELECT 1 /* /* */; COMMIT; DELETE FROM people; /* */ */")


def test_a_query_that_takes_too_long_is_given_up(server, settings, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    with pytest.raises(ReadError, match=r"took too long.*ask for less"):
        open_database(
            server.address(),
            options=ReaderOptions(query="SELECT pg_sleep(30)"),
            settings=settings,
            seconds=0.2,
        )


def test_a_look_takes_the_first_rows_only(server, settings, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    with open_database(server.address(), options=ReaderOptions(), settings=settings, n_rows=20) as reading:
        assert sum(batch.height for batch in reading.batches) == 20
        assert reading.options.table == "people"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "wrong-" + PASSWORD[-6:]}, r"no entry to postgresql://owner@.*correct them"),
        ({"user": "nobody_there"}, r"no entry to"),
        ({"database": "nowhere"}, r"no such database"),
    ],
)
def test_a_wrong_password_user_or_database_is_said_without_the_password(read, server, change, words):
    change = {key: value.replace("/", "%2F").replace("@", "%40").replace("%", "%25") for key, value in change.items()}
    with pytest.raises(ReadError, match=words) as caught:
        read(server.address(**change), table="people")
    _holds_no_secret(caught.value)


def test_a_host_that_doesnt_answer_is_said(read):
    with pytest.raises(
        ReadError, match=r"Got no answer from postgresql://me@127.0.0.1:1/x .*check host, port"
    ) as caught:
        read(f"postgresql://me:{'${SHOP_PASSWORD}'}@127.0.0.1:1/x", table="people")
    _holds_no_secret(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"table": "poeple"}, r"Got table 'poeple'.*people.*Did you mean 'people'"),
        ({"query": "SELECT nothing FROM people"}, r"can't answer.*nothing"),
        ({"query": "SELECT FROM WHERE"}, r"doesn't understand|can't answer"),
        ({"query": "SELECT 1 AS a, 2 AS a"}, r"columns of one name \('a'\).*AS"),
        ({"query": "SELECT * FROM people WHERE id < 0"}, r"without rows"),
        ({"query": "SELECT 1", "table": "people"}, r"both a query and a table"),
        ({"query": "SELECT 'infinity'::date AS d"}, r"Got an error from"),
    ],
)
def test_what_cant_be_answered_is_said_in_words(read, options, words):
    with pytest.raises(ReadError, match=words) as caught:
        read(**options)
    _holds_no_secret(caught.value)


def test_a_password_that_stands_in_the_string_itself_works_and_is_nowhere_shown(read, server):
    from urllib.parse import quote

    address = server.address(password=quote(PASSWORD, safe=""))
    assert holds_secret(address)
    table = read(address, query="SELECT 1 AS a")
    assert PASSWORD not in str(table.origin)
    with pytest.raises(ReadError) as caught:
        read(address, query="SELECT no FROM where_ever")
    _holds_no_secret(caught.value)


def _holds_no_secret(error: BaseException) -> None:
    import traceback

    text = "".join(traceback.format_exception(error))
    assert PASSWORD not in text and PASSWORD[-6:] not in text


def test_a_variable_that_isnt_set_is_named(settings):
    with pytest.raises(ReadError, match=r"environment variable NOT_SET_ANYWHERE, which isn't set"):
        read_database("postgresql://me:${NOT_SET_ANYWHERE}@host/shop", settings=settings)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (
            "postgresql://me:${SHOP_PASSWORD}@elsewhere/shop",
            r"SHOP_PASSWORD may not be sent to elsewhere.*SHOP_PASSWORD@e",
        ),
        ("postgresql://me:${HOME}@127.0.0.1/shop", r"HOME may not be sent to 127.0.0.1"),
        ("postgresql://me:x@${SHOP_PASSWORD}/shop", r"SHOP_PASSWORD} stands in the host"),
        ("postgresql://me:x@127.0.0.1/${SHOP_USER}", r"SHOP_USER} stands in the host, the path"),
        ("postgresql://me:x@127.0.0.1/shop?sslcert=${SHOP_USER}", r"stands in the host, the path or an option"),
        ("postgresql://me:${SHOP_PASSWORD}@127.0.0.1/x?host=elsewhere", r"'host' .* may lead to another host"),
        ("postgresql://me:${SHOP_PASSWORD}@127.0.0.1,elsewhere/x", r"may not be sent"),
        ("sqlite:///${SHOP_USER}.db", r"stands in the host, the path"),
    ],
)
def test_a_variable_goes_only_to_the_host_that_it_is_allowed_for(settings, monkeypatch, address, words):
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    monkeypatch.setenv("SHOP_USER", "the-user")
    with pytest.raises(ReadError, match=words) as caught:
        read_database(address, options=ReaderOptions(table="t"), settings=settings)
    _holds_no_secret(caught.value)
    assert "the-user" not in str(caught.value)


def test_no_variable_is_filled_in_where_none_is_allowed(monkeypatch, settings):
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    with pytest.raises(ReadError, match=r"WORKBENCH_CONNECTION_VARIABLES=SHOP_PASSWORD@host"):
        read_database("postgresql://me:${SHOP_PASSWORD}@host/x", settings=replace(settings, connection_variables=""))


def test_a_user_from_a_variable_is_shown_as_it_was_typed(settings, monkeypatch):
    monkeypatch.setenv("SHOP_USER", "the-user")
    with pytest.raises(ReadError, match=r"postgresql://\$\{SHOP_USER\}@127.0.0.1:1/x") as caught:
        read_database("postgresql://${SHOP_USER}:pw@127.0.0.1:1/x", options=ReaderOptions(table="t"), settings=settings)
    assert "the-user" not in str(caught.value)


def test_a_string_that_cant_be_taken_apart_is_not_shown(settings):
    with pytest.raises(ReadError, match=r"can't be taken apart") as caught:
        read_database("postgresql://me:topsecret@host:notaport/shop", settings=settings)
    assert "topsecret" not in str(caught.value)


def test_a_missing_driver_names_its_remedy(settings):
    with pytest.raises(MissingExtraError, match=r"pip install 'pymysql'"):
        read_database("mysql://me:pw@host/shop", options=ReaderOptions(table="t"), settings=settings)
    with pytest.raises(MissingExtraError, match=r"pip install 'duckdb-engine'"):
        read_database("duckdb:///x.db", options=ReaderOptions(table="t"), settings=settings)
    with pytest.raises(ReadError, match=r"'oddbase', a database that isn't known"):
        read_database("oddbase://me:pw@host/shop", options=ReaderOptions(table="t"), settings=settings)


def test_paths_and_web_addresses_are_no_connections():
    assert is_connection("sqlite:///shop.db") and is_connection("postgresql+psycopg://host/db")
    assert not is_connection("https://host/x.csv") and not is_connection("C:/x.csv") and not is_connection("a/b.csv")


def test_sqlite_by_connection_string_is_opened_read_only(tmp_path, settings):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE sold (n int, word text)")
        connection.execute("INSERT INTO sold VALUES (1, 'a'), (2, NULL)")
    connection.close()
    before = path.read_bytes()
    table = read_database(f"sqlite:///{path}", settings=settings)
    assert table.frame().rows() == [(1, "a"), (2, None)]
    with pytest.raises(ReadError, match=r"needed one SELECT"):
        read_database(f"sqlite:///{path}", options=ReaderOptions(query="DROP TABLE sold"), settings=settings)
    assert path.read_bytes() == before and [entry.name for entry in tmp_path.glob("shop*")] == ["shop.db"]
    with pytest.raises(TableNotFoundError, match=r"three slashes"):
        read_database("sqlite:///nowhere.db", settings=settings)
    assert not Path("nowhere.db").exists(), "opening made a file"
