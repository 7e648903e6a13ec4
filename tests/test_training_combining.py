"""Runs that combine finished runs: soft voting and stacking, in one graph."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from workbench.data import sample
from workbench.errors import EstimatorError, RunError
from workbench.estimators.combined import SMALLEST
from workbench.evaluation import open_report
from workbench.package.predictor import load_native, load_predictor
from workbench.storage import write_json
from workbench.training.combining import combined_spec
from workbench.training.listing import open_run
from workbench.training.members import open_members
from workbench.training.pipeline import run_pipeline
from workbench.training.progress import Progress
from workbench.training.run import Run
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, read_state, write_state

TITANIC = [
    {"step": "drop_columns", "columns": ["name", "ticket", "cabin", "boat", "body", "home.dest"]},
    {"step": "impute", "columns": ["age", "fare"], "strategy": "median"},
    {"step": "one_hot", "columns": ["sex", "embarked"]},
]


def execute(spec, settings, run_id):
    folder = settings.runs / run_id
    folder.mkdir(parents=True)
    write_state(folder, RunState(status="queued", created=1.0))
    write_json(folder / "spec.json", spec.to_dict())
    progress = Progress(folder)
    status, reason = run_pipeline(spec, folder, progress=progress, settings=settings)
    progress.end(status, reason)
    return open_run(run_id, settings=settings)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    from workbench.settings import Settings

    folder = tmp_path_factory.mktemp("combined")
    return Settings(home=folder, models=folder / "models")


@pytest.fixture(scope="module")
def titanic(home) -> list[Run]:
    def spec(name, recipe, **params):
        return RunSpec(
            data={"source": "titanic", "target": "survived"},
            recipe=recipe,
            estimator={"name": name, "params": params},
        )

    ordinal = [*TITANIC[:2], {"step": "ordinal", "columns": ["sex", "embarked"]}]
    return [
        execute(spec("logistic_regression", TITANIC), home, "logistic"),
        execute(spec("random_forest", ordinal, n_estimators=20), home, "forest"),
    ]


@pytest.fixture(scope="module")
def diabetes(home) -> list[Run]:
    def spec(**params):
        return RunSpec(
            data={"source": "diabetes", "target": "progression"},
            estimator={"name": "linear_regression", "params": params},
        )

    return [execute(spec(), home, "ridge"), execute(spec(penalty="none"), home, "plain")]


def test_voting_is_the_mean_of_its_runs(titanic, home):
    run = execute(combined_spec(titanic, method="voting"), home, "voting")
    assert run.status == "finished"
    rows = sample("titanic").frame().head(50)
    expected = np.mean([each.model().predict_proba(rows) for each in titanic], axis=0)
    model = load_predictor(run.package_folder, settings=home)
    assert model.engine == "onnx"
    assert np.allclose(model.predict_proba(rows), expected, atol=1e-9)
    assert np.allclose(load_native(run.package_folder, settings=home).predict_proba(rows), expected, atol=1e-9)


def test_stacking_learns_from_validation_rows_whom_to_trust(titanic, home):
    from sklearn.linear_model import LogisticRegression

    run = execute(combined_spec(titanic, method="stacking"), home, "stacking")
    reports = [each.report() for each in titanic]

    def logs(part):
        answers = [r.predictions(part).sort("row").select("probability_0", "probability_1").to_numpy() for r in reports]
        return np.log(np.maximum(np.hstack(answers), SMALLEST))

    y = reports[0].predictions("validation").sort("row")["y_true"].to_numpy()
    theirs = LogisticRegression(max_iter=5_000).fit(logs("validation"), y)
    ours = open_report(run.report_folder).predictions("test").sort("row")
    assert np.allclose(ours["probability_1"].to_numpy(), theirs.predict_proba(logs("test"))[:, 1], atol=1e-9)
    model = run.model()
    assert model.engine == "onnx"
    rows = sample("titanic").frame()[ours["row"].to_list()]
    assert np.allclose(model.predict_proba(rows)[:, 1], ours["probability_1"].to_numpy(), atol=1e-7)
    assert "flatter" in read_state(run.folder).note


def test_combined_regressions_stay_in_the_unit_of_the_target(diabetes, home):
    for method in ("voting", "stacking"):
        run = execute(combined_spec(diabetes, method=method), home, f"diabetes-{method}")
        metrics = run.metrics()["test"]
        single = [each.metrics()["test"]["rmse"] for each in diabetes]
        assert metrics["rmse"] < 1.05 * min(single)
        rows = sample("diabetes").frame().head(5)
        assert np.isfinite(run.model().predict(rows)).all()


def test_runs_on_other_rows_are_refused(titanic, home):
    other = titanic[0].spec.model_copy(update={"seed": 7})
    stranger = execute(other, home, "another-seed")
    with pytest.raises(EstimatorError, match=r"another-seed, which has other train rows; needed runs on the same rows"):
        open_members(["logistic", "another-seed"], combined_spec([titanic[0], stranger]), home)


def test_runs_on_another_table_are_refused(titanic, diabetes, home):
    with pytest.raises(EstimatorError, match="ridge, which has another table"):
        open_members(["logistic", "ridge"], combined_spec(titanic), home)


def test_one_run_is_too_few(titanic, home):
    with pytest.raises(EstimatorError, match="Got 1 runs to combine, needed at least two"):
        combined_spec(titanic[:1])
    with pytest.raises(EstimatorError, match="at least two different ones"):
        open_members(["logistic", "logistic"], combined_spec(titanic), home)


def test_a_run_without_a_model_is_refused(titanic, home):
    folder = home.runs / "failed"
    folder.mkdir()
    write_state(folder, RunState(status="failed", created=1.0, reason="It broke."))
    write_json(folder / "spec.json", titanic[0].spec.to_dict())
    with pytest.raises(RunError, match="failed and has no model: It broke"):
        open_members(["logistic", "failed"], combined_spec(titanic), home)


def test_stacking_without_validation_rows_is_refused(home):
    spec = RunSpec(
        data={"source": "iris", "target": "species"},
        split={"validation": 0.0},
        estimator={"name": "logistic_regression"},
    )
    found = [execute(spec, home, name) for name in ("iris-a", "iris-b")]
    with pytest.raises(EstimatorError, match="without validation rows, which stacking learns from"):
        execute(combined_spec(found, method="stacking"), home, "iris-stacking")


@pytest.fixture(scope="module")
def machines(home) -> list[Run]:
    """Two runs on rows whose split, by a column, gives the validation part no row of the class `leak`."""
    parts = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    rows = []
    for i in range(400):
        part, level = parts[i % 10], (i * 37 % 400) / 66
        fault = "leak" if level > 5 and part != "validation" else "heat" if level > 3 else "none"
        rows.append((part, round(level, 3), fault))
    source = home.home / "machines.csv"
    pl.DataFrame(rows, schema=["part", "level", "fault"], orient="row").write_csv(source)

    def spec(name, **params):
        return RunSpec(
            data={"source": str(source), "target": "fault"},
            split={"by": "column", "column": "part"},
            estimator={"name": name, "params": params},
        )

    return [
        execute(spec("random_forest", n_estimators=10), home, "machines-forest"),
        execute(spec("decision_tree"), home, "machines-tree"),
    ]


def test_stacking_keeps_a_class_that_validation_lacks_and_names_it(machines, home):
    run = execute(combined_spec(machines), home, "machines-stacked")
    assert "No validation row is of class 'leak'" in (run.state.note or "")
    report = run.report()
    test = report.predictions("test")
    leaks = test.filter(pl.col("y_true") == "leak")
    assert leaks.height > 5
    means = (
        pl.concat([each.report().predictions("test").sort("row") for each in machines])
        .group_by("row")
        .agg(pl.col("probability_leak").mean())
    )
    assert test.sort("row")["probability_leak"].to_list() == pytest.approx(
        means.sort("row")["probability_leak"].to_list()
    )
    assert run.model().engine == "onnx"
    rows = pl.DataFrame({"part": ["test"] * 3, "level": [5.9, 4.0, 1.0]})
    asked = load_native(run.package_folder).predict_proba(rows)
    np.testing.assert_allclose(run.model().predict_proba(rows), asked, rtol=0, atol=1e-9)
    assert run.model().predict(rows)[0] == "leak"


def test_a_class_without_training_rows_is_named(home, tmp_path):
    parts, faults = ["train", "train", "validation", "test"] * 20, ["none", "heat", "leak", "none"] * 20
    frame = pl.DataFrame({"part": parts, "level": range(80), "fault": faults})
    frame.write_csv(tmp_path / "late.csv")
    spec = RunSpec(
        data={"source": str(tmp_path / "late.csv"), "target": "fault"},
        split={"by": "column", "column": "part"},
        estimator={"name": "decision_tree"},
    )
    run = execute(spec, home, "late")
    assert "No training row is of class 'leak', so it is never predicted." in (run.state.note or "")
