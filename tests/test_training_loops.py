"""The loops of forests, boosting and single fits: the same models as one plain fit, with curves and a stop."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from training_rows import Watched, material

from workbench.errors import RunError, StorageError
from workbench.training import history
from workbench.training.loops import fit
from workbench.training.loops.forest import chunk_ends
from workbench.training.measures import measure
from workbench.training.patience import Patience


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(("name", "size"), [("random_forest", "n_estimators"), ("hist_gradient_boosting", "max_iter")])
def test_a_watched_model_equals_one_plain_fit(tmp_path: Path, name: str, size: str, task: str) -> None:
    rows = material(name, task=task, **{size: 30})
    watched = Watched(tmp_path)
    model = fit(rows, watched.live)
    plain = rows.wrap(rows.build().fit(rows.X_train, rows.y_train))
    np.testing.assert_allclose(model.scores(rows.X_validation), plain.scores(rows.X_validation), rtol=1e-12)
    curve = watched.history
    assert curve["step"].to_list()[-1] == 30
    values = measure(rows.task, rows.y_validation, plain.scores(rows.X_validation), prefix="val_")
    for metric, value in values.items():
        assert curve[metric].drop_nulls()[-1] == pytest.approx(value, rel=1e-6)
    assert (watched.state.step, watched.state.total) == (30, 30)


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting", "logistic_regression", "baseline"])
def test_several_classes_and_no_validation_rows(tmp_path: Path, name: str) -> None:
    rows = material(name, n_classes=4, validation=0.0)
    watched = Watched(tmp_path, has_validation=False)
    model = fit(rows, watched.live)
    assert model.scores(rows.X_train).shape == (600, 4)
    assert {"loss", "accuracy"} <= set(watched.history.columns)
    assert "val_loss" not in watched.history.columns
    best = watched.state.best
    assert best is not None
    assert best["metric"] == "loss"


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting", "logistic_regression"])
def test_a_class_without_training_rows_has_probability_zero(tmp_path: Path, name: str) -> None:
    rows = material(name, n_classes=3)
    keep = rows.y_train != 1
    rows = dataclasses.replace(rows, X_train=rows.X_train[keep], y_train=rows.y_train[keep])
    model = fit(rows, Watched(tmp_path).live)
    scores = model.scores(rows.X_validation)
    assert scores.shape == (150, 3)
    assert (scores[:, 1] == 0).all()


@pytest.mark.parametrize(("name", "size"), [("random_forest", "n_estimators"), ("hist_gradient_boosting", "max_iter")])
def test_early_stopping_keeps_the_best(tmp_path: Path, name: str, size: str) -> None:
    rows = material(name, noise=3.0, training={"early_stopping": {"patience": 3}}, **{size: 400})
    watched = Watched(tmp_path)
    model = fit(rows, watched.live)
    best = watched.state.best
    assert best is not None
    reached = watched.history["step"].max()
    assert best["step"] < reached < 400
    loss = measure(rows.task, rows.y_validation, model.scores(rows.X_validation))["loss"]
    assert loss == pytest.approx(best["value"], rel=1e-9)
    assert loss == pytest.approx(watched.history["val_loss"].min(), rel=1e-9)
    assert "Stopped early" in (watched.state.note or "")


def test_boosting_says_when_more_rounds_made_it_worse(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "long")
    fit(material("hist_gradient_boosting", noise=3.0, max_iter=200), watched.live)
    best = watched.state.best
    assert best is not None
    assert f"lowest after {best['step']} of 200 rounds" in (watched.state.note or "")
    assert "Turn on early stopping" in (watched.state.note or "")
    short = Watched(tmp_path / "short")
    fit(material("hist_gradient_boosting", max_iter=5), short.live)
    assert not short.state.note


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting", "linear_regression"])
def test_the_best_of_a_regression_is_told_in_the_unit_of_the_target(tmp_path: Path, name: str) -> None:
    size = {"random_forest": {"n_estimators": 20}, "hist_gradient_boosting": {"max_iter": 20}}.get(name, {})
    watched = Watched(tmp_path)
    fit(material(name, task="regression", **size), watched.live)
    best = watched.state.best
    assert best is not None
    assert best["metric"] == "val_rmse"
    assert best["value"] == pytest.approx(watched.history["val_rmse"].min())
    assert best["value"] == pytest.approx(watched.history["val_loss"].min() ** 0.5)


def test_boosting_learns_although_a_column_has_no_value_in_training(tmp_path: Path) -> None:
    rows = material("hist_gradient_boosting", max_iter=10)
    empty = rows.X_train.copy()
    empty[:, 0] = np.nan
    model = fit(dataclasses.replace(rows, X_train=empty), Watched(tmp_path).live)
    without = rows.X_validation.copy()
    without[:, 0] = np.nan
    np.testing.assert_array_equal(model.scores(rows.X_validation), model.scores(without))
    assert len(np.unique(model.scores(without)[:, 1])) > 10


def test_early_stopping_is_the_same_each_time(tmp_path: Path) -> None:
    rows = material("hist_gradient_boosting", noise=3.0, training={"early_stopping": {"patience": 3}}, max_iter=400)
    first, second = (fit(rows, Watched(tmp_path / name).live) for name in "ab")
    np.testing.assert_array_equal(first.scores(rows.X_validation), second.scores(rows.X_validation))


@pytest.mark.parametrize(("name", "size"), [("random_forest", "n_estimators"), ("hist_gradient_boosting", "max_iter")])
def test_a_stop_ends_the_loop_and_keeps_the_best(tmp_path: Path, name: str, size: str) -> None:
    rows = material(name, noise=3.0, **{size: 5000})
    watched = Watched(tmp_path, stop_at=10)
    model = fit(rows, watched.live)
    assert 10 <= watched.history["step"].max() < 5000
    loss = measure(rows.task, rows.y_validation, model.scores(rows.X_validation))["loss"]
    assert loss == pytest.approx(watched.history["val_loss"].min(), rel=1e-9)


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_balanced_classes_train_without_a_warning(tmp_path: Path, name: str) -> None:
    watched = Watched(tmp_path)
    fit(material(name, class_weight="balanced"), watched.live)
    assert watched.history["val_accuracy"].drop_nulls()[-1] > 0.6


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_a_full_disk_ends_the_loop_with_its_reason(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    append = history.storage.append_json_line
    n_written = []

    def fill_up(path: Path, value: object) -> None:
        if len(n_written) >= 3:
            raise StorageError("Got no space left on the disk.")
        n_written.append(value)
        append(path, value)

    monkeypatch.setattr(history.storage, "append_json_line", fill_up)
    watched = Watched(tmp_path)
    with pytest.raises(StorageError, match="no space left"):
        fit(material(name), watched.live)
    assert watched.history.height == 3


def test_a_solver_that_did_not_converge_is_noted(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    rows = material("logistic_regression", max_iter=10, penalty="l1", C=1e4)
    fit(dataclasses.replace(rows, X_train=rows.X_train * [1, 1e4, 1e-4, 1]), watched.live)
    assert "before it converged: raise max_iter" in (watched.state.note or "")


def test_a_single_fit_gives_one_point(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    fit(material("linear_regression", task="regression"), watched.live)
    assert watched.history.columns == ["time", "step", "epoch", "loss", "rmse", "val_loss", "val_rmse"]
    assert watched.history.height == 1
    assert watched.history["val_rmse"][0] == pytest.approx(1000, rel=0.2)


def test_a_loss_that_is_no_number_is_refused(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    with pytest.raises(
        RunError, match=r"Got a training loss of nan in fit 2, needed a finite number\. Lower the learning"
    ):
        watched.live.record(2, 2, {"loss": float("nan")})


def test_points_grow_sparse_towards_equal_steps() -> None:
    assert chunk_ends(1) == [1]
    assert chunk_ends(5) == [1, 2, 3, 4, 5]
    assert chunk_ends(400)[:7] == [1, 2, 4, 8, 16, 32, 52]
    assert chunk_ends(400)[-1] == 400


def test_patience_wants_more_than_min_delta() -> None:
    patience = Patience(2, min_delta=0.1)
    assert [patience.exhausted_by(value) for value in (1.0, 0.95, 0.92)] == [False, False, True]
    patience.restart()
    assert not patience.exhausted_by(0.95)
    assert not patience.exhausted_by(0.5)
    assert patience.best == 0.5


def test_measures_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss, root_mean_squared_error

    rng = np.random.default_rng(0)
    scores = rng.dirichlet([1, 1, 1], size=50)
    y = rng.integers(0, 3, size=50)
    assert measure("classification", y, scores)["loss"] == pytest.approx(log_loss(y, scores))
    values = rng.normal(size=50)
    assert measure("regression", values, scores[:, :1])["rmse"] == pytest.approx(
        root_mean_squared_error(values, scores[:, 0])
    )
