"""Frames that are in memory already become tables, whatever library they are of."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from workbench import api as wb
from workbench.data.frames import is_frame, to_polars
from workbench.errors import ReadError, TargetError

ROWS = {"age": [31, None, 47], "port": ["S", None, "C"], "day": [dt.date(2024, 7, 1), None, dt.date(2024, 7, 3)]}
FRAMES = {
    "polars": pl.DataFrame(ROWS),
    "lazy": pl.LazyFrame(ROWS),
    "arrow": pa.table(ROWS),
    "batch": pa.RecordBatch.from_pydict(ROWS),
    "reader": pa.table(ROWS),
    "dict": ROWS,
    "records": pl.DataFrame(ROWS).to_dicts(),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_of_any_library_becomes_the_same_table(settings, kind):
    frame = FRAMES[kind].to_reader() if kind == "reader" else FRAMES[kind]
    table = wb.read_table(frame, target="port", name="people", settings=settings)
    assert (table.name, table.target, table.n_rows) == ("people", "port", 3)
    assert table.frame().equals(pl.DataFrame(ROWS))
    assert wb.open_table(table.short_digest, settings=settings).frame().equals(pl.DataFrame(ROWS))


def test_a_pandas_frame_keeps_gaps_zones_order_and_a_named_index(settings):
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None], dtype="Int64"),
            "size": pd.Categorical(["small", "large"], categories=["small", "large"], ordered=True),
            "at": pd.to_datetime(["2024-07-01 00:30", None]).tz_localize("Europe/Berlin"),
            "mixed": [1, "one"],
            "month": pd.period_range("2024-01", periods=2, freq="M"),
        },
        index=pd.Index(["a", "b"], name="key"),
    )
    read = to_polars(frame)
    assert read["key"].to_list() == ["a", "b"]
    assert read["n"].to_list() == [1, None]
    assert read["size"].dtype == pl.Enum(["small", "large"])
    assert getattr(read["at"].dtype, "time_zone", None) == "Europe/Berlin"
    assert read["mixed"].to_list() == ["1", "one"]
    assert read["month"][1] == dt.datetime(2024, 2, 1)
    assert wb.read_table(frame, settings=settings).n_columns == 6


def test_types_and_missing_words_apply_to_a_frame_too(settings):
    frame = pl.DataFrame({"zip": [1234, 99], "state": ["ok", "unknown"]})
    options = {"types": {"zip": "text"}, "missing": ["unknown", "99"]}
    assert wb.read_table(frame, options=options, settings=settings).frame().rows() == [("1234", "ok"), (None, None)]


def test_a_stored_table_stays_itself(settings):
    table = wb.read_table({"a": [1, 2], "b": [3, 4]}, settings=settings)
    assert wb.read_table(table, target="b", settings=settings) == table.with_target("b")
    assert wb.open_source(pl.DataFrame({"a": [1, 2], "b": [3, 4]}), settings=settings) == table


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (7, "type int is no table. Pass the path of a file"),
        ({"a": [1], "b": [1, 2]}, "one length"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns of one name"),
        (pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), "two columns of one name"),
        (pl.DataFrame({"a": []}), "no rows"),
    ],
)
def test_what_is_no_table_is_refused_in_words(settings, rows, words):
    with pytest.raises(ReadError, match=words):
        wb.read_table(rows, settings=settings)
    with pytest.raises(TargetError, match="needed one of"):
        wb.read_table({"a": [1]}, target="b", settings=settings)


def test_a_path_or_values_are_no_frame():
    assert not any(is_frame(rows) for rows in ("people.csv", [{"age": 1}], {"age": [1]}, pl.Series([1]), None))
