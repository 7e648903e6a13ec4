"""Searches from beginning to end, in this process: every method, resumed, stopped, out of time, with failures."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from search_runs import folder_of, rows, search, spec_of

from workbench import storage
from workbench.data import resolve
from workbench.errors import RunError, SpecError
from workbench.training.preparing import prepare_rows
from workbench.training.searching import fitting, leaderboard_frame, read_trials, trials_frame
from workbench.training.searching.ground import folds_of
from workbench.training.searching.scoring import Scorer
from workbench.training.searching.search import chosen_spec
from workbench.training.searching.trials import TRIALS
from workbench.training.state import HISTORY

TREE = {"max_depth": [1, 2, 4], "min_samples_leaf": [1, 20, 100]}


def _config(trial):
    return json.dumps([trial.config, trial.status, trial.values])


@pytest.mark.parametrize("method", ["grid", "random", "halving", "optuna"])
def test_each_method_finds_the_best_point_of_a_small_space(settings, tmp_path, method):
    spec = spec_of(tmp_path, {"method": method, "n_trials": 9, "cv": 3, "metric": "log_loss", "space": TREE})
    chosen, folder = search(spec, settings)
    trials = read_trials(folder)
    grid = {"method": "grid", "n_trials": 9, "cv": 3, "metric": "log_loss", "space": TREE}
    _, other = search(spec_of(tmp_path, grid), settings, folder=folder_of(settings, "grid"))
    assert len(trials) == 9
    assert len({json.dumps(trial.config) for trial in trials}) == 9
    best = min(trial.value for trial in read_trials(other))
    assert storage.read_json(folder / "chosen.json")["value"] == pytest.approx(best)
    assert chosen.estimator.params in [trial.params for trial in trials if trial.value == pytest.approx(best)]
    assert chosen.search == spec.search  # the package says how its parameters were found


def test_values_are_those_of_scikit_learns_own_cross_validation_on_the_same_folds(settings, tmp_path):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV

    from workbench.training.learning import make_ready

    space = {"n_estimators": [5, 10, 40], "max_depth": [2, None]}
    spec = spec_of(
        tmp_path,
        {"method": "grid", "cv": 3, "metric": "roc_auc", "space": space},
        estimator={"name": "random_forest", "params": {"min_samples_leaf": 1, "max_leaf_nodes": None}},
        seed=3,
    )
    _, folder = search(spec, settings)
    prepared = prepare_rows(spec, resolve(spec.data, settings=settings), settings)
    folds = folds_of(prepared, 3)
    learning = np.sort(np.concatenate([folds[0].train, folds[0].validation]))
    X = prepared.raw(learning).select("a", "b", "noise").to_numpy()
    places = [(np.searchsorted(learning, fold.train), np.searchsorted(learning, fold.validation)) for fold in folds]
    theirs = GridSearchCV(RandomForestClassifier(random_state=3), space, cv=places, scoring="roc_auc")
    theirs.fit(X, prepared.y[learning])
    ours = {json.dumps(trial.params, sort_keys=True): trial for trial in read_trials(folder)}
    for params, mean, std in zip(
        theirs.cv_results_["params"], theirs.cv_results_["mean_test_score"], theirs.cv_results_["std_test_score"],
        strict=True,
    ):  # fmt: skip
        trial = ours[json.dumps(params, sort_keys=True)]
        assert (trial.value, trial.std) == pytest.approx((mean, std), abs=1e-12)
    assert make_ready(prepared, folds[0]).material.n_features == 3


def test_one_fit_gives_a_trial_for_each_number_of_trees(settings, tmp_path, monkeypatch):
    begun = []
    begin = fitting._Forest.__init__
    monkeypatch.setattr(fitting._Forest, "__init__", lambda self, *args: (begun.append(1), begin(self, *args)) and None)
    space = {"n_estimators": [2, 4, 6], "max_depth": [1, 3]}
    spec = spec_of(tmp_path, {"method": "grid", "cv": 2, "space": space}, estimator={"name": "random_forest"})
    _, folder = search(spec, settings)
    assert len(read_trials(folder)) == 6
    assert len(begun) == 4  # two depths on two folds


@pytest.mark.parametrize("estimator", ["gradient_boosting", "hist_gradient_boosting"])
def test_rounds_on_the_way_are_those_of_a_shorter_fit(settings, tmp_path, estimator):
    name = "n_estimators" if estimator == "gradient_boosting" else "max_iter"
    common = {"estimator": {"name": estimator}, "seed": 1}
    both = spec_of(tmp_path, {"method": "grid", "cv": 2, "space": {name: [5, 15]}}, **common)
    short = spec_of(tmp_path, {"method": "grid", "cv": 2, "space": {name: [5]}}, **common)
    _, one = search(both, settings)
    _, other = search(short, settings, folder=folder_of(settings, "short"))
    assert read_trials(one)[0].values == pytest.approx(read_trials(other)[0].values, abs=1e-9)


def test_a_range_of_rounds_is_one_trial_that_keeps_its_best_number(settings, tmp_path):
    space = {"max_iter": {"low": 5, "high": 80}, "learning_rate": [0.5]}
    spec = spec_of(
        tmp_path, {"cv": 2, "metric": "log_loss", "space": space}, estimator={"name": "hist_gradient_boosting"}
    )
    _, folder = search(spec, settings)
    (trial,) = read_trials(folder)
    whole = {int(step): np.mean(values) for step, *values in trial.path if len(values) == 2}
    means = whole | {trial.params["max_iter"]: trial.value}
    assert trial.value == min(means.values())
    assert {5, 6, 8, 11} <= set(means)
    assert len(means) < 12  # fifty rounds without a better loss ended it before 80
    assert max(means) < 80


@pytest.mark.parametrize("method", ["optuna", "random", "halving"])
def test_a_search_that_was_cut_off_goes_on_to_the_same_trials(settings, tmp_path, method):
    space = {"max_depth": {"low": 1, "high": 12}, "min_samples_leaf": {"low": 1, "high": 60}}
    asked = {"method": method, "n_trials": 12, "cv": 3, "space": space}
    _, whole = search(spec_of(tmp_path, asked), settings, folder=folder_of(settings, "whole"))
    lines = (whole / TRIALS).read_bytes().splitlines(keepends=True)
    cut = folder_of(settings, "cut")
    (cut / TRIALS).write_bytes(b"".join(lines[:5]) + lines[5][:20])  # killed while it wrote
    _, resumed = search(spec_of(tmp_path, asked), settings, folder=cut)
    assert sorted(map(_config, read_trials(resumed))) == sorted(map(_config, read_trials(whole)))
    kept = [
        trial.time for trial in read_trials(whole) if trial.number in {json.loads(line)["number"] for line in lines[:5]}
    ]
    assert kept == [trial.time for trial in read_trials(resumed) if trial.time in kept]  # none was measured again


def test_a_forest_search_resumes_in_the_middle_of_an_arm(settings, tmp_path):
    space = {"n_estimators": [70, 100], "max_depth": [1, 2, 3, 4, 6, 8]}
    asked = {"n_trials": 12, "cv": 2, "space": space}
    common = {"estimator": {"name": "random_forest"}}
    _, whole = search(spec_of(tmp_path, asked, **common), settings, folder=folder_of(settings, "whole"))
    lines = (whole / TRIALS).read_bytes().splitlines(keepends=True)
    cut = folder_of(settings, "cut")
    (cut / TRIALS).write_bytes(b"".join(lines[:3]))
    _, resumed = search(spec_of(tmp_path, asked, **common), settings, folder=cut)
    assert sorted(map(_config, read_trials(resumed))) == sorted(map(_config, read_trials(whole)))


def test_a_finished_search_goes_on_with_more_trials_and_keeps_those_it_had(settings, tmp_path):
    space = {"max_depth": {"low": 1, "high": 12}, "min_samples_leaf": {"low": 1, "high": 60}}
    first = spec_of(tmp_path, {"n_trials": 4, "cv": 2, "space": space})
    _, folder = search(first, settings)
    before = (folder / TRIALS).read_text()
    more = spec_of(tmp_path, {"n_trials": 9, "cv": 2, "space": space})
    search(more, settings, folder=folder)
    assert (folder / TRIALS).read_text().startswith(before)
    assert len(read_trials(folder)) == 9
    _, again = search(more, settings, folder=folder)  # nothing is left to do: the best is chosen at once
    assert len(read_trials(again)) == 9


def test_trials_differ_between_seeds_and_not_between_runs(settings, tmp_path):
    space = {"max_depth": {"low": 1, "high": 12}, "min_samples_leaf": {"low": 1, "high": 60}}
    asked = {"n_trials": 6, "cv": 2, "space": space}
    found = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        _, folder = search(spec_of(tmp_path, asked, seed=seed), settings, folder=folder_of(settings, name))
        found.append([trial.config for trial in read_trials(folder)])
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_a_stop_keeps_the_best_so_far_and_tells_the_run_to_train_it(settings, tmp_path, monkeypatch):
    from workbench.training.searching.record import Record

    folder = folder_of(settings)
    add = Record.add

    def stop_after_three(self, trials):
        add(self, trials)
        if len(self.trials) >= 3:
            storage.write_json(folder / "stop", {"time": 0})

    monkeypatch.setattr(Record, "add", stop_after_three)
    spec = spec_of(tmp_path, {"method": "random", "n_trials": 50, "cv": 2, "space": {"max_depth": [*range(1, 40)]}})
    chosen, _ = search(spec, settings, folder=folder)
    trials = read_trials(folder)
    assert 3 <= len(trials) < 39
    assert chosen.estimator.params["max_depth"] in [trial.params["max_depth"] for trial in trials]
    assert storage.read_json(folder / "chosen.json")["is_over"] is False


def test_a_stop_before_the_first_trial_leaves_no_choice(settings, tmp_path):
    folder = folder_of(settings)
    storage.write_json(folder / "stop", {"time": 0})
    chosen, _ = search(spec_of(tmp_path, {"cv": 2, "space": TREE}), settings, folder=folder)
    assert chosen is None
    assert read_trials(folder) == []


def test_time_that_is_up_ends_the_search_after_one_trial_at_least(settings, tmp_path):
    asked = {"method": "random", "n_trials": 500, "minutes": 1e-6, "cv": 2, "space": {"max_depth": [*range(1, 50)]}}
    chosen, folder = search(spec_of(tmp_path, asked), settings)
    assert chosen is not None
    assert 1 <= len(read_trials(folder)) < 49


def test_a_trial_that_fails_has_its_reason_and_does_not_end_the_search(settings, tmp_path, monkeypatch):
    begin = fitting._Single._advance

    def fail_at_depth_two(self, stage):
        if self._material.params["max_depth"] == 2:
            raise ValueError("too deep")
        return begin(self, stage)

    monkeypatch.setattr(fitting._Single, "_advance", fail_at_depth_two)
    spec = spec_of(tmp_path, {"method": "grid", "cv": 2, "space": {"max_depth": [1, 2, 3]}})
    chosen, folder = search(spec, settings)
    failed = [trial for trial in read_trials(folder) if trial.status == "failed"]
    assert [trial.params["max_depth"] for trial in failed] == [2]
    assert failed[0].reason == "ValueError: too deep"
    assert failed[0].value is None
    assert chosen.estimator.params["max_depth"] in (1, 3)
    frame = leaderboard_frame(read_trials(folder))
    assert frame["status"].to_list() == ["finished", "finished", "failed"]
    assert frame["rank"].to_list() == [1, 2, None]


def test_scores_that_are_not_numbers_fail_their_trial(settings, tmp_path, monkeypatch):
    measured = Scorer.__call__
    monkeypatch.setattr(
        Scorer, "__call__", lambda self, y, scores, **where: measured(self, y, scores * np.nan, **where)
    )
    with pytest.raises(
        RunError, match=r"3 trials of which none finished.*Trial . failed: Got scores that aren't finite"
    ):
        search(spec_of(tmp_path, {"cv": 2, "space": {"max_depth": [1, 2, 3]}}), settings)


def test_the_best_is_never_a_trial_that_was_ended_early(settings, tmp_path, monkeypatch):
    """Rigged: the winner looks bad on its first fold, a blender looks splendid on one fold and bad on the others."""
    rigged = {
        1: [0.80, 0.82, 0.81, 0.80], 2: [0.805, 0.825, 0.812, 0.804], 3: [0.795, 0.90, 0.89, 0.90],
        4: [0.60, 0.99, 0.99, 0.99], 5: [0.83, 0.70, 0.70, 0.70], 6: [0.802, 0.821, 0.811, 0.80],
    }  # fmt: skip
    fold_of_rows = {}

    def score(self, stage):
        key = self._material.y_validation.tobytes() + self._material.X_validation.tobytes()
        fold = fold_of_rows.setdefault(key, len(fold_of_rows))
        return rigged[self._material.params["max_depth"]][fold]

    monkeypatch.setattr(fitting._Single, "_advance", score)
    # Which of the shuffled depths comes first is up to the seed; the winner of those that aren't hopeless wins always.
    for seed in range(3):
        fold_of_rows.clear()
        spec = spec_of(tmp_path, {"cv": 4, "metric": "roc_auc", "space": {"max_depth": [1, 2, 3, 5, 6]}}, seed=seed)
        chosen, folder = search(spec, settings, folder=folder_of(settings, f"rigged-{seed}"))
        trials = read_trials(folder)
        assert all(len(trial.values) == 4 for trial in trials if trial.status == "finished")
        assert chosen.estimator.params["max_depth"] == 3


def test_history_and_state_hold_the_best_so_far(settings, tmp_path):
    spec = spec_of(tmp_path, {"method": "grid", "cv": 2, "metric": "log_loss", "space": {"max_depth": [1, 2, 3, 4]}})
    _, folder = search(spec, settings)
    lines, _ = storage.read_json_lines(folder / HISTORY)
    best = [line["metrics"]["best_log_loss"] for line in lines]
    assert best == list(np.minimum.accumulate([line["metrics"]["trial_log_loss"] for line in lines]))
    frame = trials_frame(read_trials(folder))
    assert frame["best"].to_list()[-1] == best[-1]
    assert frame.columns[:4] == ["number", "estimator", "status", "value"]
    assert frame["max_depth"].dtype == pl.Int64


def test_recipes_are_fitted_on_each_folds_training_rows_once(settings, tmp_path, monkeypatch):
    from workbench.training.searching import ground

    fitted = []
    make = ground.make_ready
    monkeypatch.setattr(
        ground, "make_ready", lambda prepared, split: (fitted.append(tuple(split.train)), make(prepared, split))[1]
    )
    spec = spec_of(tmp_path, {"method": "random", "n_trials": 6, "cv": 3, "space": {"max_depth": [*range(1, 30)]}})
    _, folder = search(spec, settings)
    assert len(fitted) == 3  # not 18
    assert len(set(fitted)) == 3
    assert all(trial.step == 3 for trial in read_trials(folder) if trial.status == "finished")


def test_without_folds_the_validation_part_compares(settings, tmp_path):
    spec = spec_of(tmp_path, {"method": "grid", "space": {"max_depth": [1, 3]}})
    _, folder = search(spec, settings)
    assert [len(trial.values) for trial in read_trials(folder)] == [1, 1]


def test_folds_keep_groups_together_and_follow_time(settings, tmp_path):
    days = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 7, 18), "1d", eager=True).alias("day")
    tmp_path.mkdir(exist_ok=True)
    rows().with_columns(days).write_csv(tmp_path / "rows.csv")
    for by, column in (("group", "word"), ("time", "day")):
        spec = spec_of(
            tmp_path,
            {"method": "grid", "cv": 2, "metric": "accuracy", "space": {"max_depth": [2]}},
            split={"by": by, "column": column, "test": 0.2, "validation": 0.0},
            recipe=[{"step": "drop_columns", "columns": ["word", "amount", "day"]}],
        )
        prepared = prepare_rows(spec, resolve(spec.data, settings=settings), settings)
        for fold in folds_of(prepared, 2):
            words = prepared.decided[column]
            if by == "group":
                assert not set(words[fold.train]) & set(words[fold.validation])
            else:
                assert words[fold.train].max() < words[fold.validation].min()
            assert not set(fold.test) & {*fold.train, *fold.validation}
        _, folder = search(spec, settings, folder=folder_of(settings, by))
        (trial,) = read_trials(folder)
        assert len(trial.values) == 2


def test_a_metric_of_another_task_is_refused_when_the_data_tells_the_task(settings, tmp_path):
    with pytest.raises(SpecError, match="'rmse' for a search, needed one for classification"):
        search(spec_of(tmp_path, {"metric": "rmse", "cv": 2, "space": TREE}), settings)


def test_training_options_become_those_of_the_chosen_spec(settings, tmp_path):
    from workbench.training.searching import Trial

    spec = spec_of(tmp_path, {"cv": 2, "space": {"training.batch_size": [16, 32]}}, estimator={"name": "dense_network"})
    trial = Trial(1, "dense_network", {"dropout": 0.2}, {"batch_size": 16}, "finished", value=0.9)
    chosen = chosen_spec(spec, trial)
    assert chosen.training.batch_size == 16
    assert chosen.estimator.params == {"dropout": 0.2}


def test_a_huge_grid_is_bounded_by_its_trials(settings, tmp_path):
    values = [*range(2, 52)]
    space = {"max_leaf_nodes": values, "min_samples_leaf": values, "min_samples_split": values}
    space["max_depth"] = [1, 2, 3, 4, 5, 6, 7, 8]
    _, folder = search(spec_of(tmp_path, {"method": "grid", "n_trials": 5, "cv": 2, "space": space}), settings)
    assert len(read_trials(folder)) == 5


@pytest.mark.parametrize("estimator", ["hist_gradient_boosting", "gradient_boosting", "random_forest"])
def test_a_slow_trial_does_not_take_the_whole_budget_and_what_was_found_is_kept(
    settings, tmp_path, monkeypatch, estimator
):
    """Rigged: whatever has leaves of single rows counts as slow."""
    from workbench.training.searching import arena, clock

    slow = arena.Arena._is_slow
    monkeypatch.setattr(
        arena.Arena, "_is_slow", lambda self, arm: arm.config["min_samples_leaf"] == 1 or slow(self, arm)
    )
    space = {"min_samples_leaf": [1, 20]}
    asked = {"method": "random", "n_trials": 2, "minutes": 5, "cv": 2, "space": space}
    chosen, folder = search(spec_of(tmp_path, asked, estimator={"name": estimator}), settings)
    ended = {trial.params["min_samples_leaf"]: trial for trial in read_trials(folder)}
    assert (ended[1].status, ended[20].status) == ("pruned", "finished")
    assert "more than a quarter of the search's 5 minutes" in ended[1].reason
    assert chosen.estimator.params["min_samples_leaf"] == 20
    assert clock.Clock(None, 1).is_slow(16 * clock.usable_cores())
    assert not clock.Clock(None, 1).is_slow(14 * clock.usable_cores())
    assert not clock.Clock(None, None).is_slow(1e9)
    assert not clock.Clock(None, 1e-9).is_slow(1e9)  # nothing was found in time: the next may take what it needs


def test_early_stopping_fits_each_fold_of_boosting_once(settings, tmp_path, monkeypatch):
    from workbench.training.searching import looping

    fits = []
    fit = looping.fit_in_loop
    monkeypatch.setattr(looping, "fit_in_loop", lambda *given: (fits.append(1), fit(*given))[1])
    asked = {"method": "grid", "cv": 2, "space": {"max_iter": [5, 40], "learning_rate": [0.1, 0.3]}}
    spec = spec_of(
        tmp_path, asked, estimator={"name": "hist_gradient_boosting"}, training={"early_stopping": {"patience": 3}}
    )
    _, folder = search(spec, settings)
    assert [trial.params["max_iter"] for trial in read_trials(folder)] == [40, 40]
    assert len(fits) == 4
