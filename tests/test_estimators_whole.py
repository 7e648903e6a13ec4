"""Every estimator of tables learns every task that it names, from a RunSpec to a package that answers."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workbench.estimators import catalogue
from workbench.package import load_predictor
from workbench.settings import Settings
from workbench.storage import read_json
from workbench.training.pipeline import run_pipeline
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import PACKAGE, RunState, read_state, write_state

TITANIC = [
    {"step": "drop_columns", "columns": ["name", "ticket", "boat", "body", "cabin", "home.dest"]},
    {"step": "impute", "columns": ["age", "fare"], "strategy": "median"},
    {"step": "one_hot", "columns": ["sex", "embarked"]},
    {"step": "standardize", "columns": ["age", "fare", "pclass", "sibsp", "parch"]},
]
DIABETES = [{"step": "standardize", "columns": ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]}]
SAMPLES: dict[str, dict[str, Any]] = {
    "titanic": {"target": "survived", "task": "classification", "recipe": TITANIC, "least": ("accuracy", 0.7)},
    "iris": {"target": "species", "task": "classification", "recipe": [], "least": ("accuracy", 0.8)},
    "diabetes": {"target": "progression", "task": "regression", "recipe": DIABETES, "least": ("r2", 0.2)},
}
SMALL = {"n_estimators": 20, "max_iter": 20, "units": 8}
NETWORKS = {"epochs": 15, "batch_size": 16, "learning_rate": 0.01}


def combinations() -> list[tuple[str, str]]:
    tables = [entry for entry in catalogue().values() if entry.takes == "table" and entry.family != "own"]
    found = [(entry, sample) for entry in tables for sample, given in SAMPLES.items() if given["task"] in entry.tasks]
    # Networks have tests of their own; one of two classes and one of numbers would cost most of the time here.
    return [(entry.name, sample) for entry, sample in found if entry.engine == "sklearn" or sample != "titanic"]


def run(name: str, sample: str, settings: Settings, *, training: dict[str, Any] | None = None) -> tuple[RunSpec, Path]:
    entry, given = catalogue()[name], SAMPLES[sample]
    sized = {p.name: SMALL[p.name] for p in entry.parameters if p.name in SMALL and "epochs" not in p.name}
    if name in ("lasso", "elastic_net", "logistic_regression"):
        sized.pop("max_iter")
    spec = RunSpec.parse(
        {
            "name": f"{sample}-{name.replace('_', '-')}",
            "data": {"source": sample, "target": given["target"], "task": given["task"]},
            "recipe": given["recipe"],
            "estimator": {"name": name, "params": sized},
            "training": training or (NETWORKS if entry.engine == "keras" else {}),
        }
    )
    folder = settings.runs / spec.name
    folder.mkdir(parents=True)
    write_state(folder, RunState(status="queued", created=time.time()))
    status, reason = run_pipeline(spec, folder, progress=Progress(folder), settings=settings)
    assert (status, reason) == ("finished", None)
    return spec, folder


@pytest.mark.parametrize(("name", "sample"), combinations())
def test_an_estimator_learns_a_sample_end_to_end(name: str, sample: str, settings: Settings) -> None:
    spec, folder = run(name, sample, settings)
    entry, given = catalogue()[name], SAMPLES[sample]
    package = folder / PACKAGE
    info = read_json(package / "package.json")
    assert info["engine"] == ("onnx" if entry.converts else "native"), info["reason"]
    if entry.converts:
        assert info["labels_changed"] == 0 and info["max_difference"] < 1e-5
    predictor = load_predictor(package, settings=settings)
    import workbench as wb

    rows = wb.sample(sample).frame().head(20)
    assert predictor.predict(rows).shape == (20,)
    metric, least = given["least"]
    if name != "baseline":
        assert read_json(package / "metrics.json")["test"][metric] >= least
    assert RunSpec.from_yaml(spec.to_yaml()) == spec
    assert RunSpec.parse(read_json(package / "spec.json")) == spec


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_a_calibrated_model_is_packaged_with_its_graph(method: str, settings: Settings) -> None:
    _, folder = run("random_forest", "titanic", settings, training={"calibration": method})
    info = read_json(folder / PACKAGE / "package.json")
    assert (info["engine"], info["labels_changed"]) == ("onnx", 0)
    assert "are optimistic" in (read_state(folder).note or "")
    assert read_json(folder / PACKAGE / "metrics.json")["test"]["accuracy"] > 0.7


def test_an_own_estimator_is_trained_by_a_worker_of_its_own(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import workbench as wb

    path = tmp_path / "mine.py"
    path.write_text(
        "from workbench.estimators import own\n"
        "own.sklearn('bayesian_ridge', 'sklearn.linear_model.BayesianRidge', tasks=['regression'])\n"
    )
    monkeypatch.setenv("WORKBENCH_ESTIMATORS", str(path))
    spec = {"data": {"source": "diabetes", "target": "progression"}, "estimator": {"name": "bayesian_ridge"}}
    run = wb.train(spec)
    assert run.status == "finished", run.reason
    package = load_predictor(run.folder / PACKAGE)
    assert package.engine == "onnx"
    assert package.predict(wb.sample("diabetes").frame().head(3)).shape == (3,)


def test_settings_made_by_hand_name_the_own_file_too(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.estimators import own_file

    monkeypatch.setattr(own_file, "_used", None)  # and put back at the end
    path = tmp_path / "mine.py"
    path.write_text(
        "from workbench.estimators import own\n"
        "own.sklearn('bayesian_ridge', 'sklearn.linear_model.BayesianRidge', tasks=['regression'])\n"
    )
    import workbench as wb

    spec = {"data": {"source": "diabetes", "target": "progression"}, "estimator": {"name": "bayesian_ridge"}}
    run = wb.train(spec, settings=replace(settings, estimators=path))
    assert run.status == "finished", run.reason
