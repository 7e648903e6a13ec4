"""A network looks at itself: norms, dead units, and where its numbers broke."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from training_rows import Watched, material

from workbench.errors import RunError
from workbench.plots.layers import layer_curves
from workbench.training.checkpoint import Checkpoint
from workbench.training.history import layers_frame, layers_since
from workbench.training.loops import fit, inspecting


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Looks after each of three epochs at a network of two hidden layers."""
    folder = tmp_path_factory.mktemp("looked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspecting, "_EVERY_SECONDS", 0.0)
        patch.setattr(inspecting, "_LARGEST_SHARE", 1e9)
        fit(material("dense_network", training={"epochs": 3}, layers=[16, 8]), Watched(folder).live)
    return layers_frame(layers_since(folder)[0])


def test_each_layer_has_its_norms_its_step_and_its_dead_units(looked: pl.DataFrame) -> None:
    names = looked["layer"].unique(maintain_order=True).to_list()
    assert len(names) == 3  # dropout has nothing to tell
    assert looked["epoch"].unique(maintain_order=True).to_list() == [1.0, 2.0, 3.0]
    assert looked["step"].to_list() == [4] * 3 + [8] * 3 + [12] * 3  # four batches an epoch
    for column in ("weights", "gradients", "update_ratio"):
        assert (looked[column] > 0).all()
    assert looked["update_ratio"].max() < 0.1  # a step of Adam at 0.001
    assert looked.filter(layer=names[-1])["dead"].null_count() == 3  # the sigmoid can't die
    assert looked.filter(layer=names[0])["dead"].is_between(0, 1).all()


def test_looking_changes_nothing_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = material("dense_network", training={"epochs": 3}, layers=[8], dropout=0.3)
    plain = fit(rows, Watched(tmp_path / "a").live).scores(rows.X_validation)
    monkeypatch.setattr(inspecting, "_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(inspecting, "_LARGEST_SHARE", 1e9)
    watched = fit(rows, Watched(tmp_path / "b").live).scores(rows.X_validation)
    assert len(layers_since(tmp_path / "b")[0]) == 3
    np.testing.assert_array_equal(plain, watched)


def test_units_that_never_answer_are_counted() -> None:
    import keras
    import tensorflow as tf

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    network.layers[0].set_weights([np.zeros((2, 4)), np.array([1.0, -1.0, -1.0, 2.0])])
    network.compile(optimizer="sgd", loss="mse")
    inspector = inspecting.Inspector(network)
    first, last = inspector.look((tf.ones((3, 2)), tf.zeros((3,))))
    assert (first["dead"], last["dead"]) == (0.5, None)
    assert first["weights"] == pytest.approx(7**0.5)
    assert first["update_ratio"] is None  # no step was seen


def test_a_bad_value_stops_the_run_at_its_batch_and_spoils_no_weight(tmp_path: Path) -> None:
    rows = material("dense_network", training={"epochs": 3, "batch_size": 32})
    rows.X_train[17, 2] = np.inf
    rows = dataclasses.replace(rows, checkpoint=Checkpoint(tmp_path / "checkpoint", seconds=1e9))
    watched = Watched(tmp_path)
    with pytest.raises(RunError, match=r"in epoch 1, batch \d+ of 15 \(its features hold values that aren't finite\)"):
        fit(rows, watched.live)
    saved = Checkpoint(tmp_path / "checkpoint").load()
    assert saved is not None
    assert all(np.isfinite(array).all() for array in saved.arrays.values())
    order = np.random.default_rng([rows.seed, 1]).permutation(450)
    assert saved.document["batches"] == list(order).index(17) // 32


def test_an_infinite_target_is_named(tmp_path: Path) -> None:
    from workbench.estimators.network import TargetScale

    rows = material("dense_network", task="regression", training={"epochs": 2}, layers=[8])
    rows.y_train[3] = 1e300
    with pytest.MonkeyPatch.context() as patch, np.errstate(over="ignore"):
        patch.setattr(TargetScale, "fit", classmethod(lambda cls, y: cls(0.0, 1.0)))
        with pytest.raises(RunError, match=r"\(its targets hold values that aren't finite\), needed a finite number"):
            fit(rows, Watched(tmp_path).live)


def test_the_layer_that_breaks_is_named() -> None:
    import keras
    import tensorflow as tf

    layers = [keras.layers.Dense(2, name="calm"), keras.layers.Dense(2, name="wild"), keras.layers.Dense(1, name="end")]
    network = keras.Sequential([keras.Input((2,)), *layers])
    network.compile(optimizer="sgd", loss="mse")
    network.get_layer("wild").set_weights([np.full((2, 2), 3e38), np.zeros(2)])
    broken = inspecting.Inspector(network).first_broken((tf.fill((3, 2), 1e3), tf.zeros((3,))))
    assert broken == "first in what layer 'wild' answers"
    network.get_layer("calm").set_weights([np.full((2, 2), np.nan), np.zeros(2)])
    broken = inspecting.Inspector(network).first_broken((tf.ones((3, 2)), tf.zeros((3,))))
    assert broken == "first in the weights of layer 'calm'"


def test_the_picture_has_a_panel_for_what_was_measured_and_a_line_for_each_layer(looked: pl.DataFrame) -> None:
    fig = layer_curves(looked)
    titles = [annotation.text for annotation in fig.layout.annotations]
    assert [title.split(":")[0].removeprefix("<b>") for title in titles] == [
        "gradients",
        "weights",
        "one step",
        "dead units",
    ]
    assert len(fig.data) == 3 * 3 + 2  # the last layer can't die
    assert sum(bool(trace.showlegend) for trace in fig.data) == 3
    assert fig.layout.yaxis.type == "log"
    assert "3 looks at 3 layers" in fig.layout.meta["alt"]


def test_the_picture_waits_for_a_first_look_and_warns_of_dead_layers(looked: pl.DataFrame) -> None:
    assert "hasn't looked at its layers yet" in layer_curves(layers_frame([])).layout.annotations[0].text
    dying = looked.with_columns(dead=pl.when(pl.col("dead").is_not_null()).then(0.75))
    assert "75% of the units of" in layer_curves(dying, title="Layers").layout.title.subtitle.text
    many = pl.concat([looked.with_columns(layer=pl.format("layer {}", pl.lit(index))) for index in range(12)])
    assert len({trace.line.color for trace in layer_curves(many).data}) == 12
