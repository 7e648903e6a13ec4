"""Calibrated probabilities: nearer to what happens, the same in the graph, stored without pickle."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest
from test_estimators_graphs import graph_scores
from training_rows import Watched, material

from workbench.errors import EstimatorError
from workbench.estimators import load_model
from workbench.estimators.calibrated import CalibratedModel
from workbench.estimators.platt import fit_sigmoid, shares, sigmoid
from workbench.training.loops import fit
from workbench.training.measures import measure

METHODS = ["sigmoid", "isotonic"]


def trained(method: str, folder: Path, **given: object) -> tuple[CalibratedModel, object, Watched]:
    rows = material("decision_tree", n_rows=2400, noise=2.0, max_depth=None, min_samples_leaf=1,
                    training={"calibration": method}, **given)  # fmt: skip
    watched = Watched(folder)
    model = fit(rows, watched.live)
    assert isinstance(model, CalibratedModel)
    return model, rows, watched


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_a_tree_that_knows_its_rows_by_heart_becomes_honest(tmp_path: Path, method: str, n_classes: int) -> None:
    model, rows, watched = trained(method, tmp_path, n_classes=n_classes)
    fresh = material("decision_tree", n_rows=2400, noise=2.0, n_classes=n_classes)  # the same rows, divided alike
    before = measure("classification", fresh.y_validation, model.inner.scores(fresh.X_validation))["loss"]
    after = measure("classification", fresh.y_validation, model.scores(fresh.X_validation))["loss"]
    assert before > 3 * after
    assert model.scores(rows.X_validation).sum(axis=1) == pytest.approx(1.0)
    note = watched.state.note or ""
    assert f"calibrated ({method}) on the 600 validation rows, so their validation metrics are optimistic" in note
    assert ("sigmoid is steadier" in note) == (method == "isotonic")


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["logistic_regression", "random_forest"])
def test_the_graph_and_the_stored_model_agree(tmp_path: Path, name: str, method: str, n_classes: int) -> None:
    size = {"random_forest": {"n_estimators": 10}}.get(name, {})
    rows = material(name, n_classes=n_classes, training={"calibration": method}, **size)
    model = fit(rows, Watched(tmp_path).live)
    X = np.vstack([rows.X_validation, 5 * rows.X_train[:50]])
    np.testing.assert_allclose(graph_scores(model, X), model.scores(X), rtol=0, atol=1e-9)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.scores(X), model.scores(X))
    assert loaded.classes == model.classes
    with zipfile.ZipFile(tmp_path / "model" / "calibration.npz") as stored:
        assert all(member.endswith(".npy") for member in stored.namelist())


def test_one_probability_for_all_rows_is_calibrated_to_the_share(tmp_path: Path) -> None:
    for method in METHODS:
        rows = material("baseline", training={"calibration": method})
        model = fit(rows, Watched(tmp_path / method).live)
        share = float(np.mean(rows.y_validation))
        assert model.scores(rows.X_validation)[:, 1] == pytest.approx(share, abs=0.01)
        np.testing.assert_allclose(graph_scores(model, rows.X_validation), model.scores(rows.X_validation), atol=1e-9)


def test_it_is_refused_before_training_where_it_cannot_be_done(tmp_path: Path) -> None:
    rows = material("linear_regression", task="regression", training={"calibration": "sigmoid"})
    with pytest.raises(
        EstimatorError, match="calibration: sigmoid for a regression, needed classes.*calibration: none"
    ):
        fit(rows, Watched(tmp_path).live)
    rows = material("logistic_regression", validation=0.0, training={"calibration": "isotonic"})
    watched = Watched(tmp_path / "none", has_validation=False)
    with pytest.raises(EstimatorError, match="isotonic without validation rows.*`validation` of the split above 0"):
        fit(rows, watched.live)
    assert watched.history.height == 0


def test_a_class_without_training_rows_still_sums_to_one(tmp_path: Path) -> None:
    rows = material("logistic_regression", n_classes=3, training={"calibration": "sigmoid"})
    keep = rows.y_train != 1
    rows = dataclasses.replace(rows, X_train=rows.X_train[keep], y_train=rows.y_train[keep])
    scores = fit(rows, Watched(tmp_path).live).scores(rows.X_validation)
    assert scores.shape == (150, 3) and scores.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("method", METHODS)
def test_a_class_without_validation_rows_keeps_its_probability_and_is_named(tmp_path: Path, method: str) -> None:
    rows = material("random_forest", n_rows=1200, n_classes=3, n_estimators=20, training={"calibration": method})
    keep = rows.y_validation != 2
    blind = dataclasses.replace(rows, X_validation=rows.X_validation[keep], y_validation=rows.y_validation[keep])
    watched = Watched(tmp_path)
    model = fit(blind, watched.live)
    assert isinstance(model, CalibratedModel)
    X = rows.X_validation[~keep]
    np.testing.assert_allclose(model.scores(X)[:, 2], model.inner.scores(X)[:, 2], rtol=0, atol=1e-12)
    assert model.scores(X).sum(axis=1) == pytest.approx(1.0)
    assert np.mean(model.scores(X).argmax(axis=1) == 2) > 0.4
    assert "No validation row is of class 'class 2'" in (watched.state.note or "")
    np.testing.assert_allclose(graph_scores(model, X), model.scores(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_validation_rows_of_one_class_teach_nothing(tmp_path: Path, method: str) -> None:
    rows = material("logistic_regression", training={"calibration": method})
    keep = rows.y_validation == 0
    blind = dataclasses.replace(rows, X_validation=rows.X_validation[keep], y_validation=rows.y_validation[keep])
    watched = Watched(tmp_path)
    model = fit(blind, watched.live)
    np.testing.assert_allclose(model.scores(rows.X_train), model.inner.scores(rows.X_train), rtol=0, atol=1e-9)
    assert "No validation row is of class 'class 1'" in (watched.state.note or "")


def test_the_sigmoid_is_that_of_scikit_learn() -> None:
    from sklearn.calibration import _sigmoid_calibration

    rng = np.random.default_rng(0)
    scores = rng.normal(size=500) * 3
    yes = rng.random(500) < sigmoid(0.7 * scores - 1)
    weights = rng.random(500) + 0.5
    for given in (None, weights):
        a, b = fit_sigmoid(scores, yes, given)
        theirs = _sigmoid_calibration(scores, yes.astype(float), sample_weight=given)
        assert (a, b) == pytest.approx((-theirs[0], -theirs[1]), rel=1e-3)


def test_rows_of_zeros_become_equal_shares() -> None:
    assert shares(np.array([[0.0, 0.0], [1.0, 3.0]])).tolist() == [[0.5, 0.5], [0.25, 0.75]]
