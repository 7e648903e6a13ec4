"""Columns of few values, kept as codes: the same rows, the same digest, the same figures."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import coding
from workbench.data.behind import Behind
from workbench.data.coded_summaries import summarize_coded
from workbench.data.coding import Coders, Shelf
from workbench.data.column_memory import may_hold
from workbench.data.digests import digest_of
from workbench.data.profile import profile_table
from workbench.data.store import store_batches
from workbench.data.summaries import summarize

COLUMNS = {
    "whole": st.integers(-40_000, 40_000),
    "near": st.integers(10**9, 10**9 + 20),
    "float": st.sampled_from([0.0, -0.0, 1.0, -7.0, 300.0]),
    "fraction": st.sampled_from([0.5, 1.0]),
    "text": st.text("aä€𐍈", min_size=1, max_size=3),
    "long": st.sampled_from(["twelve bytes", "thirteen bytes"]),
    "when": st.datetimes(),
    "day": st.dates(),
}


@st.composite
def columns(draw):
    name = draw(st.sampled_from(sorted(COLUMNS)))
    values = draw(st.lists(st.none() | COLUMNS[name], min_size=1, max_size=60))
    return pl.Series(name, values, dtype=pl.Float64 if name in ("float", "fraction") else None)


def coded(frame, size=7, shelf=None):
    coders = Coders(frame.schema, shelf)
    for start in range(0, frame.height, size):
        coders.add(frame.slice(start, size))
    return {name: coders.take(name) for name in frame.columns if name in coders}


@given(columns())
def test_codes_give_the_same_rows_and_the_same_summary(column):
    if column.dtype == pl.Null:
        return
    found = coded(column.to_frame())
    if column.name in found:
        assert pl.concat(list(found[column.name].series())).equals(column)
        assert summarize_coded(column.name, column.dtype, len(column), found[column.name]) == summarize(column)


def test_zero_and_minus_zero_stay_apart():
    assert not coded(pl.DataFrame({"x": [0.0, 1.0, -0.0]}))


@pytest.mark.parametrize("column", [[0, 40_000], [2**40, 1], [0.5, 1.0], ["thirteen bytes"], [True]])
def test_what_has_no_codes_is_left_out(column):
    assert not coded(pl.DataFrame({"x": column}))


def test_values_beyond_the_most_end_the_codes(monkeypatch):
    monkeypatch.setattr(coding, "_MAX_VALUES", 50)
    words = pl.DataFrame({"few": [f"w{n % 50}" for n in range(500)], "many": [f"w{n % 51}" for n in range(500)]})
    assert list(coded(words)) == ["few"]


def test_values_that_share_a_place_in_the_table_are_told_apart(monkeypatch):
    monkeypatch.setattr(coding, "_N_PLACES", 512)
    monkeypatch.setattr(coding, "_SHIFT", np.uint64(64 - 9))
    words = pl.DataFrame({"x": [f"word {n % 300}" for n in range(2_000)]})
    assert pl.concat(list(coded(words, 400)["x"].series())).equals(words["x"])


def test_the_heaviest_columns_go_where_the_memory_ends(monkeypatch):
    monkeypatch.setattr(coding, "_MAX_BYTES", 3_000)
    rows = pl.DataFrame({"a": range(1_000), "b": ["x"] * 1_000, "c": range(1_000)})
    assert len(coded(rows)) == 1


@given(columns(), st.integers(0, 60))
def test_codes_in_a_file_are_those_in_memory(column, n_held):
    frame = column.to_frame()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coding, "_HELD_BYTES", n_held)
        with tempfile.TemporaryDirectory() as folder, Shelf(Path(folder)) as shelf:
            in_file = coded(frame, shelf=shelf)
    for name, found in coded(frame).items():
        assert pl.concat(list(in_file[name].series())).equals(pl.concat(list(found.series())))


def test_equal_rows_of_codes_are_counted(settings):
    rng = np.random.default_rng(1)
    rows = pl.DataFrame({f"c{place}": rng.integers(0, 40, 3_000) // 39 for place in range(9)})
    stored = store_batches([rows[:1_000], rows[1_000:]], name="rows", settings=settings)
    assert stored.profile().n_duplicates == 3_000 - rows.n_unique()


def test_a_stored_table_with_and_without_codes_is_the_same(settings, monkeypatch):
    rng = np.random.default_rng(0)
    rows = pl.DataFrame(
        {
            "coded": rng.integers(0, 9, 5_000),
            "fraction": rng.normal(size=5_000).round(1),
            "word": rng.choice(["red", "grün", "blue"], 5_000),
            "sentence": rng.choice(["red is a colour", "so is blue, they say"], 5_000),
            "flag": rng.integers(0, 2, 5_000).astype(bool),
        }
    ).with_columns(pl.when(pl.int_range(pl.len()) % 7 > 0).then(pl.col("coded", "word", "flag")))
    stored = store_batches([rows[:2_000], rows[2_000:]], name="rows", settings=settings)
    assert stored.digest == digest_of(rows)
    assert stored.profile().to_dict() == profile_table(rows).to_dict()


@given(st.lists(st.none() | st.text("aNA?€", max_size=14), min_size=1), st.lists(st.text("aNA?€", max_size=14)))
def test_a_look_at_the_beginnings_of_texts_overlooks_no_word(texts, words):
    column = pl.Series("x", texts, dtype=pl.String)
    if (set(texts) - {None}) & set(words):
        assert may_hold(column, words)


def test_a_column_in_order_is_coded_as_any_other():
    days = pl.Series("day", [None, None, *range(40)]).cast(pl.Date)
    ordered = days.gather(np.sort(np.random.default_rng(0).integers(0, 42, 20_000)))
    found = coded(ordered.to_frame(), size=9_000)["day"]
    assert pl.concat(list(found.series())).equals(ordered)


def test_what_comes_behind_something_that_failed_is_not_done():
    done = []
    with pytest.raises(ZeroDivisionError), Behind("test", n_behind=5) as behind:
        for divisor in (1, 0, 2):
            behind.do(lambda number: done.append(1 / number), divisor)
    assert done == [1.0]
