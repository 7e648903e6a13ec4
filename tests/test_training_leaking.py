"""What would this have leaked?"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import workbench as wb
from workbench.data import store_frame
from workbench.errors import RecipeError, SplitError
from workbench.training.leaking import leak_comparison
from workbench.training.spec import RunSpec

N = 600


@pytest.fixture
def guesses(settings):
    """A table whose categories say nothing: any score beyond chance is leaked."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "street": [f"street {place}" for place in rng.integers(0, 300, N)],
            "size": [None if place % 9 == 0 else float(value) for place, value in enumerate(rng.normal(50, 10, N))],
            "sold": [["no", "yes"][place] for place in rng.integers(0, 2, N)],
        }
    )
    return store_frame(frame, name="guesses", settings=settings)


def spec_of(table, recipe, target="sold", estimator="logistic_regression", **rest):
    return RunSpec.parse(
        {"data": {"source": table.short_digest, "target": target}, "recipe": recipe, "estimator": {"name": estimator}}
        | rest
    )


PREPARED = [
    {"step": "impute", "columns": ["size"]},
    {"step": "target_encode", "columns": ["street"]},
    {"step": "standardize", "columns": ["size"]},
]


def scores(found, metric="roc_auc"):
    return {way: score for way, name, score in found.frame().iter_rows() if name == metric}


def test_target_encoding_fitted_on_all_rows_promises_what_chance_cannot_keep(guesses):
    found = leak_comparison(spec_of(guesses, PREPARED))
    by_way = scores(found)
    assert by_way["training rows"] < 0.62
    assert by_way["all rows"] > 0.75
    assert "promised more than it keeps" in found.findings[0]
    assert found.frame().columns == ["fitted_on", "metric", "score"]


def test_each_learned_step_says_what_it_learned_differently(guesses):
    told = " ".join(leak_comparison(spec_of(guesses, PREPARED)).findings)
    assert "Step 1 (impute): the median of size moved from" in told
    assert "Step 2 (target_encode): the mean sold of street 'street" in told
    assert "own answers are in it" in told
    assert "Step 3 (standardize): the mean of size moved from" in told


def test_the_comparison_is_the_same_every_time_and_says_where_nothing_leaks(guesses):
    spec = spec_of(guesses, [{"step": "drop_columns", "columns": ["street"]}, PREPARED[0]])
    first, again = leak_comparison(spec), leak_comparison(spec)
    assert first.frame().equals(again.frame())
    assert first.findings == again.findings
    assert "couldn't be chance" in first.findings[0]


