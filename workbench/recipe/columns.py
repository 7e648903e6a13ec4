"""Column steps: each row computed from itself alone, the same way in training and on a request.

A column step is compiled once for the kinds of its columns to a `Change`: Polars expressions and, where there is one,
the graph of the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from workbench.data.table import Table, nearest
from workbench.data.zones import zone_of
from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe.spec import Step, TakenKind, columns_of
from workbench.recipe.values import Content, contents_of, kind_of_dtype, with_points_in_time

Emit = Callable[[GraphBuilder, Mapping[str, str]], str]


@dataclass(frozen=True)
class Made:
    """One column that a step makes or replaces.

    Parameters
    ----------
    name : str
    content : Content
    values : Expr
        Over the columns before the step.
    emit : callable, optional
        Adds the graph of the same values, given the tensors of the columns before the step; None where there is none.
    after : str, optional
        Column that it stands behind, where it is a new one; at the end otherwise.
    """

    name: str
    content: Content
    values: pl.Expr
    emit: Emit | None = None
    after: str | None = None


@dataclass(frozen=True)
class Change:
    """What a column step does to the columns."""

    made: tuple[Made, ...] = ()
    gone: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


class Columns:
    """The columns on their way through the column steps.

    Parameters
    ----------
    contents : mapping of str to Content
        Raw columns; `contents_of` gives them.
    target : str, optional
        It may be absent, stays when it is dropped, and every other column that is absent is an error.
    lenient : bool, default False
        Pass over absent columns instead: a fitted recipe asks a request for the columns that it needs only.
    """

    def __init__(self, contents: Mapping[str, Content], *, target: str | None = None, lenient: bool = False) -> None:
        self.contents = dict(contents)
        self.target = target
        self.lenient = lenient
        self.changes: list[Change] = []

    def apply(self, step: Step, number: int = 0) -> Change:
        """Take one column step; others and disabled ones change nothing.

        Raises
        ------
        RecipeError
            If a column is absent or of a kind that the step doesn't take, or a new name is taken.
        """
        change = Change()
        if step.enabled and step.family == "column":
            from workbench.recipe.column_steps import change_of

            names = self._present(step, number)
            change = change_of(step, names, self.contents, number=number, lenient=self.lenient)
            if self.target in change.gone:
                change = Change(change.made, tuple(name for name in change.gone if name != self.target), change.renamed)
            self._follow(change)
        self.changes.append(change)
        return change

    def apply_all(self, steps: Sequence[Step]) -> Columns:
        """Take all steps in order."""
        for number, step in enumerate(steps, start=1):
            self.apply(step, number)
        return self

    def _present(self, step: Step, number: int) -> tuple[str, ...]:
        names = columns_of(step)
        absent = [name for name in names if name not in self.contents and name != self.target]
        if absent and not self.lenient:
            hint = nearest(absent[0], self.contents) or " Remove it from the step."
            place = f"Step {number} ({step.step})" if number else step.step
            raise RecipeError(
                f"{place}: got column {absent[0]!r}, needed one of the {len(self.contents)} columns there.{hint}"
            )
        return tuple(name for name in names if name in self.contents)

    def _follow(self, change: Change) -> None:
        if not change.made and not change.renamed:
            for name in change.gone:
                del self.contents[name]
            return
        behind: dict[str | None, list[Made]] = {}
        for made in change.made:
            if made.name in self.contents:
                self.contents[made.name] = made.content
            else:
                behind.setdefault(made.after, []).append(made)
        contents: dict[str, Content] = {}
        for name, content in self.contents.items():
            if name not in change.gone:
                contents[change.renamed.get(name, name)] = content
            contents |= {made.name: made.content for made in behind.get(name, ())}
        self.contents = contents | {made.name: made.content for made in behind.get(None, ())}

    def sources(self, names: Iterable[str]) -> list[str]:
        """Give the raw columns that these columns come from."""
        return list(dict.fromkeys(source for name in names for source in self.contents[name].sources))

    @property
    def has_graph(self) -> bool:
        """Whether every column that was made has a graph form."""
        return all(made.emit is not None for change in self.changes for made in change.made)

    def emit(self, graph: GraphBuilder, inputs: Mapping[str, str]) -> dict[str, str]:
        """Add the graph of all changes; tensors of shape [N, 1] for the raw columns give those of the columns left."""
        tensors = dict(inputs)
        for change in self.changes:
            made = {each.name: each.emit(graph, tensors) for each in change.made if each.emit is not None}
            kept = {
                change.renamed.get(name, name): tensor for name, tensor in tensors.items() if name not in change.gone
            }
            tensors = kept | made
        return tensors


def apply_change(frame: pl.LazyFrame, change: Change, order: Sequence[str]) -> pl.LazyFrame:
    """Change the columns of a frame; `order` is the order afterwards."""
    if change.made:
        frame = frame.with_columns([made.values.alias(made.name) for made in change.made])
    if change.gone:
        frame = frame.drop(change.gone)
    if change.renamed:
        frame = frame.rename(dict(change.renamed))
    return frame.select(order) if any(made.after for made in change.made) else frame


def apply_column_steps(frame: pl.DataFrame, steps: Sequence[Step], *, target: str | None = None) -> pl.DataFrame:
    """Compute what the column steps say; rows stay as they are.

    Parameters
    ----------
    frame : DataFrame
        Raw rows.
    steps : sequence of Step
        Others than column steps and disabled ones are skipped.
    target : str, optional
        May be absent, and is never dropped.

    Raises
    ------
    RecipeError
        If another column is absent, or of a kind that a step doesn't take.

    Examples
    --------
    >>> from workbench.recipe.spec import FlagMissing, Rename
    >>> frame = pl.DataFrame({"a": [1.0, None]})
    >>> apply_column_steps(frame, [FlagMissing(columns=["a"]), Rename(names={"a": "age"})]).rows()
    [(1.0, 0), (None, 1)]
    """
    columns = Columns(contents_of(frame), target=target)
    return run_columns(frame.lazy(), columns, steps).collect()


def run_columns(frame: pl.LazyFrame, columns: Columns, steps: Sequence[Step]) -> pl.LazyFrame:
    """Take all steps with `columns` and change the frame alongside."""
    frame = with_points_in_time(frame, _touched(steps, columns))
    for number, step in enumerate(steps, start=1):
        change = columns.apply(step, number)
        frame = apply_change(frame, change, list(columns.contents))
    return frame


def _touched(steps: Sequence[Step], columns: Columns) -> dict[str, TakenKind]:
    if not any(step.enabled and step.family in ("column", "row") for step in steps):
        return {}
    return {name: content.kind for name, content in columns.contents.items() if content.kind == "datetime"}


def prepared(
    table: Table | pl.DataFrame,
    steps: Sequence[Step],
    *,
    positions: np.ndarray | None = None,
    columns: Sequence[str] | None = None,
    target: str | None = None,
) -> pl.DataFrame:
    """Give rows as the column steps leave them, reading only the raw columns that they come from.

    Parameters
    ----------
    table : Table or DataFrame
        The raw rows.
    steps : sequence of Step
    positions : ndarray of int64, optional
        Rows to give, in this order; `find_rows` finds those that the row steps leave. All when absent.
    columns : sequence of str, optional
        Columns to give, by their names after the steps; all when absent.
    target : str, optional
        Never dropped.

    Raises
    ------
    RecipeError
        If there is no such column.

    Examples
    --------
    >>> from workbench.recipe.spec import Rename
    >>> frame = pl.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]})
    >>> prepared(frame, [Rename(names={"a": "age"})], positions=np.array([2, 0]), columns=["age"]).rows()
    [(3,), (1,)]
    """
    plan = Columns(table_contents(table), target=target).apply_all(steps)
    names = list(plan.contents) if columns is None else list(columns)
    unknown = [name for name in names if name not in plan.contents]
    if unknown:
        hint = nearest(unknown[0], plan.contents) or " Look at the column steps."
        raise RecipeError(
            f"Got column {unknown[0]!r}, needed one of the {len(plan.contents)} columns after the column steps.{hint}"
        )
    raw = plan.sources(names)
    rows = _rows(table, positions, raw)
    again = Columns(contents_of(rows), target=target, lenient=True)
    return run_columns(rows.lazy(), again, steps).select(names).collect()


def table_contents(table: Table | pl.DataFrame) -> dict[str, Content]:
    """Give each column of a table or frame as its own source."""
    if isinstance(table, pl.DataFrame):
        return contents_of(table)
    zones = {column.name: zone for column in table.columns if (zone := zone_of(column.dtype))}
    kinds = {column.name: kind_of_dtype(column.dtype) for column in table.columns}
    return contents_of(kinds, zones, table.orders)


def _rows(table: Table | pl.DataFrame, positions: np.ndarray | None, columns: list[str]) -> pl.DataFrame:
    if isinstance(table, pl.DataFrame):
        chosen = table.select(columns)
        return chosen if positions is None else chosen[positions]
    return table.take(np.arange(table.n_rows) if positions is None else positions, columns)
