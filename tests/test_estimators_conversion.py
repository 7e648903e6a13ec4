"""Converting an estimator of one's own, which may never end: the model is kept, and the package says so."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_estimators_graphs import graph_scores
from training_rows import Watched, material

import workbench as wb
from workbench.errors import ConversionError
from workbench.estimators import conversion
from workbench.estimators.conversion import limited
from workbench.settings import Settings
from workbench.training.loops import fit

# The converter's own loop is in C, as a search in compiled code would be: no signal of Python's is heard in it.
FILE = """
from sklearn.linear_model import LinearRegression
from skl2onnx import update_registered_converter
from workbench.estimators import own


class Endless(LinearRegression):
    pass


def forever(scope, operator, container):
    sum(iter(int, 1))


update_registered_converter(Endless, "OwnEndless", lambda operator: None, forever)
own.sklearn("endless", Endless, tasks=["regression"])
own.sklearn("native_line", "sklearn.linear_model.HuberRegressor", tasks=["regression"], converts=False)
own.sklearn("bayesian_ridge", "sklearn.linear_model.BayesianRidge", tasks=["regression"])
"""
SPEC = {
    "name": "endless",
    "data": {"source": "diabetes", "target": "progression"},
    "estimator": {"name": "endless"},
}


@pytest.fixture
def own_file(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    monkeypatch.setenv("WORKBENCH_ESTIMATORS", str(path))
    monkeypatch.setattr(conversion, "_gave_up", {})
    monkeypatch.setattr("workbench.estimators.own_file._used", None)  # what a run here sets, later tests don't see
    return path


def test_a_conversion_apart_gives_the_same_graph(own_file: Path, tmp_path: Path) -> None:
    rows = material("bayesian_ridge", task="regression")
    model = fit(rows, Watched(tmp_path).live)
    with limited(200):
        found = graph_scores(model, rows.X_validation)
    np.testing.assert_array_equal(found, graph_scores(model, rows.X_validation))


def test_a_conversion_without_end_is_given_up_and_not_tried_again_in_a_search(own_file: Path, tmp_path: Path) -> None:
    rows = material("endless", task="regression")
    model = fit(rows, Watched(tmp_path).live)
    began = time.monotonic()
    with (
        limited(1.0),
        pytest.raises(ConversionError, match=r"Endless .* longer than 1 s \(setting conversion_seconds\)"),
    ):
        graph_scores(model, rows.X_validation)
    first = time.monotonic() - began
    assert first >= 1.0
    with limited(1.0), pytest.raises(ConversionError, match="the trained model itself predicts"):
        graph_scores(model, rows.X_validation)
    assert time.monotonic() - began - first < 0.9 * first


def test_an_entry_that_does_not_convert_is_not_tried(own_file: Path, tmp_path: Path) -> None:
    rows = material("native_line", task="regression")
    model = fit(rows, Watched(tmp_path).live)
    with pytest.raises(ConversionError, match="Native line is registered with converts=False"):
        graph_scores(model, rows.X_validation)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_sigterm_while_packaging_is_heard_and_keeps_the_model(own_file: Path, settings: Settings) -> None:
    own = replace(settings, estimators=own_file, heartbeat_seconds=0.1)
    run = wb.start(SPEC, settings=own)
    end = time.monotonic() + 90
    while run.state.phase != "packaging":
        assert time.monotonic() < end and not run.state.has_ended, run.reason
        time.sleep(0.1)
    os.kill(run.state.pid or 0, signal.SIGTERM)
    assert run.wait(90).status == "finished", run.reason
    assert "given up, since the run was stopped" in (run.state.note or "")
    assert run.metrics()["test"]["r2"] > 0.2
    model = run.model()
    assert (model.engine, len(model.predict(wb.sample("diabetes").head(3)))) == ("native", 3)
