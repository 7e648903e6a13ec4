"""Recipes for notebooks and the command line: what the Prepare page does, in one call each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import ValidationError

from workbench.data.spec import SplitSpec, Task
from workbench.errors import SpecError, TargetError
from workbench.recipe.given import Recipe as Recipe
from workbench.recipe.given import parsed_steps as parsed_steps
from workbench.recipe.previewing import Preview, preview
from workbench.recipe.spec import Step
from workbench.settings import Settings

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.data import Split, Table
    from workbench.training.dividing import Division


@dataclass(frozen=True)
class SuggestedRecipe:
    """Steps that make a table ready for an estimator, each with its reason."""

    steps: tuple[Step, ...]
    reasons: tuple[str, ...]

    def frame(self) -> pl.DataFrame:
        """Give one row a step: ``step``, ``columns``, ``reason``."""
        rows = [
            {"step": step.step, "columns": ", ".join(getattr(step, "columns", None) or ()) or "all", "reason": reason}
            for step, reason in zip(self.steps, self.reasons, strict=True)
        ]
        return pl.DataFrame(rows, schema={"step": pl.String, "columns": pl.String, "reason": pl.String})


def suggest_recipe(
    table: Table,
    *,
    target: str | None = None,
    estimator: str | None = None,
    recipe: Recipe = (),
    answer: str | None = None,
) -> SuggestedRecipe:
    """Suggest the steps that a table needs.

    Parameters
    ----------
    table : Table
    target : str, optional
        The table's own when absent; ``""`` to find groups or outliers.
    estimator : str, optional
        A name of the catalogue: one that needs scaling gets it, one that takes missing values isn't imputed for. When
        absent the recipe suits every estimator.
    recipe : sequence of steps
        What is there already, where one of its column steps makes the target: these steps then come first.
    answer : str, optional
        Where groups or outliers are to be found, the column that holds the known answer, which is left out; the table's
        own target when absent.

    Raises
    ------
    TargetError
        If there is no such target.
    EstimatorError
        If there is no such estimator.
    """
    from workbench.estimators import entry
    from workbench.recipe.suggesting import suggest_for

    needs = None if estimator is None else entry(estimator)
    finds = needs is not None and not {"classification", "regression"} & set(needs.tasks)
    steps = parsed_steps(recipe)
    name = target_of(table, target, steps) if target != "" and not finds else ""
    suggested = suggest_for(table, name, needs, steps=steps, answer=answer or target)
    return SuggestedRecipe(tuple(step for step, _ in suggested), tuple(reason for _, reason in suggested))


@dataclass(frozen=True)
class RecipePreview(Preview):
    """A sample of rows before and after a recipe, and what each step changed."""

    steps: tuple[Step, ...]

    def frame(self) -> pl.DataFrame:
        """Give one row a step: what it is, and rows, columns and cells that it changed."""
        rows = [
            {
                "step": self.steps[effect.step_index].step,
                "rows_before": effect.rows_before,
                "rows_after": effect.rows_after,
                "columns_before": effect.columns_before,
                "columns_after": effect.columns_after,
                "n_changed_cells": effect.n_changed_cells,
            }
            for effect in self.effects
        ]
        counts = ("rows_before", "rows_after", "columns_before", "columns_after", "n_changed_cells")
        return pl.DataFrame(rows, schema={"step": pl.String, **dict.fromkeys(counts, pl.Int64)})


def preview_recipe(
    table: Table,
    steps: Recipe,
    *,
    target: str | None = None,
    n_rows: int | None = None,
    settings: Settings | None = None,
) -> RecipePreview:
    """Show what each step changes, on a sample of a table's rows.

    Parameters
    ----------
    table : Table
    steps : sequence of steps
    target : str, optional
        The table's own when absent.
    n_rows : int, optional
        ``settings.preview_rows`` when absent, and fewer where `tf_idf` takes long texts.

    Raises
    ------
    RecipeError
        If a step can't take its columns.
    SpecError
        If a step is malformed.
    """
    parsed = parsed_steps(steps)
    seen = preview(parsed, table, target=target_of(table, target, parsed), n_rows=n_rows, settings=settings)
    return RecipePreview(**vars(seen), steps=parsed)


@dataclass(frozen=True)
class SplitPreview:
    """Which rows would train, validate and test."""

    split: Split
    spec: SplitSpec
    division: Division

    def frame(self) -> pl.DataFrame:
        """Give one row a part: ``part``, ``rows``, ``share``."""
        counts = {name: len(rows) for name, rows in self.split.parts().items()}
        total = sum(counts.values())
        return pl.DataFrame(
            {"part": list(counts), "rows": list(counts.values()), "share": [n / total for n in counts.values()]}
        )

    def describe(self) -> pl.DataFrame:
        """Compare the parts: class shares or target mean of each, its number of groups, its first and last time."""
        return self.division.frame()

    def folds(self) -> pl.DataFrame:
        """Give the stretches of rows of each fold, as drawn: ``fold``, ``part``, ``n_rows``; no row without folds."""
        if not self.spec.folds:
            return pl.DataFrame(schema={"fold": pl.Int64, "part": pl.String, "n_rows": pl.Int64})
        return self.division.folds_frame()

    def plot(self) -> go.Figure:
        """Draw the three parts as one bar, or the folds as one bar each."""
        from workbench import plots

        if self.spec.folds:
            return plots.folds_picture(self.folds(), how=self.division.how)
        counts = {name: len(rows) for name, rows in self.split.parts().items()}
        return plots.split_picture(counts, how=self.division.how)


def split(
    table: Table,
    spec: SplitSpec | dict[str, Any] | None = None,
    *,
    recipe: Recipe = (),
    target: str | None = None,
    task: Task | None = None,
    seed: int = 0,
) -> SplitPreview:
    """Divide the rows of a table as a run would.

    Parameters
    ----------
    table : Table
    spec : SplitSpec or dict, optional
        The default split when absent.
    recipe : sequence of steps
        Its row steps decide which rows there are to divide, its column steps what the split column holds.
    target, task : str, optional
        The table's own target and the task that suits it when absent.
    seed : int

    Raises
    ------
    SplitError
        If the rows can't be split so.
    """
    from workbench.training.dividing import divide_rows

    chosen, steps = parsed_split(spec), parsed_steps(recipe)
    divided = divide_rows(table, steps, chosen, target=target_of(table, target, steps), task=task, seed=seed)
    return SplitPreview(divided.split, chosen, divided)


def target_of(table: Table, target: str | None, steps: Sequence[Step] = ()) -> str:
    """Give the column to predict: the one named, or the table's own; "" where nothing is to be predicted.

    Raises
    ------
    TargetError
        If there is neither, or neither the table nor a column step has a column of that name.
    """
    from workbench.recipe.made_target import check_target_there

    name = table.target if target is None else target
    if name is None:
        raise TargetError(f"Got {table.name!r} without a target, needed the column to predict. Pass target='...'.")
    if name:
        check_target_there(table, steps, name)
    return name


def parsed_split(spec: SplitSpec | dict[str, Any] | None) -> SplitSpec:
    """Check a split that was given as a mapping.

    Raises
    ------
    SpecError
        With what is wrong.
    """
    try:
        return spec if isinstance(spec, SplitSpec) else SplitSpec.model_validate(spec or {})
    except ValidationError as error:
        raise SpecError(
            f"Got the split {spec!r}, which can't be used: {error.errors()[0]['msg']}. Correct it."
        ) from error
