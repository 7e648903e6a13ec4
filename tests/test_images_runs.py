"""Runs on images, from the spec to the service: given parts, package, predictor, folds, export."""

from __future__ import annotations

import asyncio
import base64
import json
import zipfile
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
from image_samples import SHAPES, as_png, drawn, go_on, image_spec, table_frame, train_here
from nbclient import NotebookClient
from PIL import Image
from typer.testing import CliRunner

from workbench.cli import app
from workbench.data import store_frame
from workbench.errors import EstimatorError, ExplainError, InputError, RecipeError
from workbench.explain import explain_image, explain_rows
from workbench.export import as_code, as_notebook, as_script
from workbench.monitoring import drift
from workbench.package import load_native, load_predictor
from workbench.registry import publish
from workbench.service import create_app
from workbench.settings import Settings
from workbench.training import runs
from workbench.training.preparing import prepare_rows
from workbench.training.spec import RunSpec

PIXELS, KINDS = drawn(30, seed=9)
WORDS = [SHAPES[kind] for kind in KINDS]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def run(home):
    """A finished run on a table with given parts; published as `shapes`."""
    settings = Settings(home=home, models=home / "models")
    table = store_frame(table_frame(330, n_test=60), name="shapes", settings=settings)
    found = train_here(image_spec(table.short_digest), home)
    assert found.status == "finished", found.state.reason
    publish(found, "shapes", settings=settings)
    return found


@pytest.fixture
def model(run):
    return load_predictor(run.package_folder)


@pytest.fixture
def at_home(home, run, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(home))
    monkeypatch.setenv("WORKBENCH_MODELS", str(home / "models"))
    return Settings(home=home, models=home / "models")


class Client:
    """Asks the service in this process, without a socket."""

    def __init__(self, settings):
        self.app = create_app(settings)

    def request(self, method, path, **options):
        async def ask():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, json):
        return self.request("POST", path, json=json)


@pytest.fixture
def client(at_home):
    return Client(at_home)


def prepared(frame, settings, **parts):
    table = store_frame(frame, name="made", settings=settings)
    return prepare_rows(RunSpec.parse(image_spec(table.short_digest, **parts)), table, settings)


def test_given_test_images_are_the_test_rows_and_validation_is_drawn_from_the_others(run):
    report = run.report()
    assert {split: report.n_rows(split) for split in report.splits} == {"train": 216, "validation": 54, "test": 60}
    assert sorted(report.predictions("test")["row"]) == list(range(270, 330))
    assert "The test rows are the 60 that the column 'split' gives" in run.state.note


def test_a_small_convnet_learns_the_shapes(run):
    assert run.metrics()["test"]["accuracy"] > 0.9
    assert [point["epoch"] for point in run.history().filter(pl.col("epoch") % 1 == 0).unique("epoch").to_dicts()]


def test_the_package_is_one_graph_of_uint8_pixels_without_augmentation(run):
    import onnx

    info = json.loads((run.package_folder / "package.json").read_text())
    assert info["engine"] == "onnx" and info["labels_changed"] == 0 and info["n_rows_checked"] == 54 + 60 + 64
    graph = onnx.load(run.package_folder / "model.onnx").graph
    taken = graph.input[0].type.tensor_type
    assert (len(graph.input), taken.elem_type) == (1, onnx.TensorProto.UINT8)
    assert [side.dim_param or side.dim_value for side in taken.shape.dim] == ["N", 12, 12, 1]
    assert [output.name for output in graph.output] == ["label", "probabilities"]
    assert not {node.op_type for node in graph.node} & {"RandomUniform", "RandomNormal", "GridSample"}
    signature = json.loads((run.package_folder / "signature.json").read_text())
    assert signature["target"] == "label" and signature["columns"][0]["image"] == {
        "height": 12, "width": 12, "mode": "grey"
    }  # fmt: skip
    assert "Images of any size, which are brought to 12 x 12 pixels in grey" in (
        run.package_folder / "card.md"
    ).read_text(encoding="utf-8")
    assert '"uint8"' in (run.package_folder / "MLmodel").read_text()
    assert pl.read_parquet(run.package_folder / "background.parquet").height == 100


