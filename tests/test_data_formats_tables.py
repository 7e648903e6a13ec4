"""Parquet, Arrow and SQLite files: types kept, mixed ones settled, damage refused."""

from __future__ import annotations

import datetime as dt
import io
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from workbench.data import read_table
from workbench.data.formats import open_format
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

FRAME = pl.DataFrame(
    {
        "n": [1, 2, None],
        "x": [0.5, None, 2.0],
        "w": ["a", None, "c"],
        "d": [dt.date(2024, 1, 1), None, dt.date(2024, 1, 3)],
        "k": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
        "ok": [True, False, None],
    }
)


def arrow_file(frame: pl.DataFrame, compression: str = "uncompressed") -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression=compression)
    return buffer.getvalue()


def arrow_stream(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [arrow_file(FRAME), arrow_file(FRAME, "zstd"), arrow_stream(FRAME), parquet(FRAME)],
    ids=["file", "compressed file", "stream", "parquet"],
)
def test_all_typed_formats_give_the_same_table(tmp_path, settings, content):
    (tmp_path / "table.bin").write_bytes(content)
    table = read_table(tmp_path / "table.bin", settings=settings)
    assert table.frame().equals(FRAME.with_columns(pl.col("k").cast(pl.String)))


def test_a_file_without_rows_is_refused(tmp_path, settings):
    for name, content in (("a.arrow", arrow_file(FRAME.clear())), ("a.parquet", parquet(FRAME.clear()))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ReadError, match=r"no rows"):
            read_table(tmp_path / name, settings=settings)


def test_objects_within_are_spread_and_types_can_be_set(tmp_path, settings):
    frame = pl.DataFrame({"n": ["1", "x"], "at": [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}]})
    for name, content in (("a.parquet", parquet(frame)), ("a.arrow", arrow_file(frame))):
        (tmp_path / name).write_bytes(content)
        table = read_table(tmp_path / name, options=ReaderOptions(types={"n": "number"}), settings=settings)
        assert table.frame().rows() == [(1.0, 1, "a"), (None, 2, "b")]
        notes = " ".join(table.origin["reader"]["notes"])
        assert "spread over columns" in notes and "1 values of 'n' are no number" in notes


@pytest.mark.parametrize("build", [arrow_file, arrow_stream, parquet], ids=["file", "stream", "parquet"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path, settings, build, share):
    rng = np.random.default_rng(0)
    content = build(pl.DataFrame({"a": rng.random(5_000), "b": rng.integers(0, 9, 5_000).astype(str)}))
    (tmp_path / "cut.bin").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ReadError, match=r"damaged (Arrow|Parquet) file"):
        read_table(tmp_path / "cut.bin", settings=settings)


@pytest.mark.parametrize("build", [arrow_file, arrow_stream, parquet], ids=["file", "stream", "parquet"])
def test_flipped_bytes_give_a_table_or_a_refusal_and_never_a_crash(tmp_path, settings, build):
    rng = np.random.default_rng(1)
    good = build(pl.DataFrame({"a": list(range(300)), "b": [f"w{n}" for n in range(300)]}))
    for _ in range(60):
        content = bytearray(good)
        for place in rng.integers(8, len(content), 4):
            content[place] = rng.integers(0, 256)
        (tmp_path / "odd.bin").write_bytes(bytes(content))
        try:
            with open_format(tmp_path / "odd.bin", options=ReaderOptions(), settings=settings) as reading:
                list(reading.batches)
        except ReadError:
            pass


@pytest.fixture
def database(tmp_path):
    def database_(*statements: str, rows: tuple = (), name: str = "shop.sqlite") -> Path:
        path = tmp_path / name
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            if rows:
                connection.executemany(f"INSERT INTO sold VALUES ({', '.join('?' * len(rows[0]))})", rows)
            connection.commit()
        return path

    return database_


def test_a_table_of_sqlite_is_read_with_mixed_types_settled(database, settings):
    rows = (
        (1, "ann", "2024-01-01", 1, "", 5),
        (2, None, "2024-01-02", 2.5, "x", "NA"),
        (3, "cy", None, "three", None, 7),
    )
    table = read_table(database("CREATE TABLE sold (id, name, day, mixed, word, number)", rows=rows), settings=settings)
    assert table.frame().rows() == [
        (1, "ann", dt.date(2024, 1, 1), "1", None, 5.0),
        (2, None, dt.date(2024, 1, 2), "2.5", "x", None),
        (3, "cy", None, "three", None, 7.0),
    ]
    assert table.origin["reader"]["options"]["table"] == "sold"


