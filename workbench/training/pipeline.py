"""From a RunSpec to a package: which way a run goes. Each way is a module with one function of the same form."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from workbench.estimators.catalogue import entry as find_entry
from workbench.settings import Settings
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import Status

# Each is imported when a run goes that way: what images need, a table doesn't.
_WAYS = {
    "table": ("table_pipeline", "run_table_pipeline"),
    "image": ("table_pipeline", "run_table_pipeline"),  # the same way: only preparation and material are others
    "unsupervised": ("unsupervised", "run_unsupervised"),
    "runs": ("combining", "run_combining"),
}
_UNSUPERVISED = frozenset({"clustering", "outlier_detection"})


class Pipeline(Protocol):
    """One way from a RunSpec to a package."""

    def __call__(
        self, spec: RunSpec, folder: Path, *, progress: Progress, settings: Settings
    ) -> tuple[Status, str | None]:
        """Do the work of a run; give how it ended and, where it was stopped, why."""
        ...


def run_pipeline(spec: RunSpec, folder: Path, *, progress: Progress, settings: Settings) -> tuple[Status, str | None]:
    """Do the work of a run.

    Returns
    -------
    status : {"finished", "stopped"}
    reason : str, optional
        Why it was stopped.

    Raises
    ------
    WorkbenchError
        If the data, the recipe, the estimator or the disk refuse.
    """
    module, name = _WAYS[way(spec)]
    run = cast(Pipeline, getattr(import_module(f"workbench.training.{module}"), name))
    return run(spec, folder, progress=progress, settings=settings)


def way(spec: RunSpec) -> str:
    """Name the way that a run goes: "table", "image", "unsupervised" or "runs".

    Raises
    ------
    EstimatorError
        If there is no such estimator.
    """
    entry = find_entry(spec.estimator.name)
    if entry.takes != "table":
        return entry.takes
    return "unsupervised" if _UNSUPERVISED.issuperset(entry.tasks) else "table"
