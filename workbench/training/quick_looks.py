"""A run made small: some of its rows, and an estimator that is trained in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.data.spec import SplitSpec
from workbench.errors import SplitError
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.spec import EstimatorSpec
from workbench.recipe.made_target import task_for
from workbench.settings import Settings
from workbench.training.preparing import Preparation, prepare_rows
from workbench.training.spec import RunSpec

if TYPE_CHECKING:
    from workbench.data import Table

_LARGE = 200_000  # from here on the sample that is kept beside the table is taken
_KEPT_ROWS = 10_000


def sampled(table: Table, n_rows: int) -> Table:
    """Give a table of some of the rows, which is stored nowhere."""
    from workbench.data.table import Table, describe_columns

    if table.n_rows > _LARGE:
        n_rows = min(n_rows, _KEPT_ROWS)
    if table.n_rows <= n_rows:
        return table
    frame, positions = table.sampled(n_rows)
    origin = dict(table.origin)
    if origin.get("kind") == "pair":
        origin["n_train_rows"] = int((positions < origin["n_train_rows"]).sum())
    return Table(
        digest=table.digest,
        name=table.name,
        target=table.target,
        origin=origin,
        columns=describe_columns(frame),
        n_rows=frame.height,
        frame=frame,
    )


def quick(spec: RunSpec, table: Table) -> RunSpec:
    """Give the spec without folds, and with a linear model in place of a network."""
    split = spec.split.model_copy(update={"folds": None})
    if find_entry(spec.estimator.name).engine == "sklearn":
        return spec.model_copy(update={"split": split})
    task = spec.data.task or task_for(table, spec.recipe, spec.data.target)
    stand_in = "logistic_regression" if task == "classification" else "linear_regression"
    return spec.model_copy(update={"split": split, "estimator": EstimatorSpec(name=stand_in)})


def prepare(spec: RunSpec, table: Table, settings: Settings) -> Preparation:
    """Divide the rows; not stratified where the sample holds too few rows of a class.

    Raises
    ------
    WorkbenchError
        As a run of the spec.
    """
    try:
        return prepare_rows(spec, table, settings)
    except SplitError:
        if not spec.split.stratify or spec.split.by != "random":
            raise
        # A class that is rare in the table may have too few rows in the sample to be in each part.
        loose = SplitSpec.model_validate({**spec.split.model_dump(), "stratify": False})
        return prepare_rows(spec.model_copy(update={"split": loose}), table, settings)
