"""Everything sensible, the estimate of time, and searches as a user starts them."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pytest
from search_runs import folder_of, search, spec_of
from typer.testing import CliRunner

import workbench as wb
from workbench import storage
from workbench.estimators.catalogue import entry
from workbench.training.searching import (
    boosted_fit,
    estimate,
    everything,
    fitting,
    leaderboard_frame,
    read_trials,
    trials_frame,
)
from workbench.training.searching.asking import make_space
from workbench.training.searching.endings import ending_for, with_ending
from workbench.training.searching.importance import importances
from workbench.training.searching.space import Dimension
from workbench.training.searching.trials import Trial
from workbench.training.searching.work import likely_fits
from workbench.ui.run_words import estimator_title

QUICK = ["baseline", "logistic_regression", "decision_tree", "nearest_neighbors"]


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A search over everything, with an estimator that can't learn these rows; its recipe leaves text as it is."""
    from workbench.settings import Settings

    folder = tmp_path_factory.mktemp("tried")
    settings = Settings(home=folder / "home", models=folder / "models")
    spec = spec_of(
        folder,
        {"method": "everything", "n_trials": 9, "cv": 2, "metric": "log_loss", "estimators": QUICK},
        recipe=[{"step": "drop_columns", "columns": ["amount"]}],
    )
    fit = everything.Everything._try

    def fail(self, arm):
        if arm.estimator == "nearest_neighbors":
            arm.status, arm.reason = "failed", "Memory ran out."
        else:
            fit(self, arm)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(everything.Everything, "_try", fail)
        chosen, run_folder = search(spec, settings)
    return chosen, run_folder, settings


def test_everything_tries_each_estimator_and_searches_the_best(tried):
    chosen, folder, _ = tried
    trials = read_trials(folder)
    assert [trial.estimator for trial in trials[:4]] == QUICK
    assert {trial.estimator for trial in trials[4:]} <= {"logistic_regression", "decision_tree"}
    assert len(trials) == 9
    tree, logistic = entry("decision_tree"), entry("logistic_regression")
    defaults = {found.name: {each.name: each.default for each in found.parameters} for found in (tree, logistic)}
    assert all(trial.params.items() - defaults[trial.estimator].items() for trial in trials[4:])  # none is tried twice
    best = min((trial for trial in trials if trial.status == "finished"), key=lambda trial: trial.value)
    assert chosen.estimator.name == best.estimator != "baseline"


def test_a_run_that_tried_everything_is_called_by_what_it_chose(tried):
    chosen, folder, settings = tried
    spec = wb.RunSpec.parse({**chosen.to_dict(), "estimator": {"name": "hist_gradient_boosting"}})
    assert spec.search.method == "everything"
    storage.write_json(folder / "spec.json", spec.to_dict())
    run = wb.open_run(folder.name, settings=settings)
    assert run.estimator == chosen.estimator.name
    assert wb.runs_frame(settings=settings)["estimator"].to_list() == [chosen.estimator.name]
    assert [found.id for found in wb.runs(search=chosen.estimator.name, settings=settings)] == [run.id]
    assert estimator_title(run.estimator) == entry(chosen.estimator.name).title
    decided = folder / "chosen.json"
    decided.rename(folder / "aside.json")
    assert run.estimator == "everything"
    assert estimator_title(run.estimator) == "Everything sensible"
    (folder / "aside.json").rename(decided)


def test_an_estimator_that_fails_is_listed_with_its_reason(tried):
    _, folder, _ = tried
    board = leaderboard_frame(read_trials(folder), by_estimator=True)
    assert board["estimator"].to_list()[-1] == "nearest_neighbors"
    assert board["reason"].to_list()[-1] == "Memory ran out."
    assert board["rank"].to_list()[-1] is None
    assert board["estimator"].n_unique() == board.height == 4


