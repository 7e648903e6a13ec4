"""The best weights so far: in memory for the loop, and on disk so that a killed run leaves them behind."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from workbench import storage

WEIGHTS = "best.npz"
DESCRIPTION = "best.json"
_WRITE_SECONDS = 5.0


class BestWeights:
    """Keep the weights of the best epoch.

    Parameters
    ----------
    folder : Path, optional
        Where they are written, at most every five seconds, as NumPy's ``.npz`` (arrays only, never pickled). Nothing is
        written when absent.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._written = 0.0
        self.weights: list[np.ndarray] | None = None
        self.epoch = 0

    def keep(self, weights: Sequence[np.ndarray], *, epoch: int, metric: str, value: float) -> None:
        """Remember these weights as the best so far."""
        self.weights = [np.array(array) for array in weights]
        self.epoch = epoch
        now = time.monotonic()
        if self._folder is not None and now - self._written >= _WRITE_SECONDS:
            self._written = now
            write_weights(self._folder, self.weights, epoch=epoch, metric=metric, value=value)


def write_weights(folder: Path, weights: Sequence[np.ndarray], *, epoch: int, metric: str, value: float) -> None:
    """Replace the stored weights and what is known about them."""
    buffer = io.BytesIO()
    np.savez(buffer, *weights)
    storage.write_atomic(folder / WEIGHTS, buffer.getvalue())
    storage.write_json(folder / DESCRIPTION, {"format": 1, "epoch": epoch, "metric": metric, "value": value})


def read_weights(folder: Path) -> list[np.ndarray] | None:
    """Read stored weights; None where there are none."""
    try:
        with np.load(folder / WEIGHTS, allow_pickle=False) as stored:
            return [stored[f"arr_{index}"] for index in range(len(stored.files))]
    except FileNotFoundError:
        return None
