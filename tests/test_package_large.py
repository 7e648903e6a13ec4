"""The graph against the native model on real tables: no label changes, no probability moves by more than 1e-5."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from workbench.data import encode_target, read_table
from workbench.estimators import TargetScale, build_network, build_sklearn, entry, pick_class, wrap_model
from workbench.estimators.spec import TrainingSpec
from workbench.package import Predictor, make_signature
from workbench.package.converting import build_graph
from workbench.package.parity import check_parity
from workbench.package.predictor import graph_runner
from workbench.recipe import fit_recipe
from workbench.recipe.spec import Impute, OneHot, Ordinal, Standardize
from workbench.settings import Settings

pytestmark = pytest.mark.large


@pytest.fixture(scope="module")
def adult(large_data, tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    train = read_table(large_data / "adult_train.csv.gz", settings=settings).frame()
    test = read_table(large_data / "adult_test.csv.gz", settings=settings).frame()
    assert test.height == 16_281
    return train, test.drop("income")


def steps_for(frame: pl.DataFrame, target: str, *, plain: bool = False) -> list:
    numbers = [name for name in frame.columns if frame[name].dtype.is_numeric() and name != target]
    texts = [name for name in frame.columns if name not in numbers and name != target]
    if plain:
        return [Ordinal(columns=texts)]
    return [Impute(columns=numbers, strategy="median"), OneHot(columns=texts), Standardize(columns=numbers)]


def train_native(name, params, recipe, frame, target, task):
    found = entry(name)
    X = recipe.transform(frame)
    y, classes = encode_target(frame[target], task)
    scale = None
    if found.engine == "sklearn":
        trained = build_sklearn(found, params, task=task, seed=0, n_jobs=2).fit(X, y)
    else:
        trained = build_network(
            params, TrainingSpec(), n_features=X.shape[1], task=task, n_classes=len(classes or ()), seed=0
        )
        if task == "regression":
            scale = TargetScale.fit(y)
            y = scale.forward(y)
        trained.fit(X.astype(np.float32), y.astype(np.float32), epochs=1, batch_size=256, verbose=0)
    return wrap_model(trained, found, X, task=task, classes=classes, target_scale=scale), classes


def both(name, params, steps, frame, target, task):
    """Give the recipe, the native model, the signature and the graph as a predictor."""
    recipe = fit_recipe(steps, frame, target=target, handles_missing=entry(name).handles_missing)
    model, classes = train_native(name, params, recipe, frame, target, task)
    signature = make_signature(recipe, frame, target, task, classes)
    run = graph_runner(build_graph(recipe, model, signature), Settings())
    return recipe, model, signature, Predictor(signature, "onnx", {}, run)


@pytest.mark.parametrize(
    ("name", "params", "plain"),
    [
        ("random_forest", {"n_estimators": 200, "max_leaf_nodes": 200}, False),
        ("hist_gradient_boosting", {"max_iter": 30}, False),
        ("hist_gradient_boosting", {"max_iter": 30}, True),
        ("logistic_regression", {}, False),
        ("dense_network", {}, False),
        ("baseline", {}, False),
    ],
)
def test_no_adult_label_changes_and_probabilities_agree(adult, name, params, plain):
    train, test = adult
    steps = steps_for(train, "income", plain=plain)
    recipe, model, signature, graph = both(name, params, steps, train, "income", "classification")
    ours, theirs = graph.predict_proba(test), model.predict_proba(recipe.transform(test))
    assert ours.shape == (16_281, 2)
    assert np.abs(ours - theirs).max() <= 1e-5
    assert (pick_class(ours) == pick_class(theirs)).all()
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).all()
    parity = check_parity(graph.scores, recipe, model, signature, test, scale=1.0)
    assert parity.faithful and parity.n_rows == 2 * 16_281, parity.words


@pytest.mark.parametrize("name", ["linear_regression", "random_forest", "hist_gradient_boosting", "dense_network"])
def test_house_values_agree(large_data, tmp_path, name):
    frame = read_table(large_data / "california_housing.csv.gz", settings=Settings(home=tmp_path)).frame()
    target = "median_house_value"
    params = {"random_forest": {"n_estimators": 20}, "hist_gradient_boosting": {"max_iter": 30}}.get(name, {})
    train, test = frame[:15_000], frame[15_000:]
    recipe, model, signature, graph = both(name, params, steps_for(frame, target), train, target, "regression")
    spread = float(train[target].std())
    parity = check_parity(graph.scores, recipe, model, signature, test, scale=spread)
    assert parity.faithful and parity.n_rows == 2 * test.height, parity.words
    assert 100_000 < np.median(graph.predict(test)) < 300_000
