"""Missing text, numbers and moments through every entrance: the answers of `predict_frame`, which can tell them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import httpx
import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import yaml
from test_service_http import running  # noqa: E402

from workbench import registry
from workbench.estimators import build_sklearn, wrap_model
from workbench.package import build_package, load_native, load_predictor, make_signature
from workbench.package.entering import read_entry
from workbench.package.signature import MISSING_WORDS
from workbench.recipe import fit_recipe
from workbench.recipe.spec import CleanText, DateParts, FlagMissing, Impute, OneHot, TfIdf
from workbench.service import create_app
from workbench.settings import Settings

TEXTS = ("port", "deck", "note")
STEPS = (
    FlagMissing(columns=("port", "deck", "note", "age", "seen")),
    DateParts(columns=("seen",), parts=("hour", "weekday")),
    Impute(columns=("age", "seen_hour", "seen_weekday")),
    Impute(columns=("port",), strategy="most_frequent"),
    OneHot(columns=("port", "deck")),
    TfIdf(columns=("note",)),
)
MISSING_EFFECT = {"port": 5.0, "deck": -4.0, "note": 2.0, "age": 2.0, "seen": -3.0}


def flats(n_rows=400, seed=0, **others):
    """Give rows with gaps in each column; in `deck`, "None" is a category like any other."""
    random = np.random.default_rng(seed)

    def gaps(values):
        return [None if random.random() < 0.25 else value for value in values]

    hours = random.integers(0, 9_000, n_rows)
    frame = pl.DataFrame(
        {
            "port": gaps(random.choice(["S", "C", "Q"], n_rows).tolist()),
            "deck": gaps(random.choice(["A", "None", "B"], n_rows).tolist()),
            "note": gaps([" ".join(random.choice(["good", "bad", "late"], 3)) for _ in range(n_rows)]),
            "age": gaps(random.integers(1, 80, n_rows).astype(float).tolist()),
            "seen": gaps([datetime(2024, 1, 1) + timedelta(hours=int(hour)) for hour in hours]),
        },
        schema_overrides={"seen": pl.Datetime("us")},
    )
    y = sum(effect * frame[name].is_null().cast(pl.Float64) for name, effect in MISSING_EFFECT.items())
    y += 3.0 * (frame["deck"] == "None").fill_null(False).cast(pl.Float64)
    return frame.with_columns(y=pl.Series(y))


def package(folder, steps=STEPS, estimator="ridge", change=lambda model: model):
    frame = flats()
    recipe = fit_recipe(steps, frame, target="y", task="regression")
    X = recipe.transform(frame)
    fitted = build_sklearn(estimator, {}, task="regression", seed=0).fit(X, frame["y"].to_numpy())
    model = wrap_model(fitted, estimator, X, task="regression", classes=None)
    return build_package(
        folder, spec={"name": "flats", "recipe": [], "seed": 1}, recipe=recipe, model=change(model),
        signature=make_signature(recipe, frame, "y", "regression", None), train=frame, evaluation=frame.head(100),
        metrics={}, settings=Settings(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("missing") / "flats"
    info = package(folder)
    assert (info.engine, info.reason) == ("onnx", "")
    return folder


@pytest.fixture(scope="module")
def asked(folder):
    rows = flats(60, seed=5).drop("y")
    return rows, load_predictor(folder).predict(rows)


def feeds(rows, texts):
    """Give what a bare session takes, with the text columns as given."""
    seconds = rows["seen"].dt.epoch("us").cast(pl.Float64) / 1e6
    numbers = {"age": rows["age"], "seen": seconds}
    return texts | {name: values.fill_null(float("nan")).to_numpy() for name, values in numbers.items()}


@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA, pd.NaT, ""], ids=repr)
def test_a_bare_session_takes_each_writing_of_a_missing_text_as_missing(folder, asked, gap):
    rows, expected = asked
    texts = {name: np.array([gap if text is None else text for text in rows[name]], dtype=object) for name in TEXTS}
    found = onnxruntime.InferenceSession(folder / "model.onnx").run(None, feeds(rows, texts))[-1]
    # A bare session can't tell None from the category "None" that training saw in this column.
    clear = rows["deck"].is_not_null().to_numpy() if gap is None else np.ones(rows.height, dtype=bool)
    np.testing.assert_allclose(found[clear], expected[clear], atol=1e-9)


@pytest.mark.parametrize("dtype", ["str", "object"])
def test_what_mlflow_makes_of_a_pandas_frame_is_answered_as_predict_frame_does(folder, asked, dtype):
    rows, expected = asked
    frame = pd.DataFrame(
        {name: pd.Series(rows[name].to_list(), dtype="str").astype(dtype) for name in TEXTS}
        | {name: values for name, values in feeds(rows, {}).items()}
    )
    document = yaml.safe_load((folder / "MLmodel").read_text())
    inputs = json.loads(document["signature"]["inputs"])
    # mlflow 3.17, `_reshape_and_cast_pandas_column_values`, then `_OnnxModelWrapper.predict`
    fed = {each["name"]: np.array(frame[each["name"]], dtype=each["tensor-spec"]["dtype"]) for each in inputs}
    found = onnxruntime.InferenceSession(folder / "model.onnx").run(None, fed)[-1]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert "deck" in document["metadata"]["note"] and "None" in document["metadata"]["note"]
    assert "'None' in `deck`" in (folder / "card.md").read_text()


@pytest.mark.parametrize("dtype", ["str", "string", "object"])
def test_frames_and_rows_in_python_give_the_answers_of_predict_frame(folder, asked, dtype):
    rows, expected = asked
    predictor = load_predictor(folder)
    records = rows.to_dicts()
    frame = pd.DataFrame(
        {name: pd.Series(rows[name].to_list(), dtype=dtype) for name in TEXTS}
        | {"age": pd.Series(rows["age"].to_list(), dtype="Int64"), "seen": pd.Series(rows["seen"].to_list())}
    )
    for asked_with in (records, rows.to_dict(as_series=False), frame):
        np.testing.assert_allclose(predictor.predict_frame(asked_with)["prediction"], expected, atol=1e-9)
    np.testing.assert_allclose(load_native(folder).predict(frame), expected, atol=1e-9)


def test_a_csv_file_of_words_that_training_saw_as_values_is_answered_as_predict_frame_does(folder, asked, tmp_path):
    rows, expected = asked
    rows.write_csv(tmp_path / "rows.csv", null_value="")
    signature = load_predictor(folder).signature
    assert signature.words_seen(("None", "nan")) == {"deck": ["None"]}
    found = load_predictor(folder).predict_frame(str(tmp_path / "rows.csv"))["prediction"]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_columns_of_pandas_with_gaps_keep_zones_digits_and_days():
    from workbench.package.signature import _from_pandas

    def of(values, dtype):
        return _from_pandas(pd.Series(values, dtype=dtype))

    long = [9007199254740993, None]
    assert of(long, "Int64").to_list() == of(long, pd.ArrowDtype(pa.int64())).to_list() == long
    assert of([True, None], "boolean") == [True, None]
    assert of([date(2024, 7, 1), None], pd.ArrowDtype(pa.date32())).to_list() == [date(2024, 7, 1), None]
    moments = pd.Series(pd.to_datetime(["2024-07-01 00:30", None])).dt.tz_localize("Europe/Berlin")
    for dtype in (moments.dtype, pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin"))):
        found = _from_pandas(moments.astype(dtype))
        assert found.to_list() == [datetime(2024, 6, 30, 22, 30, tzinfo=UTC), None]


def test_rows_and_tensors_over_http_give_the_answers_of_predict_frame(folder, asked, settings):
    rows, expected = asked
    registry.publish(folder, "flats", settings=settings)
    records = json.loads(json.dumps(rows.to_dicts(), default=lambda moment: moment.isoformat()))
    tensors = [
        {"name": name, "shape": [rows.height], "datatype": "FP64" if name in ("age", "seen") else "BYTES", "data": data}
        for name, data in {
            **{name: rows[name].to_list() for name in TEXTS},
            **{name: [None if np.isnan(x) else x for x in array] for name, array in feeds(rows, {}).items()},
        }.items()
    ]
    # tritonclient writes None as "None" where it sends JSON.
    words = [each | {"data": ["None" if x is None else x for x in each["data"]]} if each["name"] in ("port", "note")
             else each for each in tensors]  # fmt: skip
    with running(create_app(settings)) as address:
        answer = httpx.post(f"{address}/predict/flats", json=records).json()
        found = [row["prediction"] for row in answer["predictions"]]
        np.testing.assert_allclose(found, expected, atol=1e-9)
        for inputs in (tensors, words):
            answer = httpx.post(f"{address}/v2/models/flats/infer", json={"inputs": inputs}).json()
            np.testing.assert_allclose(answer["outputs"][0]["data"], expected, atol=1e-9)


def test_a_category_that_is_called_like_a_missing_value_stays_one(folder):
    signature = load_predictor(folder).signature
    assert signature.missing_words["port"] == list(MISSING_WORDS) and "None" not in signature.missing_words["deck"]
    row = {"port": "S", "deck": "None", "note": "good", "age": 30.0, "seen": None}
    known, missing = load_predictor(folder).predict([row, row | {"deck": None}])
    assert known - missing > 5.0
    named, empty = load_predictor(folder).predict([row | {"port": "None"}, row | {"port": None}])
    assert named == empty  # training saw no port of this name


def test_a_word_of_the_evaluation_rows_is_no_missing_value(tmp_path):
    frame = flats()
    late = frame.head(50).with_columns(port=pl.lit("nan"))
    recipe = fit_recipe(STEPS, frame, target="y", task="regression")
    X = recipe.transform(frame)
    model = wrap_model(
        build_sklearn("ridge", {}, task="regression", seed=0).fit(X, frame["y"].to_numpy()), "ridge", X,
        task="regression", classes=None,
    )  # fmt: skip
    info = build_package(
        tmp_path / "p", spec={"name": "flats", "recipe": [], "seed": 1}, recipe=recipe, model=model,
        signature=make_signature(recipe, frame, "y", "regression", None), train=frame, evaluation=late, metrics={},
        settings=Settings(),
    )  # fmt: skip
    assert info.engine == "onnx", info.reason
    assert "nan" not in load_predictor(tmp_path / "p").signature.missing_words["port"]


def test_behind_steps_without_a_graph_missing_words_are_missing_too(tmp_path):
    steps = (CleanText(columns=("port",), operations=("strip",)), *STEPS)
    assert package(tmp_path / "p", steps).engine == "onnx"
    predictor, rows = load_predictor(tmp_path / "p"), flats(60, seed=5).drop("y")
    expected = predictor.predict(rows)
    session = onnxruntime.InferenceSession(tmp_path / "p" / "model.onnx")
    entered = read_entry(tmp_path / "p", predictor.signature)(predictor.signature.arrays(rows))
    fed = {name: np.array([None if x == "" and name == "port" else x for x in array], dtype=array.dtype)
           for name, array in entered.items()}  # fmt: skip
    np.testing.assert_allclose(session.run(None, fed)[-1], expected, atol=1e-9)
