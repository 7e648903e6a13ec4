"""check_recipe names the step, the column and the remedy."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter

from workbench.data.table import Column
from workbench.errors import RecipeError
from workbench.recipe import Step, check_recipe, fit_recipe
from workbench.recipe.spec import DropColumns

COLUMNS = [
    Column("age", "number", "Float64", 20, 70),
    Column("fare", "number", "Float64", 0, 200),
    Column("sex", "category", "String", 0, 2),
    Column("ticket", "text", "String", 0, 50_000),
    Column("born", "datetime", "Date", 0, 90),
    Column("empty", "constant", "String", 100, 0),
    Column("alive", "boolean", "Boolean", 3, 2),
    Column("survived", "number", "Int64", 0, 2),
]
REST = {"step": "drop_columns", "columns": ["ticket", "born", "empty"]}
ENCODE = {"step": "one_hot", "columns": ["sex"]}


def steps_of(*documents: dict) -> tuple[Step, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(documents)


def check(*documents: dict, **options) -> None:
    check_recipe(steps_of(*documents), COLUMNS, "survived", **options)


def test_a_sound_recipe_passes():
    check(
        {"step": "drop_duplicates"},
        {"step": "drop_missing", "columns": ["survived", "alive"]},
        REST,
        {"step": "impute", "columns": ["age", "sex"], "strategy": "most_frequent"},
        ENCODE,
        {"step": "standardize", "columns": ["age", "fare", "sex"]},
        {"step": "ordinal", "columns": ["alive"]},
        {"step": "one_hot", "columns": ["alive"]},
        handles_missing=False,
    )


def impute(column: str, **options) -> dict:
    return {"step": "impute", "columns": [column], **options}


REFUSED = [
    (
        [impute("agee")],
        r"Step 1 \(impute\): got column 'agee', needed one of the table's 8 columns. Did you mean 'age'\?",
    ),
    ([impute("zzz")], r"got column 'zzz'.*Remove it from the step"),
    ([impute("age"), REST, impute("born")], r"Step 3 \(impute\): got column 'born', which step 2 has left out"),
    ([impute("survived")], r"'survived', which is the target.*Remove it"),
    ([{"step": "drop_columns", "columns": ["survived"]}], r"'survived', which is the target"),
    ([{"step": "standardize", "columns": ["age", "age"]}], r"got column 'age' twice, needed it once"),
    (
        [{"step": "standardize", "columns": ["sex"]}],
        r"'sex' holds text \(category\), needed numbers. Put one_hot or ordinal",
    ),
    (
        [impute("sex")],
        r"'sex' holds text \(category\), needed numbers for strategy median. Use most_frequent or constant",
    ),
    (
        [impute("age", strategy="constant", fill_value="x")],
        r"'age' holds numbers, needed a number as fill_value, not 'x'",
    ),
    (
        [impute("sex", strategy="constant", fill_value=0)],
        r"needed a word as fill_value, not 0.0. Give a word, in quotes",
    ),
    ([impute("sex", strategy="constant", fill_value="")], r"needed a word as fill_value, not ''"),
    ([impute("age", fill_value=1.0)], r"got fill_value 1.0 with strategy median, needed strategy constant"),
    ([{"step": "one_hot", "columns": ["born"]}], r"'born' holds dates, needed numbers or text.*drop_columns"),
    (
        [{"step": "one_hot", "columns": ["ticket"]}],
        r"'ticket' has 50,000 categories, needed at most 1,000 .*Use ordinal",
    ),
    (
        [{"step": "ordinal", "columns": ["empty"]}],
        r"'empty' has no value in any row, needed at least one. Leave it out",
    ),
    ([ENCODE, impute("sex", strategy="most_frequent")], r"'sex' holds a one_hot column, .*Move this step in front"),
    ([ENCODE, ENCODE], r"Step 2 \(one_hot\): column 'sex' holds a one_hot column, needed a column that isn't encoded"),
    (
        [impute("age"), {"step": "drop_missing", "columns": ["age"]}],
        r"'age' has no missing values left.*Move this step up",
    ),
    (
        [{"step": "drop_columns", "columns": ["ticket", "empty"]}, ENCODE],
        r"Column 'born' still holds dates at the end of the recipe, needed numbers. Add date_parts",
    ),
    ([REST], r"Column 'sex' is still text at the end of the recipe, needed numbers. Add one_hot or ordinal"),
    (
        [{"step": "drop_columns", "columns": [column.name for column in COLUMNS[:-1]]}],
        r"leaves no column to learn from, needed at least one. Drop fewer columns",
    ),
]


@pytest.mark.parametrize(("documents", "message"), REFUSED)
def test_a_recipe_that_cannot_work_is_refused_with_the_remedy(documents, message):
    with pytest.raises(RecipeError, match=message):
        check(*documents)


def test_missing_values_are_refused_only_for_estimators_that_cannot_take_them():
    check(REST, ENCODE)
    with pytest.raises(RecipeError, match=r"Column 'age', 'alive' has missing values, .* Add an impute step"):
        check(REST, ENCODE, handles_missing=False)


def test_an_unfinished_recipe_may_leave_text():
    check(finished=False)
    check({"step": "standardize", "columns": ["fare"]}, finished=False)


def test_disabled_steps_are_not_looked_at():
    check({"step": "standardize", "columns": ["nothing"], "enabled": False}, REST, ENCODE)


def test_steps_are_counted_with_the_disabled_ones():
    with pytest.raises(RecipeError, match=r"Step 2 \(impute\)"):
        check({**ENCODE, "enabled": False}, impute("agee"))


def frame(**columns: list) -> pl.DataFrame:
    return pl.DataFrame({**columns, "y": [0, 1, 0]})


@pytest.mark.parametrize("step", ["impute", "one_hot", "ordinal", "standardize", "min_max"])
def test_a_column_without_any_training_value_is_refused(step):
    rows = frame(a=[None, None, float("inf")], b=[1.0, 2.0, 3.0])
    with pytest.raises(RecipeError, match=rf"Step 1, {step}.*column 'a' has no value in the training rows, needed"):
        fit_recipe(steps_of({"step": step, "columns": ["b", "a"]}), rows, target="y")


def test_a_constant_fills_a_column_that_is_entirely_missing():
    steps = steps_of(impute("a", strategy="constant", fill_value=7))
    recipe = fit_recipe(steps, frame(a=[None, None, None]).cast({"a": pl.Float64}), target="y")
    assert recipe.transform(pl.DataFrame({"a": [None, 1.0]})).tolist() == [[7.0], [1.0]]


def test_too_many_categories_among_the_training_rows_are_refused(monkeypatch):
    monkeypatch.setenv("WORKBENCH_MAX_CATEGORIES", "2")
    with pytest.raises(RecipeError, match=r"'a' has 3 categories in the training rows, needed at most 2"):
        fit_recipe(steps_of({"step": "one_hot", "columns": ["a"]}), frame(a=["u", "v", "w"]), target="y")


def test_training_rows_with_gaps_are_refused_for_an_estimator_that_cannot_take_them():
    rows = frame(a=[1.0, None, 2.0], b=[1.0, 2.0, float("inf")])
    assert np.isnan(fit_recipe((), rows, target="y").transform(rows)).sum() == 2
    with pytest.raises(RecipeError, match=r"missing values in column 'a', 'b' of the training rows.*impute step"):
        fit_recipe((), rows, target="y", handles_missing=False)


def test_no_training_rows_are_refused():
    with pytest.raises(RecipeError, match="Got no training rows, needed at least one"):
        fit_recipe((), frame(a=[1, 2, 3]).head(0), target="y")


def test_fitting_checks_the_recipe_too():
    with pytest.raises(RecipeError, match="Column 'a' is still text"):
        fit_recipe((), frame(a=["u", "v", "w"]), target="y")


def test_a_recipe_that_leaves_out_the_only_images_says_so():
    columns = [Column("image", "image", "Binary", 0, 9), Column("label", "category", "String", 0, 2)]
    with pytest.raises(RecipeError, match=r"no column to learn from, since the images are left out"):
        check_recipe([DropColumns(columns=("image",))], columns, "label")
