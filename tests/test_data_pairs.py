"""A train file and a test file as one table."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from workbench.data import store_frame
from workbench.data.pairs import join_tables, label_differences
from workbench.data.sources import resolve
from workbench.data.spec import DataSpec
from workbench.errors import ReadError, TargetError


@pytest.fixture
def store(settings):
    def store_(name="train", **columns):
        return store_frame(pl.DataFrame(columns), name=name, settings=settings)

    return store_


def test_rows_of_both_are_joined_with_the_train_rows_first(store, settings):
    train = store(a=[1, 2, 3], y=["no", "yes", "no"])
    test = store("test", y=["yes"], a=[4])
    table = join_tables(train, test, target="y", settings=settings)
    assert table.frame().rows() == [(1, "no"), (2, "yes"), (3, "no"), (4, "yes")]
    assert table.target == "y"
    assert table.origin["kind"] == "pair"
    assert (table.origin["train"], table.origin["test"]) == (train.digest, test.digest)
    assert table.origin["n_train_rows"] == 3


def test_joining_again_stores_nothing_twice(store, settings):
    train, test = store(a=[1, 2], y=["n", "y"]), store("test", a=[3], y=["n"])
    first = join_tables(train, test, target="y", settings=settings)
    assert join_tables(train, test, target="y", settings=settings).digest == first.digest
    assert len(list(settings.tables.iterdir())) == 3


@pytest.mark.parametrize(
    ("ours", "theirs", "dtype"),
    [
        ([1, 2], [1.5, None], pl.Float64),
        ([0.5, 2.0], [3, 4], pl.Float64),
        ([1, 2], [None, None], pl.Int64),
        ([None, None], [1.5, 2.0], pl.Float64),
        ([dt.date(2024, 1, 1)], [dt.datetime(2024, 1, 2, 3)], pl.Datetime("us")),
        (["a"], [None], pl.String),
        ([None], [True], pl.Boolean),
    ],
)
def test_types_are_unified_where_nothing_is_lost(store, settings, ours, theirs, dtype):
    train = store(x=ours, y=["n"] * len(ours))
    test = store("test", x=pl.Series(theirs), y=["y"] * len(theirs))
    table = join_tables(train, test, target="y", settings=settings)
    assert table.frame().schema["x"] == dtype
    expected = [dt.datetime(2024, 1, 1)] if isinstance(ours[0], dt.date) else ours
    assert table.frame()["x"].to_list() == expected + theirs


def test_test_times_get_the_zone_of_the_train_column(store, settings):
    seen = pl.Series([dt.datetime(2024, 6, 30, 22, 30)]).dt.replace_time_zone("UTC")
    train = store(seen=seen.dt.convert_time_zone("Europe/Berlin"), y=["n"])
    for theirs in (seen, pl.Series([dt.datetime(2024, 7, 1, 0, 30)])):  # another zone, and none
        table = join_tables(train, store("test", seen=theirs, y=["y"]), target="y", settings=settings)
        assert table.frame()["seen"].dt.to_string("%d %H:%M %Z").to_list() == ["01 00:30 CEST"] * 2
    with pytest.raises(ReadError, match="a time with a zone"):
        join_tables(store(seen=[dt.datetime(2024, 7, 1)], y=["n"]), train, target="y", settings=settings)


def test_every_column_that_differs_is_named(store, settings):
    train = store(age=[30, 40], city=["Rome", "Oslo"], only=[1, 2], seen=[True, False], y=["n", "y"])
    test = store("test", age=["old", "31"], city=["Bonn", "Nice"], more=[1, 2], seen=["maybe", "no"], y=["n", "y"])
    with pytest.raises(ReadError) as caught:
        join_tables(train, test, target="y", settings=settings)
    message = str(caught.value)
    assert "'only' is missing in the test rows" in message
    assert "'more' is missing in the train rows" in message
    assert "'age' is a number in the train rows (such as '30') and text in the test rows (such as 'old')" in message
    assert "'seen' is yes/no in the train rows" in message
    assert "'city'" not in message


def test_large_whole_numbers_are_not_rounded_to_fit_fractions(store, settings):
    train, test = store(x=[2**60, 1], y=["n", "y"]), store("test", x=[0.5], y=["n"])
    with pytest.raises(ReadError, match=r"'x' has whole numbers of more than 15 digits in train and fractions"):
        join_tables(train, test, target="y", settings=settings)


def test_a_test_file_without_the_target_is_refused(store, settings):
    train, test = store(a=[1, 2], y=["n", "y"]), store("test", a=[3])
    with pytest.raises(TargetError, match=r"test rows \(test\) without the target 'y'.*measured"):
        join_tables(train, test, target="y", settings=settings)


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (["<=50K", ">50K"], ["<=50K.", ">50K."], {"<=50K.": "<=50K", ">50K.": ">50K"}),
        (["yes", "no"], ["Yes ", "NO", "no"], {"Yes ": "yes", "NO": "no"}),
        (["yes", "no"], ["maybe", "no"], {}),
        (["a", "A"], ["a."], {}),  # which of the two is meant isn't known
        ([1, 2], [1, 3], {}),
        (["a b"], ["a  b"], {"a  b": "a b"}),
    ],
)
def test_labels_that_differ_only_in_their_writing_are_found(train, test, expected):
    assert label_differences(pl.Series(train), pl.Series(test)) == expected


def test_a_spec_with_a_test_source_gives_both_files_as_one_table(tmp_path, settings):
    (tmp_path / "train.csv").write_text("age,income\n39, <=50K\n50, >50K\n38, <=50K\n")
    (tmp_path / "test.csv").write_text("age,income\n25, <=50K.\n28, >50K.\n")
    data = DataSpec(source=str(tmp_path / "train.csv"), test_source=str(tmp_path / "test.csv"), target="income")
    table = resolve(data, settings=settings)
    assert (table.n_rows, table.origin["n_train_rows"], table.target) == (5, 3, "income")
    assert table.origin["label_differences"] == {"<=50K.": "<=50K", ">50K.": ">50K"}


def test_a_sample_may_be_tested_on_a_stored_table(settings):
    from workbench.data import sample

    rows = store_frame(sample("iris").frame().head(10), name="more", settings=settings)
    table = resolve(DataSpec(source="iris", test_source=rows.short_digest, target="species"), settings=settings)
    assert (table.n_rows, table.origin["n_train_rows"]) == (160, 150)


def test_a_password_in_a_spec_is_refused_and_not_repeated(settings):
    data = DataSpec(source="postgresql://me:topsecret@host/shop", target="y")
    with pytest.raises(
        ReadError, match=r"Got a password in the source postgresql://me@host/shop.*\$\{NAME\}"
    ) as caught:
        resolve(data, settings=settings)
    assert "topsecret" not in str(caught.value)


@pytest.mark.large
def test_adult_reads_as_train_and_test_with_its_labels_noticed(large_data, settings):
    data = DataSpec(
        source=str(large_data / "adult_train.csv.gz"),
        test_source=str(large_data / "adult_test.csv.gz"),
        target="income",
    )
    table = resolve(data, settings=settings)
    assert (table.n_rows, table.origin["n_train_rows"]) == (32_561 + 16_281, 32_561)
    assert table.origin["label_differences"] == {"<=50K.": "<=50K", ">50K.": ">50K"}
    assert table.column("workclass").n_missing == 1_836 + 963
