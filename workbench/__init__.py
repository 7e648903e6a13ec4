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

`workbench.api` lists all public names; each is loaded when it is first used, and ``__init__.pyi`` types it.
"""

from __future__ import annotations

from typing import Any


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
