"""Targets in small units or far from 0, and features that float32 can't hold: learned all the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from training_rows import Watched, material

from workbench.estimators import load_model
from workbench.estimators.catalogue import entry
from workbench.estimators.scaling import find_scaling
from workbench.graph import GraphBuilder
from workbench.training.grouping import fit_groups
from workbench.training.loops import fit

GROWN = {
    "decision_tree": {},
    "random_forest": {"n_estimators": 20},
    "extra_trees": {"n_estimators": 20},
    "gradient_boosting": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 20},
}


def graph_scores(model, X):
    graph = GraphBuilder()
    columns = [graph.input(f"x{i}", "number") for i in range(X.shape[1])]
    graph.output("scores", model.emit(graph, graph.hstack(columns)), "double", [None, model.n_classes or 1])
    session = onnxruntime.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {f"x{i}": np.ascontiguousarray(X[:, i]) for i in range(X.shape[1])})[0]


def r2(y, scores):
    return 1 - np.mean((scores[:, 0] - y) ** 2) / np.var(y)


def moved(rows, *, features=None, target=None):
    """Give the same rows with other features or another target."""
    changed = {}
    for part in ("train", "validation"):
        if features is not None:
            changed[f"X_{part}"] = features(getattr(rows, f"X_{part}"))
        if target is not None:
            changed[f"y_{part}"] = target(getattr(rows, f"y_{part}"))
    return dataclasses.replace(rows, **changed)


@pytest.mark.parametrize("target", ["nano", "since 1970", "huge"])
@pytest.mark.parametrize("name", GROWN)
def test_the_unit_and_offset_of_a_target_do_not_matter(tmp_path: Path, name: str, target: str) -> None:
    as_is = material(name, task="regression", noise=0.1, training={"early_stopping": None}, **GROWN[name])
    factor, offset = {"nano": (1e-12, 0.0), "since 1970": (1e-3, 1.7e9), "huge": (1e20, 0.0)}[target]
    rows = moved(as_is, target=lambda y: (y - 50_000.0) * factor + offset)
    usual, watched = fit(as_is, Watched(tmp_path / "usual").live), Watched(tmp_path / "moved")
    model = fit(rows, watched.live)
    scores, X, y = model.scores(rows.X_validation), rows.X_validation, rows.y_validation
    assert r2(y, scores) == pytest.approx(r2(as_is.y_validation, usual.scores(X)), abs=0.03)
    assert r2(y, scores) > 0.6
    std = float(np.std(y))
    assert watched.history["val_rmse"].to_list()[-1] / std == pytest.approx(np.sqrt(1 - r2(y, scores)), abs=1e-3)
    np.testing.assert_allclose(graph_scores(model, X), scores, rtol=0, atol=1e-7 * std)
    model.save(tmp_path / "stored")
    np.testing.assert_array_equal(load_model(tmp_path / "stored").scores(X), scores)


@pytest.mark.parametrize("scale", [(1.0, 1.7e9), (1e-9, 0.0)], ids=["far", "small"])
@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("decision_tree", "classification"), ("random_forest", "regression"), ("extra_trees", "classification"),
        ("gradient_boosting", "classification"), ("nearest_neighbors", "regression"), ("svm", "classification"),
        ("svm", "regression"),
    ],
)  # fmt: skip
def test_the_unit_and_offset_of_features_do_not_matter(
    tmp_path: Path, name: str, task: str, scale: tuple[float, float]
) -> None:
    factor, offset = scale
    if name in ("nearest_neighbors", "svm") and offset:
        factor, offset = 1e-3, 1.7e5  # doubles lose the rest already before the model
    as_is = material(name, task=task, noise=0.1, **GROWN.get(name, {}))
    rows = moved(as_is, features=lambda X: X * factor + offset)
    usual = fit(as_is, Watched(tmp_path / "usual").live)
    watched = Watched(tmp_path / "moved")
    model = fit(rows, watched.live)
    scores, expected = model.scores(rows.X_validation), usual.scores(as_is.X_validation)
    spread = float(np.std(expected))
    assert np.mean(np.abs(scores - expected)) < 0.1 * spread
    values = watched.history["val_loss"].to_list()[-1]
    assert values == pytest.approx(Watched(tmp_path / "usual").history["val_loss"].to_list()[-1], rel=0.3)
    if name != "nearest_neighbors":  # which has no graph
        np.testing.assert_allclose(graph_scores(model, rows.X_validation), scores, rtol=0, atol=1e-6 * spread)


def test_a_network_learns_from_a_clock(tmp_path: Path) -> None:
    as_is = material("dense_network", task="regression", noise=0.1, training={"epochs": 30, "learning_rate": 0.01})
    rows = moved(as_is, features=lambda X: X * 0.5 + 1.7e9)
    model = fit(rows, Watched(tmp_path).live)
    gaps = np.where(np.arange(4) == 0, np.nan, rows.X_validation)
    assert r2(rows.y_validation, model.scores(rows.X_validation)) > 0.8
    np.testing.assert_allclose(graph_scores(model, gaps), model.scores(gaps), rtol=1e-5)
    model.save(tmp_path / "stored")
    np.testing.assert_allclose(load_model(tmp_path / "stored").scores(gaps), model.scores(gaps), rtol=1e-6)


@pytest.mark.parametrize("name", ["kmeans", "isolation_forest"])
def test_groups_and_outliers_do_not_depend_on_an_offset(tmp_path: Path, name: str) -> None:
    random = np.random.default_rng(0)
    X = np.concatenate([random.normal(0, 1, (200, 2)), random.normal(8, 1, (100, 2))])
    params = {each.name: each.default for each in entry(name).parameters}
    here, there = (fit_groups(name, params, rows, Watched(tmp_path / str(at)).live, seed=0)
                   for at, rows in enumerate((X, X + 1.7e9)))  # fmt: skip
    answers = there.scores(X + 1.7e9)
    assert np.mean(answers.argmax(axis=1) == here.scores(X).argmax(axis=1)) > 0.97
    np.testing.assert_allclose(graph_scores(there, X + 1.7e9), answers, atol=1e-6)


def test_usual_numbers_codes_and_years_stay_as_they_are() -> None:
    random = np.random.default_rng(0)
    X = np.column_stack([
        random.normal(size=500), random.integers(2015, 2018, 500), random.integers(10_000_000, 10_000_003, 500),
        np.full(500, 3.0), np.full(500, np.nan), random.uniform(0, 1e6, 500),
    ])  # fmt: skip
    y = random.normal(200_000, 50_000, 500)
    for name in [*GROWN, "dense_network", "ridge"]:
        assert find_scaling(entry(name), {}, X, y, task="regression") is None
    for name in ("nearest_neighbors", "svm", "logistic_regression"):
        assert find_scaling(entry(name), {}, np.delete(X, 2, axis=1), y, task="regression") is None


def test_pruning_counts_in_the_unit_of_the_target(tmp_path: Path) -> None:
    rows = material("decision_tree", task="regression", noise=0.1, ccp_alpha=100.0)
    tiny = moved(rows, target=lambda y: (y - 50_000.0) * 1e-9)
    assert np.ptp(fit(rows, Watched(tmp_path / "a").live).scores(rows.X_validation)) > 0
    assert np.ptp(fit(tiny, Watched(tmp_path / "b").live).scores(rows.X_validation)) == 0  # all is pruned


@pytest.mark.parametrize(("name", "task"), [("logistic_regression", "classification"), ("ridge", "regression")])
def test_a_model_that_answers_the_same_everywhere_says_so(tmp_path: Path, name: str, task: str) -> None:
    rows = material(name, task=task)
    watched = Watched(tmp_path)
    fit(moved(rows, features=lambda X: X * 1e-9), watched.live)  # the penalty forbids the weights that these would need
    assert "practically the same answer" in watched.state.note and "standardize" in watched.state.note
    usual = Watched(tmp_path / "usual")
    fit(rows, usual.live)
    assert "same answer" not in (usual.state.note or "")


def test_a_logistic_regression_learns_from_a_clock(tmp_path: Path) -> None:
    as_is = material("logistic_regression", noise=0.1)
    rows = moved(as_is, features=lambda X: X + 1.7e6)
    usual, model = fit(as_is, Watched(tmp_path / "a").live), fit(rows, Watched(tmp_path / "b").live)
    np.testing.assert_allclose(model.scores(rows.X_validation), usual.scores(as_is.X_validation), atol=1e-3)
