"""Fitted recipes learn from training rows only, and answer whatever comes later."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from workbench.errors import DataError, PackageError
from workbench.recipe import FittedRecipe, Step, apply_row_steps, fit_recipe

TABLE = pl.DataFrame(
    {
        "name": ["a", "b", "c", "d", "e", "f"],
        "age": [20.0, None, 40.0, 30.0, 99.0, None],
        "klass": [1, 2, 3, 1, 2, 9],
        "sex": ["m", "f", None, "f", "m", "x"],
        "y": [0, 1, 0, 1, 0, 1],
    }
)


def steps_of(*documents: dict) -> tuple[Step, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(documents)


RECIPE = steps_of(
    {"step": "drop_columns", "columns": ["name"]},
    {"step": "impute", "columns": ["age"], "strategy": "mean"},
    {"step": "one_hot", "columns": ["sex"]},
    {"step": "standardize", "columns": ["age"]},
    {"step": "min_max", "columns": ["klass"]},
)


def test_changing_the_rows_outside_training_changes_nothing_that_was_learned():
    train = np.array([0, 1, 2, 3])
    other = TABLE.with_columns(
        age=pl.Series([20.0, None, 40.0, 30.0, -1e9, 1e9]), sex=pl.Series(["m", "f", None, "f", "new", "newer"])
    )
    first = fit_recipe(RECIPE, TABLE[train], target="y")
    second = fit_recipe(RECIPE, other[train], target="y")
    assert first.to_dict() == second.to_dict()
    assert fit_recipe(RECIPE, TABLE, target="y").to_dict() != first.to_dict()


def test_the_target_is_never_an_input():
    recipe = fit_recipe(RECIPE, TABLE, target="y")
    assert recipe.input_columns == ["age", "klass", "sex"]
    assert recipe.input_types == {"age": "number", "klass": "number", "sex": "string"}
    changed = fit_recipe(RECIPE, TABLE.with_columns(y=1 - pl.col("y")), target="y")
    assert changed.to_dict() == recipe.to_dict()


def test_features_keep_the_table_order_and_know_their_source():
    recipe = fit_recipe(RECIPE, TABLE[:4], target="y")
    assert recipe.feature_names == ["age", "klass", "sex=f", "sex=m"]
    assert recipe.feature_sources == ["age", "klass", "sex", "sex"]


def test_the_values_are_those_of_scikit_learn():
    train = TABLE[:4]
    X = fit_recipe(RECIPE, train, target="y").transform(TABLE)
    ages = np.array([[20.0], [np.nan], [40.0], [30.0], [99.0], [np.nan]])
    imputer = SimpleImputer(strategy="mean").fit(ages[:4])
    scaler = StandardScaler().fit(imputer.transform(ages[:4]))
    np.testing.assert_array_equal(X[:, [0]], scaler.transform(imputer.transform(ages)))
    classes = TABLE["klass"].cast(pl.Float64).to_numpy().reshape(-1, 1)
    np.testing.assert_array_equal(X[:, [1]], MinMaxScaler().fit(classes[:4]).transform(classes))
    assert X[:, 2:].tolist() == [[0, 1], [1, 0], [0, 0], [1, 0], [0, 1], [0, 0]]


def test_the_fitted_parts_are_scikit_learn_transformers_also_after_loading(tmp_path):
    steps = (*RECIPE, *steps_of({"step": "ordinal", "columns": ["name"]}))[1:]
    recipe = fit_recipe(steps, TABLE, target="y")
    recipe.save(tmp_path)
    expected = [SimpleImputer, OneHotEncoder, StandardScaler, MinMaxScaler, OrdinalEncoder]
    for each in (recipe, FittedRecipe.load(tmp_path)):
        learned = [stage.fitted.transformer for stage in each.stages if stage.step_index >= 0]
        assert [type(transformer) for transformer in learned] == expected


def test_unseen_and_missing_categories_get_an_answer():
    steps = steps_of({"step": "ordinal", "columns": ["sex"]}, {"step": "one_hot", "columns": ["name"]})
    recipe = fit_recipe(steps, TABLE.select("sex", "name", "y"), target="y")
    X = recipe.transform(pl.DataFrame({"sex": ["m", None, "", "new"], "name": [None, "", "zz", "a"]}))
    assert X[:, 0].tolist() == [1.0, -1.0, -1.0, -1.0]
    assert X[:, 1:].sum(axis=1).tolist() == [0.0, 0.0, 0.0, 1.0]


def test_a_number_that_was_never_missing_gets_its_median_where_it_is_missing_later():
    recipe = fit_recipe(RECIPE, TABLE, target="y")
    missing = pl.DataFrame({"age": [None], "klass": [None], "sex": [None]})
    complete = pl.DataFrame({"age": [189 / 4], "klass": [2.0], "sex": ["?"]})
    np.testing.assert_array_equal(recipe.transform(missing), recipe.transform(complete))


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e300, -1e39, math.nan])
def test_infinite_and_huge_numbers_count_as_missing(value):
    recipe = fit_recipe(RECIPE, TABLE, target="y")
    rows = pl.DataFrame({"age": [value, None], "klass": [value, None], "sex": ["m", "m"]})
    X = recipe.transform(rows)
    assert np.isfinite(X).all()
    np.testing.assert_array_equal(X[0], X[1])


def test_a_gap_that_training_had_stays_a_gap_without_an_impute_step():
    steps = steps_of({"step": "standardize", "columns": ["age"]})
    recipe = fit_recipe(steps, TABLE.select("age", "y"), target="y")
    assert np.isnan(recipe.transform(TABLE)).ravel().tolist() == [False, True, False, False, False, True]


def test_a_constant_column_is_divided_by_one():
    rows = pl.DataFrame({"a": [5, 5, 5], "b": [1, 2, 3], "y": [0, 1, 0]})
    recipe = fit_recipe(steps_of({"step": "standardize", "columns": ["a", "b"]}), rows, target="y")
    assert recipe.transform(pl.DataFrame({"a": [5, 7], "b": [2, 2]})).tolist() == [[0.0, 0.0], [2.0, 0.0]]


def test_numbers_can_be_one_hot_encoded_and_booleans_are_numbers():
    rows = pl.DataFrame({"a": [3, 1, 3], "b": [True, False, True], "c": [0.5, 0.5, 2.0], "y": [0, 1, 0]})
    recipe = fit_recipe(steps_of({"step": "one_hot", "columns": ["c", "a"]}), rows, target="y")
    assert recipe.feature_names == ["a=1", "a=3", "b", "c=0.5", "c=2"]
    assert recipe.transform(rows).tolist() == [[0, 1, 1, 1, 0], [1, 0, 0, 1, 0], [0, 1, 1, 0, 1]]


def test_feature_names_stay_distinct_where_a_column_is_called_like_a_category():
    rows = pl.DataFrame({"a=u": [1, 2, 3], "a": ["u", "v", "u"], "y": [0, 1, 0]})
    recipe = fit_recipe(steps_of({"step": "one_hot", "columns": ["a"]}), rows, target="y")
    assert recipe.feature_names == ["a=u", "a=u (2)", "a=v"]
    assert recipe.feature_sources == ["a=u", "a", "a"]


def test_the_best_features_are_chosen_where_a_column_is_called_like_a_category():
    rows = pl.DataFrame({"a=u": [1, 2, 3, 2], "a": ["u", "v", "u", "v"], "y": [0, 1, 0, 1]})
    steps = steps_of({"step": "one_hot", "columns": ["a"]}, {"step": "select_best", "k": 2})
    recipe = fit_recipe(steps, rows, target="y", task="classification")
    assert recipe.feature_names == ["a=u", "a=v"]
    assert recipe.feature_sources == ["a", "a"]
    assert recipe.transform(rows).tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_columns_dropped_after_other_steps_are_not_inputs():
    steps = steps_of(
        {"step": "one_hot", "columns": ["sex", "name"]}, {"step": "drop_columns", "columns": ["sex", "name"]}
    )
    assert fit_recipe(steps, TABLE, target="y").input_columns == ["age", "klass"]


def test_disabled_steps_do_nothing():
    steps = steps_of(
        {"step": "drop_columns", "columns": ["name", "sex"]},
        {"step": "standardize", "columns": ["klass"], "enabled": False},
    )
    assert fit_recipe(steps, TABLE, target="y").transform(TABLE)[:, 1].tolist() == [1, 2, 3, 1, 2, 9]


def test_no_rows_give_no_features():
    assert fit_recipe(RECIPE, TABLE, target="y").transform(TABLE.head(0)).shape == (0, 5)


def test_an_absent_column_is_named():
    with pytest.raises(DataError, match="Got rows without column 'age'"):
        fit_recipe(RECIPE, TABLE, target="y").transform(TABLE.drop("age"))


def test_the_stored_recipe_is_plain_json(tmp_path):
    fit_recipe(RECIPE, TABLE, target="y").save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]
    assert json.loads((tmp_path / "recipe.json").read_text())["input_columns"] == ["age", "klass", "sex"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "without a usable recipe"),
        ('{"format": 99}', "of format 99, needed 1 or 2. Update the workbench"),
        ('{"format": 1, "steps": [{"step": "impute"}]}', "without a usable recipe"),
        ("[1]", "without a usable recipe"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content, message):
    (tmp_path / "recipe.json").write_text(content)
    with pytest.raises(PackageError, match=message):
        FittedRecipe.load(tmp_path)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(PackageError, match="without a usable recipe"):
        FittedRecipe.load(tmp_path)


ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3, 4, 5],
        "a": [1.0, 1.0, None, math.inf, 2.0],
        "b": ["x", "x", "y", "y", ""],
        "y": [0, 0, 1, 1, None],
    }
)


def positions(*documents: dict) -> list[int]:
    kept, where = apply_row_steps(ROWS, steps_of(*documents), with_positions=True)
    assert kept.columns == ROWS.columns
    assert kept["id"].to_list() == [ROWS["id"][int(position)] for position in where]
    return where.tolist()


def test_row_steps_look_at_the_columns_that_are_left():
    drop = {"step": "drop_columns", "columns": ["id"]}
    assert positions({"step": "drop_duplicates"}) == [0, 1, 2, 3, 4]
    assert positions(drop, {"step": "drop_duplicates"}) == [0, 2, 3, 4]
    assert positions({"step": "drop_duplicates"}, drop) == [0, 1, 2, 3, 4]
    assert positions({"step": "drop_duplicates", "columns": ["b"]}) == [0, 2, 4]


def test_rows_with_missing_infinite_or_empty_values_are_dropped():
    assert positions({"step": "drop_missing"}) == [0, 1]
    assert positions({"step": "drop_missing", "columns": ["b"]}) == [0, 1, 2, 3]
    assert positions({"step": "drop_missing", "columns": ["y"]}) == [0, 1, 2, 3]
    assert positions({"step": "drop_missing", "enabled": False}) == [0, 1, 2, 3, 4]


def test_what_an_earlier_step_imputes_is_not_missing():
    impute = {"step": "impute", "columns": ["a"]}
    assert positions(impute, {"step": "drop_missing"}) == [0, 1, 2, 3]
    assert positions({"step": "drop_missing"}, impute) == [0, 1]
