"""Leaks are named, good predictors are not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import workbench as wb
from workbench.data.leakage import find_leaks
from workbench.data.store import store_frame
from workbench.recipe.suggesting import suggest_for


def leaks_of(name: str) -> set[str]:
    table = wb.sample(name)
    return set(find_leaks(table.frame(), table.target, table.suggested_task()))


def test_the_lifeboat_is_a_leak_and_no_honest_column_of_any_sample_is(settings):
    assert leaks_of("titanic") == {"boat"}
    for name in ("iris", "wine", "breast_cancer", "diabetes", "digits", "california_housing", "bike_sharing"):
        assert leaks_of(name) == set()


def test_another_form_of_the_target_is_a_leak():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    table = pl.DataFrame(
        {
            "y": [f"class {value}" for value in y],
            "code": y * 10,
            "noisy": np.where(rng.random(300) < 0.9, y, 0),
            "id": np.arange(300),
        }
    )
    assert set(find_leaks(table, "y", "classification")) == {"code"}
    price = rng.normal(size=300)
    table = pl.DataFrame({"price": price, "cents": price * 100 + 3, "near": price + rng.normal(size=300) * 0.2})
    assert set(find_leaks(table, "price", "regression")) == {"cents"}


def test_a_target_that_hardly_varies_has_no_copies():
    table = pl.DataFrame({"y": [1] + [0] * 2_000, "a": ["x"] * 2_001, "b": [None] * 2_001})
    assert find_leaks(table, "y", "classification") == {}


@pytest.mark.parametrize("values", [[], [None, None], [1, 1, 1]])
def test_a_target_that_cannot_be_learned_has_no_leaks(values):
    table = pl.DataFrame({"y": pl.Series(values, dtype=pl.Int64), "a": pl.Series(values, dtype=pl.Int64)})
    assert find_leaks(table, "y", "classification") == {}


def test_the_suggested_recipe_leaves_leaks_out_and_says_why(settings):
    suggested = wb.suggest_recipe(wb.sample("titanic"), target="survived", estimator="random_forest")
    (drop, reason) = next(
        pair for pair in zip(suggested.steps, suggested.reasons, strict=True) if pair[0].step == "drop_columns"
    )
    assert "boat" in drop.columns
    assert "known only afterwards" in reason
    assert any("boat" in finding and "afterwards" in finding for finding in wb.sample("titanic").profile().findings)


def test_parts_that_add_up_to_the_target_are_left_out_of_the_suggested_recipe(settings):
    rng = np.random.default_rng(0)
    rides = pl.DataFrame({"casual": rng.integers(0, 90, 300), "registered": rng.integers(0, 900, 300)})
    rides = rides.with_columns(temperature=pl.Series(rng.normal(size=300)))
    rides = rides.with_columns(cnt=pl.when(pl.int_range(300) % 50 != 7).then(pl.col("casual") + pl.col("registered")))
    rides = rides.with_columns(casual=pl.when(pl.int_range(300) % 40 != 3).then("casual"))
    table = store_frame(rides, name="rides", target="cnt")
    assert set(table.leaks("cnt")) == {"casual", "registered"}
    step, why = next(pair for pair in suggest_for(table, "cnt") if pair[0].step == "drop_columns")
    assert step.columns == ("casual", "registered")
    assert "casual: is a part of 'cnt', which is casual + registered in every row" in why


def test_a_column_that_names_the_parts_is_left_out_of_the_suggested_recipe(settings):
    rows = pl.DataFrame(
        {"part": ["Train", "test", "train", "dev"] * 30, "size": [3.0, 1.5, 4.0, 1.5] * 30, "y": [0, 1, 1] * 40}
    )
    steps = suggest_for(store_frame(rows, name="rows", target="y"), "y")
    step, why = next(pair for pair in steps if pair[0].step == "drop_columns")
    assert step.columns == ("part",)
    assert "part: says which part a row is in" in why
