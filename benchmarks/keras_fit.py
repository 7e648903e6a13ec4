"""A dense network here, with live history, stop flag and best weights kept, against plain `model.fit`.

Same arrays (Adult's shape: 26,048 training rows and 108 features), same layers, optimizer, batches and epochs.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measuring import in_turn, report, seconds

TITLE = "Seconds to train a dense network for 10 epochs: here against plain model.fit"
EPOCHS, BATCH_SIZE, LAYERS, DROPOUT = 10, 128, [128, 64, 32], 0.1


def arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give training and validation arrays of Adult's shape, with something to learn."""
    random = np.random.default_rng(0)
    X = random.normal(size=(32_561, 108))
    y = (X[:, :20] @ random.normal(size=20) + random.normal(size=32_561) > 0).astype(np.int64)
    return X[:26_048], y[:26_048], X[26_048:], y[26_048:]


def main() -> None:
    """Print the seconds of both, and the validation loss that each reached."""
    X, y, X_validation, y_validation = arrays()
    losses: dict[str, list[float]] = {"plain fit": [], "workbench": []}

    def plain() -> None:
        import keras

        keras.utils.set_random_seed(0)
        layers = [keras.layers.Input((X.shape[1],))]
        for units in LAYERS:
            layers += [keras.layers.Dense(units, activation="relu"), keras.layers.Dropout(DROPOUT)]
        model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
        history = model.fit(
            X.astype(np.float32),
            y.astype(np.float32),
            validation_data=(X_validation.astype(np.float32), y_validation.astype(np.float32)),
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            verbose=0,
        )
        losses["plain fit"].append(history.history["val_loss"][-1])

    def workbench() -> None:
        losses["workbench"].append(train_here(X, y, X_validation, y_validation))

    sides = {"plain fit": lambda: seconds(plain), "workbench": lambda: seconds(workbench)}
    report(in_turn(sides, rounds=3), against="plain fit")
    for name, values in losses.items():
        print(f"{name}: validation loss at the end {', '.join(f'{value:.4f}' for value in values)}")


def train_here(X: np.ndarray, y: np.ndarray, X_validation: np.ndarray, y_validation: np.ndarray) -> float:
    """Train as a worker does and give the last validation loss."""
    from workbench.estimators.catalogue import check_params, entry
    from workbench.estimators.spec import TrainingSpec
    from workbench.storage import read_json_lines
    from workbench.training.checkpoint import Checkpoint
    from workbench.training.hardware import usable_cores
    from workbench.training.history import HistoryWriter
    from workbench.training.live import Live
    from workbench.training.loops import Material, fit
    from workbench.training.progress import Progress
    from workbench.training.state import RunState, write_state

    network = entry("dense_network")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_state(folder, RunState(status="queued", created=time.time()))
        live = Live(HistoryWriter(folder), Progress(folder, heartbeat_seconds=1.0), has_validation=True)
        material = Material(
            entry=network,
            params=check_params(network, {"layers": LAYERS, "dropout": DROPOUT}),
            training=TrainingSpec(epochs=EPOCHS, batch_size=BATCH_SIZE),
            task="classification",
            classes=[0, 1],
            X_train=X,
            y_train=y,
            X_validation=X_validation,
            y_validation=y_validation,
            n_jobs=usable_cores(),
            checkpoint=Checkpoint(folder / "checkpoint"),
        )
        fit(material, live)
        points, _ = read_json_lines(folder / "history.jsonl")
    return [point["metrics"]["val_loss"] for point in points if "val_loss" in point["metrics"]][-1]
