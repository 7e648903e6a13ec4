"""What both kinds of boosting do after each round: a point of history, whether to go on, and which rounds are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.estimators.spec import BOOSTING_PATIENCE, NEVER
from workbench.training.live import Live
from workbench.training.loops.material import Material
from workbench.training.patience import Patience

_FAR_WORSE = 1.25


class Rounds:
    """Watch a boosting run.

    It stops when the watched loss hasn't improved for `early_stopping.patience` rounds. Where the spec doesn't say, 25
    rounds of the validation loss end it: boosting that goes on for too long learns its rows by heart, and with rare
    classes its loss can explode. Then, and where a stop was requested, the rounds after the best are cut off. A
    patience that outlasts all rounds switches this off.

    Parameters
    ----------
    material : Material
    live : Live
    total : int
        Rounds asked for.
    """

    def __init__(self, material: Material, live: Live, *, total: int) -> None:
        self._live, self._total = live, total
        early = material.training.early_stopping
        self._by_default = early is None and material.has_validation
        self._has_validation = material.has_validation
        self._patience: Patience | None = None
        if early is not None and early.patience < total:
            self._patience = Patience(early.patience, early.min_delta)
        elif self._by_default and total > BOOSTING_PATIENCE:
            self._patience = Patience(BOOSTING_PATIENCE)
        self._losses: list[float] = []
        self._why = ""
        self.ended = False
        self.stopped = False

    def start(self, n_rounds: int) -> None:
        """Say where it begins."""
        if n_rounds:
            self._live.log(f"Went on from {n_rounds} rounds.")
        self._live.count(n_rounds, self._total, "round")
        self.ended = n_rounds >= self._total or self.ended

    def record(self, n_rounds: int, values: Mapping[str, float]) -> bool:
        """Take the measures after a round; tell whether it was the last one."""
        self._live.record(n_rounds, n_rounds, values)
        self._live.count(n_rounds, self._total, "round")
        self._losses.append(self._live.watched(values))
        if self._patience is not None and self._patience.exhausted_by(self._losses[-1]):
            self._why = self._patience.words(self._live.watched_metric(values), "rounds")
            self.ended = True
        if n_rounds < self._total and self._live.stop_requested():
            self.stopped = self.ended = True
        return self.ended

    def memory(self) -> dict[str, Any]:
        """Give what it knows as plain values, for a checkpoint."""
        patience = self._patience.memory() if self._patience else None
        return {"live": self._live.memory(), "patience": patience, "losses": self._losses}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's memory."""
        self._live.recall(memory["live"])
        self._losses = list(memory["losses"])
        if self._patience is not None and memory["patience"]:
            self._patience.recall(memory["patience"])
            if self._patience.waited >= self._patience.patience:
                self._why = self._patience.words("val_loss" if self._has_validation else "loss", "rounds")
                self.ended = True

    def finish(self, model: Any) -> None:
        """Keep the best rounds where that was asked for, and say what was done."""
        from workbench.estimators.classical import keep_rounds

        live, n_rounds, best = self._live, len(self._losses), self._live.best_step
        if self._why:
            live.note(f"Stopped early after {n_rounds} of {self._total} rounds: {self._why}.")
        keeps = self._patience is not None or self.stopped
        if keeps and 0 < best < n_rounds:
            keep_rounds(model, best)
            live.note(f"The best {best} rounds are kept.")
            if self._by_default and not self.stopped:
                live.note(
                    f"That is the default of boosting. To train all rounds, switch early stopping off, or set "
                    f"early_stopping: {{patience: {NEVER}}}."
                )
        if not keeps and self._has_validation and (note := self._worsened()):
            live.note(note)

    def _worsened(self) -> str:
        """Say so where the last round is far worse than the best one."""
        best, last = min(self._losses), self._losses[-1]
        if last <= _FAR_WORSE * best:
            return ""
        after = self._losses.index(best) + 1
        return (
            f"The validation loss was lowest after {after} of {len(self._losses)} rounds and {last / best:.3g} times "
            "as high at the end. Turn on early stopping, or lower learning_rate."
        )
