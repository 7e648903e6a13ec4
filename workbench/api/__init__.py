"""The public names. Notebooks, scripts and the pages' "As code" use exactly these, as ``import workbench as wb``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.api.explaining import explain_model as explain_model
    from workbench.api.explaining import open_version as open_version
    from workbench.api.preparing import RecipePreview as RecipePreview
    from workbench.api.preparing import SplitPreview as SplitPreview
    from workbench.api.preparing import SuggestedRecipe as SuggestedRecipe
    from workbench.api.preparing import open_source as open_source
    from workbench.api.preparing import preview_recipe as preview_recipe
    from workbench.api.preparing import samples_frame as samples_frame
    from workbench.api.preparing import split as split
    from workbench.api.preparing import suggest_recipe as suggest_recipe
    from workbench.api.running import Run as Run
    from workbench.api.running import compare as compare
    from workbench.api.running import open_run as open_run
    from workbench.api.running import runs as runs
    from workbench.api.running import runs_frame as runs_frame
    from workbench.api.running import start as start
    from workbench.api.running import train as train
    from workbench.data import Table as Table
    from workbench.data import open_table as open_table
    from workbench.data import read_table as read_table
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
    from workbench.registry import Version as Version
    from workbench.registry import audit as audit
    from workbench.registry import load_model as load_model
    from workbench.registry import models as models
    from workbench.registry import promote as promote
    from workbench.registry import publish as publish
    from workbench.registry import rollback as rollback
    from workbench.registry import versions as versions
    from workbench.settings import Settings as Settings
    from workbench.training.run import delete_run as delete_run
    from workbench.training.spec import RunSpec as RunSpec

# Name here -> where it lives, and its name there where that differs. Loaded on first use: importing everything would
# cost a second that `wb.runs()` doesn't need.
_HOMES: dict[str, tuple[str, str]] = {
    **{name: ("data", name) for name in ("Table", "open_table", "read_table", "sample", "samples", "tables")},
    **{
        name: ("api.preparing", name)
        for name in (
            "RecipePreview",
            "SplitPreview",
            "SuggestedRecipe",
            "open_source",
            "preview_recipe",
            "samples_frame",
            "split",
            "suggest_recipe",
        )
    },
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
    "WorkbenchError": ("errors", "WorkbenchError"),
    "catalogue": ("estimators.catalogue", "catalogue"),
    "delete_run": ("training.run", "delete_run"),
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
