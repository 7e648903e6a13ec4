"""An interactive notebook-and-app workbench for machine learning: prepare, train live, explain, predict, serve.

::

    import workbench as wb

    table = wb.read_table("customers.csv", target="churn")  # or wb.sample("titanic")
    run = wb.train(spec)                                    # wb.start(spec) returns at once
    report = run.evaluate()
    explanation = run.explain()
    version = wb.publish(run, "churn")
    model = wb.load_model("churn@champion")
    model.predict(rows)

`workbench.api` lists all public names; each is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.api import RunSpec as RunSpec
    from workbench.api import Settings as Settings
    from workbench.api import Table as Table
    from workbench.api import Version as Version
    from workbench.api import WorkbenchError as WorkbenchError
    from workbench.api import as_notebook as as_notebook
    from workbench.api import as_script as as_script
    from workbench.api import audit as audit
    from workbench.api import catalogue as catalogue
    from workbench.api import compare as compare
    from workbench.api import delete_run as delete_run
    from workbench.api import explain_model as explain_model
    from workbench.api import load_model as load_model
    from workbench.api import models as models
    from workbench.api import open_run as open_run
    from workbench.api import open_source as open_source
    from workbench.api import open_table as open_table
    from workbench.api import open_version as open_version
    from workbench.api import preview_recipe as preview_recipe
    from workbench.api import promote as promote
    from workbench.api import publish as publish
    from workbench.api import read_table as read_table
    from workbench.api import rollback as rollback
    from workbench.api import runs as runs
    from workbench.api import runs_frame as runs_frame
    from workbench.api import sample as sample
    from workbench.api import samples as samples
    from workbench.api import samples_frame as samples_frame
    from workbench.api import spec_from_notebook as spec_from_notebook
    from workbench.api import split as split
    from workbench.api import start as start
    from workbench.api import suggest_recipe as suggest_recipe
    from workbench.api import tables as tables
    from workbench.api import train as train
    from workbench.api import versions as versions

    __version__: str


def __getattr__(name: str) -> Any:
    # `import workbench` alone must cost nothing: the service, the worker and the command line go through it.
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("workbench")
        except PackageNotFoundError:  # the source without an installation
            return "0+unknown"
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    api = import_module("workbench.api")
    if name not in api.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(api, name)


def __dir__() -> list[str]:
    from importlib import import_module

    return [*import_module("workbench.api").__all__, "__version__"]