def test_the_native_model_answers_alike(run, model):
    native = load_native(run.package_folder)
    assert native.engine == "native" and np.abs(native.predict_proba(PIXELS) - model.predict_proba(PIXELS)).max() < 1e-4


def test_images_are_taken_in_every_form(model, tmp_path):
    one, labels = PIXELS[4], model.predict(PIXELS).tolist()
    assert np.mean([label == word for label, word in zip(labels, WORDS, strict=True)]) > 0.9
    (tmp_path / "a.png").write_bytes(as_png(PIXELS[0]))
    (tmp_path / "b.png").write_bytes(as_png(PIXELS[1]))
    (tmp_path / "notes.txt").write_text("no image")
    text = base64.b64encode(as_png(one)).decode()
    forms = {
        "one array": one,
        "with a channel": one[None, :, :, None],
        "colours": np.repeat(one[None, :, :, None], 3, axis=3),
        "fractions": one[None] / 255.0,
        "bytes": as_png(one),
        "list of bytes": [as_png(one)],
        "Pillow": Image.fromarray(one),
        "row of bytes": {"image": as_png(one)},
        "row of base64": [{"image": text}],
        "data URL": [{"image": f"data:image/png;base64,{text}"}],
        "row of lists": [{"image": one.tolist()}],
        "frame": pl.DataFrame({"image": [as_png(one)], "file": ["x"]}),
    }
    assert {name: model.predict(form).tolist() for name, form in forms.items()} == dict.fromkeys(forms, [labels[4]])
    assert model.predict(tmp_path).tolist() == model.predict([tmp_path / "a.png", str(tmp_path / "b.png")]).tolist()
    large = Image.fromarray(one).resize((480, 480), Image.Resampling.NEAREST)
    assert model.predict([large, one]).tolist() == [labels[4]] * 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("/nowhere/a.png", r"Got the image '/nowhere/a.png', which can't be read"),
        (np.zeros((0, 12, 12)), r"Got 0 rows"),
        (np.zeros((2, 12, 12, 2)), r"shape \(2, 12, 12, 2\).*Reshape it"),
        (np.full((1, 12, 12), 300.0), r"pixels from 300 to 300.*needed 0 to 255"),
        (np.full((1, 12, 12), np.nan), r"pixels from nan to nan"),
        ([{"image": None}], r"Got no image in column 'image', row 1 of 1"),
        ([{"image": "/etc/passwd"}], r"Got the text '/etc/passwd'.*in base64"),
        ([{"image": [[1, 2], [3]]}], r"lists of several lengths"),
        ([{"image": [[[1, 2]]]}], r"pixels of shape \(1, 1, 2\)"),
        ([{"picture": b"x"}], r"without 'image'"),
        ([b"no image at all"], r"Got no image that can be read in row 1 of 'image'"),
    ],
)
def test_what_is_no_image_is_refused_in_words(model, rows, message):
    with pytest.raises(InputError, match=message):
        model.predict(rows)


def test_a_folder_without_images_is_refused(model, tmp_path):
    with pytest.raises(InputError, match=r"without images"):
        model.predict(tmp_path)


def test_the_service_takes_rows_of_base64_and_lists(client):
    rows = [{"image": base64.b64encode(as_png(PIXELS[0])).decode()}, {"image": PIXELS[1].tolist()}]
    answer = client.post("/predict/shapes", json={"rows": rows}).json()
    assert [row["prediction"] for row in answer["predictions"]] == WORDS[:2]
    assert set(answer["predictions"][0]["probability"]) == set(SHAPES)
    assert client.post("/predict/shapes", json=rows[0]).status_code == 200


