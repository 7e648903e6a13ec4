"""The steps that prepare data: which rows exist, and what is learned from training rows and travels in the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazily import lazily

if TYPE_CHECKING:
    from workbench.recipe.checking import check_recipe
    from workbench.recipe.columns import apply_column_steps, prepared
    from workbench.recipe.fitted import FittedRecipe
    from workbench.recipe.fitting import fit_and_transform, fit_recipe
    from workbench.recipe.previewing import Preview, StepEffect, preview
    from workbench.recipe.rows import apply_row_steps, find_rows
    from workbench.recipe.spec import Step
    from workbench.recipe.suggesting import suggest

_MODULES = {
    "FittedRecipe": "fitted",
    "Preview": "previewing",
    "Step": "spec",
    "StepEffect": "previewing",
    "apply_column_steps": "columns",
    "apply_row_steps": "rows",
    "check_recipe": "checking",
    "find_rows": "rows",
    "fit_and_transform": "fitting",
    "fit_recipe": "fitting",
    "prepared": "columns",
    "preview": "previewing",
    "suggest": "suggesting",
}

__all__ = [
    "FittedRecipe",
    "Preview",
    "Step",
    "StepEffect",
    "apply_column_steps",
    "apply_row_steps",
    "check_recipe",
    "find_rows",
    "fit_and_transform",
    "fit_recipe",
    "prepared",
    "preview",
    "suggest",
]

# Loaded on first use: the RunSpec reads this room's spec, and needs neither Polars nor the rest.
__getattr__ = lazily(__name__, _MODULES)
