"""Tables larger than memory: stored a batch at a time, read a batch at a time, the same as if at once."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import open_table, store_frame
from workbench.data.columns import describe_columns
from workbench.data.digests import digest_of
from workbench.data.store import store_batches
from workbench.errors import ReadError, StorageError, TargetError
from workbench.settings import Settings


def rows(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": np.arange(n_rows),
            "whole": rng.integers(-3, 50, n_rows),
            "float": rng.normal(size=n_rows).round(3),
            "coarse": rng.integers(-5, 5, n_rows).astype(float),
            "word": rng.choice(["red", "grün", "blue", "a longer one than twelve bytes"], n_rows),
            "flag": rng.integers(0, 2, n_rows).astype(bool),
            "when": pl.Series(rng.integers(0, 20_000, n_rows)).cast(pl.Date),
        }
    ).with_columns(pl.when(pl.int_range(pl.len()) % 7 > 0).then(pl.col("whole", "coarse", "word", "flag", "when")))


def cut(frame, size):
    return [frame.slice(start, size) for start in range(0, frame.height, size)]


@given(st.integers(1, 40), st.integers(1, 41), st.integers(0, 99))
def test_batches_store_the_same_table_as_the_frame(n_rows, size, seed):
    frame = rows(n_rows, seed)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        stored = store_batches(iter(cut(frame, size)), name="rows", settings=settings)
        assert stored.digest == digest_of(frame)
        assert stored.columns == describe_columns(frame)
        assert open_table(stored.digest, settings=settings).frame().equals(frame)


def test_a_table_of_many_parts_has_the_digest_and_columns_of_the_whole(settings, monkeypatch):
    monkeypatch.setattr("workbench.data.examining._PART_ROWS", 1024)
    frame = rows(20_000)
    stored = store_batches(cut(frame, 777), name="rows", target="word", settings=settings)
    assert stored.digest == digest_of(frame)
    assert stored.columns == describe_columns(frame)
    assert [entry.name for entry in settings.tables.iterdir()] == [stored.digest]


def test_rows_come_in_batches_by_position_and_as_a_sample(settings):
    frame = rows(20_000)
    store_batches(cut(frame, 6_000), name="rows", settings=settings)
    for table in (open_table(digest_of(frame), settings=settings), store_frame(frame, name="rows", settings=settings)):
        parts = list(table.batches(["id", "word"], n_rows=7_000))
        assert [start for start, _ in parts] == [0, 7_000, 14_000]
        assert pl.concat([part for _, part in parts]).equals(frame.select("id", "word"))
        positions = np.array([19_999, 3, 3, 0])
        assert table.take(positions, ["id"])["id"].to_list() == positions.tolist()
        for n_rows in (50, 10_000, 15_000, 20_000, 30_000):
            drawn, places = table.sampled(n_rows, seed=1)
            assert drawn.height == min(n_rows, 20_000)
            assert drawn["id"].to_list() == places.tolist() == sorted(set(places.tolist()))
            assert drawn.equals(frame[places])


def test_a_sample_is_even_and_another_seed_draws_another(settings):
    table = store_batches(cut(rows(50_000), 10_000), name="rows", settings=settings)
    first, second = (table.sampled(2_000, seed=seed)[1] for seed in (0, 1))
    assert abs(np.mean(first) - 25_000) < 1_500
    assert len(np.intersect1d(first, second)) < 1_000


def test_a_table_knows_the_memory_of_its_rows_and_whether_it_fits(settings):
    table = store_batches(cut(rows(30_000), 10_000), name="rows", settings=settings)
    opened = open_table(table.digest, settings=settings)
    assert opened.n_bytes == table.n_bytes == pytest.approx(opened.frame().estimated_size(), rel=0.1)
    assert opened.fits(settings)
    assert not opened.fits(Settings(max_table_mib=1))


def test_infinite_values_of_all_batches_are_counted_together(settings):
    batches = [pl.DataFrame({"x": [1.0, float("inf")]}), pl.DataFrame({"x": [float("-inf"), float("nan")]})]
    table = store_batches(batches, name="rows", settings=settings)
    assert table.column("x").n_missing == 3
    assert table.origin["reader"]["notes"] == ["2 infinite values in 'x' were read as missing."]


def test_whole_numbers_that_grow_beyond_64_bits_become_floats_in_all_batches(settings):
    batches = [pl.DataFrame({"n": pl.Series([value], dtype=pl.UInt64)}) for value in (1, 2, 2**64 - 1, 3)]
    table = store_batches(batches, name="rows", settings=settings)
    assert table.frame()["n"].to_list() == [1.0, 2.0, float(2**64 - 1), 3.0]


def test_batches_with_other_columns_are_refused(settings):
    batches = [pl.DataFrame({"a": [1]}), pl.DataFrame({"a": ["x"]})]
    with pytest.raises(ReadError, match=r"parts of different columns: 'a' \(Int64 and String\)"):
        store_batches(batches, name="rows", settings=settings)
    assert list(settings.tables.iterdir()) == []


def test_an_error_while_reading_leaves_nothing(settings):
    def broken():
        yield from cut(rows(100), 10)
        raise ReadError("Got some.csv with a damaged line")

    with pytest.raises(ReadError, match=r"^Got some.csv with a damaged line$"):
        store_batches(broken(), name="rows", settings=settings)
    assert list(settings.tables.iterdir()) == []


def test_an_absent_target_is_refused_before_the_second_half_is_read(settings):
    def endless():
        while True:
            yield rows(10)

    with pytest.raises(TargetError, match="Got target 'wordd'"):
        store_batches(endless(), name="rows", target="wordd", settings=settings)


def test_a_disk_that_fills_while_batches_come_leaves_nothing(settings, monkeypatch):
    def full(self, data):
        self.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise self.error

    monkeypatch.setattr("workbench.data.row_groups._Target.write", full)
    with pytest.raises(StorageError, match=r"no space left .* Free some space and try again"):
        store_batches(cut(rows(100), 10), name="rows", settings=settings)
    assert list(settings.tables.iterdir()) == []


def test_no_batches_at_all_are_refused(settings):
    with pytest.raises(ReadError, match="needed at least one"):
        store_batches([], name="nothing", settings=settings)
