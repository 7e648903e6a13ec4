"""Check a recipe against a table's columns before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from workbench.errors import RecipeError
from workbench.recipe.checking_end import check_end
from workbench.recipe.checking_learned import LEARNED_CHECKS
from workbench.recipe.checking_state import State, refusal
from workbench.recipe.columns import Change, Columns
from workbench.recipe.families import FITTED_STEPS
from workbench.recipe.fitted_step import listed
from workbench.recipe.spec import Step, TakenKind, columns_of
from workbench.recipe.values import WORDS, contents_of, kind_of_dtype

if TYPE_CHECKING:
    from workbench.data.table import Column

_TYPES: dict[TakenKind, Literal["number", "string", "datetime", "image"]] = {
    "number": "number", "boolean": "number", "text": "string", "datetime": "datetime", "image": "image",
}  # fmt: skip
_TAKE_THE_TARGET = ("drop_duplicates", "drop_missing", "sort", "clean_text", "convert")


def check_recipe(
    steps: Sequence[Step],
    columns: Sequence[Column],
    target: str,
    *,
    handles_missing: bool = True,
    finished: bool = True,
    takes: str = "table",
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
    takes : {"table", "image"}, default "table"
        What the estimator learns from; an estimator for images needs one image column, and no numbers.

    Raises
    ------
    RecipeError
        With the step's place, the column and the remedy.
    """
    if takes == "image":
        from workbench.recipe.checking_images import check_image_recipe

        check_image_recipe(steps, columns, target)
        steps = [step for step in steps if step.family in ("row", "column")]
        finished = False
    states = {}
    kinds: dict[str, TakenKind] = {}
    for column in columns:
        kind = kinds[column.name] = "image" if column.kind == "image" else kind_of_dtype(column.dtype)
        described = _described(column.kind, _TYPES[kind])
        states[column.name] = State(column.name, _TYPES[kind], described, column.n_missing, column.n_unique)
    check = _Check(states, kinds, target)
    check.take(steps)
    check.end(finished=finished, handles_missing=handles_missing)


def check_frame(steps: Sequence[Step], frame: pl.DataFrame, target: str, *, finished: bool = True) -> None:
    """Check a recipe against rows, without counting their values; see `check_recipe`."""
    kinds = {name: content.kind for name, content in contents_of(frame).items()}
    states = {name: State(name, _TYPES[kind], _described("", _TYPES[kind])) for name, kind in kinds.items()}
    check = _Check(states, kinds, target)
    check.take(steps)
    check.end(finished=finished, handles_missing=True)


def _described(kind: str, type_: str) -> str:
    words = {"number": "numbers", "string": "text", "datetime": "dates", "image": "images"}[type_]
    return f"{words} ({kind})" if kind and kind not in ("number", "datetime", "image") else words


