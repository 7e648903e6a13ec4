"""What each learned step asks of its columns."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.checking_state import State, refusal
from workbench.recipe.spec import Bins, Impute, Log, MergeRare, OneHot, Pca, Power, QuantileTransform, Step
from workbench.settings import current

_ENCODE_FIRST = "Put one_hot or ordinal in front of this step, or remove the column."
_REMOVE_FROM_ONE = "Remove it from one of the two steps."


def _values(number: int, step: Step, state: State) -> None:
    if state.type == "datetime":
        raise refusal(number, step, state, "numbers or text", "Take its parts with date_parts, or drop_columns.")
    if state.type == "image":
        raise refusal(number, step, state, "numbers or text", "No step encodes images: leave it out with drop_columns.")
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
    if state.type == "string" and step.strategy in ("mean", "median", "nearest_neighbors"):
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
    _refuse_inexact(number, step, state, "Move this step in front of it, or put bins between them.")
    if state.encoded and not (step.step == "one_hot" and state.encoded == "ordinal"):
        raise refusal(number, step, state, "a column that isn't encoded yet", _REMOVE_FROM_ONE)
    limit = current().max_categories
    without_cap = isinstance(step, OneHot) and step.max_categories is None
    if without_cap and state.n_unique is not None and state.n_unique > limit:
        raise RecipeError(
            f"Step {number} (one_hot): column {state.name!r} has {state.n_unique:,} categories, needed at most "
            f"{limit:,} (WORKBENCH_MAX_CATEGORIES). Use ordinal or target_encode, or set max_categories."
        )
    state.type, state.encoded, state.filled = "number", step.step, True


def _encode_text(number: int, step: Step, state: State) -> None:
    _text(number, step, state)
    state.type, state.encoded, state.filled = "number", step.step, True


def _merge_rare(number: int, step: MergeRare, state: State) -> None:
    _text(number, step, state)
    if step.min_share and state.n_unique is not None:
        state.n_unique = min(state.n_unique, int(1 / step.min_share) + 1)


def _text(number: int, step: Step, state: State) -> None:
    _values(number, step, state)
    if state.encoded:
        raise refusal(number, step, state, "text", _REMOVE_FROM_ONE)
    if state.type != "string":
        what = "Use one_hot or bins for numbers" if step.step == "merge_rare" else "Use one_hot, ordinal or bins"
        raise refusal(number, step, state, "text", f"{what}, or remove the column.")


def _number(number: int, step: Step, state: State) -> None:
    _values(number, step, state)
    if state.type == "string":
        raise refusal(number, step, state, "numbers", _ENCODE_FIRST)


def _inexact(number: int, step: Log | Power, state: State) -> None:
    _number(number, step, state)
    if isinstance(step, Log) or step.method == "yeo_johnson":
        state.inexact = step.step


def _quantile_transform(number: int, step: QuantileTransform, state: State) -> None:
    _number(number, step, state)
    _refuse_inexact(number, step, state, "Ranks are the same without that step: remove it, or this one.")
    if step.output == "normal":
        state.inexact = step.step


def _refuse_inexact(number: int, step: Step, state: State, remedy: str) -> None:
    if state.inexact == "calculate":
        remedy = "Round it in the expression, as in round(log(x), 6), or put bins between them."
    if state.inexact:
        raise RecipeError(
            f"Step {number} ({step.step}): column {state.name!r} holds results of {state.inexact}, needed values that "
            f"can be told apart exactly. {remedy}"
        )


def _bins(number: int, step: Bins, state: State) -> None:
    _number(number, step, state)
    edges = step.edges
    if edges is None and step.strategy == "given":
        raise RecipeError(
            f"Step {number} (bins): got strategy given without edges, needed at least one. "
            "Give the edges, or use quantile or uniform."
        )
    if edges is not None:
        if step.strategy != "given":
            raise RecipeError(
                f"Step {number} (bins): got edges with strategy {step.strategy}, needed strategy given. "
                "Change the strategy, or remove the edges."
            )
        if not edges or any(not low < high for low, high in pairwise(edges)) or edges[0] != edges[0]:
            raise RecipeError(
                f"Step {number} (bins): got the edges {list(edges)}, needed at least one number, each larger than the "
                "one before it. Write them in rising order."
            )
    most = step.n_bins if edges is None else len(edges) + 1
    state.inexact = ""
    state.n_unique = most if state.n_unique is None else min(state.n_unique, most)


def _pca(number: int, step: Pca, state: State) -> None:
    _number(number, step, state)
    if state.n_missing and not state.filled:
        raise refusal(
            number, step, state, "a column without missing values", "Put an impute step in front of this one."
        )
    state.filled = True


# A new learned step needs one entry here; see `workbench.recipe.families`, too. Steps that take all columns when none
# is named (select_best, pca) are asked for each of them.
LEARNED_CHECKS: dict[str, Callable[[int, Any, State], None]] = {
    "impute": _impute,
    "clip": _number,
    "log": _inexact,
    "power": _inexact,
    "bins": _bins,
    "standardize": _number,
    "min_max": _number,
    "robust": _number,
    "quantile_transform": _quantile_transform,
    "merge_rare": _merge_rare,
    "one_hot": _encode,
    "ordinal": _encode,
    "target_encode": _encode,
    "hashing": _encode_text,
    "tf_idf": _encode_text,
    "select_best": _number,
    "pca": _pca,
}
