"""A target that a step makes: learned, checked, packaged and served without what it is made from."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import httpx
import numpy as np
import polars as pl
import pytest
from test_service_http import running

import workbench as wb
from workbench import registry
from workbench.api.running import Run
from workbench.data import store_frame
from workbench.errors import RecipeError, TargetError
from workbench.export import as_code, as_script
from workbench.recipe import check_recipe, fit_recipe, prepared
from workbench.recipe.checks import apply_remedy, check_data
from workbench.recipe.given import parsed_steps
from workbench.recipe.made_target import making_steps, target_column, target_sources, task_for, telling_columns
from workbench.recipe.suggesting import suggest_for
from workbench.service import create_app
from workbench.training.leaking import leak_comparison
from workbench.training.pipeline import run_pipeline
from workbench.training.preparing import prepare_rows
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, write_state

LATE = {"step": "calculate", "name": "late", "expression": "arr_delay > 15"}
KNOWN = {"step": "drop_missing", "columns": ["late"]}
DROP = {"step": "drop_columns", "columns": ["arr_delay", "dest"]}
ENDING = [
    {"step": "impute", "columns": ["distance"]},
    {"step": "one_hot", "columns": ["carrier"]},
    {"step": "standardize", "columns": ["distance", "hour"]},
]
BOOSTING = {"name": "hist_gradient_boosting", "params": {"max_iter": 20}}
RECIPE = [LATE, KNOWN, DROP, *ENDING]


def flights(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    hour = rng.integers(5, 23, n_rows)
    delay = 4.0 * (hour - 12) + rng.normal(0, 15, n_rows)
    return pl.DataFrame(
        {
            "hour": hour,
            "carrier": rng.choice(["UA", "AA", "B6"], n_rows),
            "dest": rng.choice(["IAH", "MIA"], n_rows),
            "distance": np.where(rng.random(n_rows) < 0.05, np.nan, rng.integers(100, 2_500, n_rows)),
            "arr_delay": [
                None if drawn < 0.05 else value for drawn, value in zip(rng.random(n_rows), delay, strict=True)
            ],
        }
    ).with_columns(pl.col("distance").fill_nan(None))


@pytest.fixture
def table(settings):
    return store_frame(flights(), name="flights", settings=settings)


def spec(table, recipe=RECIPE, **changes):
    document = {
        "name": "late",
        "data": {"source": table.short_digest, "target": "late"},
        "recipe": recipe,
        "estimator": {"name": "logistic_regression"},
    }
    return RunSpec.parse(document | changes)


def trained(spec, settings):
    folder = settings.home / "runs" / f"{spec.name}-{spec.estimator.name}"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(spec.to_json())
    write_state(folder, RunState(status="queued", created=time.time()))
    progress = Progress(folder)
    status, reason = run_pipeline(spec, folder, progress=progress, settings=settings)
    progress.end(status, reason)
    return Run(folder, settings=settings)


@pytest.mark.parametrize("estimator", ["logistic_regression", "hist_gradient_boosting"])
def test_a_published_model_is_asked_for_neither_the_target_nor_what_it_is_made_from(settings, table, estimator):
    run = trained(spec(table, estimator={"name": estimator}), settings)
    assert run.report().classes == ["false", "true"]
    assert run.metrics()["test"]["roc_auc"] > 0.75
    run.publish("late")
    predictor = registry.load_model("late", settings=settings)
    assert predictor.signature.column_names == ["hour", "carrier", "distance"]
    rows = flights(5, seed=1).select("hour", "carrier", "distance")
    with running(create_app(settings)) as address:
        answer = httpx.post(f"{address}/predict/late", json=rows.to_dicts())
    assert answer.status_code == 200, answer.text
    served = [list(row["probability"].values()) for row in answer.json()["predictions"]]
    np.testing.assert_allclose(served, predictor.predict_proba(rows), atol=1e-12)
    card = (run.package_folder / "card.md").read_text()
    assert "1. `calculate` `late`: `arr_delay > 15`" in card or "1. `calculate` late: `arr_delay > 15`" in card
    unseen = run.unseen_rows(10)
    assert "late" not in unseen.columns
    assert len(predictor.predict(unseen)) == 10


def test_the_answers_of_a_run_are_those_that_the_expression_gives(settings, table):
    prepared_rows = prepare_rows(spec(table), table, settings)
    rows = np.concatenate([prepared_rows.split.learning, prepared_rows.split.test])
    delays = table.frame()["arr_delay"].to_numpy()[prepared_rows.positions[rows]]
    assert len(rows) == table.frame()["arr_delay"].count()
    assert [label == "true" for label in prepared_rows.labels(rows)] == [delay > 15 for delay in delays]


def test_a_regression_learns_what_is_computed(settings, table):
    making = {"step": "calculate", "name": "hours", "expression": "arr_delay / 60"}
    recipe = [making, {"step": "drop_missing", "columns": ["hours"]}, DROP, *ENDING]
    run = trained(
        spec(table, recipe, data={"source": table.short_digest, "target": "hours"}, estimator={"name": "ridge"}),
        settings,
    )
    assert run.report().task == "regression"
    assert 0.2 < run.metrics()["test"]["r2"] < 0.95


def test_folds_searches_and_explanations_take_a_made_target(settings, table):
    document = {
        "split": {"folds": 3},
        "search": {"method": "grid", "cv": 2, "metric": "roc_auc", "space": {"C": [0.1, 1.0]}},
    }
    run = trained(spec(table, **document), settings)
    assert run.metrics()["cross_validation"]["mean"]["roc_auc"] > 0.75
    explained = run.explain(engine="linear").importance()
    assert set(explained["column"]) == {"hour", "carrier", "distance"}


def test_what_is_left_of_its_sources_is_an_error_with_a_remedy_that_mends_it(table):
    steps = parsed_steps([LATE, KNOWN, {"step": "drop_columns", "columns": ["dest"]}, *ENDING])
    found = {check.code: check for check in check_data(table, target="late", steps=steps)}
    assert (found["WB105"].severity, found["WB105"].columns) == ("error", ("arr_delay",))
    assert found["WB105"].message == "late is made from arr_delay, which stays."
    mended = apply_remedy(steps, found["WB105"].remedies[0])
    assert "WB105" not in {check.code for check in check_data(table, target="late", steps=mended)}
    recipe = fit_recipe(mended, table.frame().drop_nulls("arr_delay"), target="late")
    assert recipe.input_columns == ["hour", "carrier", "distance"]


def test_a_part_of_what_makes_it_is_a_warning_since_it_may_be_known_beforehand(settings):
    frame = flights().with_columns(dep_delay=pl.col("arr_delay") / 2 + pl.col("hour"))
    table = store_frame(frame, name="both", settings=settings)
    lost = {"step": "calculate", "name": "lost", "expression": "arr_delay - dep_delay > 0"}
    late = {"step": "calculate", "name": "departed", "expression": "dep_delay / 60"}
    steps = parsed_steps([lost, late, {"step": "drop_columns", "columns": ["arr_delay"]}])
    found = next(check for check in check_data(table, target="lost", steps=steps) if check.code == "WB105")
    assert (found.severity, found.columns) == ("warning", ("dep_delay", "departed"))
    assert telling_columns(table, steps, "lost") == {"dep_delay": ("dep_delay",), "departed": ("dep_delay",)}


def test_rows_without_an_answer_are_dropped_by_one_remedy_behind_the_step_that_makes_it(table):
    steps = parsed_steps([LATE, DROP])
    missing = next(check for check in check_data(table, target="late", steps=steps) if check.code == "WB121")
    mended = apply_remedy(steps, missing.remedies[0])
    assert [step.step for step in mended] == ["calculate", "drop_missing", "drop_columns"]
    check_recipe(mended, table.columns, "late", finished=False)


def test_a_run_says_that_the_model_sees_what_its_target_is_made_from(settings, table):
    seeing = [LATE, KNOWN, {"step": "drop_columns", "columns": ["dest"]}, *ENDING]
    assert prepare_rows(spec(table, seeing, estimator=BOOSTING), table, settings).notes == (
        "late is made from what the model also sees in arr_delay, so that its scores promise too much, and requests "
        "must give it. Add the step drop_columns with columns [arr_delay].",
    )
    assert prepare_rows(spec(table), table, settings).notes == ()


def test_the_comparison_of_leaks_scores_without_what_the_target_is_made_from(settings, table):
    recipe = [LATE, KNOWN, {"step": "drop_columns", "columns": ["dest"]}, *ENDING]
    found = leak_comparison(spec(table, recipe, estimator=BOOSTING), settings=settings)
    scores = {way: score for way, metric, score in found.frame().rows() if metric == "roc_auc"}
    honest, without = (score for way, score in scores.items() if way.startswith("training rows"))
    assert honest > 0.99 > without


def test_a_suggestion_keeps_what_makes_the_target_and_leaves_out_what_it_is_made_from(table):
    delay = {"step": "rename", "names": {"arr_delay": "delay"}}
    late = {"step": "calculate", "name": "late", "expression": "delay > 15"}
    steps = [step for step, _ in suggest_for(table, "late", steps=parsed_steps([delay, late]))]
    assert [step.step for step in steps[:4]] == ["rename", "calculate", "drop_missing", "drop_columns"]
    assert steps[3].columns == ("delay",)
    check_recipe(steps, table.columns, "late", handles_missing=False)


def test_making_steps_are_those_that_the_target_comes_out_of(table):
    converted = {"step": "convert", "columns": ["arr_delay"], "to": "number"}
    other = {"step": "flag_missing", "columns": ["distance"]}
    steps = parsed_steps([other, converted, LATE, {"step": "convert", "columns": ["late"], "to": "text"}])
    assert [step.step for step in making_steps(steps, "late")] == ["convert", "calculate", "convert"]
    assert target_sources(table, steps, "late") == ("arr_delay",)
    assert target_column(table, steps, "late").dtype == "String"
    assert task_for(table, steps, "late") == "classification"


def test_a_renamed_column_can_be_the_target_and_is_no_feature(settings, table):
    renamed = [{"step": "rename", "names": {"arr_delay": "delay"}}, {"step": "drop_missing", "columns": ["delay"]}]
    recipe = [*renamed, {"step": "drop_columns", "columns": ["dest"]}, *ENDING]
    rows = prepare_rows(spec(table, recipe, data={"source": table.short_digest, "target": "delay"},
                             estimator={"name": "ridge"}), table, settings)  # fmt: skip
    fitted = fit_recipe(rows.steps, rows.raw(rows.split.train), target="delay")
    assert fitted.input_columns == ["hour", "carrier", "distance"]


def test_changing_the_delays_of_test_rows_moves_nothing_that_was_learned(settings, table):
    encoding = {"step": "target_encode", "columns": ["carrier", "dest"]}
    recipe = [LATE, KNOWN, {"step": "drop_columns", "columns": ["arr_delay"]}, ENDING[0], encoding]
    chosen = spec(table, recipe, split={"stratify": False})  # strata follow the answers, and with them the parts
    rows = prepare_rows(chosen, table, settings)
    test = pl.Series(np.isin(np.arange(table.n_rows), rows.positions[rows.split.test]))
    frame = table.frame().with_columns(
        pl.when(test).then(pl.col("arr_delay") * -100).otherwise("arr_delay").alias("arr_delay")
    )
    changed = prepare_rows(chosen, store_frame(frame, name="changed", settings=settings), settings)
    first, second = (
        fit_recipe(each.steps, each.raw(each.split.train), target="late", seed=0).to_dict() for each in (rows, changed)
    )
    assert first == second
    assert rows.labels(rows.split.test).tolist() != changed.labels(changed.split.test).tolist()


def test_a_column_that_nothing_makes_is_refused_with_the_nearest(settings, table):
    with pytest.raises(TargetError, match=r"Got target 'latte', needed one of the 6 columns .* Did you mean 'late'\?"):
        prepare_rows(spec(table, data={"source": table.short_digest, "target": "latte"}), table, settings)
    switched_off = [{**LATE, "enabled": False}, *RECIPE[2:]]
    with pytest.raises(TargetError, match="Got target 'late', needed one of the 5 columns"):
        prepare_rows(spec(table, switched_off), table, settings)


def test_a_step_that_learns_cannot_take_what_is_to_be_predicted(table):
    steps = parsed_steps([LATE, {"step": "one_hot", "columns": ["late"]}])
    with pytest.raises(RecipeError, match=r"Step 2 \(one_hot\): got column 'late', which is the target"):
        check_recipe(steps, table.columns, "late", finished=False)


def test_the_code_of_a_page_and_the_script_run_as_they_stand(settings, table, monkeypatch):
    chosen = spec(table)
    code = as_code(chosen, "prepare")
    assert "check_data" in code and "leak_comparison" in code
    exec(compile(code, "prepare", "exec"), {})
    assert "target: late" in as_script(chosen)


def test_the_command_line_checks_previews_and_suggests_for_a_made_target(settings, tmp_path):
    flights().write_csv(tmp_path / "flights.csv")
    (tmp_path / "late.json").write_text(json.dumps(RECIPE))

    def run(*words):
        command = [sys.executable, "-m", "workbench", *words, "--target", "late", "--json"]
        return json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True).stdout)

    assert "WB105" not in {entry["code"] for entry in run("check", "flights.csv", "--recipe", "late.json")}
    assert run("recipe", "preview", "late.json", "flights.csv")[1]["rows_after"] < 400
    suggested = run("recipe", "suggest", "flights.csv", "--recipe", "late.json")
    assert [entry["step"] for entry in suggested[:2]] == ["calculate", "drop_missing"]


def test_a_made_target_stays_what_it_is_in_rows_and_previews(table):
    steps = parsed_steps(RECIPE)
    seen = wb.preview_recipe(table, steps, target="late")
    assert seen.after["late"].null_count() == 0
    assert prepared(table, steps, columns=["late"], target="late").height == table.n_rows
