"""Recipes under a name, and what a recipe makes of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.recipe.given import Recipe, parsed_steps
from workbench.recipe.saved import compare_recipes as compare_recipes
from workbench.recipe.saved import save_recipe as save_recipe

if TYPE_CHECKING:
    import polars as pl

    from workbench.data import Table


def apply_recipe(table: Table, recipe: Recipe, *, target: str | None = None) -> pl.DataFrame:
    """Give the rows that the row steps leave, with the columns as the column steps leave them.

    Learned steps are passed over: what they learn belongs to a model and its training rows.

    Parameters
    ----------
    table : Table
    recipe : sequence of steps
    target : str, optional
        Column that is never dropped; the table's own when absent.

    Raises
    ------
    RecipeError
        If a step can't take its columns.
    TargetError
        If there is no such target.
    """
    from workbench.recipe import find_rows
    from workbench.recipe.columns import prepared
    from workbench.recipe.made_target import check_target_there

    steps = parsed_steps(recipe)
    if target is not None:
        check_target_there(table, steps, target)
    return prepared(table, steps, positions=find_rows(table, steps), target=target or table.target)
