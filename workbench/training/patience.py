"""When to give up waiting for something better: used for early stopping and for lowering the learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Patience:
    """Count how long a value hasn't improved; smaller is better.

    Parameters
    ----------
    patience : int
        Values without an improvement after which it is exhausted.
    min_delta : float
        An improvement must be larger than this.

    Examples
    --------
    >>> patience = Patience(2)
    >>> [patience.exhausted_by(value) for value in (0.5, 0.4, 0.4, 0.6)]
    [False, False, False, True]
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        self.patience = patience
        self.min_delta = min_delta
        self.best = math.inf
        self.waited = 0

    def exhausted_by(self, value: float) -> bool:
        """Take the next value; tell whether waiting is over."""
        if value < self.best - self.min_delta:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restart(self) -> None:
        """Wait anew, for something better than the best so far."""
        self.waited = 0

    def memory(self) -> dict[str, Any]:
        """Give what it knows as plain values, for a checkpoint."""
        return {"best": self.best if math.isfinite(self.best) else None, "waited": self.waited}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's memory."""
        self.best = math.inf if memory["best"] is None else float(memory["best"])
        self.waited = int(memory["waited"])

    def words(self, metric: str, unit: str) -> str:
        """Say for how long there was no improvement."""
        return f"{metric} hadn't improved for {self.waited} {unit}"
