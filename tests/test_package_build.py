"""A package from build to prediction."""

import json
import threading

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import yaml

from workbench.errors import ConversionError, InputError, IntegrityError, PackageError, StorageError
from workbench.estimators import build_sklearn, wrap_model
from workbench.estimators.classical import SklearnModel
from workbench.package import (
    Signature,
    build_package,
    load_native,
    load_predictor,
    make_signature,
    package_info,
    write_manifest,
)
from workbench.recipe import fit_recipe
from workbench.recipe.spec import Impute, OneHot, Standardize
from workbench.settings import Settings

FILES = {
    "MLmodel",
    "background.parquet",
    "baseline.json",
    "card.md",
    "manifest.json",
    "metrics.json",
    "model.onnx",
    "native",
    "package.json",
    "requirements.txt",
    "signature.json",
    "spec.json",
}
STEPS = [Impute(columns=["age"], strategy="median"), OneHot(columns=["sex"]), Standardize(columns=["age", "fare"])]


def people(n_rows=300, seed=0, **renamed):
    random = np.random.default_rng(seed)
    age = random.integers(1, 80, n_rows).astype(float)
    sex = random.choice(["female", "male"], n_rows)
    fare = random.exponential(30, n_rows)
    alive = (sex == "female") ^ (random.random(n_rows) < 0.2)
    frame = pl.DataFrame({"age": age, "sex": sex, "fare": fare, "survived": np.where(alive, "yes", "no")})
    frame = frame.with_columns(
        age=pl.when(pl.Series(random.random(n_rows) < 0.2)).then(None).otherwise("age"),
        sex=pl.when(pl.Series(random.random(n_rows) < 0.05)).then(None).otherwise("sex"),
    )
    return frame.rename(renamed)


def parts(frame, name="random_forest", *, target="survived", task="classification", steps=STEPS, **params):
    params = {"random_forest": {"n_estimators": 10}}.get(name, {}) | params
    recipe = fit_recipe(steps, frame, target=target)
    X = recipe.transform(frame)
    classes = None if task == "regression" else sorted(frame[target].unique().to_list())
    y = frame[target].to_numpy()
    y = y if task == "regression" else np.searchsorted(np.array(classes), y)
    model = wrap_model(build_sklearn(name, params, task=task, seed=0).fit(X, y), name, X, task=task, classes=classes)
    return {
        "recipe": recipe,
        "model": model,
        "signature": make_signature(recipe, frame, target, task, classes),
        "train": frame,
        "evaluation": people(200, seed=1).rename(dict(zip(people(1).columns, frame.columns, strict=True))),
        "spec": {"name": "titanic", "data": {"source": "titanic"}, "estimator": {"name": name}, "seed": 4},
        "metrics": {"train": {"accuracy": 0.9}, "test": {"accuracy": 0.8, "roc_auc": 0.85}},
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages") / "package"
    pieces = parts(people())
    return folder, pieces, build_package(folder, **pieces, settings=Settings())


def test_a_package_holds_every_file_and_nothing_is_left_beside_it(built):
    folder, _, _ = built
    assert {path.name for path in folder.iterdir()} == FILES
    assert [path.name for path in folder.parent.iterdir()] == ["package"]


def test_the_graph_is_checked_on_every_evaluation_row_and_on_difficult_ones(built):
    folder, _, info = built
    assert (info.engine, info.labels_changed, info.reason) == ("onnx", 0, "")
    assert info.max_difference < 1e-12
    assert info.n_rows_checked == 400
    assert 0 < info.latency_ms < info.native_latency_ms
    assert package_info(folder) == info


def test_graph_and_native_model_predict_alike_from_raw_rows(built):
    folder, _, _ = built
    graph, native = load_predictor(folder), load_native(folder)
    assert (graph.engine, native.engine) == ("onnx", "native")
    rows = people(100, seed=2)
    np.testing.assert_allclose(graph.predict_proba(rows), native.predict_proba(rows), atol=1e-12)
    assert graph.predict(rows).tolist() == native.predict(rows).tolist()


def test_the_label_output_of_the_graph_is_what_the_predictor_says(built):
    folder, _, _ = built
    predictor = load_predictor(folder)
    rows = predictor.signature.check(people(100, seed=2))
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    assert [(entry.name, entry.type) for entry in session.get_inputs()] == [
        ("age", "tensor(double)"),
        ("sex", "tensor(string)"),
        ("fare", "tensor(double)"),
    ]
    label, probabilities = session.run(["label", "probabilities"], rows.arrays)
    assert label.tolist() == predictor.predict(rows.frame).tolist()
    np.testing.assert_array_equal(probabilities, predictor.scores(rows))


def test_missing_and_unseen_values_get_an_answer(built):
    predictor = load_predictor(built[0])
    answers = predictor.predict_proba([{"age": None, "sex": None, "fare": None}, {"age": 5, "sex": "?", "fare": 1}])
    assert np.isfinite(answers).all()


def test_predictions_as_a_table_name_the_classes(built):
    table = load_predictor(built[0]).predict_frame(people(5, seed=3))
    assert table.columns == ["prediction", "probability_no", "probability_yes"]
    assert table["prediction"].dtype == pl.String


def test_many_threads_get_the_answers_of_one(built):
    predictor = load_predictor(built[0])
    rows = people(50, seed=3)
    expected = predictor.predict_proba(rows)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(predictor.predict_proba(rows))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)


