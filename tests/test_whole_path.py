"""From a file to a served prediction, as a user of the command line goes: real processes, real files, a real socket."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml


class Shell:
    """Runs the command line in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "WORKBENCH_HOME": str(folder / "home"),
            "WORKBENCH_MODELS": str(folder / "models"),
        }

    def run(self, *arguments: object, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workbench", *map(str, arguments)]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=timeout
        )

    def json(self, *arguments: object) -> dict:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def spec(self, name: str, document: dict) -> Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, **document}))
        return path


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


TITANIC = {
    "data": {"source": "titanic", "target": "survived"},
    "recipe": [
        {"step": "drop_columns", "columns": ["name", "ticket", "cabin", "boat", "body", "home.dest"]},
        {"step": "drop_duplicates"},
        {"step": "impute", "columns": ["age", "fare"], "strategy": "median"},
        {"step": "one_hot", "columns": ["sex", "embarked"]},
        {"step": "standardize", "columns": ["age", "fare"]},
    ],
    "estimator": {"name": "logistic_regression"},
}


def recipe_for(table, target: str, *, scale: bool) -> list[dict]:
    """Give imputing, one-hot encoding and, if asked, scaling for all columns of a table."""
    columns = [column for column in table.columns if column.name != target]
    numbers = [column.name for column in columns if column.kind == "number"]
    texts = [column.name for column in columns if column.kind != "number"]
    steps = [
        {"step": "impute", "columns": numbers, "strategy": "median"},
        {"step": "impute", "columns": texts, "strategy": "most_frequent"},
        {"step": "one_hot", "columns": texts},
    ]
    return [*steps, {"step": "standardize", "columns": numbers}] if scale else steps


@pytest.fixture(scope="module")
def adult(large_data):
    """Give the train file of Adult and its table."""

    return large_data / "adult_train.csv.gz", large_data / "adult_test.csv.gz"


def adult_spec(path: Path, settings, *, scale: bool, **estimator) -> dict:
    import workbench as wb

    table = wb.read_table(path, settings=settings)
    return {
        "data": {"source": str(path), "target": "income"},
        "recipe": recipe_for(table, "income", scale=scale),
        "split": {"test": 0.2, "validation": 0.1},
        **estimator,
    }


@pytest.mark.large
@pytest.mark.parametrize(
    ("estimator", "scale", "accuracy", "roc_auc"),
    [
        ({"estimator": {"name": "logistic_regression"}}, True, 0.84, 0.90),
        ({"estimator": {"name": "hist_gradient_boosting"}}, False, 0.865, 0.92),
        (
            {
                "estimator": {"name": "dense_network", "params": {"layers": [64, 32]}},
                "training": {"epochs": 8, "early_stopping": {"patience": 3}},
            },
            True,
            0.84,
            0.90,
        ),
    ],
    ids=["logistic", "boosting", "network"],
)
def test_adult_reaches_its_reference_from_the_command_line(shell, settings, adult, estimator, scale, accuracy, roc_auc):
    spec = shell.spec("adult", adult_spec(adult[0], settings, scale=scale, **estimator))
    answer = shell.json("train", spec)
    assert answer["status"] == "finished"
    assert answer["metrics"]["test"]["accuracy"] >= accuracy
    assert answer["metrics"]["test"]["roc_auc"] >= roc_auc
    published = shell.json("publish", answer["run_id"], "adult")
    assert (published["name"], published["version"], published["engine"]) == ("adult", 1, "onnx")
    assert published["labels_changed"] == 0
    assert published["max_difference"] <= 1e-5


@pytest.mark.large
def test_california_boosting_stays_below_fifty_thousand(shell, large_data):
    document = {
        "data": {"source": str(large_data / "california_housing.csv.gz"), "target": "median_house_value"},
        "recipe": [{"step": "one_hot", "columns": ["ocean_proximity"]}],
        "estimator": {"name": "hist_gradient_boosting", "params": {"max_iter": 300}},
    }
    answer = shell.json("train", shell.spec("housing", document))
    assert answer["metrics"]["test"]["rmse"] < 50_000
    assert shell.json("publish", answer["run_id"], "housing")["engine"] == "onnx"


