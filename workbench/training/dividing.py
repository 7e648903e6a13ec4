"""The parts that a recipe's rows fall into: what a run does first, and what a picture of the split shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.data.spec import SplitSpec, Task
from workbench.errors import SplitError
from workbench.recipe.made_target import check_target_there
from workbench.recipe.spec import Step
from workbench.training.split_steps import keep_columns, split_column

if TYPE_CHECKING:
    from workbench.data import Split, Table


@dataclass(frozen=True)
class Division:
    """Which rows train, validate and test.

    Parameters
    ----------
    task : {"classification", "regression"}
    target : str
    spec : SplitSpec
        With the split column's name after the column steps.
    positions : ndarray of uint32
        Rows of the table that the row steps leave; all other row numbers count these.
    decided : DataFrame
        Target and split column of these rows, after the column steps: whole numbers in the narrowest
        type, and text of few different words as an enumeration.
    split : Split
    seed : int
    """

    task: Task
    target: str
    spec: SplitSpec
    positions: np.ndarray = field(repr=False)
    decided: pl.DataFrame = field(repr=False)
    split: Split = field(repr=False)
    seed: int = 0

    def folds(self, split: Split | None = None) -> list[Split]:
        """Give the folds of the rows that aren't test rows (of `split`'s, where one is given); none without folds."""
        from workbench.data import split_folds

        if not self.spec.folds:
            return []
        return split_folds(
            self.decided, self.spec, split or self.split, target=self.target, task=self.task, seed=self.seed
        )

    def frame(self) -> pl.DataFrame:
        """Describe each part in numbers; see `workbench.data.describe_split`."""
        from workbench.data import describe_split

        return describe_split(self.split, self.decided, target=self.target, task=self.task, spec=self.spec)

    def folds_frame(self) -> pl.DataFrame:
        """Give what a picture of the folds draws; see `workbench.data.fold_frame`."""
        from workbench.data import fold_frame

        return fold_frame(self.folds(), by=self.spec.by)

    @property
    def how(self) -> str:
        """How the rows are divided, in words."""
        if self.spec.by != "random":
            return f"by {self.spec.by} ({self.spec.column})"
        stratified = self.spec.stratify and self.task == "classification"
        return f"at random, stratified by {self.target}" if stratified else "at random"


def divide_rows(
    table: Table,
    steps: Sequence[Step],
    split: SplitSpec,
    *,
    target: str,
    task: Task | None = None,
    seed: int = 0,
) -> Division:
    """Find the rows that a recipe leaves and divide them, reading only the columns that this needs.

    The split column is taken as the column steps leave it (dates parsed from text, words that were computed), also
    where a step drops it from the model. A table joined from a train and a test file is tested on the rows of the test
    file.

    Parameters
    ----------
    table : Table
    steps : sequence of Step
    split : SplitSpec
    target : str
    task : {"classification", "regression"}, optional
        The one that suits the target when absent.
    seed : int

    Raises
    ------
    WorkbenchError
        If the target, a row or column step, or the split don't fit the rows.

    Examples
    --------
    >>> from workbench.data import sample
    >>> divided = divide_rows(sample("iris"), [], SplitSpec(folds=4), target="species")
    >>> divided.frame().select("part", "n_rows").rows(), len(divided.folds())
    ([('train', 90), ('validation', 30), ('test', 30)], 4)
    """
    from workbench.data import check_target, split_rows
    from workbench.data.targets import suggest_task
    from workbench.recipe import find_rows
    from workbench.recipe.compact import compactly_prepared

    check_target_there(table, steps, target)
    found = split.model_copy(update={"column": split_column(steps, split) or split.column})
    names, kept = _decisive(table, steps, found, target)
    # The task, and what is wrong with the target, are those of all rows; they go before the rows that stay are read.
    everything = compactly_prepared(table, kept, columns=[target], target=target)
    task = task or suggest_task(everything[target])
    check_target(everything, target, task, allow_missing=True)
    del everything
    positions = find_rows(table, steps)
    decided = compactly_prepared(table, kept, columns=names, positions=positions, target=target)
    check_target(decided, target, task)
    parts = split_rows(
        decided, found, target=target, task=task, seed=seed, n_train_rows=given_train_rows(table), positions=positions
    )
    return Division(task, target, found, positions, decided, parts, seed)


def _decisive(table: Table, steps: Sequence[Step], split: SplitSpec, target: str) -> tuple[list[str], list[Step]]:
    """Give the names of target and split column, and the steps without what takes them away."""
    from workbench.data.table import nearest
    from workbench.recipe import apply_column_steps

    column = None if split.by == "random" else str(split.column)
    names = [target] if column in (None, target) else [target, str(column)]
    kept = keep_columns(steps, names)
    columns = apply_column_steps(table.head(0), kept, target=target).columns
    if column is not None and column not in columns:
        hint = nearest(column, [*columns, *(each.name for each in table.columns)]) or " Name a column of the table."
        raise SplitError(
            f"Got a split by {split.by} of column {column!r}, needed one of the {len(columns)} columns after the "
            f"column steps.{hint}"
        )
    return names, kept


def given_train_rows(table: Table) -> int | None:
    """Give the number of rows before the given test rows of a joined table; None for others."""
    return int(table.origin["n_train_rows"]) if table.origin.get("kind") == "pair" else None
