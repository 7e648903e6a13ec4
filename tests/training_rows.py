"""Rows and a recording seam for the tests of the training loops."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from workbench.estimators.catalogue import check_params, entry
from workbench.estimators.spec import TrainingSpec
from workbench.training.checkpoint import Checkpoint
from workbench.training.history import HistoryWriter, history_frame, history_since
from workbench.training.live import Live
from workbench.training.loops import Material
from workbench.training.progress import Progress
from workbench.training.state import STOP, RunState, write_state


class Watched:
    """A run folder, what a loop reports to, and what it has reported."""

    def __init__(self, folder: Path, *, has_validation: bool = True, stop_at: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_state(folder, RunState(status="queued", created=time.time()))
        self.folder = folder
        self.progress = Progress(folder)
        self.live = _StoppedLive(HistoryWriter(folder), self.progress, has_validation=has_validation)
        self.live.stop_at, self.live.folder = stop_at, folder

    @property
    def history(self) -> Any:
        return history_frame(history_since(self.folder)[0])

    @property
    def state(self) -> RunState:
        return self.progress.state


class _StoppedLive(Live):
    """Writes the run's stop file as soon as a step is recorded."""

    stop_at: int | None = None
    folder: Path

    def record(self, step: int, *arguments: Any, **named: Any) -> bool:
        best = super().record(step, *arguments, **named)
        if self.stop_at is not None and step >= self.stop_at:
            (self.folder / STOP).write_text("{}")
        return best


def material(
    name: str, *, task: str = "classification", n_rows: int = 600, n_classes: int = 2, validation: float = 0.25,
    noise: float = 1.0, training: dict[str, Any] | None = None, checkpoint: Path | None = None, **params: Any,
) -> Material:  # fmt: skip
    """Make rows whose target depends on two of four columns, with noise."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n_rows, 4))
    signal = X[:, 0] + X[:, 1] * 0.5 + noise * rng.normal(size=n_rows)
    if task == "regression":
        y: np.ndarray = 1000.0 * signal + 50_000.0
    else:
        y = np.digitize(signal, np.quantile(signal, np.linspace(0, 1, n_classes + 1)[1:-1])).astype(np.int64)
    n_train = int(n_rows * (1 - validation))
    found = entry(name)
    return Material(
        entry=found,
        params=check_params(found, params),
        training=TrainingSpec.model_validate(training or {}),
        task=task,  # type: ignore[arg-type]
        classes=None if task == "regression" else [f"class {index}" for index in range(n_classes)],
        X_train=X[:n_train],
        y_train=y[:n_train],
        X_validation=X[n_train:],
        y_validation=y[n_train:],
        seed=3,
        n_jobs=2,
        checkpoint=Checkpoint(checkpoint, seconds=0.0) if checkpoint else None,
    )
