"""Cross-validation: the same recipe and estimator on all folds but one, once for each, measured on the one left out.

The first fold is the run itself: its rows train the model that is kept, and its validation scores are the run's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import storage
from workbench.errors import WorkbenchError
from workbench.training.learning import make_ready
from workbench.training.live import Live
from workbench.training.loops import fit
from workbench.training.preparing import Preparation
from workbench.training.progress import Progress
from workbench.training.state import FOLDS

if TYPE_CHECKING:
    from workbench.data import Split


class FoldLive(Live):
    """What the loop of one fold reports to: the run's progress counts folds, and only the log is told."""

    def __init__(self, progress: Progress, *, fold: int, n_folds: int, has_validation: bool) -> None:
        super().__init__(None, progress, has_validation=has_validation)
        self._fold, self._n_folds = fold, n_folds

    def count(self, step: int, total: int, unit: str) -> None:
        """Count folds; the share of this one that is done counts for the time left."""
        self._unit = unit
        done = self._fold - 2 + step / max(total, 1)
        self._progress.count(self._fold - 2, self._n_folds, "fold", done=done)

    def note(self, text: str) -> None:
        """Write a line into the log: a fold's model isn't the run's."""
        self.log(text)

    def log(self, text: str) -> None:
        """Write a line into the run's log, with the fold."""
        super().log(f"Fold {self._fold}: {text}")

    def _tell_best(self) -> None:
        """Keep it to itself, for the same reason."""

    def _tell_memory(self) -> None:
        """Nor this."""


def validate_folds(prepared: Preparation, progress: Progress) -> list[dict[str, Any]] | None:
    """Train and measure every fold but the first.

    Each fold fits the recipe anew on its own training rows, so that nothing of its validation rows is learned. A fold
    that was measured before the run was resumed isn't trained again.

    Returns
    -------
    list of dict
        For folds 2, 3, ...: what `measured_fold` gives. None where a stop was requested.

    Raises
    ------
    WorkbenchError
        If a fold can't be trained; the message names it.
    """
    n_folds = len(prepared.folds)
    stored = _StoredFolds(progress.folder, prepared)
    measured = []
    for number, split in enumerate(prepared.folds[1:], start=2):
        if number in stored.folds:
            measured.append(stored.folds[number])
            progress.count(number - 1, n_folds, "fold")
            continue
        live = FoldLive(progress, fold=number, n_folds=n_folds, has_validation=len(split.validation) > 0)
        live.count(0, 1, "fit")
        try:
            found = _train_fold(prepared, split, live)
        except WorkbenchError as error:
            raise type(error)(f"Fold {number} of {n_folds}: {error}") from error
        if found is None:
            return None
        measured.append(measured_fold(number, split, found))
        stored.append(measured[-1])
        progress.count(number - 1, n_folds, "fold")
        live.log(", ".join(f"{name} {value:.4g}" for name, value in found.items()))
    return measured


class _StoredFolds:
    """The folds that are measured, beside what they were measured with: a search may choose otherwise later."""

    def __init__(self, folder: Path, prepared: Preparation) -> None:
        spec = prepared.spec
        made_with = storage.to_json([spec.estimator.model_dump(mode="json"), spec.training.model_dump(mode="json")])
        self._path = folder / FOLDS
        self._key = sha256(made_with.encode()).hexdigest()[:16]
        lines = storage.read_json_lines(self._path)[0]
        self.folds: dict[int, dict[str, Any]] = {
            line["fold"]["fold"]: line["fold"] for line in lines if line.get("key") == self._key
        }

    def append(self, fold: dict[str, Any]) -> None:
        storage.append_json_line(self._path, {"key": self._key, "fold": fold})


def _train_fold(prepared: Preparation, split: Split, live: FoldLive) -> dict[str, float] | None:
    from workbench.evaluation import evaluate_predictions

    if live.stop_requested():
        return None
    ready = make_ready(prepared, split)
    model = fit(ready.material, live)
    if live.stop_requested():
        return None
    metrics = evaluate_predictions(
        prepared.labels(split.validation),
        model.scores(ready.material.X_validation),
        task=prepared.task,
        classes=prepared.classes,
        split="validation",
    )
    if prepared.entry.engine == "keras":
        import keras

        keras.utils.clear_session()  # or the networks of all folds stay in memory
    return metrics


def measured_fold(number: int, split: Split, metrics: Mapping[str, float]) -> dict[str, Any]:
    """Give one fold as plain values: ``fold``, ``n_train_rows``, ``n_validation_rows``, ``metrics``."""
    return {
        "fold": number,
        "n_train_rows": len(split.train),
        "n_validation_rows": len(split.validation),
        "metrics": dict(metrics),
    }


def summary(folds: Sequence[Mapping[str, Any]], *, by: str) -> dict[str, Any]:
    """Put the folds of a cross-validation together.

    Returns
    -------
    dict
        ``n_folds``, ``by``, ``mean`` and ``std`` of each metric (over the folds that have it; the standard deviation
        divides by their number less one), ``folds``.

    Examples
    --------
    >>> from workbench.data import Split
    >>> split = Split(train=np.arange(2), validation=np.arange(2, 4), test=np.arange(0))
    >>> folds = [measured_fold(1, split, {"rmse": 1.0}), measured_fold(2, split, {"rmse": 3.0})]
    >>> found = summary(folds, by="random")
    >>> found["mean"], round(found["std"]["rmse"], 3)
    ({'rmse': 2.0}, 1.414)
    """
    names = dict.fromkeys(name for fold in folds for name in fold["metrics"])
    values = {name: [fold["metrics"][name] for fold in folds if name in fold["metrics"]] for name in names}
    return {
        "n_folds": len(folds),
        "by": by,
        "mean": {name: math.fsum(found) / len(found) for name, found in values.items()},
        "std": {name: float(np.std(found, ddof=1)) if len(found) > 1 else 0.0 for name, found in values.items()},
        "folds": [dict(fold) for fold in folds],
    }
