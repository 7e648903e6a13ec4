"""A sample of rows on its way through a recipe, with what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from workbench.errors import WorkbenchError
from workbench.recipe.blocks import read_columns
from workbench.recipe.columns import Columns, apply_change
from workbench.recipe.features import distinct
from workbench.recipe.fitted_step import InputType, Learning
from workbench.recipe.fitting import Fitting
from workbench.recipe.rows import find_rows
from workbench.recipe.spec import Step
from workbench.recipe.values import contents_of, input_type_of, with_points_in_time


@dataclass
class Outcome:
    """What a step added (or took, below 0), and what it changed."""

    rows: int = 0
    columns: int = 0
    n_changed_cells: int = 0
    learned: bool = False
    milliseconds: float = 0.0


class Walk:
    """The sample on its way: row and column steps first, then the learned ones.

    Parameters
    ----------
    before : DataFrame
        The sample.
    target : str
    seed : int
    orders : mapping of str to sequence of str, optional
        Words of ordered categories.
    """

    def __init__(
        self, before: pl.DataFrame, target: str, *, seed: int = 0, orders: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.before = before
        self.target = target
        self.seed = seed
        self.positions = np.arange(before.height)
        self.rows = before
        self.columns = Columns(contents_of(before, orders=orders), target=target)
        self._dates = {name: c.kind for name, c in self.columns.contents.items() if c.kind == "datetime"}
        self._raw_name = {name: name for name in before.columns}  # of each column that isn't a new one
        self._made: set[str] = set()  # by column steps, in place
        self._learned: set[str] = set()
        self._fitting: Fitting | None = None

    def take(self, index: int, step: Step, earlier: Sequence[Step]) -> Outcome:
        """Take one step."""
        if step.family == "row":
            return self._find(step, earlier)
        if step.family == "column":
            return self._change(index, step)
        return self._learn(index, step) if step.family == "learned" and self.rows.height else Outcome(learned=True)

    def _find(self, step: Step, earlier: Sequence[Step]) -> Outcome:
        learned = [other for other in earlier if other.enabled and other.family == "learned"]
        found = find_rows(self.rows, [*learned, step])
        n_rows = self.rows.height
        self.rows, self.positions = self.rows[found], self.positions[found]
        return Outcome(rows=len(found) - n_rows)

    def _change(self, index: int, step: Step) -> Outcome:
        n_columns = len(self._shown())
        earlier = self.rows
        lazy = with_points_in_time(earlier.lazy(), self._dates)
        change = self.columns.apply(step, index + 1)
        self.rows = apply_change(lazy, change, list(self.columns.contents)).collect()
        for name in change.gone:
            self._raw_name.pop(name, None)
        self._raw_name = {change.renamed.get(name, name): raw for name, raw in self._raw_name.items()}
        self._made = {change.renamed.get(name, name) for name in self._made}
        n_changed = 0
        for made in change.made:
            self._made.add(made.name)
            was_there = made.name in earlier.columns and made.name not in change.gone
            marks = differs(earlier[made.name], self.rows[made.name]) if was_there else None
            n_changed += self.rows.height if marks is None else int(marks.sum())
        return Outcome(columns=len(self._shown()) - n_columns, n_changed_cells=n_changed)

    def _shown(self) -> list[str]:
        return [name for name in self.columns.contents if name != self.target]

    def _learn(self, index: int, step: Step) -> Outcome:
        fitting = self._started()
        earlier = {name: fitting.values(name) for name in fitting.features.of}
        n_features = len(fitting.features.all())
        names = fitting.apply(index, step)
        self._learned.update(names)
        n_changed = 0
        for name in fitting.features.of:
            if name not in earlier:
                n_changed += fitting.values(name).size
            elif name in names:
                n_changed += int(_differing(earlier[name], fitting.values(name)).sum())
        return Outcome(columns=len(fitting.features.all()) - n_features, n_changed_cells=n_changed, learned=True)

    def _started(self) -> Fitting:
        if self._fitting is None:
            types: dict[str, InputType] = {}
            for name in self._shown():
                kind = input_type_of(self.columns.contents[name].kind)
                if kind is not None:
                    types[name] = kind
            learning, known = self._target()
            orders = {name: order for name in types if (order := self.columns.contents[name].order)}
            self._fitting = Fitting(read_columns(self.rows, types), types, replace(learning, orders=orders), known)
        return self._fitting

    def _target(self) -> tuple[Learning, np.ndarray | None]:
        """Give what may be learned from, and which rows have a target."""
        from workbench.data.targets import encode_target, suggest_task

        if self.target not in self.rows.columns:
            return Learning(seed=self.seed), None
        values = self.rows[self.target]
        present = values.is_not_null()
        if values.dtype == pl.String:
            present &= values.str.strip_chars() != ""
        known = values.filter(present)
        try:
            task = suggest_task(known)
            y, _ = encode_target(known, task)
        except WorkbenchError:
            return Learning(seed=self.seed), None  # steps that need it say so
        return Learning(y, task, self.seed), None if present.all() else present.to_numpy()

    def result(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Give the rows as the steps left them, and which of their cells changed."""
        names: list[str] = []
        after: list[pl.DataFrame] = []
        changed: list[pl.DataFrame] = []
        fitting = self._fitting
        features = fitting.features.of if fitting else {}
        new = [name for name in features if name not in self.rows.columns]
        for name in [*self.rows.columns, *new]:
            if fitting and name in features and (name in self._learned or name in new):
                values = fitting.values(name)
                marks = np.ones(values.shape, bool) if name in new else _differing(fitting.raw(name), values)
                named = fitting.features.names([name])
                after.append(_frame(values))
                changed.append(pl.DataFrame(marks | self._marks(name)[:, np.newaxis]))
            elif name not in self._learned or not fitting:
                named = [name]
                after.append(self.rows.select(name))
                changed.append(pl.DataFrame({name: self._marks(name)}))
            else:
                continue
            names.extend(named)
        return _beside(after, distinct(names)), _beside(changed, distinct(names))

    def _marks(self, name: str) -> np.ndarray:
        """Mark the cells of a column that the column steps changed."""
        if name not in self._made:
            return np.zeros(self.rows.height, dtype=bool)
        raw = self._raw_name.get(name)
        if raw is None:
            return np.ones(self.rows.height, dtype=bool)
        return differs(self.before[raw][self.positions], self.rows[name]).to_numpy()


def differs(earlier: pl.Series, later: pl.Series) -> pl.Series:
    """Mark cells that hold another value; all of them where the type is another."""
    if earlier.dtype != later.dtype:
        return pl.repeat(True, len(later), eager=True)
    return earlier.ne_missing(later)


def _differing(earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Mark cells of (n_rows, width) that hold another value; all of them where the columns are new ones."""
    if earlier.shape != later.shape or earlier.dtype != later.dtype:
        return np.ones(later.shape, dtype=bool)
    same = earlier == later
    if later.dtype != object:
        same |= np.isnan(earlier) & np.isnan(later)
    return np.asarray(~same, dtype=bool)


def _frame(values: np.ndarray) -> pl.DataFrame:
    """Give a block of features as columns; there may be thousands."""
    if values.dtype == object:
        return pl.DataFrame([pl.Series(column.tolist(), dtype=pl.String).replace("", None) for column in values.T])
    frame = pl.DataFrame(values)
    return frame.fill_nan(None) if np.isnan(values).any() else frame


def _beside(parts: list[pl.DataFrame], names: list[str]) -> pl.DataFrame:
    columns = [column for part in parts for column in part.get_columns()]
    return pl.DataFrame([column.alias(name) for column, name in zip(columns, names, strict=True)])
