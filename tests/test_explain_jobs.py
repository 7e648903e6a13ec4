"""Explaining packages: here, and in a process of its own that is found, reused, and noticed when killed."""

import time

import numpy as np
import polars as pl
import psutil
import pytest
from pydantic import TypeAdapter

from workbench import storage
from workbench.errors import ExplainError, InputError
from workbench.estimators import build_sklearn, wrap_model
from workbench.explain import explain, explain_rows, jobs, open_explanation, start_explanation, worker
from workbench.package import build_package, load_predictor, make_signature
from workbench.recipe import Step, fit_recipe
from workbench.settings import Settings


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 120
    return pl.DataFrame(
        {
            "age": [None if rng.random() < 0.2 else float(v) for v in rng.normal(30, 12, n).round()],
            "fare": rng.exponential(30, n).round(2),
            "sex": rng.choice(["male", "female"], n).tolist(),
            "survived": rng.integers(0, 2, n),
        },
        schema_overrides={"age": pl.Float64},
    )


@pytest.fixture(scope="module")
def package(table, tmp_path_factory):
    steps = TypeAdapter(tuple[Step, ...]).validate_python(
        [{"step": "impute", "columns": ["age"]}, {"step": "one_hot", "columns": ["sex"]}]
    )
    recipe = fit_recipe(steps, table, target="survived")
    X = recipe.transform(table)
    y = (table["sex"] == "female").to_numpy().astype(int)
    estimator = build_sklearn("random_forest", {"n_estimators": 10}, task="classification", seed=0, n_jobs=1).fit(X, y)
    model = wrap_model(estimator, "random_forest", X, task="classification", classes=[0, 1])
    folder = tmp_path_factory.mktemp("package") / "forest"
    build_package(
        folder,
        spec={},
        recipe=recipe,
        model=model,
        signature=make_signature(recipe, table, "survived", "classification", [0, 1]),
        train=table,
        evaluation=table,
        metrics={},
        settings=Settings(),
    )
    return folder


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", models=tmp_path / "models")


def test_a_package_is_explained_by_the_engine_of_its_model(package, table, settings):
    trees = explain(package, table.head(20), settings=settings)
    assert trees.engine == "tree"
    assert trees.background_rows == 0
    assert trees.importance()["column"][0] == "sex"
    graph = explain(package, table.head(20), engine="permutation", settings=settings)
    predictor = load_predictor(package)
    np.testing.assert_allclose(graph.outputs, predictor.predict_proba(table.head(20)))
    np.testing.assert_allclose(trees.outputs, graph.outputs, atol=1e-5)
    np.testing.assert_allclose(trees.shap_values, graph.shap_values, atol=0.1)
    assert explain_rows(predictor, table.head(1)).additivity_error < 1e-12


def test_an_unknown_engine_is_refused_with_the_known_ones(package, table):
    with pytest.raises(ExplainError, match=r"Got the engine 'deep'.*permutation, gradient, kernel"):
        explain(package, table.head(1), engine="deep")


def test_a_job_runs_in_its_own_process_and_is_reused(package, table, settings):
    job = start_explanation(package, table.head(10), engine="permutation", settings=settings)
    assert job.status in ("queued", "running", "finished")
    explanation = job.result(timeout=120)
    assert explanation.n_rows == 10
    assert (job.status, job.progress) == ("finished", 1.0)
    written = (job.folder / "values.parquet").stat().st_mtime_ns
    again = start_explanation(package, table.head(10), engine="permutation", settings=settings)
    assert again.id == job.id
    assert again.status == "finished"
    assert (job.folder / "values.parquet").stat().st_mtime_ns == written
    assert open_explanation(job.id, settings=settings).result().additivity_error < 1e-12
    assert again.folder.parent == settings.explanations


def test_other_rows_engines_and_seeds_are_other_jobs(package, table, settings, monkeypatch):
    monkeypatch.setattr(jobs, "_launch", lambda folder, settings: None)
    ids = {
        start_explanation(package, table.head(n), engine=engine, seed=seed, settings=settings).id
        for n, engine, seed in ((3, "auto", 0), (4, "auto", 0), (3, "kernel", 0), (3, "auto", 1), (3, "auto", 0))
    }
    assert len(ids) == 4


