"""The report: stored once, read by pages without scikit-learn."""

import numpy as np
import polars as pl
import pytest

from workbench.errors import EvaluationError
from workbench.evaluation import compare, make_report, open_report


@pytest.fixture
def binary(tmp_path):
    rng = np.random.default_rng(0)
    predictions = {}
    for split, n in {"train": 200, "validation": 50, "test": 60}.items():
        y = rng.integers(2, size=n)
        positive = np.clip(0.5 * y + 0.5 * rng.random(n), 0, 1)
        predictions[split] = (np.arange(n), np.array(["no", "yes"])[y], np.column_stack([1 - positive, positive]))
    return make_report(
        tmp_path / "report", predictions=predictions, task="classification", classes=["no", "yes"], target="churn"
    )


@pytest.fixture
def regression(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.normal(10, 2, size=40)
    predictions = {split: (np.arange(40), y, y + rng.normal(size=40)) for split in ("train", "test")}
    return make_report(
        tmp_path / "regression", predictions=predictions, task="regression", classes=None, target="price"
    )


def test_a_stored_report_says_the_same_when_opened(binary):
    again = open_report(binary.folder)
    assert again.frame().equals(binary.frame())
    assert again.frame().columns == ["metric", "train", "validation", "test"]
    assert again.metrics("test")["accuracy"] == binary.metrics("test")["accuracy"]
    assert again.predictions("test").columns == ["row", "y_true", "prediction", "probability_no", "probability_yes"]
    assert repr(again) == "Report('churn', classification, rows: train 200, validation 50, test 60)"


def test_curves_agree_with_scikit_learn(binary):
    from sklearn import metrics

    test = binary.predictions("test")
    y = (test["y_true"] == "yes").to_numpy()
    score = test["probability_yes"].to_numpy()
    roc = binary.roc("test")
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(metrics.roc_auc_score(y, score))
    false_alarms, hits, _ = metrics.roc_curve(y, score)
    assert roc["false_positive_rate"].to_list() == pytest.approx(false_alarms.tolist())
    assert roc["true_positive_rate"].to_list() == pytest.approx(hits.tolist())
    curve = binary.precision_recall("test")
    precision, recall, threshold = metrics.precision_recall_curve(y, score)
    assert curve["precision"].to_list() == pytest.approx(precision[:-1][::-1].tolist())
    assert curve["recall"].to_list() == pytest.approx(recall[:-1][::-1].tolist())
    confusion = binary.confusion("test")
    expected = metrics.confusion_matrix(test["y_true"], test["prediction"], labels=["no", "yes"])
    assert confusion["count"].to_list() == expected.ravel().tolist()
    assert binary.calibration("test")["count"].sum() == 60


def test_the_interval_holds_the_metric(binary):
    for metric, value in binary.metrics("test").items():
        low, high = binary.interval(metric)
        assert low <= value <= high


def test_more_than_two_classes_have_a_curve_each(tmp_path):
    y = np.array([1, 2, 3] * 10)
    scores = np.full((30, 3), 0.2) + 0.4 * np.eye(3)[y - 1]
    report = make_report(
        tmp_path, predictions={"test": (np.arange(30), y, scores)}, task="classification", classes=[1, 2, 3], target="c"
    )
    assert report.roc()["class"].unique().sort().to_list() == [1, 2, 3]
    assert report.predictions()["prediction"].dtype == pl.Int64
    assert report.main_metric == "accuracy"
    assert report.splits == ["test"]


def test_one_class_only_gives_empty_curves_and_no_crash(tmp_path):
    report = make_report(
        tmp_path,
        predictions={"test": ([4], ["a"], [[0.6, 0.4]])},
        task="classification",
        classes=["a", "b"],
        target="c",
    )
    assert report.roc().is_empty()
    assert report.precision_recall().is_empty()
    assert report.main_metric == "accuracy"
    assert report.interval("accuracy") is None
    for kind in report.plot_kinds:
        report.plot(kind)


def test_residuals_are_actual_minus_predicted(regression):
    frame = regression.residuals("test")
    assert (frame["y_true"] - frame["prediction"] - frame["residual"]).abs().max() == 0
    assert regression.frame()["validation"].null_count() == 4


def test_every_kind_draws(binary, regression):
    for report in (binary, regression):
        for kind in report.plot_kinds:
            assert report.plot(kind, "test").data


def test_what_a_task_has_not_is_refused_with_what_it_has(binary, regression):
    with pytest.raises(EvaluationError, match=r"Got the plot 'roc', needed one for regression.*predicted"):
        regression.plot("roc")
    with pytest.raises(EvaluationError, match=r"confusion matrix needs classes"):
        regression.confusion()
    with pytest.raises(EvaluationError, match=r"residuals need a regression"):
        binary.residuals()
    with pytest.raises(EvaluationError, match=r"Got the split 'validation'.*Choose from train, test"):
        regression.metrics("validation")


def test_a_folder_without_report_says_to_wait(tmp_path):
    with pytest.raises(EvaluationError, match=r"no report.json.*wait for it"):
        open_report(tmp_path)


def test_compare_names_the_best_and_refuses_mixed_tasks(binary, regression):
    table = compare({"a": binary, "b": binary})
    assert table.columns == ["metric", "better", "a", "b", "best"]
    assert table["best"].null_count() == table.height
    assert compare({"only": regression}).filter(pl.col("metric") == "rmse")["best"].to_list() == ["only"]
    with pytest.raises(EvaluationError, match=r"Got 2 reports of 2 tasks"):
        compare({"a": binary, "b": regression})
    with pytest.raises(EvaluationError, match=r"Got 0 reports"):
        compare({})
