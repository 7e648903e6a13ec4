"""The most memory that a worker takes while it trains a network, against a plain Keras script on the same rows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.measuring import ROOT, in_turn, report
from benchmarks.network_sides import data_file

TITLE = "Largest memory of a training process, in MiB: a worker's against a plain Keras script"
ROUNDS = 3

_PLAIN = """
import sys
import numpy as np, pandas as pd, keras
from sklearn.compose import make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler
table = pd.read_csv(sys.argv[1])
y = (table.pop(table.columns[-1]).astype(str).str.strip() == ">50K").to_numpy(np.float32)
texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
prepare = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts), remainder=StandardScaler()
)
rest, test, y_rest, y_test = train_test_split(table, y, test_size=0.2, random_state=0)
train, held, y_train, y_held = train_test_split(rest, y_rest, test_size=0.2, random_state=0)
X_train, X_held, X_test = prepare.fit_transform(train), prepare.transform(held), prepare.transform(test)
layers = [keras.layers.Input((X_train.shape[1],)), keras.layers.Dense(128, activation="relu")]
layers += [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
model = keras.Sequential(layers)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(X_train, y_train, validation_data=(X_held, y_held), epochs=5, batch_size=128, verbose=0)
from sklearn.metrics import classification_report, roc_auc_score
scores = model.predict(X_test, verbose=0)[:, 0]
roc_auc_score(y_test, scores), classification_report(y_test, scores > 0.5)
model.save(sys.argv[2])
"""


def main() -> None:
    """Print both, and their ratio."""
    path = data_file("adult_train.csv.gz")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sides = {"plain script": lambda: _plain(path, folder), "worker": lambda: _worker(path, folder)}
        report(in_turn(sides, rounds=ROUNDS), unit="MiB", against="plain script")


def _plain(path: Path, folder: Path) -> float:
    command = [sys.executable, "-c", _PLAIN, str(path), str(folder / "network.keras")]
    return _largest(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def _worker(path: Path, folder: Path) -> float:
    import polars as pl

    import workbench as wb

    # A worker of its own, from its first import on: a warm one is the same process a moment later.
    settings = wb.Settings(home=folder / "home", warm_worker="off")
    columns = wb.read_table(path, settings=settings).frame()
    target, texts = columns.columns[-1], columns.select(pl.col(pl.String, pl.Categorical)).columns[:-1]
    numbers = [name for name in columns.columns if name not in (*texts, target)]
    document = {
        "name": "memory",
        "data": {"source": str(path), "target": target},
        "recipe": [{"step": "one_hot", "columns": texts}, {"step": "standardize", "columns": numbers}],
        "split": {"test": 0.2, "validation": 0.2},
        "estimator": {"name": "dense_network", "params": {"layers": [128, 64]}},
        "training": {"epochs": 5, "batch_size": 128},
    }
    run = wb.start(wb.RunSpec.model_validate(document), settings=settings)
    while run.state.pid is None and not run.state.has_ended:
        time.sleep(0.05)
    largest = _largest(psutil.Process(run.state.pid)) if run.state.pid else 0.0
    run.wait()
    if run.state.status != "finished":
        sys.exit(f"The run {run.state.status}: {run.state.reason}")
    return largest


def _largest(process: subprocess.Popen[bytes] | psutil.Process) -> float:
    """Look at a process until it ends; give the most memory that it held, in MiB."""
    largest = 0
    watched = psutil.Process(process.pid)
    try:
        while watched.status() != psutil.STATUS_ZOMBIE:
            largest = max(largest, watched.memory_info().rss)
            time.sleep(0.02)
    except psutil.NoSuchProcess:
        pass
    if isinstance(process, subprocess.Popen) and process.wait() != 0:
        sys.exit("The plain script failed.")
    return largest / 2**20


if __name__ == "__main__":
    main()