def test_rows_are_by_default_the_packages_own(package, settings, monkeypatch):
    monkeypatch.setattr(jobs, "_launch", lambda folder, settings: None)
    job = start_explanation(package, n_rows=7, settings=settings)
    assert pl.read_parquet(job.folder / jobs.ROWS).height == 7
    assert worker.main(job.id, settings=settings) == 0
    assert job.result().engine == "tree"


def test_rows_that_do_not_fit_are_refused_before_a_process_starts(package, table, settings):
    with pytest.raises(InputError, match="sex"):
        start_explanation(package, table.drop("sex"), settings=settings)
    assert not settings.explanations.exists()


def test_a_killed_worker_shows_as_lost_and_may_be_started_again(package, table, settings):
    job = start_explanation(package, table.head(5), engine="kernel", settings=settings)
    psutil.Process(storage.read_json(job.folder / jobs.PROCESS)["pid"]).kill()
    deadline = time.monotonic() + 5
    while job.status != "lost" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert job.status == "lost"
    assert "killed by signal 9" in job.reason
    with pytest.raises(ExplainError, match=r"The explanation lost: Its process ended without a result"):
        job.result()
    again = start_explanation(package, table.head(5), engine="permutation", settings=settings)
    assert again.result(timeout=120).n_rows == 5


def test_a_failure_keeps_its_reason(package, table, settings, monkeypatch):
    monkeypatch.setattr(jobs, "_launch", lambda folder, settings: None)
    job = start_explanation(package, table.head(2), engine="linear", settings=settings)
    assert worker.main(job.id, settings=settings) == 1
    assert job.status == "failed"
    assert "Got a forest model, needed a linear one" in job.reason

    def broken(*args, **options):
        raise RuntimeError("numba says no")

    monkeypatch.setattr(worker, "explain", broken)
    job = start_explanation(package, table.head(2), engine="linear", settings=settings)
    assert worker.main(job.id, settings=settings) == 1
    assert job.reason == "RuntimeError: numba says no. Look into log.txt, or use engine='permutation'."


def test_progress_is_written_while_it_works(package, table, settings, monkeypatch):
    monkeypatch.setattr(jobs, "_launch", lambda folder, settings: None)
    monkeypatch.setattr(worker, "_REPORT_SECONDS", 0.0)
    job = start_explanation(package, table.head(40), settings=settings)
    seen = []
    write = jobs.write_state
    monkeypatch.setattr(
        worker, "write_state", lambda *args, **state: (write(*args, **state), seen.append(job.progress))
    )
    worker.main(job.id, settings=settings)
    assert seen == sorted(seen)
    assert any(0 < share < 1 for share in seen)


def test_an_unknown_id_is_refused(settings):
    with pytest.raises(ExplainError, match=r"Got the explanation '../x'"):
        open_explanation("../x", settings=settings)


def test_waiting_too_short_says_how_far_it_is(package, table, settings, monkeypatch):
    monkeypatch.setattr(jobs, "_launch", lambda folder, settings: None)
    job = start_explanation(package, table.head(2), settings=settings)
    with pytest.raises(ExplainError, match=r"Got no explanation within 0.1 s, 0% is done"):
        job.result(timeout=0.1)


def test_a_stopped_job_says_so(package, table, settings):
    job = start_explanation(package, table.head(6), engine="kernel", settings=settings)
    assert job.seconds_left is None
    job.stop()
    assert (job.status, job.reason) == ("failed", "It was stopped.")
    job.stop()
    job.wait(5)


def test_a_job_whose_starter_died_at_once_is_lost_after_a_while(package, table, settings, monkeypatch):
    monkeypatch.setattr(jobs, "_launch", lambda folder, settings: None)
    job = start_explanation(package, table.head(2), settings=settings)
    assert job.status == "queued"
    monkeypatch.setattr(jobs, "_START_SECONDS", 0.0)
    assert job.status == "lost"
    assert "ended before the worker began" in job.reason
