"""Stored tables: one folder for the same contents, complete or not there at all."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import delete_table, open_table, read_table, store_frame, tables
from workbench.data.digests import digest_of
from workbench.data.store import store_batches
from workbench.errors import DataError, ReadError, StorageError, TableNotFoundError
from workbench.settings import Settings

FRAME = pl.DataFrame(
    {"age": [22, 38, None], "sex": ["m", "f", "f"], "when": pl.Series(["2024-01-01"] * 3).str.to_date()}
)


def folders(settings):
    return sorted(entry.name for entry in settings.tables.iterdir())


def test_a_stored_table_opens_with_its_schema_and_rows(settings):
    stored = store_frame(FRAME, name="people", target="sex", settings=settings)
    opened = open_table(stored.short_digest, settings=settings)
    assert opened.columns == stored.columns
    assert (opened.name, opened.target, opened.n_rows, opened.n_columns) == ("people", "sex", 3, 3)
    assert opened.frame().equals(FRAME)
    assert opened.head(2).height == 2
    assert repr(opened) == f"Table('people', 3 rows x 3 columns, target='sex', digest={stored.digest[:12]})"


def test_opening_reads_no_rows_until_they_are_asked_for(settings):
    stored = store_frame(FRAME, name="people", settings=settings)
    opened = open_table(stored.digest, settings=settings)
    assert opened.column("age").n_missing == 1 and not opened.is_in_memory
    (settings.tables / stored.digest / "table.parquet").write_bytes(b"broken")
    with pytest.raises(StorageError, match=r"rows of table 'people' are damaged.*Read the original file again"):
        opened.frame()


def test_the_same_contents_are_stored_once_under_the_name_given_last(settings, tmp_path):
    first = store_frame(FRAME, name="people", target="sex", settings=settings)
    written = (settings.tables / first.digest / "table.parquet").stat().st_mtime_ns
    second = store_frame(FRAME.clone(), name="again", settings=settings)
    assert second.digest == first.digest
    assert folders(settings) == [first.digest]
    assert (settings.tables / first.digest / "table.parquet").stat().st_mtime_ns == written
    (info,) = tables(settings=settings)
    assert (info.name, info.target, info.n_rows, info.n_columns) == ("again", "sex", 3, 3)


def test_tables_are_listed_the_one_read_last_first(settings):
    assert tables(settings=settings) == []
    for place in range(3):
        store_frame(pl.DataFrame({"a": [place]}), name=f"t{place}", settings=settings)
        time.sleep(0.01)
    store_frame(pl.DataFrame({"a": [0]}), name="t0", settings=settings)
    assert [info.name for info in tables(settings=settings)] == ["t0", "t2", "t1"]


@pytest.mark.parametrize(
    "other",
    [
        FRAME.rename({"age": "Age"}),
        FRAME.reverse(),
        FRAME.with_columns(pl.col("age").cast(pl.Int32)),
        FRAME.with_columns(age=pl.Series([22, 38, 0])),
        FRAME.select("sex", "age", "when"),
        FRAME.with_columns(sex=pl.Series(["mf", "f", ""])),
        FRAME.with_columns(sex=pl.Series(["m", "ff", ""])),
    ],
)
def test_other_contents_have_another_digest(other):
    assert digest_of(other) != digest_of(FRAME)


def test_the_digest_is_the_same_in_every_version_and_process():
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "ü"], "c": [True, False], "d": [0.5, None], "e": [517.0, -3.0]})
    assert digest_of(frame) == "e385dc0df349377777cdae2acb34ce529eba6a3c345ad7f31d8b1a02880a9039"


def test_numbers_that_look_alike_have_other_digests():
    values = [0.0, -0.0, 1.0, None, 0.5, 127.0, 128.0, 2.0**31, 2.0**53, 1e300, 5e-324]
    columns = [pl.Series("a", [value], dtype=pl.Float64) for value in values]
    columns += [pl.Series("a", [value]) for value in (0, 1, 127)]
    assert len({digest_of(column.to_frame()) for column in columns}) == len(columns)


CELLS = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.Float64: st.floats(allow_nan=False, allow_infinity=False),
    pl.Boolean: st.booleans(),
    pl.String: st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    pl.Date: st.dates(),
}


@st.composite
def frames(draw):
    n_rows = draw(st.integers(1, 8))
    types = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4))
    columns = {
        f"c{place}": pl.Series(draw(st.lists(st.none() | CELLS[dtype], min_size=n_rows, max_size=n_rows)), dtype=dtype)
        for place, dtype in enumerate(types)
    }
    return pl.DataFrame(columns)


@given(frames())
def test_what_is_stored_comes_back_as_it_was(frame):
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        stored = store_frame(frame, name="any", settings=settings)
        opened = open_table(stored.digest, settings=settings)
        assert opened.frame().equals(frame, null_equal=True)
        assert opened.frame().schema == frame.schema
        assert digest_of(opened.frame()) == stored.digest
        assert opened.columns == stored.columns


@given(
    st.lists(
        st.tuples(st.integers(-1000, 1000), st.sampled_from(["a b", 'say "x"', "c,d", "e;f", "line\nbreak", "ü"])),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([",", ";", "\t"]),
)
def test_what_is_written_as_csv_reads_as_it_was(rows, delimiter):
    frame = pl.DataFrame(rows, schema={"n": pl.Int64, "s": pl.String}, orient="row")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("x.tsv" if delimiter == "\t" else "x.csv")
        frame.write_csv(path, separator=delimiter)
        read = read_table(path, settings=Settings(home=Path(folder) / "home"))
        assert read.frame().equals(frame)
        assert read.digest == digest_of(frame)


def _store_in_another_process(home, start):
    start.wait()
    return store_frame(pl.DataFrame({"a": range(20_000)}), name="same", settings=Settings(home=home)).digest


def test_two_users_storing_the_same_table_at_once_both_get_it(settings):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ThreadPoolExecutor(4) as threads:
        start = manager.Event()
        with context.Pool(2) as pool:
            others = [pool.apply_async(_store_in_another_process, (settings.home, start)) for _ in range(2)]
            own = [threads.submit(_store_in_another_process, settings.home, start) for _ in range(4)]
            start.set()
            digests = {answer.get(60) for answer in others} | {answer.result() for answer in own}
    assert len(digests) == 1
    assert folders(settings) == list(digests)
    assert open_table(digests.pop(), settings=settings).frame().height == 20_000


def test_a_full_disk_is_a_storage_error_and_leaves_nothing(settings, monkeypatch):
    def fsync_on_a_full_disk(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("workbench.data.store.os.fsync", fsync_on_a_full_disk)
    with pytest.raises(StorageError, match=r"no space left .* Free some space and try again"):
        store_frame(FRAME, name="people", settings=settings)
    monkeypatch.undo()
    assert folders(settings) == []
    assert store_frame(FRAME, name="people", settings=settings).n_rows == 3


def test_a_limit_on_file_size_is_a_storage_error_and_leaves_nothing(settings):
    script = (
        "import resource, polars as pl\n"
        "from workbench.data import store_frame\n"
        "from workbench.errors import StorageError\n"
        "frame = pl.DataFrame({'a': range(200_000)}).select(pl.col('a').hash())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    store_frame(frame, name='big')\n"
        "except StorageError as error:\n    print(error)\n"
    )
    environment = {**os.environ, **settings.to_environment()}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert "File too large" in done.stdout
    assert folders(settings) == []


def test_a_table_that_a_killed_process_left_half_is_not_seen_and_goes_in_time(settings):
    half = settings.tables / ".abcdef123456.00000000.tmp"
    half.mkdir(parents=True)
    (half / "table.parquet").write_bytes(b"PAR1")
    assert tables(settings=settings) == []
    store_frame(FRAME, name="people", settings=settings)
    assert half.exists()
    os.utime(half, (time.time() - 7200, time.time() - 7200))
    store_frame(FRAME.head(1), name="person", settings=settings)
    assert not half.exists()


def test_a_home_that_is_a_file_is_a_storage_error(settings):
    settings.home.write_text("in the way")
    with pytest.raises(StorageError, match="failed"):
        store_frame(FRAME, name="people", settings=settings)
    assert tables(settings=settings) == []


def test_a_digest_must_be_long_known_and_unambiguous(settings):
    for place in range(2):
        digest = f"abcdef{place}" + "0" * 57
        (settings.tables / digest).mkdir(parents=True)
        document = {"format": 1, "n_rows": 1, "columns": []}
        (settings.tables / digest / "schema.json").write_text(json.dumps(document))
    with pytest.raises(TableNotFoundError, match=r"which 2 stored tables begin with .* Give more digits"):
        open_table("abcdef", settings=settings)
    with pytest.raises(TableNotFoundError, match=r"needed the first 6 or more digits"):
        open_table("abcde", settings=settings)
    assert open_table("ABCDEF0", settings=settings).digest.startswith("abcdef0")


def test_a_deleted_table_is_gone(settings):
    stored = store_frame(FRAME, name="people", settings=settings)
    delete_table(stored.short_digest, settings=settings)
    assert folders(settings) == []
    with pytest.raises(TableNotFoundError, match="Read the file again"):
        open_table(stored.digest, settings=settings)


@pytest.mark.parametrize(
    ("frame", "message"), [(pl.DataFrame(), "without columns"), (FRAME.clear(), "3 column names but no rows")]
)
def test_an_empty_frame_is_refused(settings, frame, message):
    with pytest.raises(ReadError, match=message):
        store_frame(frame, name="nothing", settings=settings)


def test_a_wrong_column_name_suggests_near_ones(settings):
    with pytest.raises(
        DataError, match=r"Got column 'Agee', needed one of the 3 columns of people. Did you mean 'age'\?"
    ):
        store_frame(FRAME, name="people", settings=settings).column("Agee")


def flip(path, place=-200):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.fixture
def large(settings):
    """A table of three batches with a sample beside it, as reading a file stores it."""
    parts = [pl.DataFrame({"n": range(start, start + 5_000), "word": ["a"] * 5_000}) for start in (0, 5_000, 10_000)]
    return parts, store_batches(parts, name="numbers", settings=settings)


@pytest.mark.parametrize(
    "harm", [flip, lambda path: path.write_bytes(path.read_bytes()[:-100]), lambda path: flip(path, 50)]
)
def test_a_flipped_byte_or_a_cut_is_noticed_at_opening_and_mended_by_reading_the_source_again(settings, large, harm):
    parts, stored = large
    opened = open_table(stored.digest, settings=settings)
    path = settings.tables / stored.digest / "table.parquet"
    harm(path)
    for look in (lambda: open_table(stored.digest, settings=settings), opened.frame, lambda: opened.head(3)):
        with pytest.raises(StorageError, match=r"'numbers'.* damaged: of table.parquet,.*Read the original file again"):
            look()
    assert [info.name for info in tables(settings=settings)] == ["numbers"]
    store_batches(parts, name="again", settings=settings)
    assert open_table(stored.digest, settings=settings).frame().equals(pl.concat(parts))
    assert opened.head(3).height == 3
    assert folders(settings) == sorted([".mending.lock", stored.digest])


def test_a_damaged_sample_is_passed_over_and_a_damaged_schema_is_said_and_mended(settings, large):
    parts, stored = large
    folder = settings.tables / stored.digest
    expected = open_table(stored.digest, settings=settings).sampled(50)[0]
    flip(folder / "sample.parquet")
    assert open_table(stored.digest, settings=settings).sampled(50)[0].equals(expected)
    schema = (folder / "schema.json").read_text()
    store_frame(FRAME, name="people", settings=settings)
    for broken in (schema.replace('"n_rows": 15000', '"n_rows": 15001'), schema[:-40]):
        (folder / "schema.json").write_text(broken)
        with pytest.raises(StorageError):
            open_table(stored.digest, settings=settings)
        assert "people" in [info.name for info in tables(settings=settings)]
    store_batches(parts, name="numbers", settings=settings)
    assert open_table(stored.digest, settings=settings).frame().height == 15_000


def test_a_table_of_before_opens_and_gets_its_digests_when_it_is_read_again(settings):
    stored = store_frame(FRAME, name="people", settings=settings)
    path = settings.tables / stored.digest / "schema.json"
    document = json.loads(path.read_text())
    for name in ("files", "sha256"):
        del document[name]
    path.write_text(json.dumps(document))
    assert open_table(stored.digest, settings=settings).frame().equals(FRAME)
    store_frame(FRAME, name="people", settings=settings)
    assert (
        json.loads(path.read_text())["files"]["table.parquet"]["bytes"]
        == path.with_name("table.parquet").stat().st_size
    )
