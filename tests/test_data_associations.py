"""Which columns go together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from workbench.data import profile_table, store_frame
from workbench.data.associations import MAX_COLUMNS, associations, cramers_v
from workbench.errors import DataError

N = 2_000


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    color = rng.integers(0, 3, N)
    return pl.DataFrame(
        {
            "x": x,
            "falling": -2 * x + 1,
            "curved": np.exp(3 * x),
            "noise": rng.normal(size=N),
            "color": np.array(["red", "green", "blue"])[color].tolist(),
            "mood": np.array(["hot", "fresh", "cold"])[color].tolist(),
            "weight": color * 10.0 + rng.normal(size=N),
            "coin": rng.random(N) < 0.5,
            "remark": [f"remark number {place}" for place in range(N)],
            "id": np.arange(N),
            "same": [1] * N,
        }
    )


def values(found):
    return {(a, b): (value, measure) for a, b, value, measure, _ in found.frame().iter_rows()}


def test_each_kind_of_pair_has_its_measure_and_one_scale(rows):
    found = values(associations(rows))
    assert found["x", "falling"] == (pytest.approx(1.0), "Pearson")
    assert found["x", "curved"] == (pytest.approx(1.0), "Spearman")
    assert found["color", "mood"] == (pytest.approx(1.0), "Cramér's V")
    value, measure = found["color", "weight"]
    assert measure == "correlation ratio"
    assert value > 0.98
    for pair in (("x", "noise"), ("noise", "color"), ("color", "coin"), ("noise", "coin")):
        assert found[pair][0] < 0.08


def test_text_identifiers_and_constants_are_left_out_with_the_reason(rows):
    found = associations(rows)
    assert found.left_out == {
        "remark": "is free text",
        "id": "differs in nearly every row",
        "same": "has one value or none",
    }
    assert "remark" not in found.columns


def test_only_rows_that_have_both_values_count():
    x = np.arange(40.0)
    frame = pl.DataFrame({"x": x, "y": [None if place < 10 else place for place in x], "z": [None] * 38 + [1.0, 2.0]})
    found = {(a, b): (value, n) for a, b, value, _, n in associations(frame).frame().iter_rows()}
    assert found["x", "y"] == (pytest.approx(1.0), 30)
    assert found["x", "z"] == (None, 2)


def test_chance_is_corrected_for_in_categories_of_many_levels():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 30, 500), rng.integers(0, 30, 500)
    assert cramers_v(a, b)[0] < 0.1


def test_numbers_correlate_as_numpy_says(rows):
    frame = rows.select("x", "noise").with_columns(near=pl.col("x") + pl.col("noise"))
    found = values(associations(frame))
    assert found["x", "near"][0] == pytest.approx(np.corrcoef(frame["x"], frame["near"])[0, 1], abs=0.02)


def test_with_a_target_only_its_pairs_are_told_and_drawn_closest_first(rows):
    found = associations(rows, target="weight")
    assert set(found.frame()["column_a"]) == {"weight"}
    picture = found.plot()
    assert set(picture.layout.yaxis.ticktext[:2]) == {"color", "mood"}
    assert picture.layout.meta["alt"].startswith("Associations with weight, 2,000 rows. Closest: weight and")


def test_an_unknown_target_is_refused(rows):
    with pytest.raises(DataError, match=r"Got target 'wieght', .* Did you mean 'weight'"):
        associations(rows, target="wieght")


def test_the_heat_map_is_square_and_says_its_rows(rows):
    found = associations(rows, max_rows=500)
    assert (found.n_rows, found.n_rows_total) == (500, N)
    picture = found.plot()
    assert np.array(picture.data[0].z).shape == (len(found.columns), len(found.columns))
    assert "500 of 2,000 rows" in picture.layout.meta["alt"]
    square = found.matrix()
    assert square.columns == ["column", *found.columns]
    assert square.filter(pl.col("column") == "x")["x"][0] == 1.0


def test_two_columns_are_needed():
    found = associations(pl.DataFrame({"x": [1.0, 2.0]}))
    assert found.frame().is_empty()
    assert "Nothing to compare" in found.plot().layout.meta["alt"]


def test_very_many_columns_are_cut_and_named():
    frame = pl.DataFrame(np.random.default_rng(0).normal(size=(50, 120)), schema=[f"c{i}" for i in range(120)])
    found = associations(frame)
    assert len(found.columns) == MAX_COLUMNS
    assert found.left_out["c110"] == "is beyond the first 100"
    assert associations(frame, target="c119").frame().height == 119


def test_huge_and_flat_numbers_give_no_warning():
    frame = pl.DataFrame({"a": [1e300, -1e300, 1.0, 2.0], "b": [5.0, 5.0, 5.0, 6.0], "c": [None, None, 7.0, 7.5]})
    assert associations(frame).frame().height == 3


def test_a_table_gives_its_associations(settings, rows):
    table = store_frame(rows, name="rows", settings=settings)
    assert table.associations().frame().equals(associations(rows).frame())
    assert table.associations("x").target == "x"
    assert profile_table(rows).n_rows == N
