"""What each learned step asks of its columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.checking_state import State, refusal
from workbench.recipe.spec import Impute, Step
from workbench.settings import current


def _values(number: int, step: Step, state: State) -> None:
    if state.type == "datetime":
        raise refusal(number, step, state, "numbers or text", "No step encodes dates: leave it out with drop_columns.")
    constant = isinstance(step, Impute) and step.strategy == "constant"
    if state.n_unique == 0 and not constant:
        raise RecipeError(
            f"Step {number} ({step.step}): column {state.name!r} has no value in any row, needed at least one. "
            "Leave it out with drop_columns."
        )


def _impute(number: int, step: Impute, state: State) -> None:
    _values(number, step, state)
    if state.encoded:
        raise refusal(number, step, state, "a column with missing values", "Move this step in front of the encoding.")
    if step.fill_value is not None and step.strategy != "constant":
        raise RecipeError(
            f"Step {number} (impute): got fill_value {step.fill_value!r} with strategy {step.strategy}, needed "
            "strategy constant. Change the strategy, or remove the fill_value."
        )
    if state.type == "string" and step.strategy in ("mean", "median"):
        raise refusal(number, step, state, f"numbers for strategy {step.strategy}", "Use most_frequent or constant.")
    _fill_value(number, step, state)
    state.filled = True


def _fill_value(number: int, step: Impute, state: State) -> None:
    value = step.fill_value
    if value is None:
        return
    if state.type == "number" and (isinstance(value, str) or value != value):
        raise refusal(number, step, state, f"a number as fill_value, not {value!r}", "Give a number.")
    if state.type == "string" and not (isinstance(value, str) and value):
        raise refusal(number, step, state, f"a word as fill_value, not {value!r}", "Give a word, in quotes.")


def _encode(number: int, step: Step, state: State) -> None:
    _values(number, step, state)
    if state.encoded and not (step.step == "one_hot" and state.encoded == "ordinal"):
        raise refusal(number, step, state, "a column that isn't encoded yet", "Remove it from one of the two steps.")
    limit = current().max_categories
    if step.step == "one_hot" and state.n_unique is not None and state.n_unique > limit:
        raise RecipeError(
            f"Step {number} (one_hot): column {state.name!r} has {state.n_unique:,} categories, needed at most "
            f"{limit:,} (WORKBENCH_MAX_CATEGORIES). Use ordinal, or leave it out with drop_columns."
        )
    state.type, state.encoded, state.filled = "number", step.step, True


def _scale(number: int, step: Step, state: State) -> None:
    _values(number, step, state)
    if state.type == "string":
        raise refusal(
            number, step, state, "numbers", "Put one_hot or ordinal in front of this step, or remove the column."
        )


# A new learned step needs one entry here; see `workbench.recipe.families`, too.
LEARNED_CHECKS: dict[str, Callable[[int, Any, State], None]] = {
    "impute": _impute,
    "one_hot": _encode,
    "ordinal": _encode,
    "standardize": _scale,
    "min_max": _scale,
}
