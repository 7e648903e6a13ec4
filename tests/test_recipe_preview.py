"""Preview and suggestion."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter

from workbench.data.store import store_frame
from workbench.data.table import Column, describe_columns
from workbench.errors import RecipeError
from workbench.recipe import Step, check_recipe, fit_recipe, preview, suggest
from workbench.recipe.suggesting import suggest_for

TABLE = pl.DataFrame(
    {
        "id": ["r1", "r2", "r3", "r4", "r5"],
        "age": [20, None, 40, 30, None],
        "sex": ["m", "f", None, "m", "m"],
        "fare": [1.5, 1.5, 2.5, 1.5, 0.5],
        "y": [0, 1, 0, 0, None],
    }
)


def steps_of(*documents: dict) -> tuple[Step, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(documents)


def test_a_preview_says_what_each_step_changed():
    steps = steps_of(
        {"step": "drop_columns", "columns": ["id"]},
        {"step": "impute", "columns": ["age"]},
        {"step": "one_hot", "columns": ["sex"]},
        {"step": "standardize", "columns": ["fare"], "enabled": False},
        {"step": "drop_missing", "columns": ["y"]},
    )
    seen = preview(steps, TABLE, target="y")
    assert [(effect.step_index, effect.rows_before, effect.rows_after) for effect in seen.effects] == [
        (0, 5, 5),
        (1, 4, 4),
        (2, 4, 4),
        (4, 5, 4),
    ]
    assert [(effect.columns_before, effect.columns_after) for effect in seen.effects] == [
        (4, 3),
        (3, 3),
        (3, 4),
        (4, 4),
    ]
    assert [effect.n_changed_cells for effect in seen.effects] == [0, 1, 8, 0]
    assert all(effect.milliseconds >= 0 for effect in seen.effects)
    assert seen.before.equals(TABLE)
    assert seen.positions.tolist() == [0, 1, 2, 3]


def test_a_preview_shows_rows_after_the_steps_and_marks_what_changed():
    steps = steps_of(
        {"step": "impute", "columns": ["age"]},
        {"step": "one_hot", "columns": ["sex"]},
        {"step": "drop_missing", "columns": ["y"]},
        {"step": "impute", "columns": ["id"], "strategy": "constant"},
    )
    seen = preview(steps, TABLE, target="y")
    assert seen.after.columns == ["id", "age", "sex=f", "sex=m", "fare", "y"]
    assert seen.after["age"].to_list() == [20, 30, 40, 30]
    assert seen.after["id"].to_list() == ["r1", "r2", "r3", "r4"]
    assert seen.changed.columns == seen.after.columns
    assert seen.changed["age"].to_list() == [False, True, False, False]
    assert seen.changed["sex=f"].all()
    assert not seen.changed.select(pl.any_horizontal("id", "fare", "y")).to_series().any()


def test_an_empty_recipe_previews_the_table_as_it_is():
    seen = preview((), TABLE, target="y")
    assert seen.after.equals(TABLE)
    assert not seen.changed.select(pl.any_horizontal(pl.all())).to_series().any()
    assert seen.effects == []


def test_a_preview_samples_rows_in_their_order_and_says_how_many():
    rows = pl.DataFrame({"a": range(1_000), "y": [0, 1] * 500})
    seen = preview((), rows, target="y", n_rows=50)
    assert (seen.n_rows, seen.n_rows_total, seen.before.height) == (50, 1_000, 50)
    assert seen.before["a"].to_list() == seen.before_positions.tolist() == sorted(seen.before["a"])
    assert seen.before["a"].max() > 500
    assert seen.before.equals(preview((), rows, target="y", n_rows=50).before)


def test_a_preview_takes_its_size_from_the_settings(monkeypatch):
    monkeypatch.setenv("WORKBENCH_PREVIEW_ROWS", "3")
    assert preview((), TABLE, target="y").n_rows == 3


def test_a_recipe_that_drops_every_row_previews_no_rows():
    steps = steps_of({"step": "impute", "columns": ["age"]}, {"step": "drop_missing", "columns": ["sex"]})
    seen = preview(steps, TABLE.with_columns(sex=pl.lit("")), target="y")
    assert (seen.after.height, seen.changed.height) == (0, 0)


def test_a_preview_refuses_what_a_run_would_refuse():
    with pytest.raises(RecipeError, match=r"Step 1 \(standardize\): column 'sex' holds text"):
        preview(steps_of({"step": "standardize", "columns": ["sex"]}), TABLE, target="y")


COLUMNS = [
    Column("PassengerId", "identifier", "Int64", 0, 900),
    Column("age", "number", "Float64", 20, 70),
    Column("fare", "number", "Float64", 0, 200),
    Column("alone", "boolean", "Boolean", 2, 2),
    Column("sex", "category", "String", 0, 2),
    Column("town", "category", "String", 5, 300),
    Column("remark", "text", "String", 100, 700),
    Column("day", "datetime", "Date", 0, 90),
    Column("nothing", "constant", "String", 900, 0),
    Column("cabin", "category", "String", 850, 20),
    Column("survived", "number", "Int64", 0, 2),
]
FOREST = SimpleNamespace(needs_scaling=False, handles_missing=False)
BOOSTING = SimpleNamespace(needs_scaling=False, handles_missing=True)


def suggested(*arguments, **options) -> list[tuple[str, tuple[str, ...] | None]]:
    pairs = suggest(COLUMNS, "survived", *arguments, **options)
    assert all(reason.endswith(".") for _, reason in pairs)
    check_recipe([step for step, _ in pairs], COLUMNS, "survived", handles_missing=False if not arguments else True)
    return [(step.step, step.columns) for step, _ in pairs]


def test_a_suggestion_that_suits_every_estimator():
    assert suggested(n_rows=900, n_duplicates=3) == [
        ("drop_duplicates", None),
        ("drop_columns", ("PassengerId", "nothing", "cabin")),
        ("date_parts", ("day",)),
        ("impute", ("age",)),
        ("impute", ("alone",)),
        ("one_hot", ("sex",)),
        ("target_encode", ("town",)),
        ("tf_idf", ("remark",)),
        ("standardize", ("age", "fare", "day_year", "day_month", "day_day", "day_weekday", "town")),
    ]


def test_a_suggestion_leaves_out_rows_without_a_target():
    columns = [Column("age", "number", "Float64", 0, 70), Column("y", "number", "Float64", 3, 90)]
    steps = [step for step, _ in suggest(columns, "y", BOOSTING)]
    assert [(step.step, step.columns) for step in steps] == [("drop_missing", ("y",))]


def test_a_suggestion_for_trees_keeps_many_categories_and_scales_nothing():
    assert suggested(FOREST) == [
        ("drop_columns", ("PassengerId", "nothing")),
        ("date_parts", ("day",)),
        ("impute", ("age",)),
        ("impute", ("alone",)),
        ("one_hot", ("sex", "cabin")),
        ("ordinal", ("town",)),
        ("tf_idf", ("remark",)),
    ]


def test_a_suggestion_imputes_nothing_for_an_estimator_that_takes_missing_values():
    assert [step for step, _ in suggested(BOOSTING)] == [
        "drop_columns",
        "date_parts",
        "one_hot",
        "ordinal",
        "tf_idf",
    ]


def test_reasons_name_the_columns_and_why():
    (_, reason), *_ = suggest(COLUMNS, "survived", n_rows=900)
    assert "PassengerId: names the row" in reason
    assert "nothing: has no value at all" in reason
    assert "cabin: is missing in 94% of the rows" in reason


def test_a_table_of_numbers_needs_no_step_for_trees():
    assert suggest([Column("a", "number", "Int64", 0, 5), Column("y", "number", "Int64", 0, 2)], "y", BOOSTING) == []


def test_a_suggested_recipe_can_be_fitted():
    rng = np.random.default_rng(0)
    rows = pl.DataFrame(
        {
            "id": [f"r{place}" for place in range(40)],
            "a": rng.normal(size=40),
            "b": rng.choice(["u", "v"], 40),
            "y": rng.integers(0, 2, 40),
        }
    )
    steps = [step for step, _ in suggest(describe_columns(rows), "y")]
    X = fit_recipe(steps, rows, target="y", handles_missing=False).transform(rows)
    assert X.shape == (40, 3)


def test_linear_models_get_more_terms_than_trees_as_far_as_memory_allows():
    columns = [Column("review", "text", "String", 0, 9_000), Column("y", "number", "Int64", 0, 2)]

    def n_terms(needs, n_rows):
        ((step, _),) = suggest(columns, "y", needs, n_rows=n_rows)
        return step.max_features

    linear = SimpleNamespace(needs_scaling=True, handles_missing=False)
    assert (n_terms(linear, 9_000), n_terms(FOREST, 9_000)) == (3_000, 500)
    assert n_terms(linear, 50_000) == 1_000


def test_the_logarithm_is_suggested_for_amounts_and_not_for_delays_before_and_after_time(settings):
    tail = np.exp(np.random.default_rng(0).normal(size=400) * 2)
    rows = pl.DataFrame({"fare": tail, "delay": tail - 2, "debt": -tail, "y": [0, 1] * 200})
    steps = {step.step: step.columns for step, _ in suggest_for(store_frame(rows, name="rows"), "y")}
    assert steps["log"] == ("fare", "debt")