class _Check:
    """The columns on their way through the recipe, as far as they are known without computing anything."""

    def __init__(self, states: dict[str, State], kinds: dict[str, TakenKind], target: str) -> None:
        self.states = states
        self.target = target
        self.columns = Columns(contents_of(kinds), target=target)
        self._n_missing = {name: state.n_missing for name, state in states.items()}
        self._n_raw = len(states)
        self._renamed: dict[str, tuple[int, str]] = {}
        self.image_step = ""

    def take(self, steps: Sequence[Step]) -> None:
        """Check each step in turn."""
        for number, step in enumerate(steps, start=1):
            if not step.enabled:
                continue
            if step.family == "row":
                self._row(number, step)
            elif step.family == "column":
                self._column(number, step)
            elif step.family == "learned":
                self._learn(number, step)
            elif step.family == "image":
                self._image(number, step)

    def _row(self, number: int, step: Step) -> None:
        for state in self._named(number, step):
            if step.step == "drop_missing" and state.filled:
                raise RecipeError(
                    f"Step {number} (drop_missing): column {state.name!r} has no missing values left after an earlier "
                    "step, needed the raw column. Move this step up, or remove the column from it."
                )
            self._refuse_learned(number, step, state)
        if step.step == "filter":
            from workbench.recipe.expressions import check

            self._expression(number, step, step.expression)
            where = f"Step {number} (filter)"
            check(step.expression, self.columns.contents, where=where, condition=True)

    def _column(self, number: int, step: Step) -> None:
        for state in self._named(number, step):
            if step.step == "drop_columns" and state.learned_by:
                # Leaving a column out means the same wherever it stands, unless it has gone into joint features.
                if not state.joined:
                    continue
            self._refuse_learned(number, step, state)
        inexact = False
        if step.step == "calculate":
            from workbench.recipe.expressions import is_inexact

            names = self._expression(number, step, step.expression)
            if self.target in names:
                raise self._target_refused(number, step)
            inexact = is_inexact(step.expression, [name for name, state in self.states.items() if state.inexact])
        change = self.columns.apply(step, number)
        self._follow(number, step, change)
        for made in change.made if inexact else ():
            self.states[made.name].inexact = step.step

    def _expression(self, number: int, step: Step, expression: str) -> tuple[str, ...]:
        from workbench.recipe.expressions import columns_in

        try:
            names = columns_in(expression)
        except RecipeError as error:
            raise RecipeError(str(error).replace("Expression", f"Step {number} ({step.step})", 1)) from None
        for name in names:
            if name in self.states and self.states[name].dropped_by:
                raise self._dropped_refused(number, step, self.states[name])
            if name in self.states:
                self._refuse_learned(number, step, self.states[name])
        return names

    def _follow(self, number: int, step: Step, change: Change) -> None:
        for name in change.gone:
            self.states[name].dropped_by = number
        for name, new in change.renamed.items():
            self._renamed[name] = (number, new)
        taken = set(change.renamed.values())
        states: dict[str, State] = {}
        for name, state in self.states.items():
            new = change.renamed.get(name, name)
            if new != name:
                states[new] = replace(state, name=new)
            elif name not in taken:  # one that was dropped may have had the new name
                states[name] = state
        for made in change.made:
            n_missing = sum(self._n_missing.get(source, 0) for source in made.content.sources)
            state = State(made.name, _TYPES[made.content.kind], WORDS[made.content.kind], n_missing)
            if step.step == "flag_missing":
                state.n_missing, state.n_unique = 0, 2
            elif step.step == "clean_text" and made.name in states:  # no more categories than before
                state = replace(state, described=states[made.name].described, n_unique=states[made.name].n_unique)
            states[made.name] = state
        self.states = states

    def _learn(self, number: int, step: Step) -> None:
        joins = FITTED_STEPS[step.step].joins
        states = self._named(number, step)
        if not states and joins:
            states = [state for state in self._remaining() if state.type == "number"]
        for state in states:
            if state.joined:
                raise RecipeError(
                    f"Step {number} ({step.step}): got column {state.name!r}, which step {state.joined} has made part "
                    "of joint features; needed a column that is still there. Move this step up."
                )
            LEARNED_CHECKS[step.step](number, step, state)
            state.learned_by = state.learned_by or number
            state.joined = number if step.step == "pca" else 0

    def _image(self, number: int, step: Step) -> None:
        if not any(state.type == "image" and not state.dropped_by for state in self.states.values()):
            raise RecipeError(
                f"Step {number} ({step.step}): got columns without images, needed an image column. Remove the step."
            )
        self.image_step = self.image_step or f"Step {number} ({step.step})"

    def _named(self, number: int, step: Step) -> list[State]:
        names: tuple[str, ...] = columns_of(step)
        where = f"Step {number} ({step.step})"
        if len(set(names)) < len(names):
            twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
            raise RecipeError(f"{where}: got column {listed(twice)} twice, needed it once. Remove one of them.")
        for name in names:
            if name not in self.states:
                raise RecipeError(f"{where}: got column {name!r}, needed one of {self._there()}.{self._hint(name)}")
            if self.states[name].dropped_by:
                raise self._dropped_refused(number, step, self.states[name])
            if name == self.target and step.step not in _TAKE_THE_TARGET:
                raise self._target_refused(number, step)
        return [self.states[name] for name in names]

    def _there(self) -> str:
        return f"the table's {self._n_raw} columns" if len(self.states) == self._n_raw else "the columns there"

    def _hint(self, name: str) -> str:
        from workbench.data.table import nearest

        if name in self._renamed:
            number, new = self._renamed[name]
            return f" Step {number} has renamed it: write {new!r}."
        return nearest(name, self.states) or " Remove it from the step."

    def _target_refused(self, number: int, step: Step) -> RecipeError:
        return RecipeError(
            f"Step {number} ({step.step}): got column {self.target!r}, which is the target; needed columns to learn "
            "from. Remove it from the step."
        )

    def _dropped_refused(self, number: int, step: Step, state: State) -> RecipeError:
        return RecipeError(
            f"Step {number} ({step.step}): got column {state.name!r}, which step {state.dropped_by} has left out; "
            "needed a column that is still there. Remove it from one of the two steps."
        )

    def _refuse_learned(self, number: int, step: Step, state: State) -> None:
        if state.learned_by:
            raise refusal(
                number,
                step,
                replace(state, encoded="", described=f"what step {state.learned_by} has learned to change"),
                f"the column as it was before, since {step.family} steps come first",
                f"Move this step up, in front of step {state.learned_by}.",
            )

    def _remaining(self) -> list[State]:
        return [state for state in self.states.values() if state.name != self.target and not state.dropped_by]

    def end(self, *, finished: bool, handles_missing: bool) -> None:
        """Check what is left."""
        remaining = self._remaining()
        if not remaining:
            if any(state.type == "image" for state in self.states.values()):
                raise RecipeError(
                    "The recipe leaves no column to learn from, since the images are left out; needed at least one. "
                    "Keep the images for an estimator that takes them (small_convnet), or drop fewer columns."
                )
            raise RecipeError("The recipe leaves no column to learn from, needed at least one. Drop fewer columns.")
        if finished:
            check_end(remaining, handles_missing=handles_missing)
            if self.image_step:
                raise RecipeError(
                    f"{self.image_step}: got a step for images in a run on a table, needed steps for columns. Remove "
                    "it, or choose an estimator for images (small_convnet)."
                )
