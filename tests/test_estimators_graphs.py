"""Each scikit-learn estimator as a graph: the same answers, to the last bits."""

import numpy as np
import onnxruntime
import pytest

from workbench.errors import ConversionError
from workbench.estimators import build_sklearn, keep_rounds, load_model, pick_class, wrap_model
from workbench.estimators.classical import SklearnModel
from workbench.graph import GraphBuilder

SMALL = {
    "random_forest": {"n_estimators": 12, "max_leaf_nodes": 40},
    "extra_trees": {"n_estimators": 12, "max_leaf_nodes": 40},
    "gradient_boosting": {"n_estimators": 12},
    "hist_gradient_boosting": {"max_iter": 12, "min_samples_leaf": 5},
}


def make_rows(n_rows=400, n_features=5, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, n_features))
    X[:, 0] = random.integers(0, 6, n_rows)  # whole numbers hit thresholds
    return X


def labels_of(X, n_classes):
    return np.clip((X[:, 0] + X[:, 1] * 2).astype(int), 0, n_classes - 1)


def graph_scores(model, X):
    graph = GraphBuilder()
    columns = [graph.input(f"x{i}", "number") for i in range(X.shape[1])]
    scores = model.emit(graph, graph.hstack(columns))
    graph.output("scores", scores, "double", [None, model.n_classes or 1])
    session = onnxruntime.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {f"x{i}": np.ascontiguousarray(X[:, i]) for i in range(X.shape[1])})[0]


def fitted(name, params, X, y, *, task, classes):
    estimator = build_sklearn(name, {**SMALL.get(name, {}), **params}, task=task, seed=1)
    return wrap_model(estimator.fit(X, y), name, X, task=task, classes=classes)


CLASSIFIERS = [
    ("baseline", {}),
    ("logistic_regression", {}),
    ("logistic_regression", {"penalty": "none"}),
    ("logistic_regression", {"penalty": "l1", "C": 0.1}),
    ("logistic_regression", {"penalty": "elasticnet", "l1_ratio": 0.3}),
    ("random_forest", {}),
    ("random_forest", {"class_weight": "balanced", "max_features": "all"}),
    ("hist_gradient_boosting", {}),
    ("hist_gradient_boosting", {"class_weight": "balanced"}),
    ("decision_tree", {}),
    ("decision_tree", {"criterion": "entropy", "max_depth": None, "max_leaf_nodes": 20, "ccp_alpha": 0.001}),
    ("extra_trees", {}),
    ("extra_trees", {"max_depth": None, "max_leaf_nodes": None, "class_weight": "balanced"}),
    ("gradient_boosting", {}),
    ("gradient_boosting", {"subsample": 0.7, "max_features": 0.5, "max_depth": None}),
    ("svm", {}),
    ("svm", {"kernel": "linear", "class_weight": "balanced"}),
    ("svm", {"kernel": "poly", "degree": 2, "gamma": 0.2}),
]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(("name", "params"), CLASSIFIERS)
def test_a_classifier_and_its_graph_agree(name, params, n_classes, tmp_path):
    X = make_rows()
    model = fitted(
        name, params, X, labels_of(X, n_classes), task="classification", classes=["a", "b", "c", "d"][:n_classes]
    )
    rows = make_rows(300, seed=1)
    rows[::7, 2] = np.nan  # a gap that training didn't have
    ours = graph_scores(model, rows)
    assert ours.shape == (300, n_classes)
    np.testing.assert_allclose(ours, model.predict_proba(rows), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(pick_class(ours), model.predict(rows))
    model.save(tmp_path)
    np.testing.assert_array_equal(load_model(tmp_path).predict_proba(rows), model.predict_proba(rows))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("baseline", {"strategy": "median"}),
        ("linear_regression", {}),
        ("linear_regression", {"penalty": "l1", "alpha": 0.1}),
        ("linear_regression", {"penalty": "none"}),
        ("ridge", {"alpha": 10}),
        ("lasso", {"alpha": 100}),
        ("elastic_net", {}),
        ("svm", {"C": 10}),
        ("svm", {"kernel": "linear"}),
        ("svm", {"kernel": "poly"}),
        ("svm", {"epsilon": 9.0}),  # every row within the band: no support vector
        ("decision_tree", {}),
        ("random_forest", {}),
        ("extra_trees", {"max_depth": None}),
        ("gradient_boosting", {"subsample": 0.7}),
        ("hist_gradient_boosting", {}),
    ],
)
def test_a_regression_and_its_graph_agree(name, params, tmp_path):
    X = make_rows()
    y = 200_000 + 5_000 * X[:, 0] - 30_000 * X[:, 1] ** 2
    model = fitted(name, params, X, y, task="regression", classes=None)
    rows = make_rows(300, seed=1)
    np.testing.assert_allclose(graph_scores(model, rows)[:, 0], model.predict(rows), rtol=1e-12)
    model.save(tmp_path)
    np.testing.assert_array_equal(load_model(tmp_path).predict(rows), model.predict(rows))


