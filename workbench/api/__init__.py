"""The public names. Notebooks, scripts and the pages' "As code" use exactly these, as ``import workbench as wb``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.api.advising import Checks as Checks
    from workbench.api.advising import apply_remedy as apply_remedy
    from workbench.api.advising import check_data as check_data
    from workbench.api.advising import leak_comparison as leak_comparison
    from workbench.api.advising import match_recipe as match_recipe
    from workbench.api.explaining import explain_image as explain_image
    from workbench.api.explaining import explain_model as explain_model
    from workbench.api.explaining import open_version as open_version
    from workbench.api.managing import compare_specs as compare_specs
    from workbench.api.managing import delete_run as delete_run
    from workbench.api.opening import look_at as look_at
    from workbench.api.opening import open_source as open_source
    from workbench.api.opening import read_table as read_table
    from workbench.api.opening import reread as reread
    from workbench.api.opening import samples_frame as samples_frame
    from workbench.api.preparing import RecipePreview as RecipePreview
    from workbench.api.preparing import SplitPreview as SplitPreview
    from workbench.api.preparing import SuggestedRecipe as SuggestedRecipe
    from workbench.api.preparing import preview_recipe as preview_recipe
    from workbench.api.preparing import split as split
    from workbench.api.preparing import suggest_recipe as suggest_recipe
    from workbench.api.running import Run as Run
    from workbench.api.running import compare as compare
    from workbench.api.running import open_run as open_run
    from workbench.api.running import runs as runs
    from workbench.api.running import runs_frame as runs_frame
    from workbench.api.running import start as start
    from workbench.api.running import train as train
    from workbench.api.saving import apply_recipe as apply_recipe
    from workbench.api.saving import compare_recipes as compare_recipes
    from workbench.api.saving import save_recipe as save_recipe
    from workbench.api.searching import estimate as estimate
    from workbench.data import Table as Table
    from workbench.data import delete_table as delete_table
    from workbench.data import open_table as open_table
    from workbench.data import sample as sample
    from workbench.data import samples as samples
    from workbench.data import tables as tables
    from workbench.errors import WorkbenchError as WorkbenchError
    from workbench.estimators.catalogue import catalogue as catalogue
    from workbench.export import as_notebook as as_notebook
    from workbench.export import as_script as as_script
    from workbench.export import spec_from_notebook as spec_from_notebook
    from workbench.monitoring import Drift as Drift
    from workbench.monitoring import drift as drift
    from workbench.recipe.saved import SavedRecipe as SavedRecipe
    from workbench.recipe.saved import delete_recipe as delete_recipe
    from workbench.recipe.saved import open_recipe as open_recipe
    from workbench.recipe.saved import read_recipe as read_recipe
    from workbench.recipe.saved import recipes as recipes
    from workbench.registry import Version as Version
    from workbench.registry import audit as audit
    from workbench.registry import load_model as load_model
    from workbench.registry import models as models
    from workbench.registry import promote as promote
    from workbench.registry import publish as publish
    from workbench.registry import rollback as rollback
    from workbench.registry import versions as versions
    from workbench.settings import Settings as Settings
    from workbench.training.combining import combined_spec as combined_spec
    from workbench.training.spec import RunSpec as RunSpec

# Name here -> where it lives, and its name there where that differs. Loaded on first use: importing everything would
# cost a second that `wb.runs()` doesn't need.
_HOMES: dict[str, tuple[str, str]] = {
    **{name: ("data", name) for name in ("Table", "delete_table", "open_table", "sample", "samples", "tables")},
    **{
        name: ("api.advising", name)
        for name in ("Checks", "apply_remedy", "check_data", "leak_comparison", "match_recipe")
    },
    **{name: ("api.opening", name) for name in ("look_at", "open_source", "read_table", "reread", "samples_frame")},
    **{
        name: ("api.preparing", name)
        for name in ("RecipePreview", "SplitPreview", "SuggestedRecipe", "preview_recipe", "split", "suggest_recipe")
    },
    **{
        name: ("recipe.saved", name)
        for name in ("SavedRecipe", "delete_recipe", "open_recipe", "read_recipe", "recipes")
    },
    **{name: ("api.saving", name) for name in ("apply_recipe", "compare_recipes", "save_recipe")},
    **{name: ("api.running", name) for name in ("Run", "compare", "open_run", "runs", "runs_frame", "start", "train")},
    **{name: ("export", name) for name in ("as_notebook", "as_script", "spec_from_notebook")},
    **{
        name: ("registry", name)
        for name in ("Version", "audit", "load_model", "models", "promote", "publish", "rollback", "versions")
    },
    "Drift": ("monitoring", "Drift"),
    "drift": ("monitoring", "drift"),
    "RunSpec": ("training.spec", "RunSpec"),
    "Settings": ("settings", "Settings"),
    "folders": ("settings", "folders"),
    "use_home": ("settings", "use_home"),
    "WorkbenchError": ("errors", "WorkbenchError"),
    "catalogue": ("estimators.catalogue", "catalogue"),
    "combined_spec": ("training.combining", "combined_spec"),
    "compare_specs": ("api.managing", "compare_specs"),
    "delete_run": ("api.managing", "delete_run"),
    "explain_image": ("api.explaining", "explain_image"),
    "estimate": ("api.searching", "estimate"),
    "explain_model": ("api.explaining", "explain_model"),
    "open_version": ("api.explaining", "open_version"),
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, original = _HOMES[name]
    value = getattr(import_module(f"workbench.{home}"), original)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
