"""One line of the catalogue: what an estimator is, what it takes, and how it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.data.spec import AnyTask
from workbench.estimators.parameters import Parameter
from workbench.estimators.spec import TrainingSpec

Engine = Literal["sklearn", "keras", "ensemble"]
Progress = Literal["single", "trees", "rounds", "epochs"]
Takes = Literal["table", "image", "runs"]
Family = Literal["simple", "linear", "neighbors", "trees", "networks", "images", "groups", "combined", "own"]

BOTH_TASKS: tuple[AnyTask, ...] = ("classification", "regression")

CLASS_WEIGHT = Parameter(
    "class_weight",
    "choice",
    "none",
    "`balanced` counts each class alike, however rare; finds more of a rare class, at the price of false alarms.",
    choices=("none", "balanced"),
    searched=False,  # a trade between kinds of errors, which a search by accuracy can't judge
    task="classification",
)


@dataclass(frozen=True)
class EstimatorEntry:
    """One estimator of the catalogue.

    Parameters
    ----------
    name, title : str
        The name in a RunSpec and the one on a page.
    summary, strengths, cost : str
        A sentence each: what it is, when to take it, what it costs.
    tasks : tuple of {"classification", "regression", "clustering", "outlier_detection"}
    engine : {"sklearn", "keras", "ensemble"}
        The library that trains it; an ensemble combines finished runs.
    progress : {"single", "trees", "rounds", "epochs"}
        The step in which it learns, hence the x axis of its live curve.
    handles_missing : bool
        Whether missing numbers may reach it without an impute step.
    needs_scaling : bool
        Whether columns should have similar scales.
    parameters : tuple of Parameter
    takes : {"table", "image", "runs"}
        What it learns from: columns, one image column, or the answers of finished runs.
    family : str
        Where it stands among the others: the heading above its card.
    converts : bool
        Whether it becomes a part of the ONNX graph; the native model answers where it doesn't.
    formula : str
        What it computes or minimizes, in LaTeX; empty where a formula wouldn't help a learner.
    sensible : bool
        Whether "try everything sensible" tries it: good without tuning, and affordable on most tables.
    embeds : bool
        Whether it learns a vector for each category that the step ``ordinal`` numbered, so that a suggested recipe
        numbers them.
    max_rows : int, optional
        Training rows beyond which its cost explodes; the run warns, and "try everything" leaves it out.
    training : TrainingSpec, optional
        What is set in it are the estimator's own defaults of training; see `TrainingSpec.suited`.
    """

    name: str
    title: str
    summary: str
    strengths: str
    cost: str
    tasks: tuple[AnyTask, ...]
    engine: Engine
    progress: Progress
    handles_missing: bool
    needs_scaling: bool
    parameters: tuple[Parameter, ...] = ()
    takes: Takes = "table"
    family: Family = "own"
    converts: bool = True
    formula: str = ""
    sensible: bool = True
    max_rows: int | None = None
    embeds: bool = False
    training: TrainingSpec | None = None

    def parameters_for(self, task: AnyTask) -> tuple[Parameter, ...]:
        """Give the parameters that do something in a task."""
        return tuple(each for each in self.parameters if each.task in (None, task))

    def parameter(self, name: str) -> Parameter | None:
        """Give one of its parameters by name; None where it has none of that name."""
        return next((found for found in self.parameters if found.name == name), None)