def test_each_estimator_gets_the_steps_that_it_lacks(tried):
    chosen, folder, _ = tried
    linear, tree = (next(t for t in read_trials(folder) if t.estimator == name) for name in QUICK[1:3])
    assert [step["step"] for step in linear.recipe] == ["one_hot", "standardize"]
    assert [step["step"] for step in tree.recipe] == ["one_hot"]
    assert [step.step for step in chosen.recipe][0] == "drop_columns"
    assert "one_hot" in [step.step for step in chosen.recipe]


def test_cost_is_measured_on_the_graph(tried):
    _, folder, _ = tried
    first = {trial.estimator: trial for trial in read_trials(folder)[:3]}
    assert all(trial.latency_by == "graph" and trial.latency_ms > 0 for trial in first.values())
    assert all(trial.size_mib is not None and trial.seconds >= 0 for trial in first.values())


def test_the_sensible_estimators_leave_out_what_many_rows_would_take_too_long():
    few = {found.name for found in everything.sensible_estimators("classification", 1_000)}
    many = {found.name for found in everything.sensible_estimators("classification", 10_000_000)}
    assert {"baseline", "random_forest", "hist_gradient_boosting", "logistic_regression", "svm"} <= few
    assert "svm" not in many
    assert not {"kmeans", "linear_regression"} & few
    assert everything.sensible_estimators("regression", 100)[0].name == "baseline"


def test_a_recipe_that_does_it_all_needs_no_ending(settings, tmp_path):
    from workbench.data import resolve
    from workbench.training.preparing import prepare_rows

    steps = [
        {"step": "drop_columns", "columns": ["amount"]},
        {"step": "one_hot", "columns": ["word"]},
        {"step": "standardize", "columns": ["a", "b", "noise"]},
    ]
    spec = spec_of(tmp_path, {"cv": 2}, recipe=steps, estimator={"name": "logistic_regression"})
    prepared = prepare_rows(spec, resolve(spec.data, settings=settings), settings)
    assert ending_for(prepared, entry("logistic_regression")) == ()
    assert with_ending(spec.recipe, ()) == spec.recipe


def test_halving_gives_few_rows_first_and_all_to_the_last(settings, tmp_path):
    from search_runs import rows

    tmp_path.mkdir(exist_ok=True)
    rows(2_400).write_csv(tmp_path / "rows.csv")
    space = {"max_depth": {"low": 1, "high": 12}, "min_samples_leaf": {"low": 1, "high": 200}}
    spec = spec_of(tmp_path, {"method": "halving", "n_trials": 9, "cv": 2, "metric": "log_loss", "space": space})
    _, folder = search(spec, settings)
    trials = read_trials(folder)
    finished = [trial for trial in trials if trial.status == "finished"]
    assert len(finished) == 1
    assert [count for count, _ in finished[0].rungs] == [107, 320, 960]
    assert finished[0].rungs[-1][0] == max(count for trial in trials for count, _ in trial.rungs)
    assert all("Not among the best" in trial.reason for trial in trials if trial.status == "pruned")


def test_the_parameter_that_matters_is_the_important_one():
    parameter = entry("decision_tree").parameter("max_depth")
    dimensions = [Dimension(name, parameter, low=1.0, high=10.0) for name in ("matters", "not")]
    rng = np.random.default_rng(0)
    trials = []
    for number in range(40):
        params = {"matters": int(rng.integers(1, 11)), "not": int(rng.integers(1, 11))}
        trials.append(Trial(number, "decision_tree", params, {}, "finished", value=params["matters"] / 10))
    found = importances(trials, dimensions)
    assert found["matters"] > 0.9 > 0.1 > found["not"]
    assert importances(trials[:7], dimensions) == {}


def test_an_estimate_grows_with_trials_and_folds(settings, tmp_path):
    space = {"max_depth": [2, 4, 8, 16]}
    one = estimate(spec_of(tmp_path, {"method": "grid", "n_trials": 1, "cv": 2, "space": space}), settings=settings)
    four = estimate(spec_of(tmp_path, {"method": "grid", "n_trials": 4, "cv": 4, "space": space}), settings=settings)
    assert (one.n_fits, four.n_fits) == (2, 16)
    assert one.seconds > 0
    assert "16 fits" in four.words
    plain = spec_of(tmp_path, {"cv": 2}).model_copy(update={"search": None})
    assert estimate(plain, settings=settings).n_fits == 1


