"""The engines of the SHAP library on real models: additive, in raw columns, one shape whatever the model."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter

from workbench.errors import ExplainError
from workbench.estimators import build_sklearn, wrap_model
from workbench.estimators.scaling import Scaling
from workbench.explain import explain_rows
from workbench.explain.engines import _collect, _compute, choose_engine
from workbench.explain.library import _normalised, explain_gradients, explain_linear, explain_trees
from workbench.explain.native import NativePackage
from workbench.package.signature import InputColumn, Signature
from workbench.recipe import Step, fit_recipe

STEPS = [
    {"step": "impute", "columns": ["age"], "strategy": "median"},
    {"step": "one_hot", "columns": ["sex", "port"]},
    {"step": "standardize", "columns": ["age", "fare"]},
]


def _table(n=160, seed=0):
    rng = np.random.default_rng(seed)
    age = [None if rng.random() < 0.2 else float(v) for v in rng.normal(30, 12, n).round()]
    return pl.DataFrame(
        {
            "age": age,
            "fare": rng.exponential(30, n).round(2),
            "sex": rng.choice(["male", "female"], n).tolist(),
            "port": [None if v == "?" else v for v in rng.choice(["S", "C", "Q", "?"], n)],
        },
        schema_overrides={"age": pl.Float64},
    )


def _package(name, task, n_classes=2, **params):
    frame = _table()
    rng = np.random.default_rng(1)
    z = (frame["sex"] == "female").to_numpy() * 2.0 + frame["fare"].to_numpy() / 40 + rng.normal(0, 0.5, frame.height)
    y = z * 1000 if task == "regression" else np.digitize(z, np.quantile(z, np.linspace(0, 1, n_classes + 1)[1:-1]))
    target = pl.Series("y", y)
    steps = TypeAdapter(tuple[Step, ...]).validate_python(STEPS)
    recipe = fit_recipe(steps, frame.with_columns(target), target="y")
    X = recipe.transform(frame)
    classes = None if task == "regression" else [f"c{i}" for i in range(n_classes)]
    estimator = build_sklearn(name, params, task=task, seed=0, n_jobs=1).fit(X, y)
    native = NativePackage(recipe, wrap_model(estimator, name, X, task=task, classes=classes))
    columns = [InputColumn(c, "string" if c in ("sex", "port") else "number", "number") for c in frame.columns]
    predictor = SimpleNamespace(
        signature=Signature(task, "y", classes, columns),
        scores=lambda rows: native.model.scores(native.recipe.transform(rows)),
    )
    return predictor, native, frame


def _explain(engine, predictor, native, frame, n=12):
    rows, background = frame.head(n), frame.tail(60)
    computed = _compute(engine, predictor, native, rows, background, 0, None)
    return _collect(engine, computed, predictor, native, rows, 60, 0, 0.0)


@pytest.mark.parametrize(
    ("engine", "name", "task", "n_classes", "space", "error"),
    [
        ("tree", "random_forest", "classification", 2, "probability", 1e-6),
        ("tree", "random_forest", "classification", 3, "probability", 1e-6),
        ("tree", "random_forest", "regression", 1, "unit of y", 1e-3),
        ("tree", "hist_gradient_boosting", "classification", 2, "log-odds", 1e-6),
        ("tree", "hist_gradient_boosting", "classification", 3, "log-odds", 1e-6),
        ("tree", "hist_gradient_boosting", "regression", 1, "unit of y", 1e-3),
        ("tree", "decision_tree", "classification", 2, "probability", 1e-6),
        ("tree", "decision_tree", "regression", 1, "unit of y", 1e-3),
        ("tree", "extra_trees", "classification", 3, "probability", 1e-6),
        ("tree", "extra_trees", "regression", 1, "unit of y", 1e-3),
        ("tree", "gradient_boosting", "classification", 2, "log-odds", 1e-6),
        ("tree", "gradient_boosting", "regression", 1, "unit of y", 1e-3),
        ("linear", "ridge", "regression", 1, "unit of y", 1e-6),
        ("linear", "lasso", "regression", 1, "unit of y", 1e-6),
        ("linear", "elastic_net", "regression", 1, "unit of y", 1e-6),
        ("linear", "logistic_regression", "classification", 2, "log-odds", 1e-9),
        ("linear", "logistic_regression", "classification", 3, "log-odds", 1e-9),
        ("linear", "linear_regression", "regression", 1, "unit of y", 1e-6),
    ],
)
def test_every_model_gives_one_shape_and_adds_up(engine, name, task, n_classes, space, error):
    size = {"random_forest": "n_estimators", "extra_trees": "n_estimators", "gradient_boosting": "n_estimators"}
    size |= {"hist_gradient_boosting": "max_iter"}
    small = {size[name]: 20} if name in size else {}
    predictor, native, frame = _package(name, task, n_classes, **small)
    explanation = _explain(engine, predictor, native, frame)
    k = 1 if task == "regression" else n_classes
    assert explanation.shap_values.shape == (12, 4, k)
    assert explanation.outputs.shape == (12, k)
    assert explanation.base_values.shape == (k,)
    assert explanation.output_space == space
    assert explanation.additivity_error < error
    assert explanation.importance()["column"][0] in ("sex", "fare")


def test_trees_that_learned_a_moved_target_are_explained_in_its_own_unit():
    predictor, native, frame = _package("decision_tree", "regression")
    native.model.scaling = Scaling(mean=1.7e9, std=3.0)
    explanation = _explain("tree", predictor, native, frame)
    np.testing.assert_allclose(explanation.outputs, predictor.scores(frame.head(12)), rtol=1e-15)
    assert explanation.base_values[0] > 1.6e9
    assert explanation.additivity_error < 1e-5


def test_one_hot_children_are_summed_to_their_column():
    predictor, native, frame = _package("logistic_regression", "classification")
    explanation = _explain("linear", predictor, native, frame)
    X, background = native.features(frame.head(12)), native.features(frame.tail(60))
    by_feature = native.model.estimator.coef_[0] * (X - background.mean(axis=0))
    children = [i for i, source in enumerate(native.recipe.feature_sources) if source == "port"]
    assert len(children) >= 3
    np.testing.assert_allclose(explanation.shap_values[:, 3, 1], by_feature[:, children].sum(axis=1), atol=1e-9)


def test_linear_regression_agrees_with_the_permutation_engine():
    predictor, native, frame = _package("linear_regression", "regression")
    linear = _explain("linear", predictor, native, frame)
    sampled = explain_rows(predictor, frame.head(12), background=frame.tail(60), n_permutations=1)
    np.testing.assert_allclose(linear.shap_values, sampled.shap_values, rtol=1e-6, atol=1e-6)


def test_kernel_engine_agrees_with_the_exact_values_and_leaves_the_global_generator_alone():
    predictor, native, frame = _package("random_forest", "classification", n_estimators=10)
    before = np.random.get_state()[1].copy()
    kernel = _explain("kernel", predictor, None, frame, n=3)
    assert (np.random.get_state()[1] == before).all()
    exact = explain_rows(predictor, frame.head(3), background=frame.tail(60))
    assert exact.method.startswith("interventional Shapley values on the graph: all 16 coalitions")
    np.testing.assert_allclose(kernel.shap_values, exact.shap_values, atol=1e-6)


def test_a_class_without_training_rows_gets_zeros():
    predictor, native, frame = _package("random_forest", "classification", 2, n_estimators=5)
    native.model.classes = ["c0", "c1", "c2"]
    explanation = _explain("tree", predictor, native, frame)
    assert explanation.shap_values.shape == (12, 4, 3)
    assert np.abs(explanation.shap_values[:, :, 2]).max() == 0
    assert explanation.additivity_error < 1e-6


def test_an_engine_refuses_a_model_that_it_cannot_look_into():
    predictor, native, frame = _package("baseline", "classification")
    with pytest.raises(ExplainError, match=r"Got a other model, needed a forest or boosting|Use 'permutation'"):
        explain_trees(native, frame, None)
    with pytest.raises(ExplainError, match=r"needed a linear one for engine='linear'"):
        explain_linear(native, frame, frame, None)
    with pytest.raises(ExplainError, match=r"needed a network for engine='gradient'"):
        explain_gradients(native, frame, frame, 0, None)


def test_auto_takes_the_engine_of_the_model():
    for name, task, expected in (
        ("random_forest", "classification", "tree"),
        ("hist_gradient_boosting", "regression", "tree"),
        ("logistic_regression", "classification", "linear"),
        ("baseline", "classification", "permutation"),
    ):
        native = _package(name, task)[1]
        assert choose_engine(native, 200, 4) == expected
    recipe = SimpleNamespace(joint=False)
    huge = SimpleNamespace(family="forest", tree_seconds=lambda n_rows: 1000.0, recipe=recipe)
    assert choose_engine(huge, 200, 4) == "permutation"
    network = SimpleNamespace(family="network", recipe=recipe)
    assert choose_engine(network, 10, 64) == "permutation"
    assert choose_engine(network, 10, 784) == "gradient"
    assert choose_engine(None, 10, 4) == "permutation"
    joined = SimpleNamespace(family="boosting", recipe=SimpleNamespace(joint=True))
    assert choose_engine(joined, 10, 4) == "permutation"


def test_shapes_of_every_explainer_become_one():
    assert _normalised(np.zeros((5, 3)), 5).shape == (5, 3, 1)
    assert _normalised([np.zeros((5, 3)), np.ones((5, 3))], 5).shape == (5, 3, 2)
    assert _normalised(np.zeros((5, 3, 4)), 5).shape == (5, 3, 4)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_gradients_of_a_network_nearly_add_up(task):
    keras = pytest.importorskip("keras")
    from workbench.estimators.network import KerasModel, TargetScale

    frame = _table()
    steps = TypeAdapter(tuple[Step, ...]).validate_python(STEPS)
    recipe = fit_recipe(steps, frame.with_columns(y=pl.Series(np.arange(frame.height) % 2)), target="y")
    keras.utils.set_random_seed(0)
    last = keras.layers.Dense(1, activation="sigmoid" if task == "classification" else None)
    network = keras.Sequential([keras.Input((recipe.n_features,)), keras.layers.Dense(8, activation="tanh"), last])
    classes = ["no", "yes"] if task == "classification" else None
    model = KerasModel(
        network, task=task, classes=classes, n_features=recipe.n_features, target_scale=TargetScale(100.0, 7.0)
    )
    native = NativePackage(recipe, model)
    columns = [InputColumn(c, "string" if c in ("sex", "port") else "number", "number") for c in frame.columns]
    predictor = SimpleNamespace(signature=Signature(task, "y", classes, columns))
    explanation = _explain("gradient", predictor, native, frame, n=4)
    spread = np.abs(explanation.outputs - explanation.base_values).max()
    assert explanation.shap_values.shape == (4, 4, 2 if classes else 1)
    assert 0 < explanation.additivity_error < 0.3 * spread


@pytest.mark.parametrize("name", ["svm", "nearest_neighbors"])
def test_what_no_engine_looks_into_is_permuted(name):
    predictor, native, frame = _package(name, "classification", 2)
    assert choose_engine(native, 10, 4) == "permutation"
    explanation = explain_rows(predictor, frame.head(3), background=frame.tail(20))
    assert explanation.additivity_error < 1e-6


def test_classic_boosting_of_several_classes_says_why_the_tree_engine_cannot():
    predictor, native, frame = _package("gradient_boosting", "classification", 3, n_estimators=5)
    assert choose_engine(native, 10, 4) == "permutation"
    with pytest.raises(ExplainError, match="classic gradient boosting of several classes, which SHAP's tree engine"):
        explain_trees(native, frame.head(2), None)
