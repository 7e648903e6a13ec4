"""The one narrow seam between a loop and those who watch it: points out, a stop flag in."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from workbench.errors import RunError
from workbench.training.history import HistoryWriter
from workbench.training.progress import Progress
from workbench.training.state import Best

_logger = logging.getLogger("workbench.training")


class Live:
    """What a loop reports to, and asks whether to go on.

    Parameters
    ----------
    history : HistoryWriter, optional
        Where the points go; nowhere when absent.
    progress : Progress
    has_validation : bool
        Whether ``val_loss`` is what counts; the training loss where there are no validation rows.
    """

    def __init__(self, history: HistoryWriter | None, progress: Progress, *, has_validation: bool) -> None:
        self._history = history
        self._progress = progress
        self._watched = "val_loss" if has_validation else "loss"
        self._lowest = math.inf
        self._best: Best | None = None
        self._notes: list[str] = []
        self._unit = "fit"

    @property
    def best_step(self) -> int:
        """Epoch, tree or round of the best watched value so far; 0 before there is one."""
        return self._best["step"] if self._best else 0

    @property
    def best(self) -> Best | None:
        """The best watched value so far; where there is an RMSE, it is given in the unit of the target."""
        return self._best

    def watched_metric(self, values: Mapping[str, float]) -> str:
        """Name what counts among some values: ``val_loss`` where it is there."""
        return self._watched if self._watched in values else "loss"

    def watched(self, values: Mapping[str, float]) -> float:
        """Give the value that counts."""
        return values[self.watched_metric(values)]

    def record(self, step: int, epoch: float, values: Mapping[str, float], *, at: float | None = None) -> bool:
        """Write a point of history; tell whether it is the best so far.

        Raises
        ------
        RunError
            If the training loss isn't a number any more.
        StorageError
            If the disk refuses.
        """
        if self._history is not None:
            self._history.append(step, epoch, values, at=at)
        self.check(values.get("loss", 0.0), epoch)
        if self._watched not in values or not float(epoch).is_integer():
            return False
        value = float(values[self._watched])
        if not value < self._lowest:
            return False
        self._lowest = value
        # A squared loss chooses; its root says how large it is, in the unit of the target.
        shown = self._watched.replace("loss", "rmse")
        shown = shown if shown in values else self._watched
        self._best = Best(metric=shown, value=float(values[shown]), step=int(epoch))
        self._tell_best()
        return True

    def memory(self) -> dict[str, Any]:
        """Give what it knows as plain values, for a checkpoint."""
        return {
            "lowest": self._lowest if math.isfinite(self._lowest) else None,
            "best": self._best,
            "notes": list(self._notes),
            "history": self._history.position() if self._history else {},
        }

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's memory; points of the history that came after it are removed.

        Raises
        ------
        StorageError
            If the history can't be cut back.
        """
        lowest = memory["lowest"]
        self._lowest = math.inf if lowest is None else float(lowest)
        self._best = memory["best"] or None
        known = list(memory["notes"])
        self._notes = known + [text for text in self._notes if text not in known]
        if self._history is not None and memory["history"]:
            self._history.cut_back(memory["history"])
        self._tell_memory()

    def _tell_memory(self) -> None:
        self._progress.tell(best=self._best, note=" ".join(self._notes) or None)

    def _tell_best(self) -> None:
        self._progress.tell(best=self._best)

    def look(self, step: int, epoch: float, layers: Sequence[Mapping[str, Any]]) -> None:
        """Write what a network saw of its layers.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        if self._history is not None:
            self._history.append_layers(step, epoch, layers)

    def fail(self, step: int, epoch: float, values: Mapping[str, float], message: str) -> NoReturn:
        """Write a last point of history and end the run.

        Raises
        ------
        RunError
            With the message.
        StorageError
            If the disk refuses.
        """
        if self._history is not None:
            self._history.append(step, epoch, values)
        raise RunError(message)

    def check(self, loss: float, epoch: float) -> None:
        """Refuse a loss that isn't a finite number."""
        if not math.isfinite(loss):
            raise RunError(
                f"Got a training loss of {loss} in {self._unit} {math.ceil(epoch)}, needed a finite number. "
                "Lower the learning rate, standardize the columns, and look for extreme values in the target."
            )

    def count(self, step: int, total: int, unit: str) -> None:
        """Say how far the loop is."""
        self._unit = unit
        self._progress.count(step, total, unit)

    def stop_requested(self) -> bool:
        """Tell whether to stop now and keep the best."""
        return self._progress.stop_requested()

    def note(self, text: str) -> None:
        """Add a sentence that a reader of the run should know."""
        self._notes.append(text)
        self._progress.tell(note=" ".join(self._notes))
        self.log(text)

    def log(self, text: str) -> None:
        """Write a line into the run's log."""
        _logger.info("%s", text)
