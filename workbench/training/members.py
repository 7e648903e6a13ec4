"""Finished runs that fit together: they learned from the same rows, and judged the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.data.spec import SplitName, Task
from workbench.errors import EstimatorError
from workbench.settings import Settings
from workbench.training.listing import open_run
from workbench.training.run import Run
from workbench.training.spec import RunSpec

if TYPE_CHECKING:
    from workbench.evaluation import Report

PARTS: tuple[SplitName, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Members:
    """Finished runs that fit together.

    Parameters
    ----------
    runs : list of Run
    reports : list of Report
    """

    runs: list[Run]
    reports: list[Report]

    @property
    def task(self) -> Task:
        """What they all do."""
        return self.reports[0].task

    @property
    def classes(self) -> list[str | int] | None:
        """Their classes."""
        return self.reports[0].classes

    def rows(self, part: str) -> np.ndarray:
        """Positions in the table of a part's rows, in ascending order."""
        return _rows(self.reports[0], part).to_numpy()

    def labels(self, part: str) -> np.ndarray:
        """Give the labels, or numbers, of a part."""
        return _sorted(self.reports[0], part)["y_true"].to_numpy()

    def answers(self, part: str) -> list[np.ndarray]:
        """Each member's probabilities, or values, of a part's rows."""
        names = ["prediction"] if self.classes is None else [f"probability_{label}" for label in self.classes]
        return [_sorted(report, part).select(names).to_numpy().astype(np.float64) for report in self.reports]

    def indices(self, part: str) -> np.ndarray:
        """Give the class indices, or numbers, of a part."""
        labels = self.labels(part)
        if self.classes is None:
            return labels.astype(np.float64)
        place = {label: index for index, label in enumerate(self.classes)}
        return np.array([place[label] for label in labels.tolist()], dtype=np.int64)


def open_members(ids: Sequence[str], spec: RunSpec, settings: Settings) -> Members:
    """Open runs and check that they can be combined.

    Raises
    ------
    EstimatorError
        If there are fewer than two, or they differ in table, target, classes or in the rows of a part.
    RunNotFoundError, RunError
        If there is no such run, or it has made no model.
    """
    if len(set(ids)) < 2:
        raise EstimatorError(
            f"Got {len(set(ids))} runs to combine, needed at least two different ones. Name finished runs in `runs`."
        )
    found = [open_run(run_id, settings=settings) for run_id in dict.fromkeys(ids)]
    reports = [run.report() for run in found]
    if any(hasattr(report, "groups") for report in reports):
        raise EstimatorError("Got a run without a target, needed runs that predict the same one. Choose others.")
    first, report = found[0], reports[0]
    for run, other in zip(found, reports, strict=True):
        _check_fit(spec, first, report, run, other)
    return Members(found, reports)


def _check_fit(spec: RunSpec, first: Run, report: Report, run: Run, other: Report) -> None:
    differs = ""
    if run.state.table != first.state.table:
        differs = "another table"
    elif (other.target, other.task, other.classes) != (report.target, report.task, report.classes):
        differs = "another target, or other classes"
    elif spec.data.target != other.target:
        raise EstimatorError(
            f"Got runs that predict {other.target!r} in a RunSpec with the target {spec.data.target!r}, needed the "
            "same. Set the target to theirs."
        )
    else:
        for part in PARTS:
            if (part in other.splits) != (part in report.splits):
                differs = f"{'' if part in other.splits else 'no '}{part} rows"
            elif part in other.splits and not _rows(other, part).equals(_rows(report, part)):
                differs = f"other {part} rows"
            if differs:
                break
    if differs:
        raise EstimatorError(
            f"Got {first.id} and {run.id}, which has {differs}; needed runs on the same rows, or a test row of one "
            "would be a training row of the other. Give them the same table, row steps, split and seed."
        )


def _sorted(report: Report, part: str) -> pl.DataFrame:
    return report.predictions(part).sort("row")


def _rows(report: Report, part: str) -> pl.Series:
    return _sorted(report, part)["row"]