def test_a_large_batch_is_answered_in_chunks(built):
    predictor = load_predictor(built[0])
    rows = people(20_000, seed=3)
    answers = predictor.predict_proba(rows)
    assert answers.shape == (20_000, 2)
    np.testing.assert_array_equal(answers[19_990:], predictor.predict_proba(rows[19_990:]))


def test_the_papers_of_a_package_say_what_it_is(built):
    folder, pieces, _ = built
    card = (folder / "card.md").read_text()
    assert "A `random_forest` for classification of `survived` into 2 classes: `no`, `yes`" in card
    assert "| accuracy | 0.9 | 0.8 |" in card and "changes 0 labels" in card
    assert json.loads((folder / "metrics.json").read_text()) == pieces["metrics"]
    assert json.loads((folder / "spec.json").read_text()) == pieces["spec"]
    assert Signature.from_dict(json.loads((folder / "signature.json").read_text())) == pieces["signature"]
    background = pl.read_parquet(folder / "background.parquet")
    assert background.columns == ["age", "sex", "fare"] and background.height == 200


def test_the_baseline_describes_training_rows_and_answers(built):
    folder, pieces, _ = built
    baseline = json.loads((folder / "baseline.json").read_text())
    train = pieces["train"]
    age, sex = baseline["columns"]["age"], baseline["columns"]["sex"]
    assert baseline["n_rows"] == 300
    assert sum(age["counts"]) == train["age"].count()
    assert len(age["edges"]) == len(age["counts"]) + 1
    assert age["missing_share"] == pytest.approx(train["age"].null_count() / 300)
    assert sum(sex["counts"].values()) + sex["other"] == train["sex"].count()
    assert list(baseline["scores"]) == ["no", "yes"]


def test_mlflow_finds_both_flavours_and_tensors_of_any_length(built):
    folder, _, _ = built
    document = yaml.safe_load((folder / "MLmodel").read_text())
    assert document["flavors"]["python_function"]["loader_module"] == "mlflow.onnx"
    assert (folder / document["flavors"]["onnx"]["data"]).is_file()
    inputs = json.loads(document["signature"]["inputs"])
    assert inputs[1] == {"name": "sex", "type": "tensor", "tensor-spec": {"dtype": "object", "shape": [-1]}}
    outputs = json.loads(document["signature"]["outputs"])
    assert outputs[1]["tensor-spec"]["shape"] == [-1, 2]
    onnx.checker.check_model(onnx.load(folder / "model.onnx"))


def test_a_regression_gives_values_and_no_probabilities(tmp_path):
    frame = people().drop("survived").with_columns(price=200_000 + 900 * pl.col("fare"))
    info = build_package(
        tmp_path / "p",
        **parts(frame, "hist_gradient_boosting", target="price", task="regression", max_iter=10)
        | {"evaluation": frame},
        settings=Settings(),
    )
    assert info.engine == "onnx" and info.max_difference < 1e-9
    predictor = load_predictor(tmp_path / "p")
    values = predictor.predict(frame)
    assert values.dtype == np.float64 and np.corrcoef(values, frame["price"])[0, 1] > 0.9
    assert predictor.predict_frame(frame).columns == ["prediction"]
    with pytest.raises(InputError, match="has no classes. Call predict"):
        predictor.predict_proba(frame)


def test_whole_number_classes_stay_numbers(tmp_path):
    frame = people().with_columns(survived=(pl.col("survived") == "yes").cast(pl.Int64) + 1)
    build_package(tmp_path / "p", **parts(frame, "logistic_regression"), settings=Settings())
    labels = load_predictor(tmp_path / "p").predict(frame)
    assert labels.dtype == np.int64 and set(labels.tolist()) == {1, 2}


@pytest.mark.parametrize("name", ["label", "probabilities"])
def test_a_column_may_be_called_like_an_output(tmp_path, name):
    frame = people(fare=name)
    steps = [Impute(columns=["age"]), OneHot(columns=["sex"])]
    info = build_package(tmp_path / "p", **parts(frame, steps=steps), settings=Settings())
    assert info.engine == "onnx", info.reason
    assert load_predictor(tmp_path / "p").predict_proba(frame).shape == (300, 2)


class Unconvertible(SklearnModel):
    """A model of which there is no graph."""

    def _emit(self, graph, features):
        raise ConversionError("Got an operator without ONNX form. The native model is used instead.")


class Unfaithful(SklearnModel):
    """A model whose graph answers otherwise."""

    def _emit(self, graph, features):
        return graph.node("Sub", graph.constant(np.array([[1.0]])), super()._emit(graph, features))


