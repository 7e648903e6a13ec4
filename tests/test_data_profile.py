"""Kinds, profile and findings."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import open_table, profile_table, store_frame, summaries, summarizing
from workbench.data.histograms import MAX_BINS, histogram
from workbench.data.kinds import count_unique, kind_of
from workbench.data.table import Column
from workbench.storage import to_json

WORDS = ["blue sky", "green hill", "red house", "old tree"]


def kind(name, values):
    series = pl.Series(name, values)
    return kind_of(series, n_unique=series.drop_nulls().n_unique())


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("pclass", [1, 2, 3] * 10, "number"),
        ("survived", [0, 1] * 10, "number"),
        ("age", [22.5, 38.0, None] * 10, "number"),
        ("PassengerId", list(range(1, 101)), "identifier"),
        ("row", list(range(100)), "identifier"),
        ("customer_id", [place * 7 + 3 for place in range(100)], "identifier"),
        ("YEAR", list(range(1900, 2000)), "number"),
        ("income", [place * 7 + 3 for place in range(100)], "number"),
        ("paid", [place * 0.5 for place in range(100)], "number"),
        ("port", ["S", "C", "Q", None] * 10, "category"),
        ("city", [f"city {place % 40}" for place in range(1000)], "category"),
        ("tail", [f"N{place % 4000}" for place in range(100_000)], "category"),
        ("ticket", [f"A{place}" for place in range(100)], "identifier"),
        ("name", [f"Mr. John Number {place}" for place in range(100)], "text"),
        ("review", [" ".join(np.random.default_rng(place).choice(WORDS, 8)) for place in range(60)], "text"),
        ("flag", [True, False, None], "boolean"),
        ("day", [date(2024, 1, 1), date(2024, 1, 2)], "datetime"),
        ("same", ["x"] * 10, "constant"),
        ("same", [1.5, None, 1.5], "constant"),
        ("empty", pl.Series([None, None], dtype=pl.String), "constant"),
    ],
)
def test_the_kind_of_a_column(name, values, expected):
    assert kind(name, values) == expected


FRAME = pl.DataFrame(
    {
        "age": [22, 38, None, 22, 22],
        "fare": [7.25, 71.5, 8.0, 7.25, 7.25],
        "sex": ["m", "f", "f", "m", "m"],
        "day": pl.Series(["2024-01-01", "2024-01-03", None, "2024-01-01", "2024-01-01"]).str.to_date(),
        "none": pl.Series([None] * 5, dtype=pl.String),
    }
)


def test_a_profile_has_one_row_a_column():
    frame = profile_table(FRAME).frame()
    assert frame.columns == (
        "column kind dtype n_missing missing_share n_unique mean std min q25 median q75 max skew n_outliers top "
        "top_count finding".split()
    )
    rows = {row["column"]: row for row in frame.iter_rows(named=True)}
    assert (rows["age"]["n_missing"], rows["age"]["missing_share"], rows["age"]["n_unique"]) == (1, 0.2, 2)
    assert rows["age"]["mean"] == pytest.approx(26.0)
    assert rows["fare"]["std"] == pytest.approx(FRAME["fare"].std())
    assert (rows["sex"]["top"], rows["day"]["min"], rows["day"]["max"]) == ("m", "2024-01-01", "2024-01-03")
    assert rows["none"]["kind"] == "constant"


def test_the_profile_document_is_what_the_command_prints():
    document = json.loads(to_json(profile_table(FRAME).to_dict()))
    assert (document["n_rows"], document["n_columns"], document["n_duplicates"]) == (5, 5, 2)
    assert list(document["columns"]) == FRAME.columns
    assert document["columns"]["age"].items() >= {"kind": "number", "n_missing": 1, "n_unique": 2}.items()
    assert document["columns"]["day"]["min"] == "2024-01-01"


def test_the_statistics_are_those_of_numpy():
    values = np.random.default_rng(0).normal(size=500)
    statistics = profile_table(pl.DataFrame({"x": values})).statistics["x"]
    for name, expected in {"mean": values.mean(), "std": values.std(ddof=1), "q25": np.quantile(values, 0.25)}.items():
        assert statistics[name] == pytest.approx(expected)


def test_a_histogram_of_few_numbers_counts_each_and_of_words_the_most_frequent():
    assert histogram(pl.Series([3, 1, 3, None]), "number", 2).rows() == [(1, 1), (3, 2)]
    words = pl.Series([f"w{place % 30}" for place in range(60)] + ["w7"])
    counts = histogram(words, "category", 30)
    assert counts.rows()[:2] == [("w7", 3), ("w0", 2)]
    assert counts.height == 20


@given(st.lists(st.floats(-1e12, 1e12) | st.integers(-1000, 1000).map(float), min_size=22, max_size=200, unique=True))
def test_the_bins_of_a_histogram_hold_every_value(values):
    bins = histogram(pl.Series(values), "number", len(values))
    assert bins["count"].sum() == len(values)
    assert bins.height <= MAX_BINS
    assert bins["left"][0] <= min(values)
    assert bins["right"][-1] >= max(values)
    assert (bins["left"][1:] == bins["right"][:-1]).all()


def test_whole_numbers_get_bins_of_whole_width():
    bins = histogram(pl.Series(list(range(100))), "number", 100)
    assert ((bins["right"] - bins["left"]) % 1 == 0).all()


def test_dates_are_binned_by_time():
    days = pl.Series([date(2024, 1, 1) + timedelta(days=place) for place in range(60)])
    bins = histogram(days, "datetime", 60)
    assert bins["count"].sum() == 60
    assert bins.schema["left"].is_temporal()


def test_days_are_binned_in_whole_days_so_that_no_bin_has_one_more_than_its_neighbour():
    days = pl.Series([date(2024, 1, 1) + timedelta(days=place) for place in range(100)])
    bins = histogram(days, "datetime", 100)
    assert bins["left"][:2].to_list() == [date(2024, 1, 1), date(2024, 1, 5)]
    assert set(bins["count"]) == {4}


_HOUR = pl.Series([datetime(2024, 3, 30) + timedelta(hours=place) for place in range(60)], dtype=pl.Datetime("us"))


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([date(2024, 1, 1) + timedelta(days=place) for place in range(60)]),
        _HOUR,
        _HOUR.cast(pl.Datetime("ns")),
        _HOUR.cast(pl.Datetime("ms")),
        _HOUR.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin"),
        _HOUR - _HOUR[0],
        _HOUR.dt.time(),
        _HOUR.dt.date(),
        pl.Series([None] * 60, dtype=pl.Date),
        pl.Series([datetime(1970, 1, 1) + timedelta(microseconds=place) for place in range(60)]),
    ],
    ids=["date", "datetime", "ns", "ms", "zone", "duration", "time", "few dates", "none", "microseconds"],
)
def test_every_kind_of_time_is_drawn(values):
    drawn = profile_table(pl.DataFrame({"t": values, "y": range(60)})).plot("t")
    if not values.null_count() and values.dtype != pl.Time:  # times of day are words, of which 20 are drawn
        assert sum(drawn.data[0].y if drawn.data[0].orientation != "h" else drawn.data[0].x) == 60
    assert drawn.to_json()


def test_a_bar_of_dates_stands_in_the_middle_of_its_days_and_names_the_first_and_the_last():
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(60)]
    bar = profile_table(pl.DataFrame({"day": days})).plot("day").data[0]
    assert (bar.x[0], bar.width[0]) == ("2024-01-02 00:00:00.000", 2 * 86_400_000)
    assert list(bar.customdata[0]) == ["2024-01-01", "2024-01-02"]


def test_findings_are_sentences_about_what_matters():
    n_rows = 200
    frame = pl.DataFrame(
        {
            "id": range(n_rows),
            "same": ["x"] * n_rows,
            "gone": pl.Series([None] * n_rows, dtype=pl.String),
            "note": [f"a long remark number {place}" for place in range(n_rows)],
            "age": [None if place % 4 == 0 else place for place in range(n_rows)],
            "cabin": [None if place % 4 else "C" + str(place % 8) for place in range(n_rows)],
            "gain": [0] * 190 + list(range(1, 11)),
            "wealth": [2.0**place for place in np.linspace(0, 30, n_rows)],
            "day": [date(2024, 1, 1) + timedelta(days=place) for place in range(n_rows)],
            "city": [f"city {place % 60}" for place in range(n_rows)],
            "y": ["yes"] * 6 + ["no"] * 194,
        }
    )
    findings = " ".join(profile_table(frame, target="y").findings)
    for sentence in (
        "The classes of y are uneven: 'yes' has 6 rows of 200 (3.0 %)",
        "id differs in nearly every row",
        "same has the same value in every row;",
        "gone is missing in every row; leave it out.",
        "note is free text with 200 different values",
        "age is missing in 50 rows (25.0 %); impute it.",
        "cabin is missing in 150 rows (75.0 %); consider leaving it out.",
        "gain is 0 in 95.0 % of the rows.",
        "wealth has a long tail of high values",
        "day holds dates",
    ):
        assert sentence in findings


def test_many_columns_of_one_finding_share_a_sentence():
    frame = pl.DataFrame({f"c{place}": [1, 1] for place in range(12)} | {"x": [1, 2]})
    findings = profile_table(frame).findings
    assert findings == [
        "12 columns have the same value in every row; they can't help a model, leave them out: "
        "c0, c1, c2, c3, c4, c5, c6, c7 and 4 more."
    ]


def test_duplicates_and_a_target_that_cannot_be_learned_are_told_first():
    findings = profile_table(pl.DataFrame({"a": [1, 1, 2], "y": ["k", "k", None]}), target="y").findings
    assert findings[0].startswith("The target y is missing in 1 row;")
    assert findings[1] == "The target y has one value only; there is nothing to learn."
    assert findings[2].startswith("1 row equals an earlier row (33.3 %)")


def test_thousands_of_columns_are_described_each_by_itself():
    values = np.random.default_rng(0).normal(size=(20, 2_000))
    frame = pl.DataFrame(values, schema=[f"c{i}" for i in range(2_000)])
    counts = count_unique(frame)
    profile = profile_table(frame, columns=[Column(name, "number", "Float64", 0, n) for name, n in counts.items()])
    assert counts == dict.fromkeys(frame.columns, 20)
    assert profile.statistics["c1999"]["max"] == values[:, 1999].max()


def test_a_profile_counts_outliers_and_the_most_frequent_values_exactly():
    values = [*range(100), 1_000, -1_000, 7, 7, None]
    profile = profile_table(pl.DataFrame({"x": values, "word": ["a"] * 60 + ["b"] * 45}))
    assert profile.statistics["x"]["n_outliers"] == 2
    assert (profile.statistics["x"]["top"], profile.statistics["x"]["top_count"]) == ("7", 3)
    assert profile.top_values["word"].rows() == [("a", 60), ("b", 45)]
    assert profile.statistics["x"]["skew"] == pytest.approx(pl.Series(values).skew())


@given(st.lists(st.one_of(st.none(), st.integers(-30, 30), st.floats(-1e6, 1e6)), min_size=1, max_size=80))
def test_figures_are_those_of_polars(values):
    numbers = pl.Series("x", [None if value is None else float(value) for value in values], dtype=pl.Float64)
    profile = profile_table(numbers.to_frame())
    found, present = profile.statistics["x"], numbers.drop_nulls()
    assert profile.columns[0].n_unique == present.n_unique()
    for name, expected in {
        "mean": present.mean(),
        "std": present.std(),
        "q25": present.quantile(0.25, "linear"),
        "median": present.median(),
        "max": present.max(),
    }.items():
        assert found.get(name) == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9))
    if len(present):
        assert found.get("top_count", 1) == present.value_counts()["count"].max()


def test_numbers_that_are_counted_and_numbers_that_are_sorted_give_the_same_figures():
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 500, 5_000)
    near, far = (profile_table(pl.DataFrame({"x": numbers})) for numbers in (whole, whole * 2**40))
    for name in ("median", "q25", "q75", "max"):
        assert far.statistics["x"][name] == near.statistics["x"][name] * 2**40
    assert far.statistics["x"]["n_outliers"] == near.statistics["x"]["n_outliers"]
    assert far.statistics["x"]["top_count"] == near.statistics["x"]["top_count"]
    assert far.columns[0].n_unique == near.columns[0].n_unique


def test_text_with_very_many_values_is_counted_as_exactly_as_other_text(monkeypatch):
    words = [f"word {place % 700}" for place in range(2_000)] + ["word 7"] * 5
    exact = profile_table(pl.DataFrame({"t": words}))
    monkeypatch.setattr(summaries, "_MAX_COUNTED", 100)
    hashed = profile_table(pl.DataFrame({"t": words}))
    assert hashed.columns == exact.columns
    assert hashed.statistics == exact.statistics
    assert hashed.top_values["t"].row(0) == exact.top_values["t"].row(0) == ("word 7", 8)


def test_a_stored_table_keeps_its_profile_and_a_damaged_one_is_computed_again(settings):
    table = store_frame(FRAME, name="small", target="sex", settings=settings)
    first = table.profile()
    kept = table.path.with_name("profile.json")
    assert kept.exists()
    for content in (kept.read_text(), "{", '{"format": 0}', kept.read_text().replace('"name": "fare"', '"name": "x"')):
        kept.write_text(content)
        again = open_table(table.digest, settings=settings).profile()
        assert again.to_dict() == first.to_dict()
        assert json.loads(kept.read_text())["format"] == 1
    kept.unlink()
    assert open_table(table.digest, settings=settings).profile().to_dict() == first.to_dict()
    assert profile_table(table.frame(), target="sex").to_dict() == first.to_dict()


def test_a_table_read_in_parts_has_the_profile_of_the_whole(settings, monkeypatch):
    rng = np.random.default_rng(0)
    rows = pl.DataFrame(
        {
            "number": rng.normal(size=3_000),
            "code": rng.integers(0, 40, 3_000),
            "word": [("a", "b", None)[place] for place in rng.integers(0, 3, 3_000)],
            "name": [f"name {place % 1_500}" for place in range(3_000)],
            "day": [date(2024, 1, 1) + timedelta(days=int(place)) for place in rng.integers(0, 90, 3_000)],
            "flag": rng.random(3_000) < 0.5,
        }
    )
    table = store_frame(pl.concat([rows, rows.head(10)]), name="parts", settings=settings)
    table.path.with_name("profile.json").unlink(missing_ok=True)
    monkeypatch.setattr(summarizing, "BATCH_ROWS", 1_000)
    in_parts = open_table(table.digest, settings=settings).profile()
    assert in_parts.n_duplicates == 10
    assert json.loads(to_json(in_parts.to_dict())) == json.loads(to_json(profile_table(table.frame()).to_dict()))


def test_the_classes_of_the_target_are_balanced_against_each_other():
    profile = profile_table(pl.DataFrame({"y": ["a", "b", "b", None], "x": [1, 2, 3, 4]}), target="y")
    assert profile.balance.rows() == [("b", 2, pytest.approx(2 / 3)), ("a", 1, pytest.approx(1 / 3))]
    assert profile_table(pl.DataFrame({"y": [0.5, 1.5], "x": [1, 2]}), target="y").balance is None


def test_each_column_has_its_finding():
    profile = profile_table(pl.DataFrame({"same": [1, 1, 1], "age": [1, None, 3]}))
    assert profile.column_findings == {
        "same": "same has the same value in every row; it can't help a model, leave it out.",
        "age": "age is missing in 1 row (33.3 %); impute it.",
    }


def test_images_have_no_statistics_and_nothing_to_draw_but_a_reason():
    profile = profile_table(pl.DataFrame({"image": [b"\x89PNG", b"\x89PNG", b"other"], "x": [1, 1, 2]}))
    assert profile.columns[0].kind == "image"
    assert profile.columns[0].n_unique == 2
    assert profile.n_duplicates == 1
    assert "images" in profile.plot("image").layout.meta["alt"]
    assert profile.frame().height == 2