@pytest.mark.parametrize(
    ("estimator", "n_trials", "space"),
    [
        ("decision_tree", 24, {"max_depth": {"low": 1, "high": 12}, "min_samples_leaf": {"low": 1, "high": 80}}),
        ("random_forest", 24, {"n_estimators": [70, 150], "max_depth": [1, 2, 3, 4, 6, 8, 12]}),
        (
            "hist_gradient_boosting", 5,
            {
                "max_iter": {"low": 20, "high": 250},
                "learning_rate": {"low": 0.05, "high": 0.5},
                "max_leaf_nodes": {"low": 2, "high": 20},
            },
        ),
    ],
)  # fmt: skip
def test_the_work_that_an_estimate_counts_on_is_done_within_a_factor_of_two(
    settings, tmp_path, monkeypatch, estimator, n_trials, space
):
    done = {"decision_tree": 0, "random_forest": 0, "hist_gradient_boosting": 0}
    grow, boost, fit = fitting._Forest._grow, boosted_fit.BoostedFit._measure, fitting._Single._advance

    def grown(self, n_trees):
        done["random_forest"] += n_trees - self._n_trees
        grow(self, n_trees)

    def boosted(self, booster):
        done["hist_gradient_boosting"] += booster.n_iter_
        boost(self, booster)

    def fitted(self, stage):
        done["decision_tree"] += 1
        return fit(self, stage)

    monkeypatch.setattr(fitting._Forest, "_grow", grown)
    monkeypatch.setattr(boosted_fit.BoostedFit, "_measure", boosted)
    monkeypatch.setattr(fitting._Single, "_advance", fitted)
    asked = {"method": "optuna", "n_trials": n_trials, "cv": 4, "metric": "log_loss", "space": space}
    spec = spec_of(tmp_path, asked, estimator={"name": estimator})
    _, folder = search(spec, settings)
    n_arms = len({trial.arm for trial in read_trials(folder)})
    searched = make_space(entry(estimator), spec.search)
    whole = searched.nested.at(1.0) if searched.nested else 1
    likely = likely_fits(spec.search, entry(estimator), searched, n_arms, 4)
    assert 0.5 < done[estimator] / whole / likely < 2
    assert likely < 4 * n_arms


def test_a_user_searches_trains_and_looks_at_the_trials(settings, tmp_path):
    spec = spec_of(
        tmp_path, {"method": "optuna", "n_trials": 5, "cv": 2, "metric": "accuracy", "space": {"max_depth": [1, 2, 3]}}
    )
    run = wb.start(spec, settings=settings).wait(240)
    assert run.status == "finished", run.reason
    assert run.trials().height == 3
    assert run.leaderboard()["rank"][0] == 1
    package = json.loads((run.package_folder / "spec.json").read_text())
    assert package["estimator"]["params"]["max_depth"] in (1, 2, 3)
    assert package["search"]["metric"] == "accuracy"
    assert run.spec.search.n_trials == 5
    from workbench.cli import app

    told = CliRunner().invoke(app, ["trials", run.id])
    assert told.exit_code == 0
    assert "max_depth" in told.stdout and "3 trials, best first" in told.stdout
    listed = json.loads(CliRunner().invoke(app, ["trials", run.id, "--json"]).stdout)
    assert {line["number"] for line in listed} == {1, 2, 3}


def test_the_command_line_estimates_without_starting_a_run(settings, tmp_path):
    from workbench.cli import app

    path = tmp_path / "spec.yaml"
    path.write_text(spec_of(tmp_path, {"method": "grid", "cv": 2, "space": {"max_depth": [1, 2]}}).to_yaml())
    told = CliRunner().invoke(app, ["train", str(path), "--dry-run", "--json"])
    assert json.loads(told.stdout)["n_fits"] == 4
    assert CliRunner().invoke(app, ["estimate", str(path)]).stdout.startswith("About ")
    assert not settings.runs.exists()


