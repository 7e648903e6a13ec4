"""The residual network, with categories as embeddings, and what normalizes the layers of both networks."""

import json

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter
from test_estimators_network import graph_scores, rewrite_config

from workbench.errors import EstimatorError, IntegrityError
from workbench.estimators import build_network, check_params, load_model
from workbench.estimators.categories import category_features
from workbench.estimators.network import KerasModel, TargetScale
from workbench.estimators.spec import TrainingSpec
from workbench.recipe import fit_recipe
from workbench.recipe.spec import Step
from workbench.training.spec import RunSpec

CATEGORIES = {1: 5, 4: 3}


def make_rows(n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 6))
    for place, count in CATEGORIES.items():
        X[:, place] = rng.integers(-1, count, n_rows)
    return X


def network(task="classification", n_classes=2, *, estimator="residual_dense_network", categories=CATEGORIES, **params):
    built = build_network(
        params, TrainingSpec(learning_rate=0.01), n_features=6, task=task, n_classes=n_classes, seed=1,
        estimator=estimator, categories=categories,
    )  # fmt: skip
    rng = np.random.default_rng(9)
    # As if it had learned: no weight at its beginning, and the variances of batches above 0.
    built.set_weights([array + 0.2 * np.abs(rng.normal(size=array.shape)) for array in built.get_weights()])
    return built


def wrapped(built, task="classification", n_classes=2):
    classes = list(range(n_classes)) if task == "classification" else None
    return KerasModel(built, task=task, classes=classes, n_features=6, target_scale=TargetScale(5.0, 2.0))


SMALL = {"units": 8, "embedding_size": 3}


@pytest.mark.parametrize(
    ("normalization", "task", "n_classes"),
    [("none", "classification", 2), ("batch", "classification", 4), ("layer", "regression", 0)],
)
def test_a_residual_network_has_a_faithful_graph(normalization, task, n_classes):
    model = wrapped(network(task, n_classes, normalization=normalization, **SMALL), task, n_classes)
    X = make_rows(seed=2)
    X[:5, 1] = [-1, 0, 4, 5, 17]  # the last two are codes that no recipe gives
    np.testing.assert_allclose(graph_scores(model, X), model.scores(X), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_a_normalized_dense_network_has_a_faithful_graph(normalization):
    built = network(estimator="dense_network", layers=[8, 4], normalization=normalization)
    names = [type(layer).__name__ for layer in built.layers]
    assert names[:4] == ["Dense", f"{normalization.title()}Normalization", "Activation", "Dropout"]
    X = make_rows(seed=2)
    np.testing.assert_allclose(graph_scores(wrapped(built), X), wrapped(built).scores(X), rtol=1e-5, atol=2e-6)


def test_only_categories_or_only_numbers_are_fine():
    X = make_rows(seed=2)
    for categories in ({}, dict.fromkeys(range(6), 4)):
        model = wrapped(network(categories=categories, **SMALL))
        np.testing.assert_allclose(graph_scores(model, X), model.scores(X), rtol=1e-5, atol=2e-6)


def test_each_block_adds_to_what_it_was_given():
    import keras

    built = network(blocks=3, normalization="none", **SMALL)
    assert [type(layer).__name__ for layer in built.layers].count("Add") == 3
    for add in (layer for layer in built.layers if type(layer).__name__ == "Add"):
        last = add.input[1]._keras_history.operation
        last.set_weights([array * 0 for array in last.get_weights()])
    # Blocks that add nothing leave the entrance and the answer.
    X = make_rows(20).astype(np.float32)
    entrance, answer = built.get_layer("entrance"), built.get_layer("answer")
    inside = np.asarray(keras.Model(built.inputs[0], entrance.output)(X))
    kernel, bias = answer.get_weights()
    expected = 1 / (1 + np.exp(-(np.maximum(inside, 0) @ kernel + bias)))
    np.testing.assert_allclose(np.asarray(built(X)), expected, atol=1e-5)


def test_unseen_and_missing_have_a_vector_of_their_own_that_is_learned_without_them():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=400), rng.integers(0, 3, 400)]).astype(np.float32)
    built = build_network(
        SMALL, TrainingSpec(learning_rate=0.05), n_features=2, task="regression", n_classes=0, seed=1,
        estimator="residual_dense_network", categories={1: 3},
    )  # fmt: skip
    built.run_eagerly = True  # one step: faster than to trace it
    table = built.layers[1].table
    before = np.asarray(table)[0].copy()
    built.train_on_batch(X, X[:, 1])
    assert np.abs(np.asarray(table)[0] - before).min() > 0.01
    lacking = np.array([[0.0, -1.0]], dtype=np.float32)
    assert not np.allclose(built(lacking), built(np.array([[0.0, 0.0]], dtype=np.float32)))


