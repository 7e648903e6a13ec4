"""Recipes under a name, and what a recipe makes of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.api.preparing import Recipe, parsed_steps
from workbench.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from workbench.data import Table
    from workbench.recipe.saved import SavedRecipe


def save_recipe(
    name: str,
    recipe: Recipe,
    *,
    table: Table | None = None,
    note: str = "",
    replace: bool = False,
    settings: Settings | None = None,
) -> SavedRecipe:
    """Save a recipe under a name; the Prepare page and ``workbench recipe`` list it, too.

    Parameters
    ----------
    name : str
    recipe : sequence of steps
    table : Table, optional
        Whose columns are kept with it, so that `match_recipe` can compare another table's with them.
    note : str
        What it is for.
    replace : bool, default False
        Whether another recipe of that name may go.

    Raises
    ------
    RecipeError
        If the name can't be a file's, or is taken by other steps.
    SpecError
        If a step is malformed.
    """
    from workbench.recipe.saved import save_recipe as save

    return save(name, parsed_steps(recipe), table=table, note=note, replace=replace, settings=settings)


def compare_recipes(left: Recipe, right: Recipe) -> pl.DataFrame:
    """Show where two recipes differ, step by step."""
    from workbench.recipe.saved import compare_recipes as compare

    return compare(parsed_steps(left), parsed_steps(right))


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
    """
    from workbench.recipe import find_rows
    from workbench.recipe.columns import prepared

    steps = parsed_steps(recipe)
    return prepared(table, steps, positions=find_rows(table, steps), target=target or table.target)
