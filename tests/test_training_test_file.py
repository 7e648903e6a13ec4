"""Runs on a train file and a test file: the given test rows judge, and scores are those that others measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from workbench.cli import app
from workbench.package import load_predictor
from workbench.settings import Settings
from workbench.training import train

FLOWERS = "petal,colour,kind\n" + "".join(
    f"{place / 10},{'red' if place % 3 else 'blue'},{'rose' if place > 30 else 'lily'}\n" for place in range(60)
)
MENDED = {"step": "clean_text", "columns": ["kind"], "operations": ["strip", "strip_full_stop"]}


def files(folder: Path, *, ending: str = "") -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.csv").write_text(FLOWERS)
    header, *lines = FLOWERS.splitlines()
    (folder / "test.csv").write_text("\n".join([header, *(line + ending for line in lines[::2])]) + "\n")
    return {"source": str(folder / "train.csv"), "target": "kind", "test_source": str(folder / "test.csv")}


def spec(data: dict[str, Any], *steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    recipe = [*steps, {"step": "one_hot", "columns": ["colour"]}]
    return {"data": data, "recipe": recipe, "estimator": {"name": "logistic_regression"}} | changes


def test_the_given_test_rows_are_the_test_rows(settings: Settings, tmp_path: Path) -> None:
    run = train(spec(files(tmp_path)), settings=settings)
    assert run.status == "finished", run.reason
    report = run.report()
    assert (report.n_rows("train"), report.n_rows("validation"), report.n_rows("test")) == (48, 12, 30)
    assert report.predictions("test")["row"].to_list() == list(range(60, 90))
    assert run.spec.data.test_source == str(tmp_path / "test.csv")


def test_labels_with_a_full_stop_are_refused_with_the_step_that_mends_them(settings: Settings, tmp_path: Path) -> None:
    data = files(tmp_path, ending=".")
    run = train(spec(data), settings=settings)
    assert run.status == "failed"
    assert "writes 'lily.' for 'lily'" in (run.reason or "")
    assert "clean_text with columns [kind] and operations [strip, strip_full_stop]" in (run.reason or "")
    mended = train(spec(data, MENDED), settings=settings)
    assert mended.status == "finished", mended.reason
    assert set(mended.report().classes or ()) == {"rose", "lily"}


def test_a_test_file_is_read_as_the_train_file_was_and_so_are_files_of_the_model(
    settings: Settings, tmp_path: Path
) -> None:
    train_file, test_file, new = (tmp_path / name for name in ("train.csv", "test.csv", "new.csv"))
    train_file.write_text("amount;y\n" + "".join(f"{i + 1}.250,5;{i + 1},25\n" for i in range(60)))
    test_file.write_text("amount;y\n" + "".join(f"{i + 1}.000;{i + 1}\n" for i in range(10)))
    data = {"source": str(train_file), "test_source": str(test_file), "target": "y"}
    run = train({"data": data, "estimator": {"name": "linear_regression"}}, settings=settings)
    assert run.status == "finished", run.reason
    assert run.metrics()["test"]["r2"] > 0.99
    new.write_text("amount\n2.500\n")
    assert load_predictor(run.package_folder).predict(new) == pytest.approx([2.5], abs=0.01)
    test_file.write_text("amount;y\n" + "".join(f"{i + 1}000.25;{i + 1}\n" for i in range(10)))
    noted = train({"data": data, "estimator": {"name": "linear_regression"}}, settings=settings)
    assert noted.metrics()["test"]["r2"] > 0.99
    card = (noted.package_folder / "card.md").read_text()
    assert "Of the test file: 'amount' isn't written as in the training table" in card


def test_folds_divide_the_train_file_only(settings: Settings, tmp_path: Path) -> None:
    run = train(spec(files(tmp_path), split={"folds": 3}), settings=settings)
    assert run.status == "finished", run.reason
    folds = run.metrics()["cross_validation"]["folds"]
    assert [fold["n_validation_rows"] for fold in folds] == [20, 20, 20]
    assert run.report().n_rows("test") == 30


ADULT_TEXTS = [
    "workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country"
]  # fmt: skip
ADULT_NUMBERS = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
ADULT = [
    (
        "logistic_regression",
        [{"step": "one_hot", "columns": ADULT_TEXTS}, {"step": "standardize", "columns": ADULT_NUMBERS}],
        (0.853, 0.906),
    ),
    ("hist_gradient_boosting", [{"step": "ordinal", "columns": ADULT_TEXTS}], (0.873, 0.927)),
]


@pytest.mark.large
@pytest.mark.parametrize(("estimator", "recipe", "measured"), ADULT)
def test_adult_scores_as_its_readme_says(
    settings: Settings, large_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    estimator: str, recipe: list[dict[str, Any]], measured: tuple[float, float],
) -> None:  # fmt: skip
    monkeypatch.setenv("WORKBENCH_DATA", str(large_data))
    document = {
        "name": "adult",
        "data": {"source": "adult_train.csv.gz", "test_source": "adult_test.csv.gz", "target": "income"},
        "recipe": [{"step": "clean_text", "columns": ["income"], "operations": ["strip", "strip_full_stop"]}, *recipe],
        "split": {"validation": 0.1},
        "estimator": {"name": estimator},
    }
    (tmp_path / "adult.json").write_text(json.dumps(document))
    shown = CliRunner().invoke(app, ["train", str(tmp_path / "adult.json"), "--json"])
    assert shown.exit_code == 0, shown.output
    test = json.loads(shown.stdout)["metrics"]["test"]
    assert test["accuracy"] == pytest.approx(measured[0], abs=0.01)
    assert test["roc_auc"] == pytest.approx(measured[1], abs=0.01)
