"""The loops of forests, boosting and single fits: the same models as one plain fit, with curves and a stop."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from training_rows import Watched, material

from workbench.errors import EstimatorError, RunError, StorageError
from workbench.training import history
from workbench.training.loops import fit
from workbench.training.loops.forest import chunk_ends
from workbench.training.measures import measure
from workbench.training.patience import Patience

LONG = [
    ("random_forest", "n_estimators"),
    ("extra_trees", "n_estimators"),
    ("gradient_boosting", "n_estimators"),
    ("hist_gradient_boosting", "max_iter"),
]
ALL_ROUNDS = {"early_stopping": {"patience": 10_000}}


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(("name", "size"), LONG)
def test_a_watched_model_equals_one_plain_fit(tmp_path: Path, name: str, size: str, task: str) -> None:
    rows = material(name, task=task, training=ALL_ROUNDS, **{size: 30})
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


@pytest.mark.parametrize("n_classes", [2, 3])
def test_words_of_texts_give_the_weights_that_they_give_with_all_their_zeros(tmp_path: Path, n_classes: int) -> None:
    rows = material("logistic_regression", n_classes=n_classes, validation=0.0, C=10.0)
    rng = np.random.default_rng(0)
    words = np.where(rng.random((len(rows.y_train), 600)) < 0.02, rng.random((len(rows.y_train), 600)), 0.0)
    words[:, :n_classes] += rows.y_train[:, np.newaxis] == np.arange(n_classes)
    rows = dataclasses.replace(rows, X_train=words, X_validation=words[:0])
    model = fit(rows, Watched(tmp_path, has_validation=False).live)
    plain = rows.wrap(rows.build().fit(words, rows.y_train))
    np.testing.assert_allclose(model.scores(words), plain.scores(words), atol=1e-4)  # the solver's own tolerance


@pytest.mark.parametrize(
    "name",
    ["random_forest", "gradient_boosting", "hist_gradient_boosting", "logistic_regression", "nearest_neighbors", "svm"],
)
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


@pytest.mark.parametrize(
    "name", ["random_forest", "gradient_boosting", "hist_gradient_boosting", "logistic_regression"]
)
def test_a_class_without_training_rows_has_probability_zero(tmp_path: Path, name: str) -> None:
    rows = material(name, n_classes=3)
    keep = rows.y_train != 1
    rows = dataclasses.replace(rows, X_train=rows.X_train[keep], y_train=rows.y_train[keep])
    model = fit(rows, Watched(tmp_path).live)
    scores = model.scores(rows.X_validation)
    assert scores.shape == (150, 3)
    assert (scores[:, 1] == 0).all()


@pytest.mark.parametrize(("name", "size"), LONG)
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


@pytest.mark.parametrize("name", ["gradient_boosting", "hist_gradient_boosting"])
def test_boosting_stops_by_itself_and_says_how_to_go_on(tmp_path: Path, name: str) -> None:
    size = {"gradient_boosting": "n_estimators", "hist_gradient_boosting": "max_iter"}[name]
    watched = Watched(tmp_path)
    model = fit(rows := material(name, noise=3.0, **{size: 300}), watched.live)
    best = watched.state.best
    assert best is not None
    assert watched.history["step"].max() == best["step"] + 25
    loss = measure(rows.task, rows.y_validation, model.scores(rows.X_validation))["loss"]
    assert loss == pytest.approx(watched.history["val_loss"].min(), rel=1e-9)
    note = watched.state.note or ""
    assert f"val_loss hadn't improved for 25 rounds. The best {best['step']} rounds are kept." in note
    assert "To train all rounds, switch early stopping off, or set early_stopping: {patience: 10000}." in note


@pytest.mark.parametrize("name", ["gradient_boosting", "hist_gradient_boosting"])
def test_without_validation_rows_boosting_goes_to_its_end(tmp_path: Path, name: str) -> None:
    size = {"gradient_boosting": "n_estimators", "hist_gradient_boosting": "max_iter"}[name]
    watched = Watched(tmp_path, has_validation=False)
    fit(material(name, noise=3.0, validation=0.0, **{size: 60}), watched.live)
    assert watched.history["step"].max() == 60
    assert not watched.state.note


def test_boosting_says_when_more_rounds_made_it_worse(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "long")
    rows = material("hist_gradient_boosting", noise=3.0, training=ALL_ROUNDS, max_iter=200, l2_regularization=0)
    fit(rows, watched.live)
    best = watched.state.best
    assert best is not None
    assert f"lowest after {best['step']} of 200 rounds" in (watched.state.note or "")
    assert "Turn on early stopping" in (watched.state.note or "")
    short = Watched(tmp_path / "short")
    fit(material("hist_gradient_boosting", max_iter=5), short.live)
    assert not short.state.note


def test_rare_classes_no_longer_make_the_loss_run_away(tmp_path: Path) -> None:
    # On covertype the validation loss rose from 0.97 to 11 within 120 rounds where leaf values had no penalty.
    rng = np.random.default_rng(2)
    rows = material("hist_gradient_boosting", n_rows=800, n_classes=5, training=ALL_ROUNDS, max_iter=60,
                    min_samples_leaf=5)  # fmt: skip
    signal = np.concatenate([rows.X_train, rows.X_validation])[:, 0] + 0.3 * rng.normal(size=800)
    labels = np.digitize(signal, np.quantile(signal, [0.4, 0.91, 0.94, 0.97]))
    n_train = len(rows.y_train)
    rows = dataclasses.replace(rows, y_train=labels[:n_train], y_validation=labels[n_train:])
    ratios = {}
    for penalty in (rows.params["l2_regularization"], 0.0):
        watched = Watched(tmp_path / str(penalty))
        fit(dataclasses.replace(rows, params={**rows.params, "l2_regularization": penalty}), watched.live)
        ratios[penalty] = watched.history["val_loss"][-1] / watched.history["val_loss"].min()
    assert ratios[1.0] < 1.25 < 1.5 < ratios[0.0]


@pytest.mark.parametrize(
    "name", ["random_forest", "gradient_boosting", "hist_gradient_boosting", "linear_regression", "svm"]
)
def test_the_best_of_a_regression_is_told_in_the_unit_of_the_target(tmp_path: Path, name: str) -> None:
    size = {size: 20 for long, size in LONG if long == name}
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


@pytest.mark.parametrize(("name", "size"), LONG)
def test_a_stop_ends_the_loop_and_keeps_the_best(tmp_path: Path, name: str, size: str) -> None:
    rows = material(name, noise=3.0, training=ALL_ROUNDS, **{size: 5000})
    watched = Watched(tmp_path, stop_at=10)
    model = fit(rows, watched.live)
    assert 10 <= watched.history["step"].max() < 5000
    loss = measure(rows.task, rows.y_validation, model.scores(rows.X_validation))["loss"]
    assert loss == pytest.approx(watched.history["val_loss"].min(), rel=1e-9)


@pytest.mark.parametrize("name", ["random_forest", "extra_trees", "hist_gradient_boosting"])
def test_balanced_classes_train_without_a_warning(tmp_path: Path, name: str) -> None:
    watched = Watched(tmp_path)
    fit(material(name, class_weight="balanced"), watched.live)
    assert watched.history["val_accuracy"].drop_nulls()[-1] > 0.6


@pytest.mark.parametrize("name", ["random_forest", "gradient_boosting", "hist_gradient_boosting"])
def test_a_full_disk_ends_the_loop_with_its_reason(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    append = history.storage.JsonLines.append
    n_written = []

    def fill_up(lines: history.storage.JsonLines, value: object) -> None:
        if len(n_written) >= 3:
            raise StorageError("Got no space left on the disk.")
        n_written.append(value)
        append(lines, value)

    monkeypatch.setattr(history.storage.JsonLines, "append", fill_up)
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


def test_a_support_vector_machine_says_that_it_learned_from_a_sample(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    model = fit(material("svm", n_classes=3, max_rows=100), watched.live)
    assert "Learned from 100 of 450 training rows, a random sample" in (watched.state.note or "")
    assert model.estimator.machine_.shape_fit_[0] <= 106  # type: ignore[attr-defined]
    assert watched.history["val_accuracy"][0] > 0.4


def test_neighbors_are_no_more_than_there_are_rows(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    fit(material("nearest_neighbors", n_rows=40, n_neighbors=500), watched.live)
    assert "All 30 training rows are asked: n_neighbors is 500." in (watched.state.note or "")


def test_weighed_rows_are_refused_by_what_cannot_weigh_them(tmp_path: Path) -> None:
    rows = material("nearest_neighbors")
    rows = dataclasses.replace(rows, weights=np.ones(len(rows.y_train)))
    with pytest.raises(EstimatorError, match="weighed classes for nearest_neighbors.*Use the method oversample"):
        fit(rows, Watched(tmp_path).live)


def test_a_lasso_without_any_weight_is_noted(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    fit(material("lasso", task="regression", alpha=1e6), watched.live)
    assert "All weights became zero, so each row gets the same answer: lower alpha." in (watched.state.note or "")


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
