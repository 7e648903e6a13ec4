"""Searches of networks: trials that fall behind on their epochs, and images."""

from __future__ import annotations

import pytest
from image_samples import image_spec, table_frame
from search_runs import folder_of, search, spec_of

from workbench.data import store_frame
from workbench.errors import SpecError
from workbench.training.searching import check_search, estimate, ground, leaderboard_frame, proposing, read_trials
from workbench.training.spec import RunSpec

HOPELESS = 1e-7


@pytest.mark.parametrize(("prune", "epochs"), [(True, 7), (False, 7), (True, 4)])
def test_a_network_that_learns_nothing_is_ended_before_its_last_epoch(settings, tmp_path, monkeypatch, prune, epochs):
    rates = iter([0.05, 0.04, 0.06, 0.03, HOPELESS])
    monkeypatch.setattr(
        proposing.RandomProposer, "_candidates", lambda *_: iter([{"training.learning_rate": next(rates)}])
    )
    spec = spec_of(
        tmp_path,
        {
            "method": "random", "n_trials": 5, "prune": prune, "metric": "roc_auc",
            "space": {"training.learning_rate": {"low": HOPELESS, "high": 0.1}},
        },
        estimator={"name": "dense_network", "params": {"layers": [4]}},
        recipe=[
            {"step": "drop_columns", "columns": ["word", "amount", "noise"]},
            {"step": "standardize", "columns": ["a", "b"]},
        ],
        training={"epochs": epochs, "batch_size": 32},
    )  # fmt: skip
    chosen, folder = search(spec, settings)
    *others, hopeless = read_trials(folder)
    assert [(trial.status, len(trial.curve)) for trial in others] == [("finished", epochs)] * 4
    assert chosen.training.learning_rate != HOPELESS
    if not prune or epochs == 4:  # its fourth epoch is the first that is compared
        assert (hopeless.status, len(hopeless.curve)) == ("finished", epochs)
        return
    assert (hopeless.status, len(hopeless.curve)) == ("pruned", 4)
    assert 0 < hopeless.seconds
    last = leaderboard_frame(read_trials(folder)).row(-1, named=True)
    assert (last["number"], last["rank"]) == (5, None)
    assert last["value"] == hopeless.value is not None
    assert "above the median of the others after 4 of 7 epochs" in last["reason"]


@pytest.mark.parametrize(("method", "cv", "prune"), [("optuna", None, True), ("grid", 2, True), ("halving", 2, False)])
def test_networks_on_images_are_searched_and_images_are_unpacked_once(settings, monkeypatch, method, cv, prune):
    made = []
    make = ground.make_ready
    monkeypatch.setattr(
        ground, "make_ready", lambda prepared, split: (made.append(len(split.train)), make(prepared, split))[1]
    )
    table = store_frame(table_frame(90, n_test=18), name="shapes", settings=settings)
    spec = RunSpec.parse(
        image_spec(
            table.short_digest,
            estimator={"name": "dense_network", "params": {"layers": [8]}},
            training={"epochs": 2, "batch_size": 32},
            search={
                "method": method, "n_trials": 2, "cv": cv, "prune": prune, "space": {"dropout": [0.0, 0.5]},
            },
        )
    )  # fmt: skip
    chosen, folder = search(spec, settings, folder=folder_of(settings, method))
    trials = read_trials(folder)
    best = max((trial for trial in trials if trial.status == "finished"), key=lambda trial: trial.value)
    assert sorted(trial.params["dropout"] for trial in trials) == [0.0, 0.5]
    assert chosen.estimator.params == {"layers": [8], "dropout": best.params["dropout"]}
    assert all(trial.seconds > 0 and len(trial.curve) == 2 for trial in trials)
    assert made == ([36, 36] if cv else [58])  # of the 72 that aren't for testing; not for each trial anew


def test_the_time_of_a_search_on_images_is_estimated(settings):
    table = store_frame(table_frame(60), name="shapes", settings=settings)
    spec = image_spec(
        table.short_digest,
        estimator={"name": "dense_network", "params": {"layers": [8]}},
        training={"epochs": 2},
        search={"method": "grid", "n_trials": 3, "space": {"dropout": [0.0, 0.25, 0.5]}},
    )
    found = estimate(RunSpec.parse(spec), settings=settings)
    assert found.n_fits == 3
    assert found.seconds > 3 * found.fit_seconds > 0


def test_every_network_is_tried_on_images_with_its_cost(settings):
    table = store_frame(table_frame(72, n_test=18), name="shapes", settings=settings)
    spec = RunSpec.parse(
        image_spec(
            table.short_digest,
            training={"epochs": 2, "batch_size": 16, "learning_rate": 0.01},
            search={"method": "everything", "n_trials": 4, "metric": "accuracy"},
        )
    )
    check_search(spec)
    chosen, folder = search(spec, settings)
    trials = read_trials(folder)
    assert [trial.estimator for trial in trials][:3] == ["dense_network", "small_convnet", "residual_convnet"]
    assert trials[1].params == {}, "its own parameters are those of the run"
    assert [trial.status for trial in trials][:3] == ["finished"] * 3
    board = leaderboard_frame(trials, by_estimator=True)
    assert sorted(board["estimator"]) == ["dense_network", "residual_convnet", "small_convnet"]
    assert board["latency_by"].to_list() == ["graph"] * 3
    assert board["size_mib"].null_count() == 0
    best = max((trial for trial in trials if trial.status == "finished"), key=lambda trial: trial.value)
    assert chosen.estimator.name == best.estimator == board["estimator"][0]
    assert 0 < estimate(spec, settings=settings).seconds < 600


def test_names_to_try_on_images_must_take_images(settings):
    table = store_frame(table_frame(60), name="shapes", settings=settings)
    named = {"method": "everything", "n_trials": 2, "estimators": ["small_convnet", "random_forest"]}
    with pytest.raises(SpecError, match=r"Got 'random_forest' among search.estimators.*from images: dense_network, "):
        check_search(RunSpec.parse(image_spec(table.short_digest, search=named)))
    # Whether a dense network will get a table or images, only the data say.
    network = {"name": "dense_network"}
    of_both = image_spec(table.short_digest, estimator=network, search=named | {"estimators": ["random_forest"]})
    check_search(RunSpec.parse(of_both))
    with pytest.raises(SpecError, match=r"Got 'random_forest' among search.estimators"):
        search(RunSpec.parse(of_both), settings)
