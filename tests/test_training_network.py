"""The loop of networks: the same learning as Keras' own fit, with watchers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_rows import Watched, material

from workbench.errors import RunError
from workbench.training.loops import fit, network
from workbench.training.measures import measure


@pytest.mark.parametrize(("task", "n_classes"), [("classification", 2), ("classification", 3), ("regression", 0)])
def test_a_network_learns_and_its_curve_is_that_of_its_model(tmp_path: Path, task: str, n_classes: int) -> None:
    training = {"epochs": 15, "batch_size": 32, "learning_rate": 0.01}
    rows = material("dense_network", task=task, n_classes=n_classes, noise=0.3, training=training, layers=[16])
    watched = Watched(tmp_path)
    model = fit(rows, watched.live)
    curve = watched.history.filter(watched.history["val_loss"].is_not_null())
    assert curve["epoch"].to_list() == list(range(1, 16))
    assert curve["step"][-1] == 15 * 15  # 450 rows in batches of 32, the last one smaller
    assert curve["val_loss"][-1] < 0.6 * curve["val_loss"][0]
    values = measure(rows.task, rows.y_validation, model.scores(rows.X_validation), prefix="val_")
    for metric, value in values.items():
        assert curve[metric][-1] == pytest.approx(value, rel=1e-3)
    assert curve["learning_rate"].unique().to_list() == [pytest.approx(0.01)]
    assert (watched.state.step, watched.state.total, watched.state.unit) == (15, 15, "epoch")


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "momentum", "rmsprop"])
def test_each_epoch_ends_where_keras_own_fit_ends_it(tmp_path: Path, optimizer: str) -> None:
    from workbench.estimators.network import build_network

    training = {"epochs": 6, "batch_size": 32, "learning_rate": 0.01, "optimizer": optimizer}
    rows = material("dense_network", n_classes=3, training=training, layers=[16, 8], dropout=0.0)
    watched = Watched(tmp_path)
    fit(rows, watched.live)
    plain = build_network(rows.params, rows.training, n_features=4, task="classification", n_classes=3, seed=rows.seed)
    losses: dict[str, list[float]] = {"loss": [], "val_loss": []}
    for epoch in range(1, 7):  # the same rows in the same order; 450 of them in batches of 32, the last one of 2
        order = np.random.default_rng([rows.seed, epoch]).permutation(450)
        told = plain.fit(
            rows.X_train[order], rows.y_train[order], batch_size=32, shuffle=False, verbose=0,
            validation_data=(rows.X_validation, rows.y_validation),
        )  # fmt: skip
        for name, values in losses.items():
            values += told.history[name]
    curve = watched.history.filter(watched.history["val_loss"].is_not_null())
    for name, values in losses.items():
        np.testing.assert_allclose(curve[name].to_numpy(), values, atol=1e-5)
    assert losses["val_loss"][-1] < 0.95 * losses["val_loss"][0]


def test_the_same_seed_gives_the_same_network(tmp_path: Path) -> None:
    rows = material("dense_network", training={"epochs": 3})
    first, second = (fit(rows, Watched(tmp_path / name).live) for name in "ab")
    np.testing.assert_array_equal(first.scores(rows.X_validation), second.scores(rows.X_validation))


def test_early_stopping_restores_the_best_weights(tmp_path: Path) -> None:
    training = {"epochs": 200, "learning_rate": 0.02, "early_stopping": {"patience": 3}}
    rows = material("dense_network", noise=3.0, training=training, layers=[64, 64])
    watched = Watched(tmp_path)
    model = fit(rows, watched.live)
    best = watched.state.best
    assert best is not None
    assert watched.state.step == best["step"] + 3 < 200
    loss = measure(rows.task, rows.y_validation, model.scores(rows.X_validation))["loss"]
    assert loss == pytest.approx(best["value"], rel=1e-3)
    assert f"The weights of epoch {best['step']} are kept" in (watched.state.note or "")


def test_early_stopping_keeps_the_best_where_its_patience_outlasts_the_epochs(tmp_path: Path) -> None:
    training = {"epochs": 12, "learning_rate": 0.05, "early_stopping": {"patience": 50}}
    rows = material("dense_network", noise=3.0, training=training, layers=[64, 64])
    watched = Watched(tmp_path)
    model = fit(rows, watched.live)
    loss = measure(rows.task, rows.y_validation, model.scores(rows.X_validation))["loss"]
    assert loss == pytest.approx(watched.history["val_loss"].min(), rel=1e-3)
    assert watched.state.step == 12


def test_the_learning_rate_falls_on_a_plateau_and_is_in_the_history(tmp_path: Path) -> None:
    plateau = {"factor": 0.5, "patience": 2, "min_lr": 0.003}
    training = {"epochs": 40, "learning_rate": 0.02, "reduce_lr_on_plateau": plateau}
    watched = Watched(tmp_path)
    fit(material("dense_network", noise=3.0, training=training, layers=[64, 64]), watched.live)
    rates = watched.history["learning_rate"].drop_nulls()
    assert rates[0] == pytest.approx(0.02)
    assert rates[-1] == pytest.approx(0.003)  # never below min_lr
    assert rates.unique().sort().round(5).to_list() == [0.003, 0.005, 0.01, 0.02]


def test_a_stop_inside_the_loop_keeps_the_best_epoch(tmp_path: Path) -> None:
    watched = Watched(tmp_path, stop_at=5 * 4)  # four batches an epoch
    rows = material("dense_network", training={"epochs": 100_000})
    model = fit(rows, watched.live)
    assert watched.history["epoch"].max() == 5
    loss = measure(rows.task, rows.y_validation, model.scores(rows.X_validation))["loss"]
    assert loss == pytest.approx(watched.history["val_loss"].min(), rel=1e-3)


def test_points_and_a_stop_come_inside_a_long_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_POINT_SECONDS", 0.0)
    watched = Watched(tmp_path, stop_at=20)
    fit(material("dense_network", n_rows=40_000, training={"epochs": 5, "batch_size": 4}), watched.live)
    inside = watched.history
    assert 0 < inside["epoch"].max() < 1
    assert inside["loss"].null_count() == 0
    assert "val_loss" not in inside.columns


def test_no_validation_rows_are_fine(tmp_path: Path) -> None:
    training = {"epochs": 3, "early_stopping": {"patience": 1}, "reduce_lr_on_plateau": {}}
    watched = Watched(tmp_path, has_validation=False)
    fit(material("dense_network", validation=0.0, training=training), watched.live)
    measured = {"loss", "accuracy", "learning_rate", "examples_per_second"}
    assert set(watched.history.columns) == {"time", "step", "epoch"} | measured


def test_a_loss_that_is_no_number_ends_the_run_with_a_remedy(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    training = {"epochs": 30, "optimizer": "sgd", "learning_rate": 10.0}
    rows = material("dense_network", task="regression", training=training, layers=[64, 64, 64])
    said = (
        r"Got (a training loss of|gradients) .* in epoch \d+, batch \d+ of 4 \(first in .* layer '\w+'\), .* Lower the"
    )
    with pytest.raises(RunError, match=said):
        fit(rows, watched.live)
    assert watched.history.height >= 1


def test_penalties_do_not_spoil_the_rmse(tmp_path: Path) -> None:
    rows = material("dense_network", task="regression", training={"epochs": 4}, l2=0.1, l1=0.01)
    watched = Watched(tmp_path)
    model = fit(rows, watched.live)
    rmse = measure("regression", rows.y_validation, model.scores(rows.X_validation))["rmse"]
    last = watched.history.row(-1, named=True)
    assert last["val_rmse"] == pytest.approx(rmse, rel=1e-3)
    assert last["val_loss"] > 1.5 * rmse**2  # the penalty is part of what is minimised
