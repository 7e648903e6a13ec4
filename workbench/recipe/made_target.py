"""A target that a step of the recipe makes: ``late``, where ``arr_delay > 15``.

Only column steps make one. They compute each row from itself alone, so that what is to be predicted is known before the
split and learned from no other row. A model is never asked for its answer: what only the target is made of is no column
that a request gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import polars as pl

from workbench.data.columns import Column, describe_columns
from workbench.data.spec import Task
from workbench.data.stored_rows import SAMPLE_ROWS
from workbench.data.table import check_target_name
from workbench.data.targets import suggest_task
from workbench.errors import WorkbenchError
from workbench.recipe.columns import Columns, prepared, table_contents
from workbench.recipe.matching import made_by, names_in
from workbench.recipe.spec import Step, columns_of

if TYPE_CHECKING:
    from workbench.data.table import Table

MAX_ROWS = 50_000  # of a larger table a sample says what a made target is like


def may_be_made(steps: Iterable[Step], target: str) -> bool:
    """Say whether a step may make the target, without a look at any table.

    Examples
    --------
    >>> from workbench.recipe.spec import Calculate
    >>> may_be_made([Calculate(name="late", expression="arr_delay > 15")], "late")
    True
    """
    return any(step.enabled and target in made_by(step) for step in steps)


def is_made(table: Table | pl.DataFrame, steps: Sequence[Step], target: str) -> bool:
    """Say whether the target is a column that the steps make, and not one of the table's own."""
    return bool(target) and target not in table_contents(table) and may_be_made(steps, target)


def check_target_there(table: Table, steps: Sequence[Step], target: str) -> None:
    """Refuse a target that is neither a column of the table nor one that the column steps make.

    Raises
    ------
    TargetError
        If there is no such column; the message names the nearest.
    """
    own = [column.name for column in table.columns]
    check_target_name(target, dict.fromkeys([*own, *makeable(steps)]), name=table.name)


def makeable(steps: Iterable[Step]) -> list[str]:
    """Give the columns that the steps add, each of which can be a target."""
    return list(dict.fromkeys(name for step in steps if step.enabled for name in made_by(step)))


def making_steps(steps: Sequence[Step], target: str) -> tuple[Step, ...]:
    """Give the column steps that a made target comes out of, in order.

    Examples
    --------
    >>> from workbench.recipe.spec import Calculate, CleanText, Convert
    >>> late = Calculate(name="late", expression="arr_delay > 15")
    >>> steps = [Convert(columns=["arr_delay"], to="number"), CleanText(columns=["carrier"]), late]
    >>> [step.step for step in making_steps(steps, "late")]
    ['convert', 'calculate']
    """
    needed, making = {target}, []
    for step in reversed([step for step in steps if step.enabled and step.family == "column"]):
        changed = made_by(step) or (() if step.step == "drop_columns" else columns_of(step))
        if needed.intersection(changed):
            needed.update(names_in(step))
            making.append(step)
    return tuple(reversed(making))


def target_sources(table: Table | pl.DataFrame, steps: Sequence[Step], target: str) -> tuple[str, ...]:
    """Give the table's columns that a made target comes from; none for one of the table's own.

    Raises
    ------
    RecipeError
        If a column step can't take its columns.

    Examples
    --------
    >>> from workbench.recipe.spec import Calculate
    >>> flights = pl.DataFrame({"arr_delay": [3, 40], "distance": [700, 900]})
    >>> target_sources(flights, [Calculate(name="late", expression="arr_delay > 15")], "late")
    ('arr_delay',)
    """
    if not is_made(table, steps, target):
        return ()
    plan = Columns(table_contents(table), target=target).apply_all(steps)
    return plan.contents[target].sources if target in plan.contents else ()


def telling_columns(table: Table | pl.DataFrame, steps: Sequence[Step], target: str) -> dict[str, tuple[str, ...]]:
    """Find the columns that a model would see and that come from what a made target comes from.

    Returns
    -------
    dict of str to tuple of str
        Each such column as the column steps leave it, with the table's columns that it shares with the target.

    Raises
    ------
    RecipeError
        If a column step can't take its columns.
    """
    if not is_made(table, steps, target):
        return {}
    contents = Columns(table_contents(table), target=target).apply_all(steps).contents
    answer = set(contents[target].sources) if target in contents else set()
    shared = {name: tuple(each for each in content.sources if each in answer) for name, content in contents.items()}
    return {name: sources for name, sources in shared.items() if sources and name != target}


def with_target(table: Table, steps: Sequence[Step], target: str) -> pl.DataFrame:
    """Give rows of a table with the target beside its columns, as the steps make it; a sample of a large table.

    Raises
    ------
    RecipeError
        If a column step can't take its columns.
    """
    rows = table.frame() if table.n_rows <= MAX_ROWS else table.sampled(SAMPLE_ROWS)[0]
    if not is_made(table, steps, target):
        return rows
    return rows.with_columns(prepared(rows, steps, columns=[target], target=target)[target])


def target_column(table: Table, steps: Sequence[Step], target: str) -> Column:
    """Describe the target: the table's column, or what the steps make, counted in a sample of a large table.

    Raises
    ------
    WorkbenchError
        If there is no such column, or a column step can't take its columns.
    """
    check_target_there(table, steps, target)
    if not is_made(table, steps, target):
        return table.column(target)
    return describe_columns(with_target(table, steps, target).select(target))[0]


def task_for(table: Table, steps: Sequence[Step], target: str) -> Task:
    """Suggest the task that suits a target, the table's own or one that the steps make.

    Raises
    ------
    TargetError
        If there is no such column.
    """
    check_target_there(table, steps, target)
    if not is_made(table, steps, target):
        return table.suggested_task(target)
    try:
        return suggest_task(with_target(table, steps, target)[target])
    except WorkbenchError:  # what is wrong with the step is said where the step is
        return "classification"
