"""Balanced classes: on training rows only, through every estimator, and the same each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_rows import Watched, material

from workbench.errors import RecipeError
from workbench.evaluation import evaluate_predictions
from workbench.recipe.spec import Balance, DropMissing
from workbench.training.balancing import balanced, check_balance
from workbench.training.loops import fit

CLASSIFIERS = ["baseline", "logistic_regression", "random_forest", "hist_gradient_boosting", "dense_network"]
FEW = {
    "random_forest": {"n_estimators": 20, "max_leaf_nodes": 16},
    "hist_gradient_boosting": {"max_iter": 20},
    "dense_network": {"layers": [16]},
}


def rare(name: str, method: str | None = None, **training: object):
    """Give material with 1 row of the rare class in 12, balanced by a method, and its unbalanced rows."""
    made = material(name, n_rows=2400, noise=1.5, training=training or {"epochs": 15}, **FEW.get(name, {}))
    rng = np.random.default_rng(0)

    def thinned(X, y):
        kept = (y == 0) | (rng.random(len(y)) < 1 / 11)
        return X[kept], y[kept]

    X, y = thinned(made.X_train, made.y_train)
    X_validation, y_validation = thinned(made.X_validation, made.y_validation)
    step = Balance(method=method) if method else None
    rows = balanced(step, X, y, classes=made.classes, max_mib=100)
    return replace(
        made, X_train=rows.X, y_train=rows.y, X_validation=X_validation, y_validation=y_validation,
        weights=rows.weights, unbalanced=(X, y) if step else None,
    )  # fmt: skip


def recall_of_the_rare(tmp_path: Path, made) -> float:
    model = fit(made, Watched(tmp_path).live)
    found = model.scores(made.X_validation).argmax(axis=1)
    return float((found == 1)[made.y_validation == 1].mean())


@pytest.mark.parametrize("name", CLASSIFIERS[1:])
@pytest.mark.parametrize("method", ["class_weights", "oversample", "undersample"])
def test_every_estimator_finds_more_of_a_rare_class(tmp_path: Path, name: str, method: str) -> None:
    plain = recall_of_the_rare(tmp_path / "plain", rare(name))
    assert recall_of_the_rare(tmp_path / "balanced", rare(name, method)) > plain + 0.2


def test_a_baseline_of_weighed_classes_answers_even_shares(tmp_path: Path) -> None:
    model = fit(rare("baseline", "class_weights"), Watched(tmp_path).live)
    assert model.scores(np.zeros((1, 4)))[0].tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("name", ["logistic_regression", "hist_gradient_boosting", "random_forest"])
def test_class_weights_are_those_of_scikit_learn(tmp_path: Path, name: str) -> None:
    plain = rare(name)
    ours = fit(rare(name, "class_weights"), Watched(tmp_path / "ours").live)
    theirs = fit(replace(plain, params={**plain.params, "class_weight": "balanced"}), Watched(tmp_path / "theirs").live)
    X = plain.X_validation
    if name == "random_forest":  # scikit-learn's own weights go by each tree's bootstrap in no other way than ours
        assert np.abs(ours.scores(X) - theirs.scores(X)).max() < 1e-9
    else:
        assert np.abs(ours.scores(X) - theirs.scores(X)).max() < 1e-6


@pytest.mark.parametrize("name", ["random_forest", "logistic_regression"])
def test_the_curve_of_training_counts_the_rows_as_they_are(tmp_path: Path, name: str) -> None:
    made = rare(name, "oversample")
    watched = Watched(tmp_path)
    model = fit(made, watched.live)
    X, y = made.unbalanced
    measured = evaluate_predictions(y, model.scores(X), task="classification", classes=[0, 1])
    assert watched.history["accuracy"][-1] == pytest.approx(measured["accuracy"])


def test_resampling_keeps_every_row_or_repeats_none_and_is_the_same_each_time() -> None:
    y = np.array([0] * 50 + [1] * 10 + [2] * 3)
    X = np.arange(63.0)[:, None]
    more = balanced(Balance(method="oversample"), X, y, classes=list("abc"), max_mib=1)
    assert np.bincount(more.y).tolist() == [50, 50, 50]
    assert set(more.X[:, 0]) == set(X[:, 0])
    assert (more.X[:, 0] == balanced(Balance(method="oversample"), X, y, classes=list("abc"), max_mib=1).X[:, 0]).all()
    other = balanced(Balance(method="oversample", seed=1), X, y, classes=list("abc"), max_mib=1)
    assert (more.X[:, 0] != other.X[:, 0]).any()
    fewer = balanced(Balance(method="undersample"), X, y, classes=list("abc"), max_mib=1)
    assert np.bincount(fewer.y).tolist() == [3, 3, 3]
    assert len(set(fewer.X[:, 0])) == 9
    assert "63 became 9, 3 of each class" in fewer.words


def test_class_weights_pass_over_a_class_without_rows() -> None:
    rows = balanced(Balance(), np.zeros((3, 1)), np.array([0, 2, 2]), classes=["a", "b", "c"], max_mib=1)
    assert rows.weights.tolist() == pytest.approx([1.5, 0.75, 0.75])


def test_a_regression_is_refused_with_a_remedy() -> None:
    with pytest.raises(RecipeError, match=r"Step 2 \(balance\): got a regression.*Remove the step, or set the task"):
        check_balance([DropMissing(), Balance()], "regression")


def test_weighing_twice_and_two_steps_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"weigh each class twice. Remove the step, or set class_weight: none"):
        check_balance([Balance()], "classification", {"class_weight": "balanced"})
    with pytest.raises(RecipeError, match=r"two balance steps, steps 1 and 2"):
        check_balance([Balance(), Balance(method="oversample")], "classification")
    assert check_balance([Balance(enabled=False)], "regression") is None


def test_repeated_rows_that_would_not_fit_are_refused_with_a_remedy() -> None:
    y = np.array([0] * 5000 + [1])
    with pytest.raises(RecipeError, match=r"repeat to 10,000 rows of 1 features.* Use the method class_weights"):
        balanced(Balance(method="oversample"), np.zeros((5001, 1)), y, classes=["a", "b"], max_mib=0.05)