def test_the_service_takes_tensors_of_uint8(client):
    assert client.get("/v2/models/shapes").json()["inputs"] == [
        {"name": "image", "datatype": "UINT8", "shape": [-1, 12, 12, 1]}
    ]
    flat = {"name": "image", "shape": [2, 12, 12, 1], "datatype": "UINT8", "data": PIXELS[:2].ravel().tolist()}
    nested = {"name": "image", "shape": [2, 12, 12], "datatype": "UINT8", "data": PIXELS[:2].tolist()}
    text = [base64.b64encode(as_png(image)).decode() for image in PIXELS[:2]]
    files = {"name": "image", "shape": [2], "datatype": "BYTES", "data": text}
    for tensor in (flat, nested, files):
        answer = client.post("/v2/models/shapes/infer", json={"inputs": [tensor]}).json()
        assert answer["outputs"][0]["data"] == WORDS[:2] and answer["outputs"][1]["shape"] == [2, 3]


@pytest.mark.parametrize(
    ("tensor", "status", "message"),
    [
        ({"shape": [2, 12, 12, 1], "datatype": "UINT8", "data": [1]}, 400, "Got 1 values"),
        ({"shape": [144], "datatype": "UINT8", "data": [0] * 144}, 422, "needed [N, height, width, channels]"),
        ({"shape": [1, 2, 2, 1], "datatype": "UINT8", "data": [0, 1, 2, 999]}, 422, "needed 0 to 255"),
        ({"shape": [1, 2, 2, 1], "datatype": "UINT8", "data": ["a", "b", "c", "d"]}, 400, "aren't numbers"),
        ({"shape": [1, 2, 2, 1], "datatype": "UINT8", "data": [0.5, 0, 0, 0]}, 400, "Got fractions"),
        ({"shape": [1, 2, 2, 1], "datatype": "BOOL", "data": [True] * 4}, 422, "needed UINT8 pixels"),
        ({"shape": [1, 10**6, 10**6, 1], "datatype": "UINT8", "data": [1]}, 422, "Correct it"),
    ],
)
def test_tensors_that_are_no_images_are_refused(client, tensor, status, message):
    answer = client.post("/v2/models/shapes/infer", json={"inputs": [{"name": "image", **tensor}]})
    assert (answer.status_code, message in answer.json()["error"]) == (status, True), answer.json()


def test_the_service_reads_no_files_and_unpacks_no_bombs(client, tmp_path):
    (tmp_path / "a.png").write_bytes(as_png(PIXELS[0]))
    answer = client.post("/predict/shapes", json={"rows": [{"image": str(tmp_path / "a.png")}]})
    assert answer.status_code == 422 and "in base64" in answer.json()["error"]
    bomb = base64.b64encode(as_png(np.zeros((7_000, 7_000), dtype=np.uint8))).decode()
    answer = client.post("/predict/shapes", json={"rows": [{"image": bomb}] * 3})
    assert answer.status_code == 413 and "147,000,000 pixels" in answer.json()["error"]


def test_the_command_line_predicts_a_folder_with_the_names_of_its_files(at_home, tmp_path):
    for place in range(3):
        (tmp_path / f"{place}.png").write_bytes(as_png(PIXELS[place]))
    done = CliRunner().invoke(app, ["predict", "shapes", str(tmp_path)])
    lines = [line.split(",")[:2] for line in done.stdout.splitlines()]
    assert done.exit_code == 0 and lines == [["file", "prediction"], *([f"{n}.png", WORDS[n]] for n in range(3))]
    one = CliRunner().invoke(app, ["predict", "shapes", str(tmp_path / "1.png"), "--json"])
    assert json.loads(one.stdout)["predictions"][0]["prediction"] == WORDS[1]


