"""What a recipe does to a sample of rows, step by step, before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.recipe.checking import check_frame
from workbench.recipe.entering import Entry
from workbench.recipe.families import FITTED_STEPS
from workbench.recipe.features import distinct
from workbench.recipe.fitting import Fitting
from workbench.recipe.rows import apply_row_steps
from workbench.recipe.spec import DropColumns, DropDuplicates, DropMissing, Step, columns_of
from workbench.settings import current


@dataclass(frozen=True)
class StepEffect:
    """What one step did to the sample.

    Parameters
    ----------
    step_index : int
        Its place in the recipe.
    rows_before, rows_after : int
        Row steps run first, wherever they stand, so that a learned step never changes the number of rows.
    columns_before, columns_after : int
        Without the target.
    n_changed_cells : int
        Cells with another value, and all cells of new columns.
    milliseconds : float
    """

    step_index: int
    rows_before: int
    rows_after: int
    columns_before: int
    columns_after: int
    n_changed_cells: int
    milliseconds: float


@dataclass(frozen=True)
class Preview:
    """A sample before and after a recipe.

    Parameters
    ----------
    before : DataFrame
        The sampled rows as they are.
    after : DataFrame
        The rows that the row steps keep, with each column as the last step left it; the target in its place.
    changed : DataFrame of bool, of the shape of `after`
        Which cells hold another value than before; all of a new column.
    effects : list of StepEffect
        Of each enabled step.
    before_positions, positions : ndarray of int64
        Where the rows of `before` and `after` stand in the whole table.
    n_rows, n_rows_total : int
        Size of the sample and of the whole table, so that both can be stated.
    """

    before: pl.DataFrame
    after: pl.DataFrame
    changed: pl.DataFrame
    effects: list[StepEffect]
    before_positions: np.ndarray
    positions: np.ndarray
    n_rows: int
    n_rows_total: int


def preview(
    steps: Sequence[Step], frame: pl.DataFrame, *, target: str, n_rows: int | None = None, seed: int = 0
) -> Preview:
    """Apply a recipe, finished or not, to a random sample and fit it on that sample.

    Parameters
    ----------
    steps : sequence of Step
        Disabled ones are skipped.
    frame : DataFrame
        The whole table.
    target : str
    n_rows : int, optional
        Size of the sample; ``settings.preview_rows`` when absent.
    seed : int, default 0
        Of the sample, whose rows keep their order.

    Raises
    ------
    RecipeError
        If a step can't take its columns, or a column has no value in the sample to learn from.

    Examples
    --------
    >>> from workbench.recipe.spec import Impute
    >>> frame = pl.DataFrame({"age": [20.0, None, 40.0], "y": [0, 1, 0]})
    >>> seen = preview([Impute(columns=["age"], strategy="mean")], frame, target="y")
    >>> seen.after["age"].to_list(), seen.effects[0].n_changed_cells
    ([20.0, 30.0, 40.0], 1)
    """
    check_frame(steps, frame, target, finished=False)
    n_rows = min(n_rows or current().preview_rows, frame.height)
    chosen = np.arange(frame.height)
    if n_rows < frame.height:
        chosen = np.sort(np.random.default_rng(seed).choice(frame.height, n_rows, replace=False))
    before = frame[chosen]
    kept, positions = apply_row_steps(before, steps, with_positions=True)
    walk = _Walk(before, kept, target)
    for index, step in enumerate(steps):
        if step.enabled:
            walk.apply(index, step, steps)
    after, changed = walk.result()
    return Preview(
        before=before,
        after=after,
        changed=changed,
        effects=walk.effects,
        before_positions=chosen,
        positions=chosen[positions],
        n_rows=n_rows,
        n_rows_total=frame.height,
    )


class _Walk:
    """The sample on its way through the steps."""

    def __init__(self, before: pl.DataFrame, kept: pl.DataFrame, target: str) -> None:
        self.before = before
        self.kept = kept
        self.target = target
        entry = Entry.of(kept, (), target)
        self.fitting = Fitting(entry.enter(kept), entry.inner_types)
        self.columns = [name for name in kept.columns if name != target]
        self.effects: list[StepEffect] = []
        self._touched: set[str] = set()
        self._n_rows = before.height

    def apply(self, index: int, step: Step, steps: Sequence[Step]) -> None:
        """Apply one step and note its effect."""
        started = time.perf_counter()
        rows_before = rows_after = self._n_rows
        columns_before, n_changed = self._n_columns(), 0
        if isinstance(step, DropColumns):
            gone = set(step.columns)
            self.columns = [name for name in self.columns if name not in gone]
        elif isinstance(step, DropDuplicates | DropMissing):
            rows_after = self._n_rows = apply_row_steps(self.before, steps[: index + 1]).height
        elif step.step in FITTED_STEPS and self.kept.height:
            n_changed = self._learn(index, step)
            rows_before = rows_after = self.kept.height
        self.effects.append(
            StepEffect(
                step_index=index,
                rows_before=rows_before,
                rows_after=rows_after,
                columns_before=columns_before,
                columns_after=self._n_columns(),
                n_changed_cells=n_changed,
                milliseconds=1000 * (time.perf_counter() - started),
            )
        )

    def _learn(self, index: int, step: Step) -> int:
        names = [name for name in columns_of(step) if name in self.fitting.types]
        earlier = {name: self._values(name) for name in names}
        self.fitting.apply(index, step)
        self._touched.update(names)
        return sum(int(_differs(earlier[name], self._values(name)).sum()) for name in names)

    def _values(self, name: str) -> np.ndarray:
        return self.fitting.blocks.take([name])

    def _n_columns(self) -> int:
        return sum(self.fitting.blocks.width(name) for name in self.columns)

    def result(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Give the frame as the steps left it, and which of its cells changed."""
        after: list[pl.Series] = []
        changed: list[np.ndarray] = []
        shown = {*self.columns, self.target}
        for name in self.kept.columns:
            if name in self._touched and name in shown:
                values = self._values(name)
                changed.extend(_differs(self.fitting.raw(name), values).T)
                after.extend(_series(column) for column in values.T)
            elif name in shown:
                after.append(self.kept[name])
                changed.append(np.zeros(self.kept.height, dtype=bool))
        known = self.fitting.features
        names = distinct(
            [
                child
                for name in self.kept.columns
                if name in shown
                for child in (known.names([name]) if name in known.of else [name])
            ]
        )
        return (
            pl.DataFrame([series.alias(name) for name, series in zip(names, after, strict=True)]),
            pl.DataFrame([pl.Series(name, marks) for name, marks in zip(names, changed, strict=True)]),
        )


def _differs(earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Mark cells of (n_rows, width) that hold another value; all of them where the columns are new ones."""
    if earlier.shape != later.shape or earlier.dtype != later.dtype:
        return np.ones(later.shape, dtype=bool)
    same = earlier == later
    if later.dtype != object:
        same |= np.isnan(earlier) & np.isnan(later)
    return np.asarray(~same, dtype=bool)


def _series(values: np.ndarray) -> pl.Series:
    if values.dtype == object:
        return pl.Series(values.tolist(), dtype=pl.String).replace("", None)
    return pl.Series(np.ascontiguousarray(values)).fill_nan(None)
