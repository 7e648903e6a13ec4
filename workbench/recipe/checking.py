"""Check a recipe against a table's columns before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.data.encoding import input_type
from workbench.errors import RecipeError
from workbench.recipe.checking_learned import LEARNED_CHECKS
from workbench.recipe.checking_state import State
from workbench.recipe.fitted_step import listed
from workbench.recipe.spec import DropColumns, DropMissing, Step, columns_of

if TYPE_CHECKING:
    from workbench.data.table import Column


def check_recipe(
    steps: Sequence[Step],
    columns: Sequence[Column],
    target: str,
    *,
    handles_missing: bool = True,
    finished: bool = True,
) -> None:
    """Check that each step can take its columns and that numbers alone remain.

    Parameters
    ----------
    steps : sequence of Step
        Disabled ones are skipped.
    columns : sequence of Column
        Of the table, in order.
    target : str
    handles_missing : bool, default True
        Whether the estimator takes missing values; where it doesn't, columns with some must be imputed or encoded.
    finished : bool, default True
        False while a recipe is being written: text that no step encodes yet is then accepted.

    Raises
    ------
    RecipeError
        With the step's place, the column and the remedy.
    """
    states = {
        column.name: State(
            column.name,
            input_type(column.dtype),
            _described(column.kind, input_type(column.dtype)),
            n_missing=column.n_missing,
            n_unique=column.n_unique,
        )
        for column in columns
    }
    _check(steps, states, target, finished=finished, handles_missing=handles_missing)


def check_frame(steps: Sequence[Step], frame: pl.DataFrame, target: str, *, finished: bool = True) -> None:
    """Check a recipe against rows, without counting their values; see `check_recipe`."""
    states = {}
    for name, dtype in frame.schema.items():
        kind = input_type(dtype)
        states[name] = State(name, kind, _described("", kind))
    _check(steps, states, target, finished=finished, handles_missing=True)


def _described(kind: str, type_: str) -> str:
    words = {"number": "numbers", "string": "text", "datetime": "dates"}[type_]
    return f"{words} ({kind})" if kind and kind not in ("number", "datetime") else words


def _check(
    steps: Sequence[Step], states: dict[str, State], target: str, *, finished: bool, handles_missing: bool
) -> None:
    for number, step in enumerate(steps, start=1):
        if step.enabled:
            columns = _columns(number, step, states, target)
            for state in columns:
                if step.step in _CHECKS:
                    _CHECKS[step.step](number, step, state)
    remaining = [state for state in states.values() if state.name != target and not state.dropped_by]
    if not remaining:
        raise RecipeError("The recipe leaves no column to learn from, needed at least one. Drop fewer columns.")
    if finished:
        _check_end(remaining, handles_missing)


def _columns(number: int, step: Step, states: dict[str, State], target: str) -> list[State]:
    names: tuple[str, ...] = columns_of(step)
    where = f"Step {number} ({step.step})"
    if len(set(names)) < len(names):
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        raise RecipeError(f"{where}: got column {listed(twice)} twice, needed it once. Remove one of them.")
    for name in names:
        if name not in states:
            from workbench.data.table import nearest

            hint = nearest(name, states) or " Remove it from the step."
            raise RecipeError(f"{where}: got column {name!r}, needed one of the table's {len(states)} columns.{hint}")
        if states[name].dropped_by:
            raise RecipeError(
                f"{where}: got column {name!r}, which step {states[name].dropped_by} (drop_columns) has left out; "
                "needed a column that is still there. Remove it from one of the two steps."
            )
        if name == target and step.step not in ("drop_duplicates", "drop_missing"):
            raise RecipeError(
                f"{where}: got column {name!r}, which is the target; needed columns to learn from. "
                "Remove it from the step."
            )
    return [states[name] for name in names]


def _check_drop(number: int, step: DropColumns, state: State) -> None:
    state.dropped_by = number


def _check_drop_missing(number: int, step: DropMissing, state: State) -> None:
    if state.filled:
        raise RecipeError(
            f"Step {number} (drop_missing): column {state.name!r} has no missing values left after an earlier step, "
            "needed the raw column. Move this step up, or remove the column from it."
        )


def _check_nothing(number: int, step: Step, state: State) -> None:
    pass


# A new step needs one entry here; see `workbench.recipe.families`, too.
_OWN_CHECKS: dict[str, Callable[[int, Any, State], None]] = {
    "drop_columns": _check_drop,
    "drop_duplicates": _check_nothing,
    "drop_missing": _check_drop_missing,
}
_CHECKS = _OWN_CHECKS | LEARNED_CHECKS


def _check_end(remaining: list[State], handles_missing: bool) -> None:
    dates = [state.name for state in remaining if state.type == "datetime"]
    if dates:
        raise RecipeError(
            f"Column {listed(dates)} holds dates, which no step encodes; needed numbers at the end of the recipe. "
            "Leave it out with drop_columns."
        )
    texts = [state.name for state in remaining if state.type == "string"]
    if texts:
        raise RecipeError(
            f"Column {listed(texts)} is still text at the end of the recipe, needed numbers. "
            "Add one_hot or ordinal for few categories, or leave it out with drop_columns."
        )
    missing = [state.name for state in remaining if state.n_missing and not state.filled]
    if missing and not handles_missing:
        raise RecipeError(
            f"Column {listed(missing)} has missing values, which this estimator can't take; needed none. "
            "Add an impute step, or choose an estimator that takes them (hist_gradient_boosting)."
        )
