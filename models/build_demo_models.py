"""Build the two models that ship: Titanic survival and handwritten digits.

They are committed, so that Explain and Predict work in the first minute. Run ``python models/build_demo_models.py``
again when the package format changes.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import workbench as wb

MODELS = Path(__file__).resolve().parent

TITANIC = wb.RunSpec(
    name="titanic-boosting",
    data={"source": "titanic", "target": "survived"},
    recipe=[
        # boat and body are known only after the answer is; the others are names of persons and places.
        {"step": "drop_columns", "columns": ["name", "ticket", "cabin", "boat", "body", "home.dest"]},
        {"step": "drop_duplicates"},
        {"step": "impute", "columns": ["fare"], "strategy": "median"},
        {"step": "one_hot", "columns": ["sex", "embarked"]},
    ],
    estimator={
        "name": "hist_gradient_boosting",
        "params": {"learning_rate": 0.05, "max_iter": 200, "max_leaf_nodes": 8},
    },
    training={"early_stopping": {"patience": 20}},
)
DIGITS = wb.RunSpec(
    name="digits-network",
    data={"source": "digits", "target": "digit"},
    recipe=[{"step": "min_max", "columns": [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]}],
    estimator={"name": "dense_network", "params": {"layers": [64, 32], "dropout": 0.2}},
    training={"epochs": 40, "batch_size": 32, "early_stopping": {"patience": 8}},
)


def main() -> None:
    """Train both in a folder of their own and publish them as version 1."""
    with tempfile.TemporaryDirectory() as home:
        settings = wb.Settings(home=Path(home), models=MODELS)
        for name, spec, note in (
            ("titanic", TITANIC, "Demo: who survived the Titanic"),
            ("digits", DIGITS, "Demo: handwritten digits, 8 x 8 pixels"),
        ):
            shutil.rmtree(MODELS / name, ignore_errors=True)
            run = wb.train(spec, settings=settings)
            version = wb.publish(run, name, note=note, by="workbench", settings=settings)
            print(f"{name} v{version.number}: {run.metrics()['test']}")


if __name__ == "__main__":
    main()
