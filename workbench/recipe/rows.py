"""Row steps: which rows exist. They learn nothing, run before the split, and never on a request.

Rows are looked at in batches, only in the columns that a step needs, and each batch leaves behind what the steps need
to decide: yes or no for a filter, hashes of the row for duplicates, the values to sort by. So a table larger than
memory takes no more than some bytes a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
import polars as pl

from workbench.data.places import number_rows, stretches
from workbench.data.table import Table, nearest
from workbench.errors import RecipeError
from workbench.recipe.columns import Columns, apply_change, table_contents
from workbench.recipe.sorting import sort_rows
from workbench.recipe.spec import DropDuplicates, DropMissing, Filter, Sample, Sort, Step, columns_of
from workbench.recipe.values import ANSWER_MISSING, Content, exact, is_present, read, with_points_in_time

BATCH_ROWS = 262_144
_PORTIONS = 16
_ROW = "\x1frow"  # no column of a file is called so
_SEEDS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)  # two hashes of 64 bits: equal rows by chance in 1 of 10^24 tables


@overload
def apply_row_steps(frame: pl.DataFrame, steps: Sequence[Step]) -> pl.DataFrame: ...


@overload
def apply_row_steps(
    frame: pl.DataFrame, steps: Sequence[Step], *, with_positions: Literal[True]
) -> tuple[pl.DataFrame, np.ndarray]: ...


def apply_row_steps(
    frame: pl.DataFrame, steps: Sequence[Step], *, with_positions: bool = False
) -> pl.DataFrame | tuple[pl.DataFrame, np.ndarray]:
    """Give the rows that the row steps leave, with every raw column as it was.

    Parameters
    ----------
    frame : DataFrame
    steps : sequence of Step
        See `find_rows`.
    with_positions : bool, default False
        Also give the position in `frame` of each row that is left, uint32.

    Raises
    ------
    RecipeError
        If a column is absent.

    Examples
    --------
    >>> frame = pl.DataFrame({"a": [1, 1, None], "b": ["x", "x", "y"]})
    >>> apply_row_steps(frame, [DropDuplicates(), DropMissing()]).rows()
    [(1, 'x')]
    """
    positions = find_rows(frame, steps)
    kept = frame[positions]
    return (kept, positions) if with_positions else kept


def find_rows(table: Table | pl.DataFrame, steps: Sequence[Step]) -> np.ndarray:
    """Find the rows that the row steps leave, in the order that they leave them in.

    The order of the steps counts. A row step takes the columns as the column steps before it left them; without columns
    it looks at those that no earlier `drop_columns` has left out, target included, and `drop_missing` also passes over
    those that an earlier step imputes or encodes.

    Parameters
    ----------
    table : Table or DataFrame
        The raw rows; a table is read in batches, and only the columns that the steps need.
    steps : sequence of Step
        Learned and disabled ones are passed over.

    Returns
    -------
    ndarray of uint32
        Positions in the table.

    Raises
    ------
    RecipeError
        If a column is absent, or an expression can't be computed.

    Examples
    --------
    >>> from workbench.recipe.spec import Sort
    >>> find_rows(pl.DataFrame({"a": [2, 1, 2, 3]}), [DropDuplicates(columns=["a"]), Sort(columns=["a"])])
    array([1, 0, 3], dtype=uint32)
    """
    contents = table_contents(table)
    needed = _Plan(contents, steps).needed
    if needed is None:
        return number_rows(_height(table))
    plan = _Plan({name: contents[name] for name in needed}, steps, lenient=True)
    marks = _look(table, plan)
    for decide in plan.decisions:
        marks = decide(marks)
    return marks[_ROW].to_numpy()


def _look(table: Table | pl.DataFrame, plan: _Plan) -> pl.DataFrame:
    raw = list(plan.needed or ())
    if not raw:
        return pl.DataFrame({_ROW: number_rows(_height(table))})
    return pl.concat([plan.look(start, rows) for start, rows in _batches(table, raw)])


class _Plan:
    """What a look at each batch must bring back (`look`), and what is decided from it afterwards (`decisions`)."""

    def __init__(self, contents: Mapping[str, Content], steps: Sequence[Step], *, lenient: bool = False) -> None:
        self.columns = Columns(contents, lenient=lenient)
        self.needed: dict[str, None] | None = None  # raw columns; None where there is no row step
        self.decisions: list[Callable[[pl.DataFrame], pl.DataFrame]] = []
        self._dates = {name: content.kind for name, content in contents.items() if content.kind == "datetime"}
        self._marks: list[str] = [_ROW]
        self._work: list[Callable[[pl.LazyFrame], pl.LazyFrame]] = []
        self._answered: set[str] = set()
        n_useful = 0  # what stands behind the last row step needn't be computed
        for number, step in enumerate(steps, start=1):
            if not step.enabled:
                continue
            if step.family == "row":
                self.needed = self.needed or {}
                _ROW_STEPS[step.step](self, step, number)
                n_useful = len(self._work)
            elif step.family == "column":
                self._change(step, number)
            elif step.step in ANSWER_MISSING:
                self._answered.update(columns_of(step))
        del self._work[n_useful:]

    def look(self, start: int, rows: pl.DataFrame) -> pl.DataFrame:
        """Give the marks of a batch: the position of each row that may stay, and what decides about it."""
        lazy = with_points_in_time(rows.with_row_index(_ROW, offset=start).lazy(), self._dates)
        for work in self._work:
            lazy = work(lazy)
        return lazy.select(self._marks).cast({_ROW: pl.UInt32}).collect()

    def _change(self, step: Step, number: int) -> None:
        change = self.columns.apply(step, number)
        if change.made or change.renamed or change.gone:
            order = list(self.columns.contents)
            marks = list(self._marks)
            self._work.append(lambda rows: apply_change(rows, change, [*order, *marks]))

    def _mark(self, values: pl.Expr | None = None) -> str:
        name = f"{_ROW} {len(self._marks)}"
        self._marks.append(name)
        if values is not None:
            self._work.append(lambda rows: rows.with_columns(values.alias(name)))
        return name

    def _keep(self, holds: pl.Expr) -> None:
        if not self.decisions:  # nothing before it depends on other rows, so it needs no mark
            self._work.append(lambda rows: rows.filter(holds))
            return
        mark = self._mark(holds)
        self.decisions.append(lambda marks: marks.filter(pl.col(mark)))

    def _use(self, names: Iterable[str]) -> None:
        self.needed = (self.needed or {}) | dict.fromkeys(self.columns.sources(names))

    def _chosen(self, step: Step, number: int) -> list[str]:
        names = columns_of(step)
        absent = [name for name in names if name not in self.columns.contents]
        if absent:
            hint = nearest(absent[0], self.columns.contents) or " Remove it from the step."
            raise RecipeError(
                f"Step {number} ({step.step}): got column {absent[0]!r}, needed one of the "
                f"{len(self.columns.contents)} columns that there are at this place.{hint}"
            )
        chosen = list(names or self.columns.contents)
        self._use(chosen)
        return chosen

    def drop_duplicates(self, step: DropDuplicates, number: int) -> None:
        """Mark each row with its hashes, and keep one of those that have the same."""
        names = self._chosen(step, number)
        if not names:
            return
        hashes = [self._mark(), self._mark()]

        def work(rows: pl.LazyFrame) -> pl.LazyFrame:
            found = rows.collect()
            chosen = found.select(names)
            return found.with_columns(
                [chosen.hash_rows(seed).alias(name) for seed, name in zip(_SEEDS, hashes, strict=True)]
            ).lazy()

        self._work.append(work)
        self.decisions.append(lambda marks: _one_of_equal(marks, hashes, keep=step.keep))

    def drop_missing(self, step: DropMissing, number: int) -> None:
        """Keep the rows with a value in each column."""
        contents = self.columns.contents
        names = list(columns_of(step)) or [name for name in contents if name not in self._answered]
        names = [name for name in self._chosen(step.model_copy(update={"columns": tuple(names)}), number)]
        names = [name for name in names if name not in self._answered]
        if names:
            self._keep(pl.all_horizontal([is_present(name, contents[name].kind) for name in names]))

    def filter(self, step: Filter, number: int) -> None:
        """Keep the rows for which the expression holds."""
        from workbench.recipe.expressions import compiled

        holds = compiled(step.expression, self.columns.contents, where=f"Step {number} (filter)", condition=True)
        self._use(holds.columns)
        self._keep(holds.values.fill_null(False))

    def sample(self, step: Sample, number: int) -> None:
        """Keep some rows at random."""

        def decide(marks: pl.DataFrame) -> pl.DataFrame:
            n_rows = step.n_rows or max(1, round((step.fraction or 1.0) * marks.height))
            if n_rows >= marks.height:
                return marks
            chosen = np.random.default_rng(step.seed).choice(marks.height, n_rows, replace=False, shuffle=False)
            chosen.sort()
            return marks[chosen]

        self.decisions.append(decide)

    def sort(self, step: Sort, number: int) -> None:
        """Order the rows; missing values last, equal rows as they were."""
        names = self._chosen(step, number)
        kinds = {name: self.columns.contents[name].kind for name in names}
        keys = [self._mark(exact(name) if kinds[name] == "number" else read(name, kinds[name])) for name in names]
        self.decisions.append(lambda marks: sort_rows(marks, keys, descending=step.descending))


_ROW_STEPS: dict[str, Callable[[_Plan, Any, int], None]] = {
    "drop_duplicates": _Plan.drop_duplicates,
    "drop_missing": _Plan.drop_missing,
    "filter": _Plan.filter,
    "sample": _Plan.sample,
    "sort": _Plan.sort,
}


def _one_of_equal(marks: pl.DataFrame, hashes: Sequence[str], *, keep: Literal["first", "last"]) -> pl.DataFrame:
    """Keep one row of those with the same hashes, and the hashes no longer.

    Rows are compared in portions by the last bits of a hash, since equal rows are in the same portion, and a hash table
    of all would take several times the memory of the hashes.
    """
    stays = np.zeros(marks.height, dtype=bool)
    for portion in range(_PORTIONS):
        places, first, second = (np.concatenate(parts) for parts in zip(*_portion(marks, hashes, portion), strict=True))
        order = np.argsort(first, kind="stable")
        differs = _differs(first[order])
        if (_differs(second[order]) > differs).any():  # two rows share one hash by chance
            order = np.lexsort((second, first))
            differs = _differs(first[order]) | _differs(second[order])
        chosen = differs if keep == "first" else np.append(differs[1:], True)[: len(differs)]
        stays[places[order[chosen]]] = True
    # Column by column: Polars brings the chunks of all columns into line first, which copies the hashes, too.
    return pl.DataFrame([marks[name].filter(pl.Series(stays)) for name in marks.columns if name not in hashes])


def _portion(marks: pl.DataFrame, hashes: Sequence[str], portion: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Give the places of the rows of a portion, and their hashes."""
    yield np.zeros(0, np.uint32), np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    for rows in stretches(marks.height):
        first, second = (marks[name][rows].to_numpy() for name in hashes)
        mine = np.flatnonzero(first % np.uint64(_PORTIONS) == portion)
        yield (mine + rows.start).astype(np.uint32), first[mine], second[mine]


def _differs(values: np.ndarray) -> np.ndarray:
    """Say which values differ from the one before."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def _height(table: Table | pl.DataFrame) -> int:
    return table.height if isinstance(table, pl.DataFrame) else table.n_rows


def _batches(table: Table | pl.DataFrame, columns: list[str]) -> Iterator[tuple[int, pl.DataFrame]]:
    if not isinstance(table, pl.DataFrame):
        yield from table.batches(columns, n_rows=BATCH_ROWS)
        return
    chosen = table.select(columns)
    for start in range(0, max(1, table.height), BATCH_ROWS):
        yield start, chosen.slice(start, BATCH_ROWS)