@pytest.mark.parametrize("name", ["decision_tree", "random_forest", "extra_trees", "hist_gradient_boosting"])
def test_missing_values_take_the_side_that_training_learned(name):
    X = make_rows()
    y = labels_of(X, 2)
    X[y == 1, 3] = np.where(np.random.default_rng(2).random((y == 1).sum()) < 0.7, np.nan, X[y == 1, 3])
    model = fitted(name, {}, X, y, task="classification", classes=[0, 1])
    np.testing.assert_allclose(graph_scores(model, X), model.predict_proba(X), rtol=0, atol=1e-12)
    assert model.predict(X[np.isnan(X[:, 3])]).mean() > 0.9


def test_a_forest_compares_rows_rounded_to_float32_as_scikit_learn_does():
    X = make_rows()
    model = fitted("random_forest", {}, X, labels_of(X, 2), task="classification", classes=[0, 1])
    thresholds = np.concatenate([tree.tree_.threshold for tree in model.estimator.estimators_])
    features = np.concatenate([tree.tree_.feature for tree in model.estimator.estimators_])
    rows = make_rows(len(thresholds), seed=3)
    asked = features >= 0
    rows[asked, features[asked]] = np.nextafter(thresholds[asked], np.inf)  # above in double, equal in float32
    np.testing.assert_allclose(graph_scores(model, rows), model.predict_proba(rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["decision_tree", "random_forest", "extra_trees", "gradient_boosting", "hist_gradient_boosting"]
)
def test_trees_of_a_single_leaf_are_written_too(name):
    X = np.ones((60, 2))  # nothing to ask
    y = np.arange(60) % 3
    model = fitted(name, {}, X, y, task="classification", classes=[1, 2, 3])
    np.testing.assert_allclose(graph_scores(model, X[:5]), model.predict_proba(X[:5]), atol=1e-12)


@pytest.mark.parametrize(
    "name",
    ["logistic_regression", "nearest_neighbors", "svm", "decision_tree", "random_forest", "gradient_boosting",
     "hist_gradient_boosting"],
)  # fmt: skip
def test_a_class_that_training_rows_lack_gets_probability_0(name):
    X = make_rows()
    y = labels_of(X, 3)
    kept = y != 1
    model = fitted(name, {}, X[kept], y[kept], task="classification", classes=["a", "b", "c"])
    answers = model.predict_proba(X)
    assert answers.shape == (400, 3) and (answers[:, 1] == 0).all()
    if name != "nearest_neighbors":
        np.testing.assert_allclose(graph_scores(model, X), answers, atol=1e-12)


def test_many_support_vectors_are_compared_a_block_at_a_time(monkeypatch):
    from workbench.estimators import graph_kernel

    monkeypatch.setattr(graph_kernel, "_BLOCK", 32)
    X = make_rows()
    for n_classes in (2, 4):
        model = fitted("svm", {}, X, labels_of(X, n_classes), task="classification", classes=list(range(n_classes)))
        assert len(model.estimator.machine_.support_vectors_) > 64
        rows = make_rows(50, seed=1)
        np.testing.assert_allclose(graph_scores(model, rows), model.predict_proba(rows), rtol=0, atol=1e-12)


def test_nearest_neighbors_stay_native_and_say_why(tmp_path):
    X = make_rows()
    model = fitted("nearest_neighbors", {}, X, labels_of(X, 3), task="classification", classes=["a", "b", "c"])
    with pytest.raises(ConversionError, match="many times slower. The native model is used"):
        graph_scores(model, X)
    model.save(tmp_path)
    np.testing.assert_array_equal(load_model(tmp_path).predict_proba(X), model.predict_proba(X))


def test_cutting_back_keeps_the_first_trees_or_rounds():
    X = make_rows()
    y = labels_of(X, 2)
    for name, count in (
        ("random_forest", "n_estimators"),
        ("gradient_boosting", "n_estimators"),
        ("hist_gradient_boosting", "max_iter"),
    ):
        whole = build_sklearn(name, {**SMALL[name], count: 9}, task="classification", seed=1).fit(X, y)
        short = build_sklearn(name, {**SMALL[name], count: 4}, task="classification", seed=1).fit(X, y)
        keep_rounds(whole, 4)
        np.testing.assert_allclose(whole.predict_proba(X), short.predict_proba(X))


def test_tied_classes_fall_to_the_first_whatever_the_rounding():
    noise = np.array([[0.5 - 2e-16, 0.5 + 2e-16], [0.5 + 2e-16, 0.5 - 2e-16], [0.4, 0.6]])
    assert pick_class(noise).tolist() == [0, 0, 1]


def test_boosting_with_its_own_categories_has_no_graph():
    from sklearn.ensemble import HistGradientBoostingClassifier

    X = make_rows()
    estimator = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]).fit(X, X[:, 0] % 2)
    model = SklearnModel(estimator, task="classification", classes=[0, 1], n_features=5)
    with pytest.raises(ConversionError, match="category splits, needed numbers only. Encode the categories"):
        graph_scores(model, X)


def test_whatever_an_emission_raises_becomes_a_conversion_error():
    class Strange:
        pass

    model = SklearnModel(Strange(), task="regression", classes=None, n_features=5)
    with pytest.raises(ConversionError, match="Got SklearnModel with .* The native model is used instead"):
        graph_scores(model, make_rows(3))


def test_predict_proba_on_a_regression_says_what_to_call():
    X = make_rows()
    model = fitted("baseline", {}, X, X[:, 0], task="regression", classes=None)
    with pytest.raises(TypeError, match="has no classes. Call predict"):
        model.predict_proba(X)