def test_a_mixed_column_is_settled_across_batches(database, settings, monkeypatch):
    monkeypatch.setattr("workbench.data.formats.settling._IN_MEMORY_BYTES", 10_000)
    rows = tuple((n,) for n in range(20_000)) + ((0.5,), (None,))
    frame = read_table(database("CREATE TABLE sold (v)", rows=rows), settings=settings).frame()
    assert frame.schema["v"] == pl.Float64
    assert frame["v"].to_list() == [*map(float, range(20_000)), 0.5, None]


def test_of_several_tables_one_must_be_chosen(database, settings):
    path = database(
        "CREATE TABLE a (x)", "INSERT INTO a VALUES (1)", "CREATE TABLE b (y)", "INSERT INTO b VALUES (2)",
        "CREATE VIEW c AS SELECT x + 1 AS z FROM a",
    )  # fmt: skip
    with pytest.raises(ReadError, match=r"with 3 tables \(a, b, c\), needed to know which.*table="):
        read_table(path, settings=settings)
    assert read_table(path, options=ReaderOptions(table="c"), settings=settings).frame().item() == 2
    with open_format(path, options=ReaderOptions(), settings=settings, n_rows=5) as reading:
        assert reading.choices == {"table": ["a", "b", "c"]} and reading.options.table == "a"
    query = "SELECT x, y FROM a JOIN b -- both"
    assert read_table(path, options=ReaderOptions(query=query), settings=settings).frame().rows() == [(1, 2)]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DELETE FROM sold", r"needed one SELECT"),
        ("WITH x AS (SELECT 1) DELETE FROM sold", r"does more than read"),
        ("SELECT 1; DROP TABLE sold", r"several statements"),
        ("SELECT load_extension('x')", r"not authorized|does more|doesn't understand|damaged"),
        ("SELECT nothing FROM sold", r"doesn't understand.*nothing"),
        ("SELECT id, id FROM sold", r"columns of one name"),
        ("SELECT * FROM sold WHERE id > 99", r"without rows"),
    ],
)
def test_a_query_that_doesnt_only_read_is_refused(database, settings, query, words):
    path = database("CREATE TABLE sold (id)", rows=((1,), (2,)))
    before = path.read_bytes()
    with pytest.raises(ReadError, match=words):
        read_table(path, options=ReaderOptions(query=query), settings=settings)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in path.parent.glob("shop*")) == ["shop.sqlite"]


def test_rows_that_still_lie_in_a_journal_are_said_to_be_missing(database, settings):
    path = database("CREATE TABLE sold (id)", "PRAGMA journal_mode = wal", rows=((1,),))
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("INSERT INTO sold VALUES (2)")
        writer.commit()
        table = read_table(path, settings=settings)
        assert table.n_rows == 1
        assert any("open in another program" in note for note in table.origin["reader"]["notes"])
    assert not path.with_name("shop.sqlite-wal").exists() and read_table(path, settings=settings).n_rows == 2


def test_a_query_without_an_end_is_stopped(database, settings, monkeypatch):
    monkeypatch.setattr("workbench.data.formats.sqlite._MAX_STEPS", 20_000_000)
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
    with pytest.raises(ReadError, match=r"goes on too long"):
        read_table(database("CREATE TABLE sold (id)"), options=ReaderOptions(query=query), settings=settings)


def test_a_database_in_a_folder_that_cant_be_written_to_is_read(database, settings):
    path = database("CREATE TABLE sold (id)", "PRAGMA journal_mode = wal", rows=((1,),))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert read_table(path, settings=settings).n_rows == 1
    finally:
        path.parent.chmod(0o755)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_truncated_database_is_refused(database, settings, share):
    path = database("CREATE TABLE sold (a, b)", rows=tuple((n, f"word {n}") for n in range(5_000)))
    content = path.read_bytes()
    path.write_bytes(content[: max(int(len(content) * share), 200)])
    with pytest.raises(ReadError, match=r"damaged SQLite database|without tables"):
        read_table(path, settings=settings)


def test_bytes_that_are_no_images_are_refused_and_mixed_ones_left_out(database, settings):
    path = database("CREATE TABLE sold (a, b)", rows=((1, b"\x00\x01"), (2, "text")))
    table = read_table(path, settings=settings)
    assert table.frame().columns == ["a"]
    assert any("'b' was left out, since it mixes bytes with 1 texts" in n for n in table.origin["reader"]["notes"])
    path = database("CREATE TABLE sold (a, b)", rows=((1, b"\x00\x01"), (2, b"\x02")), name="shop2.sqlite")
    with pytest.raises(ReadError, match=r"'b' \(Binary\)"):
        read_table(path, settings=settings)


@pytest.mark.large
def test_the_public_parquet_files_have_the_rows_of_their_description(large_data, settings):
    flights = read_table(large_data / "nycflights13_flights.parquet", settings=settings)
    assert (flights.n_rows, flights.n_columns) == (336_776, 19)
    assert flights.column("arr_delay").n_missing == 9_430 and flights.column("tailnum").n_missing == 2_512
