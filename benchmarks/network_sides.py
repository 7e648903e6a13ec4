"""What the benchmarks of networks share: the arrays of Adult and MNIST, plain `model.fit`, and a run of ours."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EPOCHS, BATCH_SIZE = 10, 128


@dataclass(frozen=True)
class Sample:
    """Training and validation arrays, and the layers that learn them; `scale` divides the features on both sides."""

    X: np.ndarray
    y: np.ndarray
    X_validation: np.ndarray
    y_validation: np.ndarray
    layers: list[int]
    dropout: float
    n_classes: int
    scale: float = 1.0


def adult() -> Sample:
    """Give Adult one-hot and standardised: 26,048 training rows of about 100 features."""
    import polars as pl

    import workbench as wb
    from workbench.recipe import fit_and_transform

    with tempfile.TemporaryDirectory() as name:
        rows = wb.read_table(data_file("adult_train.csv.gz"), settings=wb.Settings(home=Path(name))).frame()
    target, texts = rows.columns[-1], rows.select(pl.col(pl.String, pl.Categorical)).columns[:-1]
    numbers = [column for column in rows.columns if column not in (*texts, target)]
    recipe = [{"step": "one_hot", "columns": texts}, {"step": "standardize", "columns": numbers}]
    document = {"name": "adult", "data": {"source": "adult", "target": target}, "recipe": recipe}
    spec = wb.RunSpec.model_validate(document | {"estimator": {"name": "dense_network"}})
    order = np.random.default_rng(0).permutation(rows.height)
    y = (rows[target] == rows[target].mode()[0]).cast(pl.Int64).to_numpy()[order]
    _, X = fit_and_transform(
        list(spec.recipe), rows[order], target=target, task="classification", handles_missing=False, seed=0
    )
    X = np.nan_to_num(X)
    return Sample(X[:26_048], y[:26_048], X[26_048:], y[26_048:], [128, 64, 32], 0.1, 2)


def mnist() -> Sample:
    """Give the 60,000 training digits as rows of 784 bytes, and the 10,000 others."""
    with np.load(data_file("mnist.npz")) as digits:
        X, X_validation = digits["x_train"].reshape(-1, 784), digits["x_test"].reshape(-1, 784)
        y, y_validation = digits["y_train"].astype(np.int64), digits["y_test"].astype(np.int64)
    return Sample(X, y, X_validation, y_validation, [128], 0.2, 10, 255.0)


def data_file(name: str) -> Path:
    """Find a file of the folder that WORKBENCH_DATA names."""
    from workbench.settings import current

    folder = current().data
    if folder is None or not (folder / name).is_file():
        sys.exit(f"This benchmark needs {name}: set WORKBENCH_DATA to a folder that has it.")
    return folder / name


def plain_fit(sample: Sample, *, seed: int, epochs: int = EPOCHS) -> float:
    """Train with Keras as anyone would; give the last validation loss."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Input(sample.X.shape[1:])]
    for units in sample.layers:
        layers += [keras.layers.Dense(units, activation="relu"), keras.layers.Dropout(sample.dropout)]
    many = sample.n_classes > 2
    layers.append(keras.layers.Dense(sample.n_classes if many else 1, activation="softmax" if many else "sigmoid"))
    model = keras.Sequential(layers)
    loss = "sparse_categorical_crossentropy" if many else "binary_crossentropy"
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    X, X_validation = (
        (part / sample.scale).astype(np.float32) if sample.scale != 1.0 else part.astype(np.float32)
        for part in (sample.X, sample.X_validation)
    )
    y, y_validation = (part if many else part.astype(np.float32) for part in (sample.y, sample.y_validation))
    told = model.fit(
        X, y, validation_data=(X_validation, y_validation), epochs=epochs, batch_size=BATCH_SIZE, verbose=0
    )
    return float(told.history["val_loss"][-1])


def our_fit(sample: Sample, *, seed: int, epochs: int = EPOCHS, watched: bool = True) -> float:
    """Train as a worker does and give the last validation loss.

    Parameters
    ----------
    sample : Sample
    seed, epochs : int
    watched : bool
        With history, looks at the layers, sign of life, hardware sampler, stop flag and checkpoints, as a run has them;
        else with nothing attached.
    """
    from workbench.training.hardware import Sampler
    from workbench.training.progress import Progress
    from workbench.training.state import RunState, write_state

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_state(folder, RunState(status="queued", created=time.time()))
        progress = Progress(folder, heartbeat_seconds=1.0)
        sampler = Sampler(folder, seconds=1.0)
        if watched:
            progress.begin()
            sampler.start()
        try:
            return _fit(sample, folder, progress, seed=seed, epochs=epochs, watched=watched)
        finally:
            if watched:
                sampler.stop()
                progress.end("finished")


def _fit(sample: Sample, folder: Path, progress: object, *, seed: int, epochs: int, watched: bool) -> float:
    from workbench.estimators.catalogue import check_params, entry
    from workbench.estimators.spec import TrainingSpec
    from workbench.training.checkpoint import Checkpoint
    from workbench.training.hardware import usable_cores
    from workbench.training.history import HistoryWriter
    from workbench.training.live import Live
    from workbench.training.loops import Material, fit

    class Heard(Live):
        """Remembers the last validation loss where nothing is written."""

        lost = 0.0

        def record(self, step, epoch, values, *, at=None):  # type: ignore[no-untyped-def]
            """Record a point."""
            self.lost = values.get("val_loss", self.lost)
            return super().record(step, epoch, values, at=at)

    network = entry("dense_network")
    live = Heard(HistoryWriter(folder) if watched else None, progress, has_validation=True)  # type: ignore[arg-type]
    material = Material(
        entry=network,
        params=check_params(network, {"layers": sample.layers, "dropout": sample.dropout}),
        training=TrainingSpec(epochs=epochs, batch_size=BATCH_SIZE),
        task="classification",
        classes=list(range(sample.n_classes)),
        X_train=sample.X,
        y_train=sample.y,
        X_validation=sample.X_validation,
        y_validation=sample.y_validation,
        seed=seed,
        n_jobs=usable_cores(),
        checkpoint=Checkpoint(folder / "checkpoint", seconds=5.0) if watched else None,
        prepare=_scaled(sample.scale) if sample.scale != 1.0 else None,
        finish=lambda network: network,  # the package isn't what is measured
    )
    fit(material, live)
    return live.lost


def _scaled(scale: float):  # type: ignore[no-untyped-def]
    import tensorflow as tf

    return lambda X: tf.cast(X, tf.float32) / scale
