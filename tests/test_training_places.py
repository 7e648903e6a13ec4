"""Where and how a network's steps run: fused or Keras' own, from memory or a file, on one device or several."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_rows import Watched, material

from workbench.errors import RunError
from workbench.estimators.spec import TrainingSpec
from workbench.training.loops import Material, fit
from workbench.training.loops.updates import fused_update


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "adam", "clip_norm": 0.5, "schedule": {"kind": "cosine"}},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "sgd", "weight_decay": 0.1},
        {"optimizer": "momentum"},
        {"optimizer": "lion"},
    ],
)
def test_a_fused_update_is_that_of_keras(training: dict[str, Any]) -> None:
    import tensorflow as tf

    from workbench.estimators.network import build_network

    networks = [
        build_network(
            {"layers": [8]}, TrainingSpec.model_validate(training), n_features=4, task="classification", n_classes=2,
            seed=1, steps_per_epoch=5,
        )
        for _ in range(2)
    ]  # fmt: skip
    for network in networks:
        network.optimizer.build(network.trainable_variables)
    update = fused_update(networks[0])
    random = np.random.default_rng(0)
    for _ in range(10):
        gradients = [tf.constant(random.normal(size=v.shape), tf.float32) for v in networks[0].trainable_variables]
        update(gradients)
        networks[1].optimizer.apply(gradients, networks[1].trainable_variables)
    for ours, theirs in zip(networks[0].variables, networks[1].variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)
    for ours, theirs in zip(networks[0].optimizer.variables, networks[1].optimizer.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)


def test_rows_in_a_file_are_learned_batch_by_batch_to_the_same_network(tmp_path: Path) -> None:
    rows = material("dense_network", training={"epochs": 2, "batch_size": 32}, dropout=0.2)
    there = fit(rows, Watched(tmp_path / "a").live)
    np.save(tmp_path / "X.npy", rows.X_train)
    mapped = dataclasses.replace(rows, X_train=np.load(tmp_path / "X.npy", mmap_mode="r"))
    watched = Watched(tmp_path / "b")
    here = fit(mapped, watched.live)
    assert "each batch is read when it is learned" in (watched.state.note or "")
    np.testing.assert_allclose(here.scores(rows.X_validation), there.scores(rows.X_validation), atol=1e-5)


def _images(**training: Any) -> Material:
    """Small pictures that are bright on the left or on the right."""
    import keras

    random = np.random.default_rng(0)
    y = random.integers(0, 2, 240)
    X = random.integers(0, 120, (240, 6, 6, 1)).astype(np.uint8)
    X[y == 1, :, :3] += 120

    def build(n_batches: int) -> keras.Model:
        keras.utils.set_random_seed(5)
        layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()]
        network = keras.Sequential([keras.Input((6, 6, 1)), *layers, keras.layers.Dense(1, activation="sigmoid")])
        network.compile(optimizer=keras.optimizers.Adam(0.05), loss="binary_crossentropy")
        return network

    rows = material("dense_network", training={"epochs": 4, "batch_size": 32} | training)
    return dataclasses.replace(
        rows,
        X_train=X[:200],
        y_train=y[:200],
        X_validation=X[200:],
        y_validation=y[200:],
        prepare=lambda images: _cast(images) / 255.0,
        network=build,
        finish=lambda network: network,
    )


def _cast(images: Any) -> Any:
    import tensorflow as tf

    return tf.cast(images, tf.float32)


def test_images_stay_bytes_and_are_augmented_by_the_number_of_their_batch(tmp_path: Path) -> None:
    import tensorflow as tf

    seeds = tf.Variable(tf.zeros((0, 2), tf.int32), shape=(None, 2))

    def augment(images: Any, seed: Any) -> Any:
        assert images.dtype == tf.float32
        seeds.assign(tf.concat([seeds, seed[None]], axis=0))
        return tf.image.stateless_random_flip_up_down(images, seed)

    rows = dataclasses.replace(_images(), augment=augment)
    watched = Watched(tmp_path)
    network: Any = fit(rows, watched.live)
    assert watched.history["val_accuracy"].drop_nulls()[-1] > 0.9
    assert network(np.zeros((1, 6, 6, 1), np.float32)).shape == (1, 1)
    assert seeds.numpy().tolist() == [[rows.seed, number] for number in range(4 * 7)]


def test_mixed_precision_is_left_out_on_a_cpu_and_a_missing_gpu_is_said(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    watched = Watched(tmp_path)
    fit(material("dense_network", training={"epochs": 1, "mixed_precision": True}), watched.live)
    assert "mixed_precision was left out: it pays on a GPU only" in (watched.state.note or "")
    assert keras.config.dtype_policy().name == "float32"
    rows = material("dense_network", training={"epochs": 1, "device": "gpu"})
    with pytest.raises(RunError, match=r"Got device: gpu, needed a GPU .* Set device: auto or cpu"):
        fit(rows, Watched(tmp_path / "b").live)


def test_a_step_compiled_by_xla_learns_the_same(tmp_path: Path) -> None:
    training = {"epochs": 2, "batch_size": 150, "learning_rate": 0.01}
    rows, compiled = (
        material("dense_network", training=training | {"jit_compile": jit}, layers=[8], dropout=0.0)
        for jit in (False, True)
    )
    plain, fast = (fit(found, Watched(tmp_path / name).live) for found, name in ((rows, "a"), (compiled, "b")))
    np.testing.assert_allclose(fast.scores(rows.X_validation), plain.scores(rows.X_validation), atol=1e-4)


_MIRRORED = """
import dataclasses
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from training_rows import Watched, material
from workbench.errors import RunError
from workbench.training.checkpoint import Checkpoint
from workbench.training.loops import fit, placing
real = placing.devices
placing.devices = lambda kind: ("CPU:0", "CPU:1") if kind == "GPU" else real(kind)
scores = []
for device in ("cpu", "all_gpus"):
    folder = Path(sys.argv[1]) / device
    training = {"epochs": 4, "batch_size": 50, "learning_rate": 0.01, "clip_norm": 5.0, "device": device}
    for stop_at in (12, None):  # a stop after the first epoch, and the way on
        rows = material("dense_network", training=training, layers=[16], dropout=0.0, checkpoint=folder / "checkpoint")
        watched = Watched(folder, stop_at=stop_at)
        model = fit(rows, watched.live)
        (folder / "stop").unlink(missing_ok=True)
    scores.append(model.scores(rows.X_validation))
np.testing.assert_allclose(scores[1], scores[0], atol=1e-4)
rows.X_train[5, 0] = np.nan
try:
    fit(dataclasses.replace(rows, checkpoint=None), Watched(folder / "broken").live)
except RunError as error:
    print(error)
"""


def test_two_devices_learn_what_one_does_and_resume(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _MIRRORED, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "its features hold values that aren't finite" in done.stdout
