"""The path through the pages with real data: Adult, from its file to its metrics."""

from __future__ import annotations

import time

import pytest

import workbench as wb


def press(app, key: str):
    next(button for button in app.button if button.key == key).click()
    return app.run(timeout=60)


@pytest.mark.large
@pytest.mark.parametrize(
    ("estimator", "accuracy", "roc_auc"),
    [("logistic_regression", 0.84, 0.90), ("hist_gradient_boosting", 0.865, 0.92), ("dense_network", 0.84, 0.90)],
)
def test_adult_reaches_its_reference_through_the_pages(open_page, settings, large_data, estimator, accuracy, roc_auc):
    table = wb.read_table(large_data / "adult_train.csv.gz").short_digest
    prepare = open_page("prepare", table=table)
    next(box for box in prepare.selectbox if box.label == "Target").set_value("income")
    prepare.run(timeout=60)
    assert not prepare.exception

    train = open_page("train", table=table)
    if estimator != "hist_gradient_boosting":  # chosen from the start
        train.pills(key="train.family").set_value("all").run()
        press(train, f"train.choose.{estimator}")
    press(open_page("prepare", table=table), "prepare.suggest.use")
    train = press(open_page("train", table=table), "train.start")
    assert not train.exception
    (run,) = wb.runs()
    assert run.spec.data.target == "income"
    assert run.spec.estimator.name == estimator
    assert {step.step for step in run.spec.recipe} >= {"one_hot"}
    deadline = time.monotonic() + 280
    while run.status in ("queued", "running") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert run.status == "finished", run.reason
    measured = run.metrics()["test"]
    assert measured["accuracy"] >= accuracy
    assert measured["roc_auc"] >= roc_auc

    evaluate = open_page("evaluate", run=run.id)
    assert not evaluate.exception
    shown = " ".join(entry.value for entry in evaluate.markdown)
    assert f"# {measured['roc_auc']:.3f}"[:6] in shown
