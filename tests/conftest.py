"""Fixtures that all rooms share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from workbench.settings import Settings

# The same examples on every machine, and no failure because one of them was slow on a busy one.
hypothesis.settings.register_profile("workbench", derandomize=True, deadline=None, max_examples=60)
hypothesis.settings.load_profile("workbench")

# OpenMP threads that spin at barriers make boosting 20 times slower where other tests use the cores. Before it loads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Tests share the files that lie beside them; pytest's importlib mode doesn't look here by itself.
sys.path.insert(0, str(Path(__file__).resolve().parent))

# Before any test moves the variable: the folder with the large data sets, or nothing.
_LARGE_DATA = os.environ.get("WORKBENCH_DATA", "")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their place only: packed ones hold the time, and two processes must collect the same tests."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with all folders below tmp_path; the environment of this process says the same."""
    for name in [name for name in os.environ if name.startswith("WORKBENCH_")]:
        monkeypatch.delenv(name)
    # A worker that is kept ready would take memory and time from other tests; its own tests ask for one.
    chosen = Settings(home=tmp_path / "home", models=tmp_path / "models", warm_worker="off")
    monkeypatch.setenv("WORKBENCH_WARM_WORKER", "off")
    monkeypatch.setenv("WORKBENCH_HOME", str(chosen.home))
    monkeypatch.setenv("WORKBENCH_MODELS", str(chosen.models))
    return chosen


@pytest.fixture(scope="session")
def large_data() -> Path:
    """Folder with the large public data sets; skips where WORKBENCH_DATA names none."""
    folder = Path(_LARGE_DATA).expanduser()
    if not _LARGE_DATA or not (folder / "adult_train.csv.gz").is_file():
        pytest.skip("needs the data sets (adult_train.csv.gz and others) in the folder that WORKBENCH_DATA names")
    return folder


@pytest.fixture(scope="session")
def model_packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three small packages, trained once a session: `passengers` (yes/no from mixed columns), `flowers`, `prices`."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    n = 240
    age, sex = rng.integers(1, 80, n), rng.choice(["female", "male"], n)
    frame = pl.DataFrame(
        {
            "sex": sex,
            "age": [None if missing else float(a) for a, missing in zip(age, rng.random(n) < 0.1, strict=True)],
            "pclass": rng.integers(1, 4, n),
            "alone": rng.random(n) < 0.5,
            "survived": np.where((sex == "female") ^ (rng.random(n) < 0.1), "yes", "no"),
            "fare": rng.gamma(2.0, 15.0, n).round(2),
        }
    )
    encode = [{"step": "impute", "columns": ["age"]}, {"step": "one_hot", "columns": ["sex"]}]
    folder = tmp_path_factory.mktemp("packages")
    return {
        "passengers": _make_package(
            folder / "passengers", frame.drop("fare"), "survived", encode, "logistic_regression"
        ),
        "prices": _make_package(folder / "prices", frame.drop("survived"), "fare", encode, "linear_regression"),
        "flowers": _make_package(folder / "flowers", _iris(), "species", [], "random_forest", {"n_estimators": 5}),
    }


def _iris() -> Any:
    from workbench.data import sample

    return sample("iris").frame()


@pytest.fixture(scope="session")
def make_package() -> Callable[..., Path]:
    """Build a small package: ``make_package(folder, frame, target, steps, estimator, params, file_form=...)``."""
    return _make_package


def _make_package(
    folder: Path,
    frame: Any,
    target: str,
    steps: list[dict],
    estimator: str,
    params: dict | None = None,
    file_form: Any = None,
) -> Path:
    from workbench.data import encode_target
    from workbench.estimators.catalogue import check_params, entry
    from workbench.estimators.models import build_sklearn, wrap_model
    from workbench.package import build_package, make_signature
    from workbench.recipe import fit_recipe
    from workbench.training.spec import RunSpec

    spec = RunSpec.parse(
        {
            "data": {"source": "made", "target": target},
            "recipe": steps,
            "estimator": {"name": estimator, "params": params or {}},
        }
    )
    task = "regression" if frame[target].dtype.is_float() else "classification"
    y, classes = encode_target(frame[target], task)
    recipe = fit_recipe(spec.recipe, frame, target=target)
    X = recipe.transform(frame)
    found = entry(estimator)
    native = build_sklearn(found, check_params(found, params or {}), task=task, seed=0, n_jobs=1).fit(X, y)
    model = wrap_model(native, found, X, task=task, classes=classes)
    signature = make_signature(recipe, frame, target, task, classes)
    metrics = {"test": {"r2": 0.1} if task == "regression" else {"accuracy": 0.9}}
    build_package(
        folder,
        spec=spec.to_dict(),
        recipe=recipe,
        model=model,
        signature=signature,
        train=frame,
        evaluation=frame,
        metrics=metrics,
        file_form=file_form,
    )
    return folder


@pytest.fixture
def open_page(settings: Settings) -> Iterator[Callable[..., Any]]:
    """Open a page of the app without a browser, with empty folders: ``open_page("train", table="titanic")``."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    shell = Path(__file__).resolve().parents[1] / "workbench" / "ui" / "shell.py"

    def open_(name: str, **query: str) -> Any:
        app = AppTest.from_file(shell, default_timeout=30)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        return app if name == "home" else app.switch_page(f"../../pages/{name}.py").run()

    yield open_
    st.cache_resource.clear()
    st.cache_data.clear()
