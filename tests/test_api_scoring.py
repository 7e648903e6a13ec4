"""Answers are measured where the rows hold the truth, as the recipe leaves it."""

from __future__ import annotations

import json

import polars as pl
import pytest

from workbench.api.scoring import score_rows
from workbench.package import load_predictor

ROWS = pl.DataFrame({"sex": ["female", "male", "male"], "age": [30, 40, 9], "pclass": [1, 3, 3], "alone": [True] * 3})


def scored(package, truth, **columns):
    predictor = load_predictor(package)
    rows = ROWS.with_columns(**columns) if truth is None else ROWS.with_columns(truth)
    return score_rows(predictor, rows, predictor.predict_frame(ROWS))


def test_classes_are_compared_as_they_are_meant(model_packages):
    score = scored(model_packages["passengers"], pl.Series("survived", ["Yes.", "no", "perhaps"]))
    assert (score.n_rows, score.n_left_out, score.metrics["accuracy"]) == (2, 1, 1.0)
    assert "'survived' holds the true answers of 2 rows; 1 without" in score.note


def test_numbers_are_compared_and_gaps_left_out(model_packages):
    predictor = load_predictor(model_packages["prices"])
    answers = predictor.predict_frame(ROWS)
    truth = pl.Series("fare", [*(answers["prediction"][:2] + 1), None])
    score = score_rows(predictor, ROWS.with_columns(truth), answers)
    assert (score.n_rows, score.n_left_out) == (2, 1)
    assert score.metrics["mae"] == pytest.approx(1.0)


def test_rows_without_the_truth_get_no_score(model_packages):
    assert scored(model_packages["passengers"], pl.Series("x", [1, 2, 3])) is None
    assert scored(model_packages["passengers"], pl.Series("survived", [None] * 3, dtype=pl.String)) is None
    assert scored(model_packages["passengers"], pl.Series("survived", ["a", "b", "c"])) is None


def test_a_target_that_a_step_makes_is_made_for_the_score_too(make_package, tmp_path):
    frame = pl.DataFrame({"x": [float(i) for i in range(60)], "delay": [i % 40 for i in range(60)]})
    learned = frame.with_columns(late=pl.col("delay") > 15)
    folder = make_package(tmp_path / "late", learned.drop("delay"), "late", [], "logistic_regression")
    document = json.loads((folder / "spec.json").read_text())
    document["recipe"] = [{"step": "calculate", "name": "late", "expression": "delay > 15"}]
    (folder / "spec.json").write_text(json.dumps(document))
    predictor = load_predictor(folder, verify=False)
    score = score_rows(predictor, frame, predictor.predict_frame(frame))
    assert score.n_rows == 60