def test_a_search_that_cannot_be_is_refused_when_it_is_started(settings, tmp_path):
    with pytest.raises(wb.WorkbenchError, match="'depth' to search"):
        wb.start(spec_of(tmp_path, {"cv": 2, "space": {"depth": [1, 2]}}), settings=settings)


def test_frames_of_no_trials_have_their_columns(settings):
    folder = folder_of(settings)
    assert trials_frame(read_trials(folder)).columns[0] == "number"
    assert leaderboard_frame(read_trials(folder)).height == 0


def test_code_and_notebook_of_a_search_carry_it(tmp_path):
    from workbench.export import as_notebook, as_script, spec_from_notebook
    from workbench.export.code import as_code

    spec = spec_of(tmp_path, {"cv": 2, "space": {"max_depth": [1, None], "ccp_alpha": {"low": 0.001, "high": 1}}})
    assert spec_from_notebook(as_notebook(spec)) == spec
    assert "run.leaderboard()" in as_code(spec, "train")
    assert "print(run.leaderboard())" in as_script(spec)


def test_the_page_about_searches_is_in_step(settings, monkeypatch):
    from pathlib import Path

    text = (Path(__file__).resolve().parent.parent / "docs" / "search.md").read_text(encoding="utf-8")
    from workbench.training.searching import check_search

    for spec in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        check_search(wb.RunSpec.from_yaml(spec))
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(code, "search.md", "exec"), names)
    assert names["run"].status == "finished"
    assert names["run"].trials().height == 6


def test_what_was_not_tried_is_named_with_its_reason(settings, tmp_path, caplog):
    caplog.set_level("INFO", "workbench.training")
    folder = folder_of(settings, "few")
    search(
        spec_of(tmp_path, {"method": "everything", "n_trials": 2, "cv": 2, "metric": "roc_auc"}),
        settings,
        folder=folder,
    )
    note = next(line for line in caplog.messages if line.startswith("Not tried: "))
    assert {trial.estimator for trial in read_trials(folder)} == {"baseline", "logistic_regression"}
    assert "nearest_neighbors (2 trials don't reach so far)" in note
    assert "gradient_boosting (tried only where search.estimators names it)" in note
    assert not re.search(r"\b(baseline|logistic_regression|kmeans) \(", note)


def test_a_search_that_was_stopped_and_trained_goes_on_with_more_trials_in_workers_of_its_own(settings, tmp_path):
    space = {"max_depth": {"low": 1, "high": 12}, "min_samples_leaf": {"low": 1, "high": 100, "scale": "linear"}}
    asked = {"method": "random", "n_trials": 1_000, "cv": 3, "metric": "log_loss", "prune": False, "space": space}
    run = wb.start(spec_of(tmp_path, asked), settings=settings)
    while run.trials().height < 5 and not run.state.has_ended:
        time.sleep(0.05)
    run.stop()
    assert run.wait(240).status == "stopped", run.reason
    assert (run.package_folder / "model.onnx").exists()
    before = (run.folder / "trials.jsonl").read_bytes()
    n_before = run.trials().height
    assert 5 <= n_before < 1_000

    run.resume(n_trials=n_before + 12)
    assert run.wait(240).status == "finished", run.reason
    trials = read_trials(run.folder)
    assert (run.folder / "trials.jsonl").read_bytes().startswith(before)  # none of them was measured again
    assert [trial.number for trial in trials] == [*range(1, n_before + 13)]
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials}) == n_before + 12
    best = min(trials, key=lambda trial: trial.value)
    package = json.loads((run.package_folder / "spec.json").read_text())
    assert package["estimator"]["params"] == best.params
    assert package["search"]["n_trials"] == n_before + 12