def test_the_same_seed_gives_the_same_network():
    first, second = (network(**SMALL).get_weights() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stored_residual_network_answers_as_before_and_holds_no_optimizer(tmp_path):
    import zipfile

    model = wrapped(network(n_classes=3, **SMALL), n_classes=3)
    model.save(tmp_path)
    X = make_rows(seed=2)
    np.testing.assert_allclose(load_model(tmp_path).scores(X), model.scores(X), atol=1e-6)
    with zipfile.ZipFile(tmp_path / "network.keras") as archive:
        config = json.loads(archive.read("config.json"))
    assert not config.get("compile_config")


def test_our_own_layer_is_trusted_under_our_own_name_only(tmp_path):
    wrapped(network(**SMALL)).save(tmp_path)

    def elsewhere(config):
        layer = next(found for found in config["config"]["layers"] if found["class_name"] == "CategoryEmbedding")
        layer["module"] = "os"

    rewrite_config(tmp_path / "network.keras", elsewhere)
    with pytest.raises(IntegrityError, match=r"Got network.keras with os.CategoryEmbedding, needed only layers of our"):
        load_model(tmp_path)


def fitted(*steps):
    frame = pl.DataFrame(
        {
            "age": [20.0, 30.0, 40.0, 50.0],
            "city": ["Bern", "Rome", None, "Bern"],
            "kind": ["a", "b", "c", "a"],
            "y": ["n", "p", "n", "p"],
        }
    )
    return fit_recipe(
        TypeAdapter(tuple[Step, ...]).validate_python(steps), frame, target="y", task="classification"
    ), frame


def test_the_categories_are_those_that_ordinal_made_and_nothing_changed():
    recipe, frame = fitted(
        {"step": "standardize", "columns": ["age"]},
        {"step": "ordinal", "columns": ["city", "kind"]},
    )
    places = category_features(recipe)
    assert {recipe.feature_names[place]: count for place, count in places.items()} == {"city": 2, "kind": 3}
    codes = recipe.transform(frame)[:, list(places)]
    assert codes.tolist() == [[0, 0], [1, 1], [-1, 2], [0, 0]]


def test_codes_that_were_scaled_are_numbers_again():
    recipe, _ = fitted({"step": "ordinal", "columns": ["city", "kind"]}, {"step": "standardize", "columns": ["city"]})
    assert [recipe.feature_names[place] for place in category_features(recipe)] == ["kind"]


def test_places_count_the_features_of_one_hot_columns_before_them():
    recipe, frame = fitted({"step": "one_hot", "columns": ["city"]}, {"step": "ordinal", "columns": ["kind"]})
    assert category_features(recipe) == {recipe.feature_names.index("kind"): 3}
    assert recipe.transform(frame).shape[1] == 4


@pytest.mark.parametrize("params", [{"blocks": 0}, {"units": 2}, {"embedding_size": 0}, {"normalization": "group"}])
def test_parameters_out_of_range_are_refused(params):
    with pytest.raises(EstimatorError, match="for residual_dense_network, needed"):
        check_params("residual_dense_network", params)


def test_a_run_with_categories_and_class_weights_becomes_a_graph(settings, tmp_path):
    from workbench.package import load_predictor
    from workbench.training import train

    rng = np.random.default_rng(0)
    city = rng.choice(["Bern", "Rome", "Oslo", "Lima"], 240)
    size = rng.normal(size=240)
    frame = pl.DataFrame({"size": size, "city": city, "sold": np.where((city == "Rome") | (size > 1.5), "yes", "no")})
    frame.write_csv(tmp_path / "homes.csv")
    spec = RunSpec.parse(
        {
            "name": "homes",
            "data": {"source": str(tmp_path / "homes.csv"), "target": "sold"},
            "recipe": [{"step": "ordinal", "columns": ["city"]}],
            "estimator": {"name": "residual_dense_network", "params": {**SMALL, "class_weight": "balanced"}},
            "training": {
                "epochs": 12, "batch_size": 16, "learning_rate": 0.02, "optimizer": "adamw", "loss": "focal",
                "label_smoothing": 0.05, "schedule": {"kind": "cosine", "warmup_epochs": 1},
            },
        }
    )  # fmt: skip
    run = train(spec, settings=settings)
    assert run.status == "finished", run.reason
    predictor = load_predictor(run.folder / "package")
    assert predictor.engine == "onnx"
    assert "Training rows were weighed by class" in (run.state.note or "")
    rates = run.history().filter(pl.col("val_loss").is_not_null())["learning_rate"].to_list()
    assert rates[0] == pytest.approx(0.02, rel=0.05)
    assert rates[-1] == pytest.approx(0.0002, rel=0.2)
    assert run.metrics()["test"]["roc_auc"] > 0.9
    unseen = predictor.predict_proba(pl.DataFrame({"size": [0.0, None], "city": ["Paris", None]}))
    assert np.isfinite(unseen).all()


def test_a_resumed_residual_network_goes_on_to_the_same_weights(tmp_path):
    from dataclasses import replace

    from training_rows import Watched, material

    from workbench.training.checkpoint import Checkpoint
    from workbench.training.loops import fit

    training = {
        "epochs": 4, "batch_size": 32, "learning_rate": 0.02, "optimizer": "adamw", "loss": "focal",
        "schedule": {"kind": "cosine", "warmup_epochs": 1}, "reduce_lr_on_plateau": {"patience": 1},
    }  # fmt: skip
    rows = material("residual_dense_network", n_rows=300, noise=3.0, training=training, **SMALL)
    codes = np.round(np.clip(rows.X_train[:, 3], -1, 3))

    def made(n_batches):
        return build_network(
            rows.params, rows.training, n_features=4, task="classification", n_classes=2, seed=3,
            estimator=rows.entry, steps_per_epoch=n_batches, categories={3: 4},
        )  # fmt: skip

    rows = replace(rows, X_train=np.column_stack([rows.X_train[:, :3], codes]), network=made)
    whole = fit(rows, Watched(tmp_path / "whole").live)
    kept = replace(rows, checkpoint=Checkpoint(tmp_path / "checkpoint", seconds=1e9))
    fit(kept, Watched(tmp_path / "part", stop_at=2 * 8).live)
    rest = Watched(tmp_path / "rest")
    resumed = fit(kept, rest.live)
    assert rest.history["epoch"].min() > 2
    # Hidden categories, dropout, warm-up and a lowered rate all go on where they were.
    np.testing.assert_allclose(resumed.scores(rows.X_validation), whole.scores(rows.X_validation), atol=1e-7)


def test_the_suggested_recipe_numbers_the_categories_that_the_network_embeds():
    from workbench.data.table import Column
    from workbench.estimators import entry
    from workbench.recipe import suggest

    columns = [
        Column("age", "number", "Float64", 0, 70),
        Column("job", "category", "String", 2, 14),
        Column("town", "category", "String", 0, 900),
    ]
    suggested = [(step.step, step.columns) for step, _ in suggest(columns, "y", entry("residual_dense_network"))]
    assert suggested == [("merge_rare", ("town",)), ("ordinal", ("job", "town")), ("standardize", ("age",))]
    assert ("one_hot", ("job",)) in [(s.step, s.columns) for s, _ in suggest(columns, "y", entry("dense_network"))]


@pytest.fixture
def half_precision():
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("estimator", ["dense_network", "residual_dense_network"])
def test_what_learned_in_16_bits_answers_in_32_as_its_graph_does(half_precision, estimator, tmp_path):
    small = SMALL if estimator == "residual_dense_network" else {"layers": [8]}
    built = network(n_classes=3, estimator=estimator, **small)
    assert {layer.compute_dtype for layer in built.layers} == {"float16", "float32"}
    assert built.layers[-1].compute_dtype == "float32"
    model = wrapped(built, n_classes=3)
    computing = [layer for layer in model.network.layers if type(layer).__name__ != "InputLayer"]
    assert {layer.compute_dtype for layer in computing} == {"float32"}
    X = make_rows(seed=2)
    np.testing.assert_allclose(graph_scores(model, X), model.scores(X), atol=1e-6)
    np.testing.assert_allclose(np.asarray(built(X.astype(np.float32))), model.scores(X), atol=5e-3)
    model.save(tmp_path)
    np.testing.assert_allclose(load_model(tmp_path).scores(X), model.scores(X), atol=1e-6)