def test_columns_that_leak_are_left_out_once_to_show_their_weight(settings):
    spec = RunSpec.parse(
        {
            "data": {"source": "titanic", "target": "survived"},
            "recipe": [
                {"step": "drop_columns", "columns": ["name", "ticket", "cabin", "home.dest", "body"]},
                {"step": "impute", "columns": ["age", "fare"]},
                {"step": "one_hot", "columns": ["sex", "embarked", "boat"]},
            ],
            "estimator": {"name": "logistic_regression"},
        }
    )
    found = leak_comparison(spec)
    by_way = scores(found)
    assert list(by_way) == ["training rows", "all rows", "training rows, without boat"]
    assert by_way["training rows"] > 0.95 > by_way["training rows, without boat"]
    assert found.findings[-1].startswith("boat is kept, although it gives the answer away")


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ([{"step": "min_max", "columns": ["size"]}], "(min_max): "),
        ([{"step": "robust", "columns": ["size"]}], "(robust): the median of size moved"),
        ([{"step": "clip", "columns": ["size"]}], "bound of size moved from"),
        ([{"step": "bins", "columns": ["size"]}], "(bins): the edges of size moved."),
        ([{"step": "power", "columns": ["size"]}], "(power): the power of size moved"),
        ([{"step": "log", "columns": ["size"]}], "(log): it learns nothing from rows"),
        ([{"step": "quantile_transform", "columns": ["size"]}], "(quantile_transform): it learned from the held-out"),
        ([{"step": "impute", "columns": ["size"], "strategy": "nearest_neighbors"}], "(impute): it learned from the"),
    ],
    ids=lambda value: value[0]["step"] if isinstance(value, list) else "",
)
def test_every_number_step_has_its_words(guesses, recipe, sentence):
    dropped = {"step": "drop_columns", "columns": ["street"]}
    filled = {"step": "impute", "columns": ["size"], "strategy": "median"}
    steps = [dropped, *recipe] if recipe[0]["step"] == "impute" else [dropped, filled, *recipe]
    assert sentence in " ".join(leak_comparison(spec_of(guesses, steps)).findings)


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ({"step": "one_hot"}, "(one_hot): "),
        ({"step": "one_hot", "max_categories": 20}, "(one_hot): "),
        ({"step": "ordinal"}, "categories were learned only from the held-out rows, such as 'street"),
        ({"step": "hashing"}, "(hashing): it learns nothing from rows"),
        ({"step": "tf_idf"}, "(tf_idf): "),
    ],
    ids=["one_hot", "capped", "ordinal", "hashing", "tf_idf"],
)
def test_every_text_step_has_its_words(guesses, step, sentence):
    steps = [{"step": "drop_columns", "columns": ["size"]}, {**step, "columns": ["street"]}]
    assert sentence in " ".join(leak_comparison(spec_of(guesses, steps)).findings)


def test_joining_steps_have_their_words(settings):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{place}": rng.normal(size=80) for place in range(30)}).with_columns(
        y=pl.Series(rng.integers(0, 2, 80))
    )
    table = store_frame(frame, name="wide", settings=settings)
    selected = leak_comparison(spec_of(table, [{"step": "select_best", "k": 3}], target="y"))
    assert "(select_best): " in selected.findings[1]
    turned = leak_comparison(spec_of(table, [{"step": "pca", "n_components": 2}], target="y"))
    assert "(pca): the first component turned by" in turned.findings[1]


def test_a_network_is_stood_in_for_and_said_so(guesses):
    found = leak_comparison(spec_of(guesses, PREPARED, estimator="dense_network"))
    assert found.estimator == "logistic_regression"
    assert "stands in for dense_network" in found.findings[0]


def test_a_regression_is_measured_in_its_own_metrics(settings):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=N), "price": rng.normal(size=N)})
    table = store_frame(frame, name="prices", settings=settings)
    steps = [{"step": "standardize", "columns": ["x"]}]
    found = leak_comparison(spec_of(table, steps, target="price", estimator="linear_regression"))
    assert set(found.frame()["metric"]) == {"rmse", "r2"}
    assert found.metric == "rmse"


def test_a_larger_table_is_looked_at_in_a_stated_sample(guesses):
    found = leak_comparison(spec_of(guesses, PREPARED), n_rows=300)
    assert (found.n_rows, found.n_rows_total) == (300, N)
    assert "Seen in a random sample of 300 of 600 rows." in found.findings


def test_the_picture_says_all_scores(guesses):
    found = leak_comparison(spec_of(guesses, PREPARED))
    picture = found.plot()
    assert picture.layout.meta["alt"].startswith("ROC AUC by the rows that the learned steps were fitted on: training")
    assert len(picture.data[0].x) == 2


def test_a_split_that_holds_nothing_out_is_refused(guesses):
    with pytest.raises(SplitError, match="needed held-out rows to score. Set test to 0.2 or more"):
        leak_comparison(spec_of(guesses, PREPARED, split={"test": 0, "validation": 0}))


def test_a_recipe_that_does_not_fit_is_refused_as_in_a_run(guesses):
    with pytest.raises(RecipeError, match="still text at the end of the recipe"):
        leak_comparison(spec_of(guesses, [PREPARED[0]]))


def test_it_is_one_call(guesses):
    assert wb.leak_comparison(spec_of(guesses, PREPARED)).n_test == 120
