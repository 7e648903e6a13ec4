"""Metrics against scikit-learn, and what happens where they aren't defined."""

import numpy as np
import pytest

from workbench.errors import EvaluationError
from workbench.estimators import pick_class
from workbench.evaluation import evaluate_predictions, main_metric, metrics_for
from workbench.evaluation.curves import bootstrap_interval
from workbench.evaluation.metrics import check_predictions, weighted_metric
from workbench.training.measures import measure


def _classified(k, n=300, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    raw = rng.random((n, k)).round(1) + 0.05 + 0.5 * np.eye(k)[y]  # rounded, so that scores tie
    return y, raw / raw.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [2, 4])
def test_classification_metrics_equal_those_of_scikit_learn(k):
    from sklearn import metrics

    y, scores = _classified(k)
    classes = [f"c{i}" for i in range(k)]
    labels = np.array(classes)[y]
    ours = evaluate_predictions(labels, scores, task="classification", classes=classes)
    predicted = np.array(classes)[pick_class(scores)]  # our rule for ties, the same as the graph's
    expected = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "roc_auc": metrics.roc_auc_score(y, scores[:, 1] if k == 2 else scores, multi_class="ovr"),
        "log_loss": metrics.log_loss(y, scores),
        "f1_macro": metrics.f1_score(labels, predicted, average="macro"),
        "precision_macro": metrics.precision_score(labels, predicted, average="macro"),
        "recall_macro": metrics.recall_score(labels, predicted, average="macro"),
    }
    assert ours == pytest.approx(expected, abs=1e-12)


def test_regression_metrics_equal_those_of_scikit_learn():
    from sklearn import metrics

    rng = np.random.default_rng(1)
    y = rng.normal(size=101)
    p = y + rng.normal(size=101)
    assert evaluate_predictions(y, p, task="regression") == pytest.approx(
        {
            "r2": metrics.r2_score(y, p),
            "rmse": metrics.root_mean_squared_error(y, p),
            "mae": metrics.mean_absolute_error(y, p),
            "median_ae": metrics.median_absolute_error(y, p),
        }
    )


def test_weights_count_rows_as_if_they_were_repeated():
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, size=80)
    for task, (y, scores) in {
        "classification": _classified(3, n=80),
        "regression": (rng.normal(size=80), rng.normal(size=(80, 1))),
    }.items():
        for name in metrics_for(task):
            weighted = weighted_metric(name, y, scores, task=task)(counts.astype(float))
            repeated = weighted_metric(name, np.repeat(y, counts), np.repeat(scores, counts, axis=0), task=task)
            assert weighted == pytest.approx(repeated(np.ones(counts.sum()))), name


def test_a_metric_that_is_not_defined_is_absent():
    one_class = evaluate_predictions(["a", "a"], [[0.9, 0.1], [0.3, 0.7]], task="classification", classes=["a", "b"])
    assert "roc_auc" not in one_class
    assert one_class["accuracy"] == 0.5
    assert "r2" not in evaluate_predictions([3.0], [2.0], task="regression")
    assert evaluate_predictions([], np.zeros((0, 2)), task="classification", classes=["a", "b"]) == {}


def test_a_certain_mistake_costs_the_same_on_the_live_curve_as_in_the_report():
    y, scores = np.array([0, 1, 1]), np.array([[0.0, 1.0], [1.0, 0.0], [1e-15, 1 - 1e-15]])
    live = measure("classification", y, scores)["loss"]
    assert live == evaluate_predictions(y, scores, task="classification", classes=[0, 1])["log_loss"]


def test_a_certain_mistake_costs_a_finite_log_loss():
    measured = evaluate_predictions(["a"], [[0.0, 1.0]], task="classification", classes=["a", "b"])
    assert measured["log_loss"] == pytest.approx(36.04, abs=0.01)


def test_booleans_and_whole_numbers_are_labels():
    for y, classes in [([True, False], ["false", "true"]), ([1, 0], [0, 1]), (np.array([2, 1]), [1, 2])]:
        measured = evaluate_predictions(y, [[0.2, 0.8], [0.9, 0.1]], task="classification", classes=classes)
        assert measured["accuracy"] == 1.0


def test_an_unknown_label_is_refused_by_name():
    with pytest.raises(EvaluationError, match=r"Got the label 0 in the test split.*Pass labels, not class indices"):
        evaluate_predictions([0], [[1.0, 0.0]], task="classification", classes=["no", "yes"], split="test")


def test_scores_of_the_wrong_shape_or_not_finite_are_refused():
    with pytest.raises(EvaluationError, match=r"shape \(2, 3\) for 2 rows .* needed \(2, 2\)"):
        evaluate_predictions(["a", "b"], np.ones((2, 3)), task="classification", classes=["a", "b"])
    with pytest.raises(EvaluationError, match=r"aren't finite for 1 of 2 rows.*lower the learning rate"):
        evaluate_predictions([1.0, 2.0], [np.nan, 2.0], task="regression")
    with pytest.raises(EvaluationError, match=r"Got the metric 'r2'.*Choose from accuracy"):
        weighted_metric("r2", np.zeros(1, dtype=int), np.ones((1, 2)), task="classification")


def test_the_interval_is_near_the_binomial_one_and_repeats():
    y, scores = check_predictions(
        [0] * 100 + [1] * 100, [[0.9, 0.1]] * 140 + [[0.1, 0.9]] * 60, task="classification", classes=[0, 1]
    )
    measure = weighted_metric("accuracy", y, scores, task="classification")
    low, high = bootstrap_interval(measure, 200)
    assert low == pytest.approx(0.8 - 1.96 * np.sqrt(0.8 * 0.2 / 200), abs=0.015)
    assert high == pytest.approx(0.8 + 1.96 * np.sqrt(0.8 * 0.2 / 200), abs=0.015)
    assert bootstrap_interval(measure, 200) == (low, high)
    assert bootstrap_interval(measure, 1) is None


def test_each_task_has_a_main_metric_of_its_table():
    assert main_metric("classification", 2) in metrics_for("classification")
    assert main_metric("regression") in metrics_for("regression")
