"""What is searched: spaces from the catalogue or given, and what is refused before any data is read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from workbench.errors import EstimatorError, SpecError
from workbench.estimators.catalogue import catalogue, entry
from workbench.training.search_spec import SearchSpec
from workbench.training.searching.asking import make_space, searchable
from workbench.training.searching.checking import check_search
from workbench.training.searching.proposing import GridProposer, RandomProposer, TpeProposer
from workbench.training.searching.space import key_of
from workbench.training.spec import RunSpec

SEARCHED = [
    name
    for name, each in catalogue().items()
    if each.takes == "table"
    and {"classification", "regression"} & set(each.tasks)
    and any(parameter.searched for parameter in searchable(each).values())
    and name != "baseline"
]


def _space(estimator, method="optuna", **space):
    return make_space(entry(estimator), SearchSpec(method=method, space=space))


def _spec(search, estimator="random_forest", **parts):
    return RunSpec.parse(
        {
            "data": {"source": "iris", "target": "species"},
            "estimator": {"name": estimator},
            "search": search,
            **parts,
        }
    )


def test_a_list_is_tried_in_order_with_no_limit_last():
    space = _space("random_forest", max_depth=[30, None, 10], min_samples_split=[5, 2, 5])
    assert [each.values for each in space.dimensions] == [(10, 30, None), (2, 5)]


def test_trees_and_rounds_are_nested_in_the_other_parameters():
    forest = _space("random_forest", n_estimators=[100, 300, 200], max_depth=[2, 4])
    assert forest.nested.values == (100, 200, 300)
    assert (forest.n_arms, forest.size) == (2, 6)
    boosting = _space("hist_gradient_boosting", max_iter={"low": 20, "high": 200}, max_leaf_nodes=[7, 15])
    assert boosting.nested.name == "max_iter"


@pytest.mark.parametrize("estimator", SEARCHED)
@pytest.mark.parametrize("method", ["grid", "optuna"])
def test_the_catalogues_ranges_hold_only_values_that_the_estimator_takes(estimator, method):
    found = entry(estimator)
    space = make_space(found, SearchSpec(method=method))
    known = searchable(found)
    for each in space.all:
        for value in each.spaced(4):
            assert known[each.name].check(value, estimator=estimator) == (
                list(value) if isinstance(value, tuple) else value
            )


def test_parameters_that_the_spec_sets_are_left_alone():
    space = make_space(entry("hist_gradient_boosting"), SearchSpec(), fixed={"learning_rate": 0.05})
    assert "learning_rate" not in [each.name for each in space.all]


def test_parameters_that_do_nothing_in_the_task_are_left_alone():
    svm = entry("svm")
    moved = {task: {each.name for each in make_space(svm, SearchSpec(), task=task).all} for task in svm.tasks}
    assert "epsilon" in moved["regression"]
    assert "epsilon" not in moved["classification"]


def test_a_range_takes_the_scale_of_the_catalogue_unless_it_says_otherwise():
    log = _space("logistic_regression", C={"low": 0.01, "high": 100}).dimensions[0]
    linear = _space("logistic_regression", C={"low": 0.01, "high": 100, "scale": "linear"}).dimensions[0]
    assert log.at(0.5) == pytest.approx(1.0)
    assert linear.at(0.5) == pytest.approx(50.005)


@pytest.mark.parametrize(
    ("search", "estimator", "error", "words"),
    [
        ({"space": {"max_dept": [1, 2]}}, "random_forest", SpecError, r"'max_dept'.*Did you mean 'max_depth'"),
        ({"space": {"zzz": [1, 2]}}, "random_forest", SpecError, r"'zzz'.*Search some of n_estimators"),
        ({"space": {"max_depth": [0, 2]}}, "random_forest", EstimatorError, r"max_depth=0 .* from 1 to 64"),
        ({"space": {"max_depth": {"low": 1, "high": 99}}}, "random_forest", EstimatorError, r"Got 99 .* from 1 to 64"),
        ({"space": {"max_features": {"low": 1, "high": 9}}}, "random_forest", SpecError, r"needed a list: .*sqrt"),
        (
            {"space": {"training.learning_rate": [0.1]}},
            "random_forest",
            SpecError,
            r"training options are for networks",
        ),
        ({"space": {"max_depth": {"low": 2.2, "high": 2.8}}}, "random_forest", SpecError, "no whole number"),
        ({"space": {"C": [i + 1.0 for i in range(60)]}}, "logistic_regression", SpecError, r"60 values .* at most 50"),
        ({"metric": "auc"}, "random_forest", SpecError, r"'auc' for a search, needed one of accuracy"),
        ({}, "baseline", SpecError, "no parameter left to search"),
        ({"estimators": ["svm"]}, "random_forest", SpecError, "for the method everything"),
        ({"method": "everything", "space": {"C": [1, 2]}}, "random_forest", SpecError, "needed none"),
        ({"method": "everything", "estimators": ["kmeans"]}, "random_forest", SpecError, r"'kmeans' among"),
        ({"method": "everything", "estimators": ["forest"]}, "random_forest", EstimatorError, "Got the estimator"),
        ({}, "kmeans", SpecError, "Got a search of kmeans"),
    ],
)
def test_a_search_that_cannot_be_is_refused_before_data_is_read(search, estimator, error, words):
    with pytest.raises(error, match=words):
        check_search(_spec(search, estimator))


def test_a_metric_of_the_other_task_is_refused_where_the_task_is_known():
    with pytest.raises(SpecError, match="'rmse' for a search, needed one of accuracy"):
        check_search(_spec({"metric": "rmse"}, data={"source": "iris", "target": "species", "task": "classification"}))


def test_a_search_needs_folds_or_a_validation_part():
    check_search(_spec({"cv": 3}, split={"validation": 0}))
    with pytest.raises(SpecError, match="without folds and without validation rows"):
        check_search(_spec({}, split={"validation": 0}))
    with pytest.raises(SpecError, match="split by column"):
        check_search(_spec({"cv": 3}, split={"by": "column", "column": "part"}))


def test_a_range_of_the_wrong_way_round_is_refused_by_the_spec():
    with pytest.raises(SpecError, match="isn't below high"):
        _spec({"space": {"max_depth": {"low": 9, "high": 2}}})


def test_training_options_of_a_network_can_be_searched():
    space = _space("dense_network", **{"training.learning_rate": {"low": 1e-4, "high": 0.1}, "layers": [[8], [8, 4]]})
    assert [each.name for each in space.dimensions] == ["training.learning_rate", "layers"]
    assert space.dimensions[1].values == ((8,), (8, 4))


def test_a_grid_gives_every_point_once_and_a_huge_one_needs_no_memory():
    space = _space("random_forest", "grid", max_depth=[2, 4, 8], min_samples_leaf=[1, 2])
    proposer = GridProposer(space, seed=0, defaults={}, sign=1.0)
    points = [proposer.propose(index, [], []) for index in range(6)]
    assert len({key_of(point) for point in points}) == 6
    assert proposer.propose(6, [], []) is None
    values = list(range(1, 51))
    huge = _space("random_forest", "grid", max_depth=values, min_samples_leaf=values, max_leaf_nodes=[2, *values[2:]])
    many = GridProposer(huge, seed=1, defaults={}, sign=1.0)
    assert many.n_points == 50 * 50 * 49
    spread = [many.propose(index, [], [])["max_depth"] for index in range(60)]
    assert len(set(spread)) > 20  # not one corner of it


def test_a_grid_of_millions_is_passed_without_repeating_a_point():
    ten = list(range(2, 42))
    space = _space(
        "hist_gradient_boosting", "grid", max_leaf_nodes=ten, min_samples_leaf=ten, l2_regularization=ten,
        learning_rate=[0.01 * step for step in range(1, 41)],
    )  # fmt: skip
    proposer = GridProposer(space, seed=3, defaults={}, sign=1.0)
    assert proposer.n_points == 40**4
    keys = [key_of(proposer.propose(index, [], [])) for index in range(500)]
    assert len(set(keys)) == 500


@pytest.mark.parametrize("kind", [RandomProposer, TpeProposer])
def test_proposals_depend_on_the_seed_and_their_place_alone(kind):
    space = _space("hist_gradient_boosting", learning_rate={"low": 0.01, "high": 1}, max_leaf_nodes=[7, 15, 31])

    def proposed(seed):
        proposer = kind(space, seed=seed, defaults={"learning_rate": 0.1, "max_leaf_nodes": 31}, sign=1.0)
        return [proposer.propose(index, [], []) for index in range(5)]

    assert proposed(0) == proposed(0)
    assert proposed(0) != proposed(1)


def test_a_small_space_is_used_up_and_then_ends():
    space = _space("decision_tree", max_depth=[1, 2, 3], min_samples_leaf=[1, 5])
    proposer = RandomProposer(space, seed=0, defaults={}, sign=1.0)
    taken = []
    for index in range(6):
        taken.append(proposer.propose(index, [], taken))
    assert {(each["max_depth"], each["min_samples_leaf"]) for each in taken} == set(
        itertools.product([1, 2, 3], [1, 5])
    )
    assert proposer.propose(6, [], taken) is None


def test_whole_numbers_stay_within_their_range():
    dimension = _space("random_forest", max_depth={"low": 3, "high": 9}).dimensions[0]
    drawn = {dimension.draw(np.random.default_rng(seed)) for seed in range(100)}
    assert drawn == set(range(3, 10))