class Broken(SklearnModel):
    """A model whose graph ONNX Runtime refuses."""

    def _emit(self, graph, features):
        return graph.node("Erfc", super()._emit(graph, features))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Unconvertible, "Got an operator without ONNX form"),
        (
            Unfaithful,
            r"fast form of this model, an ONNX graph, answers some of the 400 rows compared otherwise .* up to [\d.]+ "
            r"apart \(allowed: 1e-05\), and \d+ labels change. So the trained model itself predicts: right, but "
            r"slower. One row takes it [\d.e+]+ ms instead of",
        ),
        (Broken, "Erfc"),
    ],
)
def test_without_a_faithful_graph_the_native_model_predicts_and_the_package_says_so(tmp_path, kind, reason):
    pieces = parts(people())
    pieces["model"] = kind(pieces["model"].estimator, task="classification", classes=["no", "yes"], n_features=4)
    info = build_package(tmp_path / "p", **pieces, settings=Settings())
    assert info.engine == "native"
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(info.reason)
    card = (tmp_path / "p" / "card.md").read_text()
    assert "**native model**, not by an ONNX graph" in card and info.reason in card
    assert not (tmp_path / "p" / "model.onnx").exists()  # nobody else may serve it
    assert not (tmp_path / "p" / "MLmodel").exists()
    predictor = load_predictor(tmp_path / "p")
    rows = people(50, seed=2)
    assert predictor.engine == "native" and predictor.info["reason"] == info.reason
    expected = pieces["model"].predict_proba(pieces["recipe"].transform(rows))
    np.testing.assert_allclose(predictor.predict_proba(rows), expected)
    assert predictor.predict([{"age": None, "sex": "?", "fare": 3.5}]).shape == (1,)


def test_a_changed_graph_is_refused_unless_told_otherwise(tmp_path):
    build_package(tmp_path / "p", **parts(people()), settings=Settings())
    with (tmp_path / "p" / "card.md").open("a") as file:
        file.write("Changed.")
    with pytest.raises(IntegrityError, match="card.md with another content"):
        load_predictor(tmp_path / "p")
    assert load_predictor(tmp_path / "p", verify=False).engine == "onnx"


def test_a_native_file_with_an_unknown_type_is_refused_also_with_right_checksums(tmp_path):
    import skops.io

    class Foreign:
        pass

    Foreign.__qualname__ = "Foreign"
    pieces = parts(people())
    build_package(tmp_path / "p", **pieces, settings=Settings())
    estimator = pieces["model"].estimator
    estimator.extra = Foreign()
    skops.io.dump(estimator, tmp_path / "p" / "native" / "model.skops")
    write_manifest(tmp_path / "p", Settings())
    with pytest.raises(IntegrityError, match="Foreign, needed only those of our allow-list"):
        load_native(tmp_path / "p")


def test_a_signed_package_loads_with_its_key_only(tmp_path):
    key = Settings(signing_key="secret")
    build_package(tmp_path / "p", **parts(people()), settings=key)
    assert load_predictor(tmp_path / "p", settings=key).engine == "onnx"
    with pytest.raises(IntegrityError, match="doesn't fit"):
        load_predictor(tmp_path / "p", settings=Settings(signing_key="other"))


def test_a_package_is_replaced_as_a_whole(tmp_path):
    build_package(tmp_path / "p", **parts(people()), settings=Settings())
    (tmp_path / "p" / "stray").write_text("old")
    info = build_package(tmp_path / "p", **parts(people(), "baseline"), settings=Settings())
    assert load_predictor(tmp_path / "p").info["estimator"] == info.estimator == "baseline"
    assert {path.name for path in (tmp_path / "p").iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_a_full_disk_leaves_the_package_before_it(tmp_path, monkeypatch):
    import errno

    build_package(tmp_path / "p", **parts(people()), settings=Settings())
    before = package_info(tmp_path / "p")

    def full(self, path, **_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(StorageError, match="Got no space left on the disk"):
        build_package(tmp_path / "p", **parts(people(), "baseline"), settings=Settings())
    assert package_info(tmp_path / "p") == before
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_a_folder_that_is_no_package_is_refused(tmp_path):
    with pytest.raises(PackageError, match="needed the folder of a package. Correct the path"):
        load_predictor(tmp_path / "absent")
    with pytest.raises(PackageError, match="with no package.json, needed one of format 1"):
        package_info(tmp_path)
    (tmp_path / "package.json").write_text('{"format": 1}')
    with pytest.raises(PackageError, match="package.json without 'engine'"):
        package_info(tmp_path)


def test_a_graph_that_is_none_is_refused(tmp_path):
    build_package(tmp_path / "p", **parts(people()), settings=Settings())
    (tmp_path / "p" / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(PackageError, match="Got a graph that ONNX Runtime refuses"):
        load_predictor(tmp_path / "p", verify=False)