def test_covering_the_bar_takes_its_probability(model):
    lying = int(np.flatnonzero(KINDS == 1)[0])
    found = explain_image(model, PIXELS[lying])
    bar = int(PIXELS[lying].astype(int).sum(axis=1).argmax())
    rows = found.effects.mean(axis=1)
    assert found.label == "lying" and abs(int(rows.argmax()) - bar) <= 2 and rows.max() > 0
    assert found.frame().height == 144 and "mean grey" in found.method
    with pytest.raises(ExplainError, match=r"Got the class 'round', needed one of frame"):
        explain_image(model, PIXELS[0], label="round")
    with pytest.raises(InputError, match=r"Got 30 images, needed one"):
        explain_image(model, PIXELS)


def test_shapley_values_of_images_are_refused_in_words(model):
    with pytest.raises(ExplainError, match=r"Got a model of images.*Use explain_image"):
        explain_rows(model, PIXELS[:1])


def test_darker_images_have_drifted(at_home):
    assert drift("shapes", PIXELS, settings=at_home).columns[0]["compared"] == "brightness"
    darker = drift("shapes", PIXELS // 4, settings=at_home)
    assert darker.columns[0]["verdict"] == "drifted"


def test_an_exported_run_makes_no_call_for_columns(run):
    script = as_script(run)
    cells = "\n".join(cell.source for cell in as_notebook(run).cells)
    compile(script, "script", "exec")
    assert "run.explain(" not in script + cells and "wb.explain_image(model, run.unseen_rows(1))" in cells
    assert "preview_recipe" not in cells and "model.predict_frame(table.head(5))" in cells


@pytest.mark.parametrize("page", ["predict", "explain"])
@pytest.mark.parametrize("what", ["run", "model"])
def test_the_code_of_a_page_on_images_runs_as_it_stands(at_home, run, page, what):
    opened = {"run_id": run.id} if what == "run" else {"model": "shapes", "takes_images": True}
    code = as_code(run.spec if what == "run" else None, page, **opened)
    names: dict = {}
    exec(compile(code, page, "exec"), names)
    if page == "predict":
        assert names["images"].height == 1
        answers = names["model"].predict_frame(names["images"])
        assert set(answers["prediction"]) <= set(SHAPES)


def test_an_exported_notebook_on_a_zip_of_images_runs_and_gives_the_runs_numbers(settings, tmp_path):
    with zipfile.ZipFile(tmp_path / "shapes.zip", "w") as archive:
        pixels, kinds = drawn(90)
        for place, (image, kind) in enumerate(zip(pixels, kinds, strict=True)):
            part = "test" if place >= 70 else "train"
            archive.writestr(f"{part}/{SHAPES[kind]}/{place}.png", as_png(image))
    spec = RunSpec.parse(image_spec(str(tmp_path / "shapes.zip"), training={"epochs": 2, "batch_size": 16}))
    run = train_here(spec.to_dict(), settings.home)
    assert run.status == "finished", run.state.reason
    notebook = as_notebook(run)
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    (again,) = [found for found in runs(settings=settings) if found.id != run.id]
    assert again.spec == run.spec
    assert again.metrics() == run.metrics()
    # Within an epoch points are written by the clock, without a validation loss.
    losses = [found.history()["val_loss"].drop_nulls().to_list() for found in (again, run)]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 2


def test_a_stopped_run_on_augmented_images_goes_on_to_the_same_result(home, run):
    spec = image_spec(run.spec.data.source, training={"epochs": 4, "batch_size": 64})
    whole = train_here(spec, home)
    stopped = train_here(spec, home, stop_after=2)
    assert stopped.status == "stopped" and stopped.history()["epoch"].max() == 2
    go_on(stopped.folder, Settings(home=home, models=home / "models", checkpoint_seconds=0.0))
    resumed = type(stopped)(stopped.folder)
    assert resumed.status == "finished" and resumed.history()["epoch"].max() == 4
    ours, theirs = (load_predictor(found.package_folder).predict_proba(PIXELS) for found in (resumed, whole))
    assert np.abs(ours - theirs).max() < 1e-6
    assert resumed.metrics()["test"] == pytest.approx(whole.metrics()["test"], abs=1e-6)


def test_folds_of_images_are_divided_without_the_given_test_rows(settings):
    found = prepared(table_frame(60, n_test=12), settings, split={"folds": 3})
    assert len(found.folds) == 3 and [len(fold.test) for fold in found.folds] == [12] * 3
    assert sum(len(fold.validation) for fold in found.folds) == 48


def test_dropping_the_column_of_parts_divides_all_images_anew(settings):
    frame = table_frame(60, n_test=12)
    found = prepared(frame, settings, recipe=[{"step": "drop_columns", "columns": ["split"]}])
    assert len(found.split.test) == 12 and set(found.split.test) != set(range(48, 60)) and not found.notes


def test_given_validation_images_stay_those(settings):
    frame = table_frame(60).with_columns(pl.Series("split", ["train"] * 40 + ["val"] * 8 + ["test"] * 12))
    found = prepared(frame, settings)
    assert found.split.validation.tolist() == list(range(40, 48)) and len(found.split.train) == 40


def test_a_dense_network_on_images_is_the_form_for_images(settings):
    found = prepared(table_frame(30), settings, estimator={"name": "dense_network"})
    assert found.entry.takes == "image" and found.params["layers"] == [128] and found.target == "label"


@pytest.mark.parametrize(
    ("given", "batch_size", "learning_rate", "kind"),
    [
        ({"epochs": 5}, 64, 0.002, "cosine"),
        ({"batch_size": 128}, 128, 0.001, None),  # equal to the general default, and set all the same
        ({"learning_rate": 0.01}, 128, 0.01, None),
    ],
)
def test_a_dense_network_on_images_has_steps_that_suit_it_unless_some_are_given(
    settings, given, batch_size, learning_rate, kind
):
    table = store_frame(table_frame(60), name="shapes", settings=settings)
    dense = image_spec(table.short_digest, estimator={"name": "dense_network"}, training=given)
    spec = RunSpec.parse(dense)
    stored = RunSpec.from_yaml(spec.to_yaml())
    assert stored == spec
    found = prepare_rows(stored, table, settings).spec.training
    assert (found.batch_size, found.learning_rate) == (batch_size, learning_rate)
    assert (found.schedule.kind if found.schedule else None) == kind
    convnet = prepare_rows(RunSpec.parse(image_spec(table.short_digest, training={})), table, settings)
    assert convnet.spec.training.batch_size == 128


def test_images_of_several_sizes_fail_with_the_step_that_mends_them(settings):
    frame = pl.concat([table_frame(20), table_frame(20, side=30)])
    with pytest.raises(RecipeError, match=r"2 sizes.*Add the step resize with height"):
        prepared(frame, settings)
    found = prepared(frame, settings, recipe=[{"step": "resize", "height": 8, "width": 8}])
    assert found.sizes == {(12, 12): 20, (30, 30): 20}


def test_an_estimator_for_images_refuses_a_table_without_them(settings):
    with pytest.raises(RecipeError, match=r"no image column"):
        prepared(pl.DataFrame({"a": [1.0, 2.0] * 20, "label": ["x", "y"] * 20}), settings)


def test_an_unknown_parameter_is_named(settings):
    estimator = {"name": "small_convnet", "params": {"depth": 3}}
    with pytest.raises(EstimatorError, match=r"'depth', which small_convnet doesn't have"):
        prepared(table_frame(30), settings, estimator=estimator)


def test_more_images_than_memory_allows_are_sampled_and_said(settings):
    tight = Settings(home=settings.home, models=settings.models, max_table_mib=1)
    table = store_frame(table_frame(900, side=40), name="many", settings=settings)
    recipe = [{"step": "resize", "height": 40, "width": 40, "mode": "grey"}]
    found = prepare_rows(RunSpec.parse(image_spec(table.short_digest, recipe=recipe)), table, tight)
    assert found.is_sampled and "a random sample" in " ".join(found.notes)
    assert len(found.split.train) * 40 * 40 <= 2**20
