import re

import pytest

from workbench.data import sample
from workbench.errors import EstimatorError, RecipeError
from workbench.estimators import build_sklearn, catalogue, check_params, entry, estimators_for
from workbench.recipe import check_recipe
from workbench.recipe.given import parsed_steps

TABLES = [
    "baseline",
    "linear_regression",
    "ridge",
    "lasso",
    "elastic_net",
    "logistic_regression",
    "nearest_neighbors",
    "svm",
    "decision_tree",
    "random_forest",
    "extra_trees",
    "gradient_boosting",
    "hist_gradient_boosting",
    "dense_network",
]


def test_the_catalogue_lists_the_names_of_a_runspec_simplest_first():
    assert [name for name in catalogue() if name in TABLES] == TABLES


def test_what_learns_from_tables_has_a_formula_and_ranges_to_search():
    for name in TABLES:
        found = entry(name)
        if found.engine != "sklearn":
            continue
        assert found.formula
        if name != "baseline":
            assert any(parameter.searched for parameter in found.parameters)
        for parameter in found.parameters:
            if parameter.search:
                low, high = parameter.search
                assert parameter.low <= low < high <= parameter.high
            for value in parameter.search_values:
                assert parameter.check(value, estimator=name) == value


def test_none_means_no_limit_where_a_parameter_says_so():
    forest = build_sklearn("random_forest", {"max_depth": None, "max_leaf_nodes": "none"}, task="regression", seed=0)
    assert forest.max_depth is None and forest.max_leaf_nodes is None
    with pytest.raises(EstimatorError, match=r"Got max_depth=0 .* from 1 to 64, or none for no limit"):
        check_params("random_forest", {"max_depth": 0})
    with pytest.raises(EstimatorError, match=r"Got min_samples_split=None"):
        check_params("random_forest", {"min_samples_split": None})


def test_each_parameter_has_a_sentence_and_a_default_within_its_own_range():
    for found in catalogue().values():
        assert found.summary and found.strengths and found.cost
        for parameter in found.parameters:
            assert parameter.help.endswith(".")
            checked = parameter.check(parameter.default, estimator=found.name)
            assert checked == (list(checked) if parameter.type in ("int_list", "names") else parameter.default)


def test_estimators_for_a_task_leave_the_others_out():
    names = [found.name for found in estimators_for("regression")]
    assert "logistic_regression" not in names and "linear_regression" in names


def test_an_unknown_estimator_is_answered_with_the_nearest_name():
    with pytest.raises(EstimatorError, match=r"Got the estimator 'random_forst'.*Did you mean 'random_forest'\?"):
        entry("random_forst")
    with pytest.raises(EstimatorError, match=r"Choose one of baseline, linear_regression"):
        entry("xyz")


def test_absent_parameters_take_their_defaults():
    assert check_params("dense_network", {"dropout": 0})["layers"] == [64, 32]
    assert check_params("random_forest", {"n_estimators": 300.0})["n_estimators"] == 300


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("random_forest", {"n_estimators": 0}, r"Got n_estimators=0 .* a whole number from 1 to 5000"),
        ("random_forest", {"n_estimators": 2.5}, r"Got n_estimators=2.5"),
        ("random_forest", {"n_estimators": True}, r"Got n_estimators=True"),
        ("random_forest", {"trees": 5}, r"Got the parameter 'trees', which random_forest doesn't have; it has n_est"),
        ("logistic_regression", {"penalty": "l3"}, r"Got penalty='l3' .* one of l2, l1, elasticnet, none"),
        ("logistic_regression", {"C": float("nan")}, r"Got C=nan .* a number from 1e-05 to 100000"),
        ("dense_network", {"layers": []}, r"Got layers=\[\] .* a list of whole numbers, each from 1 to 4096"),
        ("dense_network", {"layers": [8, "x"]}, r"Got layers=\[8, 'x'\]"),
        ("dense_network", {"layers": 8}, r"Got layers=8"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_range(name, params, words):
    with pytest.raises(EstimatorError, match=words):
        check_params(name, params)


def test_a_null_penalty_in_yaml_means_none():
    assert check_params("logistic_regression", {"penalty": None})["penalty"] == "none"


def test_a_forest_is_bounded_by_default():
    forest = build_sklearn("random_forest", {}, task="classification", seed=3)
    assert forest.max_leaf_nodes == 500
    assert forest.random_state == 3


def test_the_refusal_of_missing_values_names_each_estimator_that_takes_them():
    columns = sample("titanic").columns
    steps = [{"step": "drop_columns", "columns": [c.name for c in columns if c.name not in ("age", "survived")]}]
    with pytest.raises(RecipeError, match="'age' has missing values") as refused:
        check_recipe(parsed_steps(steps), columns, "survived", handles_missing=False)
    predicts = {name for name, entry in catalogue().items() if entry.handles_missing and entry.takes == "table"}
    named = set(re.findall(r"\w+", str(refused.value))) & set(catalogue())
    assert named == predicts - {"baseline"}
