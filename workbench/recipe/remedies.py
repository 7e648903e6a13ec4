"""A remedy becomes part of a recipe: each step in its place, and no two steps that contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.recipe.matching import made_by, names_in, without_columns
from workbench.recipe.spec import Step, columns_of

if TYPE_CHECKING:
    from workbench.recipe.check_list import Remedy

_ENCODERS = ("one_hot", "ordinal", "target_encode", "hashing", "tf_idf")
# Steps that look at whole rows as they came, or at the target's words: before all others.
_FIRST = ("drop_missing", "drop_duplicates", "filter")


def apply_remedy(steps: Sequence[Step], remedy: Remedy) -> tuple[Step, ...]:
    """Give the recipe with a remedy's steps, each in its place.

    Row steps come first, column steps before all learned steps, learned steps before those that are there, training
    steps last. A column that is dropped, or encoded anew, leaves the steps that took it before. A remedy that is a
    split only leaves the recipe as it is.

    Parameters
    ----------
    steps : sequence of Step
    remedy : Remedy

    Examples
    --------
    >>> from workbench.recipe.check_list import Remedy
    >>> from workbench.recipe.spec import DropColumns, OneHot
    >>> remedy = Remedy("Leave id out", (DropColumns(columns=("id",)),))
    >>> [step.columns for step in apply_remedy([OneHot(columns=("sex", "id"))], remedy)]
    [('id',), ('sex',)]
    """
    recipe = list(steps)
    for step in remedy.steps or ():
        recipe = _with(recipe, step)
    return tuple(recipe)


def _with(recipe: list[Step], step: Step) -> list[Step]:
    if any(there == step for there in recipe if there.enabled):
        return recipe
    if step.step == "drop_columns":
        recipe = _without(recipe, step, families=("learned",))
        return _merged_drop(recipe, step)
    if step.step in _ENCODERS:
        recipe = _without(recipe, step, only=_ENCODERS)
    place = _place(recipe, step)
    return [*recipe[:place], step, *recipe[place:]]


def _without(
    recipe: list[Step], step: Step, *, families: tuple[str, ...] = (), only: tuple[str, ...] = ()
) -> list[Step]:
    """Take the columns of a step out of other steps."""
    found = []
    for there in recipe:
        concerned = there.family in families or there.step in only
        rest = without_columns(there, columns_of(step)) if concerned and columns_of(there) else there
        if rest is not None:
            found.append(rest)
    return found


def _merged_drop(recipe: list[Step], step: Step) -> list[Step]:
    """Drop the columns where others are dropped already, if that is after the last step that makes or reads columns."""
    place = _place(recipe, step)
    before = recipe[place - 1] if place else None
    if before is not None and before.step == "drop_columns" and before.enabled:
        columns = tuple(dict.fromkeys((*before.columns, *columns_of(step))))
        return [*recipe[: place - 1], before.model_copy(update={"columns": columns}), *recipe[place:]]
    return [*recipe[:place], step, *recipe[place:]]


def _place(recipe: list[Step], step: Step) -> int:
    if step.family == "training":
        return len(recipe)
    if step.step in _FIRST:
        named = names_in(step)
        made = max((i + 1 for i, there in enumerate(recipe) if set(named) & set(made_by(there))), default=0)
        return next((i for i, there in enumerate(recipe) if i >= made and there.step not in _FIRST), len(recipe))
    learned = next((i for i, there in enumerate(recipe) if there.family in ("learned", "training")), len(recipe))
    return learned
