"""A model of a raw table, asked in every way over a real socket: the same numbers everywhere."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import httpx
import numpy as np
import polars as pl
import pytest
from guest_packages import RAW_STEPS, STEPS, build, guests, raw_guests
from test_service_http import running  # noqa: E402

from workbench import registry
from workbench.package import load_native
from workbench.service import create_app


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    info = build(folder / "raw", RAW_STEPS, raw_guests(), estimator="hist_gradient_boosting")
    assert (info.engine, info.reason) == ("onnx", "")
    build(folder / "guests", STEPS, guests())
    return folder


@pytest.fixture
def address(settings, packages):
    for name in ("raw", "guests"):
        registry.publish(packages / name, name, settings=settings)
    with running(create_app(settings)) as address:
        yield address


def as_json(frame):
    """Rows as a client of the raw table would write them."""
    return json.loads(json.dumps(frame.drop("stayed").to_dicts(), default=lambda moment: moment.isoformat()))


def probabilities(answer):
    assert answer.status_code == 200, answer.text
    return np.array([list(row["probability"].values()) for row in answer.json()["predictions"]])


def as_tensors(rows, signature, *, seconds=False):
    tensors = []
    for name, kind in signature.types.items():
        values, datatype = [row[name] for row in rows], "FP64" if kind == "number" else "BYTES"
        if kind == "number":
            values = [None if value is None else float(value) for value in values]
        elif kind == "datetime" and seconds:
            values, datatype = [None if np.isnan(s) else s for s in signature.check(rows).arrays[name]], "FP64"
        tensors.append({"name": name, "shape": [len(rows)], "datatype": datatype, "data": values})
    return tensors


def test_python_command_line_rows_and_tensors_give_the_same_numbers(settings, packages, address, tmp_path):
    frame = raw_guests(40, seed=7)
    predictor = registry.load_model("raw", settings=settings)
    expected = predictor.predict_proba(frame)
    np.testing.assert_allclose(load_native(packages / "raw").predict_proba(frame), expected, atol=1e-9)
    rows = as_json(frame)
    np.testing.assert_allclose(predictor.predict_proba(rows), expected, atol=1e-12)
    np.testing.assert_allclose(probabilities(httpx.post(f"{address}/predict/raw", json=rows)), expected, atol=1e-12)
    for seconds in (False, True):
        inputs = as_tensors(rows, predictor.signature, seconds=seconds)
        answer = httpx.post(f"{address}/v2/models/raw/infer", json={"inputs": inputs})
        assert answer.status_code == 200, answer.text
        data = answer.json()["outputs"][1]
        np.testing.assert_allclose(np.reshape(data["data"], data["shape"]), expected, atol=1e-12)
    frame.write_csv(tmp_path / "rows.csv")
    command = [sys.executable, "-m", "workbench", "predict", "raw", str(tmp_path / "rows.csv")]
    done = subprocess.run(command, capture_output=True, check=True)
    written = pl.read_csv(io.BytesIO(done.stdout))
    np.testing.assert_allclose(written.select("probability_no", "probability_yes").to_numpy(), expected, atol=1e-9)


def test_a_file_whose_reader_guesses_dates_and_numbers_reaches_the_steps_as_it_is_written(settings, packages, tmp_path):
    from workbench.package.reading import read_rows

    registry.publish(packages / "raw", "raw", settings=settings)
    predictor = registry.load_model("raw", settings=settings)
    rows = raw_guests(6, seed=7).filter(pl.col("booked").is_not_null())
    rows = rows.with_columns(pl.col("price").str.strip_suffix(" €"))  # nothing but numbers and dates in these columns
    rows.write_csv(tmp_path / "rows.csv", separator=";")
    read = read_rows(tmp_path / "rows.csv", predictor.signature).frame
    assert read["booked"].to_list() == rows["booked"].to_list()
    assert read["price"].to_list() == rows["price"].to_list()
    np.testing.assert_allclose(predictor.predict_proba(read), predictor.predict_proba(rows), atol=1e-12)


def test_metadata_names_the_raw_columns(address):
    described = httpx.get(f"{address}/v2/models/raw").json()
    assert {entry["name"]: entry["datatype"] for entry in described["inputs"]} == {
        "age": "FP64", "sex": "BYTES", "fare": "FP64", "last_seen": "BYTES", "back": "FP64",
        "booked": "BYTES", "price": "BYTES", "letter": "BYTES",
    }  # fmt: skip


MOMENTS = ["2021-05-01T10:00:00Z", "2021-05-01T12:00+02:00", "2021-05-01 10:00", 1_619_863_200]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_may_be_written_in_several_ways(address, moment):
    row = as_json(raw_guests(1))[0]
    usual = probabilities(httpx.post(f"{address}/predict/raw", json=row | {"last_seen": MOMENTS[0]}))
    answer = probabilities(httpx.post(f"{address}/predict/raw", json=row | {"last_seen": moment}))
    np.testing.assert_array_equal(answer, usual)


@pytest.mark.parametrize("moment", ["soon", "2021-13-01", 1e300, True, 1_619_863_200_000])
def test_what_is_no_moment_is_refused_with_its_row(address, moment):
    row = as_json(raw_guests(1))[0]
    answer = httpx.post(f"{address}/predict/raw", json=[row, row | {"last_seen": moment}])
    assert answer.status_code == 422
    assert "in column 'last_seen', row 2 of 2, needed a date or time such as 2024-12-31" in answer.json()["error"]


def test_odd_values_in_text_and_dates_are_answered(address):
    row = as_json(raw_guests(1))[0]
    odd = ["", " ", "\u0000", "31.02.2021", "<b>", "٣١٫١٢", "x" * 100_000, "\U0001f469\u200d\U0001f680", None]
    rows = [row | {"letter": text, "price": text, "booked": text, "last_seen": None} for text in odd]
    assert np.isfinite(probabilities(httpx.post(f"{address}/predict/raw", json=rows))).all()


@pytest.mark.parametrize(
    ("datatype", "value"), [("INT8", 300), ("INT8", -129), ("UINT8", -1), ("INT64", 2**63), ("FP32", 1e39)]
)
def test_a_value_that_its_datatype_cannot_hold_is_refused(address, datatype, value):
    inputs = [{"name": "age", "shape": [1], "datatype": datatype, "data": [value]}]
    answer = httpx.post(f"{address}/v2/models/guests/infer", json={"inputs": inputs})
    assert answer.status_code == 400
    assert f"needed a value that {datatype} can hold" in answer.json()["error"]
