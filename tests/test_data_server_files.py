"""Files on the server: only those below the folder that a setting names."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from workbench.data.server_files import server_file, server_files, visitor_source
from workbench.errors import ReadError, TableNotFoundError


@pytest.fixture
def shared(tmp_path, settings):
    folder = tmp_path / "shared"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.csv").write_text("a\n1\n")
    (folder / "sub" / "b.parquet").write_bytes(b"PAR1")
    (folder / "notes.md").write_text("x")
    (folder / ".hidden.csv").write_text("a\n1\n")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    return replace(settings, files=folder)


def test_files_below_the_folder_are_listed_and_opened(shared):
    assert [entry.path for entry in server_files(shared)] == ["a.csv", "sub/b.parquet"]
    assert server_file("sub/b.parquet", shared) == (shared.files / "sub" / "b.parquet").resolve()
    assert server_file(str(shared.files / "a.csv"), shared).name == "a.csv"
    assert server_file("sub/../a.csv", shared).name == "a.csv"


@pytest.mark.parametrize("path", ["../secret.csv", "/etc/passwd", "sub/../../secret.csv", "..", "../nothing.csv", "/"])
def test_a_path_that_leads_out_is_refused_whether_it_is_there_or_not(shared, path):
    with pytest.raises(ReadError, match=r"leads outside the server's folder"):
        server_file(path, shared)


def test_links_that_lead_out_are_refused_and_not_listed(shared, tmp_path):
    (shared.files / "link.csv").symlink_to(tmp_path / "secret.csv")
    (shared.files / "way").symlink_to(tmp_path)
    (shared.files / "loop.csv").symlink_to(shared.files / "loop.csv")
    (shared.files / "inner.csv").symlink_to(shared.files / "a.csv")
    for path in ("link.csv", "way/secret.csv"):
        with pytest.raises(ReadError, match=r"leads outside"):
            server_file(path, shared)
    with pytest.raises(TableNotFoundError):
        server_file("loop.csv", shared)
    assert [entry.path for entry in server_files(shared)] == ["a.csv", "inner.csv", "sub/b.parquet"]


@pytest.mark.parametrize("path", ["", "  ", "a\0.csv"])
def test_an_empty_or_broken_path_is_refused(shared, path):
    with pytest.raises(ReadError, match=r"empty path"):
        server_file(path, shared)


def test_what_is_no_file_is_refused(shared):
    os.mkfifo(shared.files / "pipe.csv")
    with pytest.raises(ReadError, match=r"is no file"):
        server_file("pipe.csv", shared)
    with pytest.raises(TableNotFoundError, match=r"isn't there"):
        server_file("nothing.csv", shared)
    assert "pipe.csv" not in [entry.path for entry in server_files(shared)]


def test_without_a_folder_nothing_is_opened(settings):
    assert server_files(settings) == []
    with pytest.raises(ReadError, match=r"WORKBENCH_FILES"):
        server_file("a.csv", settings)


def test_a_folder_of_images_is_listed_once(shared):
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            folder = shared.files / "pets" / part / label
            folder.mkdir(parents=True)
            (folder / "1.png").write_bytes(b"x")
    assert [(entry.path, entry.is_folder) for entry in server_files(shared) if entry.is_folder] == [("pets", True)]


@pytest.mark.parametrize(
    "typed",
    ["secret.csv", "/etc/passwd", "{outside}", "file:///etc/passwd", "file:{outside}", "https://host/x.csv", "titanic"],
)
def test_a_visitor_may_not_type_a_path_as_a_database(shared, tmp_path, typed):
    with pytest.raises(ReadError, match=r"isn't the address of a database"):
        visitor_source(typed.format(outside=tmp_path / "secret.csv"), shared)


@pytest.mark.parametrize(
    "typed",
    ["sqlite:///{outside}", "SQLite:///{outside}", "sqlite+pysqlite:///{outside}", "sqlite+aiosqlite:///{outside}",
     "sqlite:///../secret.csv", " sqlite:////etc/passwd", "sqlite:///sub/../../secret.csv"],
)  # fmt: skip
def test_a_visitor_reads_no_sqlite_file_outside_the_servers_folder_in_any_spelling(shared, tmp_path, typed):
    with pytest.raises(ReadError, match=r"leads outside the server's folder"):
        visitor_source(typed.format(outside=tmp_path / "secret.csv"), shared)
    with pytest.raises(ReadError, match=r"no folder may be read from"):
        visitor_source(typed.format(outside=tmp_path / "secret.csv"), replace(shared, files=None))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("sqlite:///file:{outside}?uri=true", r"without a host or options"),
        ("duckdb:///{outside}", r"doesn't connect to 'duckdb'"),
        ("duckdb:///:memory:", r"doesn't connect to 'duckdb'"),
        ("access+pyodbc:///{outside}", r"doesn't connect to"),
        ("bigquery://project", r"doesn't connect to"),
        ("postgresql+psycopg2://me:pw@host/x", r"doesn't connect to"),
        ("postgresql:///shop", r"names no host"),
        ("postgresql://me:pw@/shop?host=/var/run/postgresql", r"names no host"),
        ("postgresql://me:pw@%2Fvar%2Frun/shop", r"names no host"),
        ("postgresql://host/shop", r"no user and password"),
        ("postgresql://me@host/shop", r"no user and password"),
        ("postgresql://me:pw@host/shop?passfile=/root/.pgpass", r"the option 'passfile'"),
        ("postgresql://me:pw@host/shop?sslkey=/etc/ssl/key", r"the option 'sslkey'"),
        ("mysql://me:pw@host/shop?local_infile=1", r"the option 'local_infile'"),
        ("mssql://me:pw@host/shop?odbc_connect=DSN%3Dx", r"the option 'odbc_connect'"),
    ],
)
def test_a_visitors_connection_reaches_no_file_socket_or_credential_of_the_server(shared, tmp_path, typed, words):
    with pytest.raises(ReadError, match=words):
        visitor_source(typed.format(outside=tmp_path / "secret.csv"), shared)


def test_a_visitor_may_name_a_database_server_or_an_sqlite_file_of_the_folder(shared):
    (shared.files / "shop.db").write_bytes(b"SQLite format 3\0")
    assert visitor_source("sqlite:///shop.db", shared) == (shared.files / "shop.db").resolve()
    for typed in ("postgresql://me:${PASSWORD}@db.example:5432/shop?sslmode=require", "MySQL://me:pw@10.0.0.1/shop"):
        assert visitor_source(f" {typed} ", shared) == typed
