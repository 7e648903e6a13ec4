"""Packages of recipes with column steps and dates: raw columns in, the same answer from graph and native model."""

from __future__ import annotations

import json
import sys
import threading
from datetime import date

import numpy as np
import onnxruntime
import polars as pl
import pytest
import yaml
from guest_packages import STEPS, build, guests

from workbench.errors import IntegrityError, PackageError
from workbench.package import load_native, load_predictor, make_signature
from workbench.package.entering import CompiledEntry
from workbench.recipe import FittedRecipe, fit_recipe
from workbench.recipe.entering import Entry


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages") / "guests"
    frame = guests()
    return folder, frame, build(folder, STEPS, frame)


def test_a_graph_behind_column_steps_agrees_with_the_native_model(built):
    folder, frame, info = built
    assert (info.engine, info.reason, info.labels_changed) == ("onnx", "", 0)
    assert info.max_difference < 1e-9 and info.n_rows_checked == 400
    graph, native = load_predictor(folder), load_native(folder)
    np.testing.assert_allclose(graph.predict_proba(frame), native.predict_proba(frame), atol=1e-9)
    assert FittedRecipe.load(folder / "native" / "recipe").needs_frame


def test_requests_name_the_raw_columns_and_the_graph_the_inner_ones(built):
    folder, frame, _ = built
    predictor = load_predictor(folder)
    assert predictor.signature.column_names == ["age", "sex", "fare", "last_seen", "back"]
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    inner = {entry.name for entry in session.get_inputs()}
    assert inner == set(predictor.signature.graph_inputs) == {
        "age", "age_missing", "sex", "fare", "last_seen_missing", "returned",
    }  # fmt: skip
    row = {"age": None, "sex": "female", "fare": 7.5, "last_seen": "2021-05-01T10:00Z", "back": True}
    assert predictor.predict_proba(row)[0, 1] > 0.5 > predictor.predict_proba(row | {"last_seen": None})[0, 1]


def test_steps_that_have_a_graph_are_in_it_and_nothing_runs_in_front(tmp_path):
    frame = guests()
    info = build(tmp_path / "p", [step for step in STEPS if step.step != "clean_text"], frame)
    assert (info.engine, info.reason) == ("onnx", "")
    assert not (tmp_path / "p" / "entry.json").exists()
    predictor = load_predictor(tmp_path / "p")
    session = onnxruntime.InferenceSession(tmp_path / "p" / "model.onnx", providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == predictor.signature.column_names == frame.columns[:-1]
    for back in (2, True, 1.0, -1):  # any number but 0 is a yes
        rows = frame.with_columns(back=pl.lit(back))
        np.testing.assert_allclose(
            predictor.predict_proba(rows), predictor.predict_proba(rows.with_columns(back=pl.lit(True))), atol=1e-12
        )


def test_whoever_serves_the_graph_alone_is_told_where_it_begins(built):
    folder, _, _ = built
    card = (folder / "card.md").read_text()
    assert (
        "## How it prepares the columns\n\n1. `flag_missing` age, last_seen\n2. `drop_columns` last_seen\n"
        "3. `rename` back\n4. `clean_text` sex\n" in card
    )
    assert "`model.onnx` takes" in card and "Triton" in card and "behind the steps in `entry.json`" in card
    assert "| last_seen | datetime | 2020-01-01 " in card
    assert "model.onnx itself takes `graph_inputs`" in json.loads((folder / "signature.json").read_text())["graph_note"]
    described = yaml.safe_load((folder / "MLmodel").read_text())
    assert "entry.json" in described["metadata"]["note"]
    named = {entry["name"] for entry in json.loads(described["signature"]["inputs"])}
    assert {"returned", "age_missing"} <= named and "back" not in named
    steps = json.loads((folder / "entry.json").read_text())
    assert [step["step"] for step in steps["steps"]] == [
        "flag_missing",
        "drop_columns",
        "rename",
        "clean_text",
    ] and "model.onnx starts" in steps["note"]


def test_changed_or_absent_steps_are_refused(tmp_path):
    build(tmp_path / "p", STEPS, guests())
    path = tmp_path / "p" / "entry.json"
    path.write_text(path.read_text().replace("returned", "sex2"))
    with pytest.raises(IntegrityError, match=r"entry\.json with another content"):
        load_predictor(tmp_path / "p")
    for content, words in (
        ('{"format": 9}', "Got entry.json of format 9, needed 1. Update"),
        ('{"format": 1, "kinds": {}}', "without a usable entry.json .* Build the package again"),
        ('{"format": 1, "kinds": {}, "steps": [{"step": "run_code"}], "columns": []}', "without a usable entry.json"),
    ):
        path.write_text(content)
        with pytest.raises(PackageError, match=words):
            load_predictor(tmp_path / "p", verify=False)
    path.unlink()
    with pytest.raises(PackageError, match=r"without a usable entry\.json"):
        load_predictor(tmp_path / "p", verify=False)


def test_many_threads_get_the_answers_of_one_through_column_steps(built):
    folder, frame, _ = built
    predictor = load_predictor(folder)
    expected = predictor.predict_proba(frame)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(predictor.predict_proba(frame))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and all((answer == expected).all() for answer in answers)


def test_the_service_needs_no_scikit_learn_for_column_steps(built):
    import subprocess

    code = f"""
import sys
from workbench.package import load_predictor
print(load_predictor({str(built[0])!r}).predict([{{"age": 3, "sex": "male", "fare": 1, "last_seen": None, "back": 0}}]))
assert not {{"sklearn", "onnx", "shap"}} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_compiled_steps_do_what_the_recipe_does(built):
    _, frame, _ = built
    recipe = fit_recipe(STEPS, frame, target="stayed")
    signature = make_signature(recipe, frame, "stayed", "classification", ["no", "yes"])
    ours = CompiledEntry(Entry.from_dict(recipe.entry.to_dict()))(signature.check(frame).arrays)
    theirs = recipe.enter(frame)
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)
        assert ours[name].dtype == array.dtype


def test_a_date_without_a_time_is_said_to_be_one(tmp_path):
    frame = guests().with_columns(pl.col("last_seen").dt.date())
    assert build(tmp_path / "p", STEPS, frame).engine == "onnx"
    predictor = load_predictor(tmp_path / "p")
    column = predictor.signature.column("last_seen")
    assert column.date_only and column.minimum == str(frame["last_seen"].min())
    row = frame.row(5, named=True)
    for moment in (date(2021, 5, 1), "2021-05-01", "2021-05-01T00:00Z", 1_619_827_200):
        answer = predictor.predict_proba([row | {"last_seen": moment}])
        np.testing.assert_array_equal(answer, predictor.predict_proba([row | {"last_seen": date(2022, 1, 1)}]))