@pytest.mark.large
def test_the_graph_of_a_scaled_adult_forest_agrees_on_the_whole_test_file(shell, settings, adult):
    from workbench.package import load_native, load_predictor

    forest = {"estimator": {"name": "random_forest", "params": {"n_estimators": 200}}}
    answer = shell.json("train", shell.spec("forest", adult_spec(adult[0], settings, scale=True, **forest)))
    published = shell.json("publish", answer["run_id"], "forest")
    assert (published["engine"], published["labels_changed"]) == ("onnx", 0)
    folder = shell.folder / "models" / "forest" / "1"

    import workbench as wb

    rows = wb.read_table(adult[1], settings=settings).frame()
    assert rows.height == 16_281
    graph = load_predictor(folder).predict_proba(rows)
    native = load_native(folder).predict_proba(rows)
    assert abs(graph - native).max() <= 1e-5
    assert (graph.argmax(axis=1) == native.argmax(axis=1)).all()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def service(shell):
    """Start `workbench serve` on a free port and give its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "serve", "--port", str(port)],
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/v2/health/live").status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(10)
    process.stderr.close()


def test_one_row_has_the_same_answer_by_every_way_in(shell, service):
    import workbench as wb

    answer = shell.json("train", shell.spec("titanic", TITANIC))
    assert set(answer["metrics"]["test"]) >= {"accuracy", "roc_auc", "log_loss", "f1_macro"}
    shell.json("publish", answer["run_id"], "titanic")
    row = {"pclass": 3, "sex": "male", "age": 30.0, "sibsp": 0, "parch": 0, "fare": None, "embarked": "Q"}

    model = wb.load_model("titanic@champion", settings=wb.Settings.from_environment(shell.environment))
    by_python = model.predict_proba([row])[0]

    (shell.folder / "row.csv").write_text("pclass,sex,age,sibsp,parch,fare,embarked\n3,male,30,0,0,,Q\n")
    done = shell.run("predict", "titanic", "row.csv")
    assert done.returncode == 0, done.stderr
    (line,) = csv.DictReader(io.StringIO(done.stdout))
    by_shell = [float(line["probability_0"]), float(line["probability_1"])]

    plain = httpx.post(f"{service}/predict/titanic", json={"rows": [row]}).json()
    by_rows = [plain["predictions"][0]["probability"][label] for label in ("0", "1")]

    inputs = [
        {
            "name": name,
            "shape": [1],
            "datatype": "BYTES" if isinstance(value, str) else "FP64",
            "data": [value],
        }
        for name, value in row.items()
    ]
    answer = httpx.post(f"{service}/v2/models/titanic/infer", json={"inputs": inputs}).json()
    by_protocol = next(output["data"] for output in answer["outputs"] if output["name"] == "probabilities")

    for other in (by_shell, by_rows, by_protocol):
        assert other == pytest.approx(list(by_python), abs=1e-5)
    assert str(plain["predictions"][0]["prediction"]) == line["prediction"] == str(model.predict([row])[0])


def test_a_killed_worker_is_lost_with_its_reason_within_five_seconds(shell):
    slow = {
        **TITANIC,
        "estimator": {"name": "random_forest", "params": {"n_estimators": 5000}},
    }
    started = time.monotonic()
    detached = shell.run("train", shell.spec("slow", slow), "--detach")
    assert detached.returncode == 0, detached.stderr
    run_id = detached.stdout.strip()
    assert time.monotonic() - started < 20

    def state() -> dict:
        return next(run for run in json.loads(shell.run("runs", "--json").stdout) if run["run_id"] == run_id)

    deadline = time.monotonic() + 60
    while state()["status"] != "running" and time.monotonic() < deadline:
        time.sleep(0.2)
    os.kill(state()["pid"], signal.SIGKILL)
    killed = time.monotonic()
    while state()["status"] != "lost" and time.monotonic() - killed < 10:
        time.sleep(0.2)
    assert time.monotonic() - killed < 5 + 3  # starting the command itself takes part of it
    assert state()["status"] == "lost"
    assert str(state()["pid"]) in state()["reason"]


def test_a_stopped_run_keeps_what_it_has_learned(shell):
    slow = {**TITANIC, "estimator": {"name": "random_forest", "params": {"n_estimators": 5000}}}
    run_id = shell.run("train", shell.spec("slow", slow), "--detach").stdout.strip()
    history = shell.folder / "home" / "runs" / run_id / "history.jsonl"
    deadline = time.monotonic() + 60
    while not (history.exists() and history.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert shell.run("stop", run_id).returncode == 0
    while time.monotonic() < deadline:
        (run,) = json.loads(shell.run("runs", "--json").stdout)
        if run["status"] not in ("queued", "running"):
            break
    assert run["status"] == "stopped"
    assert shell.json("publish", run_id, "early")["engine"] == "onnx"


BAD_FILES = {
    "empty.csv": (b"", "empty"),
    "header.csv": (b"a,b,target\n", "no rows|header"),
    "binary.csv": (bytes(range(256)) * 40, "binary|text"),
    "ragged.csv": (b"a,b,target\n1,2,x\n3,4\n5,6,y,7,8\n", "row|line"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_with_a_message(shell, name):
    content, words = BAD_FILES[name]
    (shell.folder / name).write_bytes(content)
    done = shell.run("profile", name)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert name in done.stderr
    assert re.search(words, done.stderr)
    tables = shell.folder / "home" / "tables"
    assert not tables.exists() or not list(tables.iterdir())


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([f"{n},same" for n in range(40)], "one (class|value)|'same'"),
        ([f"{n},{('yes', 'no', '')[n % 3]}" for n in range(40)], "missing"),
        ([f"{n},{'yes' if n % 2 else 'no'}" for n in range(40)], None),
    ],
    ids=["one class", "missing target", "fine"],
)
def test_a_target_that_cannot_be_learned_is_refused(shell, rows, words):
    (shell.folder / "table.csv").write_text("\n".join(["number,target", *rows]))
    document = {"data": {"source": "table.csv", "target": "target"}, "estimator": {"name": "baseline"}}
    done = shell.run("train", shell.spec("bad", document))
    if words is None:
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(words, done.stderr)


def test_wide_text_and_all_missing_columns_say_what_to_do(shell):
    lines = [f"{n},{n % 7}.5,,word{n} and more of it,{'yes' if n % 2 else 'no'}" for n in range(50_000)]
    (shell.folder / "wide.csv").write_text("\n".join(["id,number,nothing,text,target", *lines]))
    profile = shell.json("profile", "wide.csv")
    assert (profile["n_rows"], profile["n_columns"], profile["n_duplicates"]) == (50_000, 5, 0)
    assert profile["columns"]["nothing"]["n_missing"] == 50_000
    assert profile["columns"]["text"]["n_unique"] == 50_000
    document = {
        "data": {"source": "wide.csv", "target": "target"},
        "recipe": [{"step": "one_hot", "columns": ["text"]}],
        "estimator": {"name": "baseline"},
    }
    done = shell.run("train", shell.spec("wide", document))
    assert done.returncode == 1
    assert "text" in done.stderr
    assert "50,000" in done.stderr or "30,000" in done.stderr or "drop_columns" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sepal_length,sepal_width,petal_length\n1,2,3\n", "petal_width"),
        ("sepal_length,sepal_width,petal_length,petal_width\n1,2,3,tall\n", "tall"),
        ("sepal_length,sepal_width,petal_length,petal_width\n", "rows"),
    ],
    ids=["missing column", "wrong type", "no rows"],
)
def test_rows_that_do_not_fit_are_refused(shell, text, words):
    document = {"data": {"source": "iris", "target": "species"}, "estimator": {"name": "logistic_regression"}}
    run_id = shell.json("train", shell.spec("iris", document))["run_id"]
    shell.json("publish", run_id, "iris")
    (shell.folder / "rows.csv").write_text(text)
    done = shell.run("predict", "iris", "rows.csv", "-o", "answers.csv")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (shell.folder / "answers.csv").exists()


def test_an_extra_column_is_named_and_ignored(shell):
    document = {"data": {"source": "iris", "target": "species"}, "estimator": {"name": "logistic_regression"}}
    run_id = shell.json("train", shell.spec("iris", document))["run_id"]
    shell.json("publish", run_id, "iris")
    header = "sepal_length,sepal_width,petal_length,petal_width,colour"
    (shell.folder / "rows.csv").write_text(f"{header}\n5.1,3.5,1.4,0.2,blue\n")
    done = shell.run("predict", "iris", "rows.csv")
    assert done.returncode == 0
    assert "colour" in done.stderr
    assert len(list(csv.DictReader(io.StringIO(done.stdout)))) == 1


def test_wrong_usage_ends_with_two(shell):
    assert shell.run("train").returncode == 2
    assert shell.run("no-such-command").returncode == 2
