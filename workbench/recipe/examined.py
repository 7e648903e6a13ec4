"""What the checks look at: a table's rows as its recipe leaves them, or a stated sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.data.spec import Kind, SplitSpec, Task
from workbench.data.stored_rows import SAMPLE_ROWS
from workbench.data.summaries import ColumnSummary
from workbench.data.summarizing import TableSummary, summarize_frame, summary_of
from workbench.errors import WorkbenchError
from workbench.recipe.columns import prepared
from workbench.recipe.made_target import is_made, task_for, telling_columns
from workbench.recipe.matching import names_in
from workbench.recipe.rows import find_rows
from workbench.recipe.spec import Step, columns_of

if TYPE_CHECKING:
    from workbench.data.table import Table

MAX_ROWS = 50_000  # a table of up to so many rows is looked at whole


@dataclass(frozen=True)
class Examined:
    """A table, what is to be predicted, and the rows that the recipe leaves.

    Parameters
    ----------
    table : Table
    target : str
    task : {"classification", "regression"}
    steps : tuple of Step
        The enabled ones.
    split : SplitSpec
    seed : int
    rows : DataFrame
        After row and column steps, in order, with the target; a sample of a large table.
    raw : DataFrame
        The same rows before the steps.
    is_sample : bool
    """

    table: Table
    target: str
    task: Task
    steps: tuple[Step, ...]
    split: SplitSpec
    seed: int
    rows: pl.DataFrame = field(repr=False)
    raw: pl.DataFrame = field(repr=False)
    is_sample: bool = False

    @cached_property
    def whole(self) -> TableSummary:
        """The summary of all raw rows."""
        return summary_of(self.table)

    @cached_property
    def summaries(self) -> dict[str, ColumnSummary]:
        """What is known about each column that a model would see, and the target; of all rows where no step acts."""
        exact = {entry.column.name: entry for entry in self.whole.summaries}
        row_steps = any(step.family == "row" for step in self.steps)
        asked = [name for name in self.rows.columns if row_steps or name in self._touched or name not in exact]
        fresh = {entry.column.name: entry for entry in summarize_frame(self.rows.select(asked)).summaries}
        return {name: fresh.get(name) or exact[name] for name in self.rows.columns}

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The columns that a model would see: neither the target nor the column that names the parts."""
        part = self.split.column if self.split.by == "column" else None
        return tuple(name for name in self.rows.columns if name not in (self.target, part))

    @cached_property
    def telling(self) -> dict[str, tuple[str, ...]]:
        """The features that come from what a made target comes from, each with the raw columns that both share."""
        found = telling_columns(self.raw, self.steps, self.target)
        return {name: sources for name, sources in found.items() if name in self.features}

    @cached_property
    def others(self) -> tuple[str, ...]:
        """The features of which nobody knows yet whether they tell the target."""
        return tuple(name for name in self.features if name not in self.telling)

    @cached_property
    def _touched(self) -> frozenset[str]:
        return frozenset(name for step in self.steps if step.family == "column" for name in names_in(step))

    def kind(self, name: str) -> Kind:
        """Give the kind of a column; that of the whole table where no column step has changed it."""
        if name not in self._touched and name in self.table_kinds:
            return self.table_kinds[name]
        return self.summaries[name].column.kind

    @cached_property
    def table_kinds(self) -> dict[str, Kind]:
        """The kinds of the raw columns."""
        return {column.name: column.kind for column in self.table.columns}

    def taken_by(self, name: str, *steps: str) -> bool:
        """Whether a step of one of these names takes the column."""
        return any(step.step in steps and (name in columns_of(step) or not columns_of(step)) for step in self.steps)

    def has(self, *steps: str) -> bool:
        """Whether the recipe has a step of one of these names."""
        return any(step.step in steps for step in self.steps)

    def said_of(self, name: str) -> str:
        """Give the sample where the figures of a column are of it; nothing where they are of the whole table."""
        found = self.summaries[name]
        return "" if any(found is summary for summary in self.whole.summaries) else self.said

    @property
    def said(self) -> str:
        """The sample, as it stands at the end of a message."""
        return f" (seen in a sample of {self.raw.height:,} of {self.table.n_rows:,} rows)" if self.is_sample else ""


def examine(
    table: Table, *, target: str, task: Task | None, steps: Sequence[Step], split: SplitSpec, seed: int
) -> Examined:
    """Take the rows of a table, or a sample of a large one, through the row and column steps.

    Steps that don't fit the table are passed over: what is wrong with them is said elsewhere.

    Raises
    ------
    TargetError
        If there is no such target.
    RecipeError
        If the steps that make it don't fit the table.
    """
    task = task or task_for(table, steps, target)
    enabled = tuple(step for step in steps if step.enabled)
    is_sample = table.n_rows > MAX_ROWS
    raw = table.sampled(SAMPLE_ROWS)[0] if is_sample else table.frame()
    try:
        positions = find_rows(raw, enabled)
        rows = prepared(raw, enabled, positions=positions, target=target)
    except WorkbenchError:
        if is_made(table, steps, target):  # without the steps there is none
            raise
        enabled = ()
        rows, positions = raw, np.arange(raw.height)
    if not rows.height:
        rows = raw
    return Examined(table, target, task, enabled, split, seed, rows, raw[positions], is_sample)
