"""The Evaluate page on reports that are made in place: no worker, no browser."""

from __future__ import annotations

import numpy as np
import pytest

from workbench import storage
from workbench.evaluation import make_report
from workbench.training.spec import RunSpec
from workbench.training.state import PACKAGE, REPORT, SPEC, STATE


def make_run(
    settings, run_id: str, *, task: str = "classification", noise: float = 0.3, status: str = "finished"
) -> str:
    """Write the folder of a run on iris (or diabetes) as its worker would leave it."""
    folder = settings.runs / run_id
    source, target = ("iris", "species") if task == "classification" else ("diabetes", "progression")
    spec = RunSpec.parse({"data": {"source": source, "target": target}, "estimator": {"name": "baseline"}})
    storage.write_json(folder / SPEC, spec.to_dict())
    ended = {"ended": 2.0} if status in ("finished", "failed") else {}
    reason = "The target has one class." if status == "failed" else None
    storage.write_json(folder / STATE, {"status": status, "created": 1.0, "started": 1.0, "reason": reason, **ended})
    (folder / PACKAGE).mkdir()
    if status == "finished":
        classes = ["setosa", "versicolor", "virginica"] if task == "classification" else None
        make_report(
            folder / REPORT, predictions=_predictions(classes, noise), task=task, classes=classes, target=target
        )
    return run_id


def _predictions(classes, noise):
    rng = np.random.default_rng(0)
    parts = {}
    for start, split in ((0, "train"), (60, "validation"), (100, "test")):
        rows = np.arange(start, start + 40)
        if classes is None:
            y = rng.normal(150, 50, 40)
            parts[split] = (rows, y, (y + rng.normal(0, 50 * noise, 40))[:, None])
        else:
            y = rng.integers(0, 3, 40)
            scores = np.eye(3)[y] * (1 - noise) + rng.random((40, 3)) * noise * 2
            parts[split] = (rows, [classes[c] for c in y], scores / scores.sum(axis=1, keepdims=True))
    return parts


def shown_text(page) -> str:
    return "\n".join(str(entry.value) for entry in [*page.markdown, *page.caption])


def test_the_number_that_matters_comes_first_with_its_interval(open_page, settings):
    page = open_page("evaluate", run=make_run(settings, "flowers-0001"))
    assert not page.exception
    text = shown_text(page)
    assert "Accuracy, test split" in text
    assert "95 % interval" in text
    assert "40 rows the model has never seen" in text
    metrics = page.dataframe[0].value
    assert list(metrics.columns) == ["metric", "train", "validation", "test", "better"]


def test_a_run_with_folds_shows_their_mean_spread_and_each(open_page, settings):
    run_id = make_run(settings, "flowers-0001")
    folder = settings.runs / run_id / REPORT
    scores = [0.9, 0.8, 1.0]
    folds = [
        {"fold": n, "n_train_rows": 80, "n_validation_rows": 40, "metrics": {"accuracy": score, "log_loss": 1 - score}}
        for n, score in enumerate(scores, start=1)
    ]
    found = {"n_folds": 3, "by": "random", "mean": {"accuracy": 0.9, "log_loss": 0.1}, "std": {"accuracy": 0.1}}
    document = storage.read_json(folder / "report.json") | {"cross_validation": found | {"folds": folds}}
    storage.write_json(folder / "report.json", document)
    page = open_page("evaluate", run=run_id)
    assert not page.exception
    assert "Accuracy 0.9 ± 0.1 over 3 folds" in shown_text(page)
    table = page.dataframe[1].value
    assert list(table.columns) == ["metric", "mean", "std", "fold 1", "fold 2", "fold 3"]
    assert table["fold 2"][0] == 0.8


def test_a_run_without_folds_shows_none(open_page, settings):
    page = open_page("evaluate", run=make_run(settings, "flowers-0001"))
    assert "folds" not in shown_text(page)


def test_a_classification_shows_its_four_pictures(open_page, settings):
    page = open_page("evaluate", run=make_run(settings, "flowers-0001"))
    keys = {chart.proto.id.split("-")[-1] for chart in page.get("plotly_chart")}
    assert {f"evaluate.{kind}" for kind in ("confusion", "roc", "precision_recall", "calibration")} <= keys


def test_a_regression_shows_predictions_and_residuals_in_its_unit(open_page, settings):
    page = open_page("evaluate", run=make_run(settings, "sugar-0001", task="regression"))
    assert not page.exception
    keys = {chart.proto.id.split("-")[-1] for chart in page.get("plotly_chart")}
    assert {"evaluate.predicted", "evaluate.residuals"} <= keys
    assert "RMSE (unit of progression), test split" in shown_text(page)


def test_the_split_can_be_switched_and_stands_in_the_address(open_page, settings):
    page = open_page("evaluate", run=make_run(settings, "flowers-0001"), split="validation")
    assert "Accuracy, validation split" in shown_text(page)
    page.segmented_control(key="split").set_value("train").run()
    assert not page.exception
    assert "Accuracy, train split" in shown_text(page)


def test_wrong_rows_come_first_with_the_columns_of_the_table(open_page, settings):
    page = open_page("evaluate", run=make_run(settings, "flowers-0001", noise=0.9))
    rows = page.dataframe[-1].value if "row" in page.dataframe[-1].value.columns else page.dataframe[1].value
    assert (rows["actual species"] != rows["prediction"]).all()
    assert "petal_length" in rows.columns
    assert list(rows["probability"]) == sorted(rows["probability"], reverse=True)


def test_two_runs_stand_side_by_side_with_the_best_marked(open_page, settings):
    make_run(settings, "flowers-0002", noise=0.9)
    page = open_page("evaluate", run=make_run(settings, "flowers-0001", noise=0.1))
    assert not page.exception
    assert page.multiselect(key="compare").value == ["flowers-0002"]
    side = next(table.value for table in page.dataframe if "flowers-0002" in table.value.columns)
    assert any("★" in value for value in side["flowers-0001"])
    assert not any("★" in value for value in side["flowers-0002"])


def test_runs_of_another_target_are_not_offered(open_page, settings):
    make_run(settings, "sugar-0001", task="regression")
    page = open_page("evaluate", run=make_run(settings, "flowers-0001"))
    assert not page.multiselect
    assert "Other finished runs that predict species" in shown_text(page)


@pytest.mark.parametrize(("status", "said"), [("failed", "one class"), ("queued", "once it has finished")])
def test_a_run_without_a_report_says_why(open_page, settings, status, said):
    page = open_page("evaluate", run=make_run(settings, "flowers-0001", status=status))
    assert not page.exception
    assert said in shown_text(page)
    assert page.button(key="evaluate.see_run")
