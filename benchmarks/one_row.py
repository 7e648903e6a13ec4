"""One row through the published graph, checks included, against the same row through the native pipeline."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.measuring import report

TITLE = "Milliseconds for one row: published graph against native pipeline"
ESTIMATORS = ("logistic_regression", "random_forest", "hist_gradient_boosting", "dense_network")


def main() -> None:
    """Print the milliseconds of both for each estimator, on the Titanic sample."""
    import workbench as wb
    from workbench.package import load_native, load_predictor

    with tempfile.TemporaryDirectory() as name:
        settings = wb.Settings(home=Path(name) / "home", models=Path(name) / "models")
        table = wb.sample("titanic", settings=settings)
        for estimator in ESTIMATORS:
            recipe = wb.suggest_recipe(table, target="survived", estimator=estimator)
            spec = wb.RunSpec(
                name=estimator.replace("_", "-"),
                data={"source": "titanic", "target": "survived"},
                recipe=recipe.steps,
                estimator={"name": estimator},
                training={"epochs": 3},
            )
            folder = wb.train(spec, settings=settings).package_folder
            graph, native = load_predictor(folder), load_native(folder)
            row = graph.signature.check(table.head(1)).frame.to_dicts()
            print(estimator)
            sides = {"  native": native.predict_proba, "  graph": graph.predict_proba}
            figures = {side: [once(ask, row) for _ in range(200)][20:] for side, ask in sides.items()}
            report(figures, unit="ms", scale=1000, against="  native")


def once(ask, row) -> float:
    """Time one call."""
    started = time.perf_counter()
    ask(row)
    return time.perf_counter() - started
