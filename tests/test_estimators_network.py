"""Keras networks: built, written as graphs, stored."""

import json
import zipfile

import numpy as np
import onnxruntime
import pytest

from workbench.errors import IntegrityError, PackageError
from workbench.estimators import TargetScale, build_network, load_model, wrap_model
from workbench.estimators.network import KerasModel
from workbench.estimators.spec import TrainingSpec
from workbench.graph import GraphBuilder


def make_rows(n_rows=120, n_features=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def graph_scores(model, X):
    graph = GraphBuilder()
    columns = [graph.input(f"x{i}", "number") for i in range(X.shape[1])]
    graph.output("scores", model.emit(graph, graph.hstack(columns)), "double", [None, model.n_classes or 1])
    session = onnxruntime.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {f"x{i}": np.ascontiguousarray(X[:, i]) for i in range(X.shape[1])})[0]


def network(task="classification", n_classes=2, *, seed=1, **params):
    params = {"layers": [8, 4], **params}
    return build_network(params, TrainingSpec(), n_features=6, task=task, n_classes=n_classes, seed=seed)


def wrapped(built, task="classification", classes=("no", "yes"), scale=None):
    names = list(classes) if task == "classification" else None
    return wrap_model(built, "dense_network", make_rows(), task=task, classes=names, target_scale=scale)


@pytest.mark.parametrize("activation", ["relu", "gelu", "elu", "selu", "silu", "tanh", "sigmoid"])
def test_each_activation_has_a_faithful_graph(activation):
    model = wrapped(network(activation=activation, dropout=0.2, l1=0.001, l2=0.01))
    X = make_rows(seed=2)
    np.testing.assert_allclose(graph_scores(model, X), model.predict_proba(X), atol=2e-7)


def test_several_classes_end_in_softmax():
    model = wrapped(network(n_classes=4), classes=["a", "b", "c", "d"])
    answers = model.predict_proba(make_rows(seed=2))
    assert answers.shape == (120, 4)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(graph_scores(model, make_rows(seed=2)), answers, atol=2e-7)


def test_a_regression_answers_in_the_unit_of_its_target():
    scale = TargetScale.fit(np.array([150_000.0, 250_000.0]))
    model = wrapped(network("regression"), "regression", scale=scale)
    X = make_rows(seed=2)
    assert 100_000 < model.predict(X).mean() < 300_000
    np.testing.assert_allclose(graph_scores(model, X)[:, 0], model.predict(X), atol=50_000 * 1e-6)


def test_a_constant_target_keeps_its_unit():
    assert TargetScale.fit(np.array([7.0, 7.0])) == TargetScale(7.0, 1.0)


def test_a_gap_is_filled_alike_in_graph_and_network():
    model = wrapped(network())
    X = make_rows(seed=2)
    X[::3, 1] = np.nan
    answers = model.predict_proba(X)
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(graph_scores(model, X), answers, atol=2e-7)


def test_the_same_seed_gives_the_same_weights():
    first, second, third = network(seed=5), network(seed=5), network(seed=6)
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])
    assert not np.array_equal(first.get_weights()[0], third.get_weights()[0])


def test_parameters_reach_layers_and_optimizer():
    built = build_network(
        {"layers": [5], "dropout": 0.0, "l2": 0.5},
        TrainingSpec(optimizer="sgd", learning_rate=0.25),
        n_features=6,
        task="regression",
        n_classes=0,
        seed=0,
    )
    assert [type(layer).__name__ for layer in built.layers] == ["Dense", "Dense"]
    assert float(built.layers[0].kernel_regularizer.l2) == 0.5
    assert (built.optimizer.name, float(built.optimizer.learning_rate), built.loss) == (
        "sgd",
        0.25,
        "mean_squared_error",
    )


def test_many_rows_and_few_rows_get_the_same_answers():
    model = wrapped(network())
    X = make_rows(600, seed=2)
    np.testing.assert_allclose(model.predict_proba(X)[:50], model.predict_proba(X[:50]), atol=1e-6)


def test_a_convolutional_network_goes_through_the_export_of_keras(capfd):
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    built = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Reshape((4, 4, 1)),
            layers.Conv2D(3, 2, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    X = make_rows(50, 16)
    model = KerasModel(built, task="classification", classes=[0, 1, 2], n_features=16)
    answers = model.predict_proba(X)
    capfd.readouterr()
    np.testing.assert_allclose(graph_scores(model, X), answers, atol=1e-6)
    assert "Saved artifact" not in capfd.readouterr().out


def test_a_stored_network_answers_as_before(tmp_path):
    scale = TargetScale(10.0, 2.0)
    model = wrapped(network("regression"), "regression", scale=scale)
    model.save(tmp_path)
    loaded = load_model(tmp_path)
    X = make_rows(seed=2)
    np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=1e-6)
    assert loaded.target_scale == scale


def rewrite_config(path, change):
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(contents["config.json"])
    change(config)
    contents["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "entry",
    [
        {"class_name": "Lambda", "module": "keras.layers", "config": {"name": "x"}},
        {"class_name": "Dense", "module": "os", "config": {"name": "x"}},
    ],
)
def test_a_network_with_a_layer_beyond_the_allow_list_is_refused(tmp_path, entry):
    wrapped(network()).save(tmp_path)
    rewrite_config(tmp_path / "network.keras", lambda config: config["config"]["layers"].append(entry))
    with pytest.raises(IntegrityError, match=r"Got network.keras with (Lambda|os.Dense), needed only layers of our"):
        load_model(tmp_path)


def test_a_damaged_network_is_a_package_error(tmp_path):
    wrapped(network()).save(tmp_path)
    (tmp_path / "network.keras").write_bytes(b"nothing")
    with pytest.raises(PackageError, match=r"needed a readable \.keras file"):
        load_model(tmp_path)


OWN_NETWORK = """
from workbench.estimators import own


def build(input_shape, n_outputs, params):
    import keras

    hidden = keras.layers.Dense(params["units"], activation="tanh")
    return keras.Sequential([keras.Input(input_shape), hidden, keras.layers.Dense(n_outputs)])


units = own.whole_number("units", 3, low=1, high=9, help="Width.")
own.keras("tiny", build, tasks=["classification"], parameters=[units])
"""


def test_a_network_of_ones_own_is_built_compiled_and_written_as_a_graph(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(OWN_NETWORK)
    monkeypatch.setenv("WORKBENCH_ESTIMATORS", str(tmp_path / "mine.py"))
    built = build_network(
        {"units": 5},
        TrainingSpec(loss="focal"),
        n_features=6,
        task="classification",
        n_classes=3,
        seed=1,
        estimator="tiny",
    )
    assert built.layers[-1].activation.__name__ == "softmax"
    assert [weights.shape for weights in built.get_weights()] == [(6, 5), (5,), (5, 3), (3,)]
    model = wrapped(built, classes=["a", "b", "c"])
    X = make_rows(seed=2)
    np.testing.assert_allclose(graph_scores(model, X), model.predict_proba(X), atol=2e-7)
