"""What a search leaves behind while it goes on: trials, the curve of the best so far, the count in the run's state."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from workbench import storage
from workbench.training.history import HistoryWriter
from workbench.training.progress import Progress
from workbench.training.searching.scoring import Scorer
from workbench.training.searching.trials import Trial, append_trial, best_of, read_trials
from workbench.training.state import HISTORY, Best

_logger = logging.getLogger("workbench.training")


class Record:
    """The trials of a run folder, and what its readers are told of them.

    Parameters
    ----------
    folder : Path
        The run's; trials that lie there already are those of an earlier attempt.
    scorer : Scorer
    progress : Progress
    total : int
        Trials that there will be at most.
    """

    def __init__(self, folder: Path, scorer: Scorer, progress: Progress, total: int) -> None:
        self.folder, self.scorer, self.total = folder, scorer, total
        self._progress = progress
        self._history = HistoryWriter(folder)
        self.trials: dict[int, Trial] = {trial.number: trial for trial in read_trials(folder)}
        self.n_before = len(self.trials)
        self.tell()

    @property
    def best(self) -> Trial | None:
        """The best finished trial."""
        return best_of([self.trials[number] for number in sorted(self.trials)], self.scorer.metric.better)

    @property
    def n_finished(self) -> int:
        """Trials that were measured on all folds."""
        return sum(trial.status == "finished" for trial in self.trials.values())

    def begin(self) -> None:
        """Take the curves of a training after an earlier search away, before further trials add to the search's own."""
        cut_history(self.folder, self.scorer.metric.name)

    def add(self, trials: Sequence[Trial]) -> None:
        """Write trials that have ended, and the point of history of each that was measured."""
        for trial in trials:
            if trial.number in self.trials:
                continue
            ended = append_trial(self.folder, replace(trial, metric=self.scorer.metric.name))
            self.trials[trial.number] = ended
            self._log(ended)
            best = self.best
            if ended.status == "finished" and ended.value is not None and best is not None and best.value is not None:
                name = self.scorer.metric.name
                values = {f"trial_{name}": ended.value, f"best_{name}": best.value}
                self._history.append(len(self.trials), len(self.trials), values, at=ended.time)
        self.tell()

    def tell(self) -> None:
        """Tell the run's state how many trials have ended and which is the best."""
        best = self.best
        if best is not None and best.value is not None:
            told = Best(metric=self.scorer.metric.name, value=best.value, step=best.number)
            self._progress.tell(best=told)
        self._progress.count(min(len(self.trials), self.total), self.total, "trial")

    def _log(self, trial: Trial) -> None:
        shown = json.dumps({**trial.params, **trial.training})
        value = "" if trial.value is None else f" {self.scorer.metric.name} {trial.value:.5g}"
        why = f" ({trial.reason})" if trial.reason else ""
        _logger.info("Trial %d %s:%s %s %s%s", trial.number, trial.status, value, trial.estimator, shown, why)


def cut_history(folder: Path, metric: str) -> None:
    """Leave only the search's own points in a history."""
    path = folder / HISTORY
    with suppress(FileNotFoundError):
        lines = path.read_bytes().splitlines(keepends=True)
        own = [line for line in lines if f'"trial_{metric}"'.encode() in line and line.endswith(b"\n")]
        if len(own) < len(lines):
            storage.write_atomic(path, b"".join(own))
