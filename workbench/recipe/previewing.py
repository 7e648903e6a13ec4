"""What a recipe does to a sample of rows, step by step, before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.data.table import Table
from workbench.recipe.checking import check_frame
from workbench.recipe.preview_walk import Outcome, Walk
from workbench.recipe.spec import Step
from workbench.settings import Settings, current

_TEXT_BYTES = 400_000  # of texts whose terms are counted: some tenths of a second
_FEWEST_ROWS = 100


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
    steps: Sequence[Step],
    table: Table | pl.DataFrame,
    *,
    target: str,
    n_rows: int | None = None,
    seed: int = 0,
    settings: Settings | None = None,
) -> Preview:
    """Apply a recipe, finished or not, to a random sample and fit it on that sample.

    Parameters
    ----------
    steps : sequence of Step
        Disabled ones are skipped.
    table : Table or DataFrame
        The whole table; of a `Table` only the sample is read.
    target : str
    n_rows : int, optional
        Size of the sample; ``settings.preview_rows`` when absent, and fewer where `tf_idf` takes long texts.
    seed : int, default 0
        Of the sample, whose rows keep their order.
    settings : Settings, optional

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
    before, chosen, n_rows_total = _sample(table, n_rows or (settings or current()).preview_rows, seed)
    if n_rows is None:
        kept = _rows_of_long_texts(before, steps, seed)
        before, chosen = before[kept], chosen[kept]
    check_frame(steps, before, target, finished=False)
    walk = Walk(before, target, seed=seed, orders=None if isinstance(table, pl.DataFrame) else table.orders)
    outcomes: dict[int, Outcome] = {}
    for learned in (False, True):  # rows and columns first, as in a run
        for index, step in enumerate(steps):
            if step.enabled and (step.family in ("learned", "image", "training")) == learned:
                started = time.perf_counter()
                outcome = walk.take(index, step, steps[:index])
                outcome.milliseconds = 1000 * (time.perf_counter() - started)
                outcomes[index] = outcome
    after, changed = walk.result()
    return Preview(
        before=before,
        after=after,
        changed=changed,
        effects=_effects(outcomes, before.height, len([name for name in before.columns if name != target])),
        before_positions=chosen,
        positions=chosen[walk.positions],
        n_rows=before.height,
        n_rows_total=n_rows_total,
    )


def _rows_of_long_texts(rows: pl.DataFrame, steps: Sequence[Step], seed: int) -> np.ndarray:
    """Choose as many rows as have their terms counted in a moment: all where texts are short."""
    names = {name for step in steps if step.enabled and step.step == "tf_idf" for name in step.columns}
    texts = [rows[name] for name in names if name in rows.columns and rows[name].dtype == pl.String]
    n_bytes = sum(int(text.str.len_bytes().sum()) for text in texts)
    n_rows = max(_FEWEST_ROWS, int(rows.height * _TEXT_BYTES / max(n_bytes, 1)))
    if n_rows >= rows.height:
        return np.arange(rows.height)
    return np.sort(np.random.default_rng(seed).choice(rows.height, n_rows, replace=False))


def _sample(table: Table | pl.DataFrame, n_rows: int, seed: int) -> tuple[pl.DataFrame, np.ndarray, int]:
    if not isinstance(table, pl.DataFrame):
        rows, positions = table.sampled(min(n_rows, table.n_rows), seed=seed)
        return rows, positions, table.n_rows
    chosen = np.arange(table.height)
    if n_rows < table.height:
        chosen = np.sort(np.random.default_rng(seed).choice(table.height, n_rows, replace=False))
    return table[chosen], chosen, table.height


def _effects(outcomes: dict[int, Outcome], n_rows: int, n_columns: int) -> list[StepEffect]:
    """Count rows and columns in the order of the recipe."""
    final = n_rows + sum(outcome.rows for outcome in outcomes.values())
    effects = []
    for index, outcome in sorted(outcomes.items()):
        before = final if outcome.learned else n_rows
        effects.append(
            StepEffect(
                step_index=index,
                rows_before=before,
                rows_after=before + outcome.rows,
                columns_before=n_columns,
                columns_after=n_columns + outcome.columns,
                n_changed_cells=outcome.n_changed_cells,
                milliseconds=outcome.milliseconds,
            )
        )
        n_rows, n_columns = n_rows + outcome.rows, n_columns + outcome.columns
    return effects
