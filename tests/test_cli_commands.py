"""The command line: results on stdout, everything else on stderr, exit status 0, 1 and 2."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
import time

import nbformat
import pytest
import yaml

from workbench import registry
from workbench.cli import main
from workbench.cli.output import table
from workbench.training.state import RunState, write_state

IRIS = {
    "name": "iris-logistic",
    "data": {"source": "iris", "target": "species"},
    "recipe": [{"step": "standardize", "columns": ["sepal_length", "petal_length"]}],
    "estimator": {"name": "logistic_regression"},
}
VERBS = "app lab serve doctor read profile check tables split leaked estimators".split()
VERBS += "train runs stop resume delete evaluate explain export trials estimate".split()
VERBS += "publish models promote rollback predict recipe".split()


class Done:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def workbench(settings, tmp_path, monkeypatch, capsys):
    """Run the command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def spec_file(tmp_path):
    path = tmp_path / "iris.yaml"
    path.write_text(yaml.safe_dump(IRIS))
    return path


def test_help_names_every_command_in_one_line_each(workbench):
    done = workbench("--help")
    assert done.status == 0
    lines = {line.split()[0]: line for line in done.out.split("Commands:")[1].splitlines() if line.strip()}
    assert list(lines) == VERBS
    assert not any(line.endswith("...") for line in lines.values())


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_explains_itself(workbench, verb):
    done = workbench(verb, "--help")
    assert done.status == 0
    assert f"workbench {verb}" in done.out


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["train"], ["promote", "m"], ["promote", "m", "x"], ["promote", "m", "0"], ["runs", "--color"]],
)
def test_wrong_usage_ends_with_two(workbench, arguments):
    done = workbench(*arguments)
    assert (done.status, done.out) == (2, "")
    assert "Usage: workbench" in done.err


def test_the_version_is_shown(workbench):
    done = workbench("--version")
    assert done.status == 0
    assert done.out.startswith("workbench ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["profile", "nothing.csv"], "nothing.csv"),
        (["train", "nothing.yaml"], "needed a readable RunSpec file"),
        (["stop", "nothing-1"], "Got run 'nothing-1'"),
        (["publish", "nothing-1", "m"], "Got run 'nothing-1'"),
        (["predict", "nothing", "rows.csv"], "Models here: none yet"),
        (["promote", "nothing", "1"], "Models here: none yet"),
        (["rollback", "nothing"], "Models here: none yet"),
        (["evaluate", "nothing-1"], "Got run 'nothing-1'"),
    ],
)
def test_failed_work_ends_with_one_and_a_message(workbench, arguments, words):
    done = workbench(*arguments)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("workbench: ")
    assert words in done.err


def test_a_wrong_setting_is_a_message_too(workbench, monkeypatch):
    monkeypatch.setenv("WORKBENCH_PORT", "many")
    done = workbench("runs")
    assert done.status == 1
    assert "WORKBENCH_PORT" in done.err


def test_profile_prints_the_shape_that_scripts_rely_on(workbench, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,\n1,x\n")
    done = workbench("profile", "t.csv", "--json")
    assert done.status == 0
    document = done.json
    assert (document["n_rows"], document["n_columns"], document["n_duplicates"]) == (3, 2, 1)
    assert {key: document["columns"]["b"][key] for key in ("n_missing", "n_unique")} == {"n_missing": 1, "n_unique": 1}
    assert "3 rows, 2 columns, 1 duplicate row" in workbench("profile", "t.csv").out
    assert "150 rows" in workbench("profile", "iris").out


def test_empty_lists_say_what_to_do(workbench):
    assert workbench("runs", "--json").json == []
    assert workbench("models", "--json").json == []
    assert "workbench train SPEC" in workbench("runs").out
    assert "workbench publish RUN NAME" in workbench("models").out


def test_doctor_reports_the_machine_and_its_folders(workbench, tmp_path, monkeypatch):
    done = workbench("doctor", "--json")
    assert done.status == 0, done.err
    report = done.json
    assert report["versions"]["polars"]
    assert report["gpus"] or report["gpu_reason"]
    assert "TPU" in report["tpu"]
    assert report["folders"]["home"]["writable"]
    assert "All well." in workbench("doctor").out
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_MODELS", str(tmp_path / "file"))
    done = workbench("doctor")
    assert done.status == 1
    assert "set WORKBENCH_MODELS to another" in done.out


def test_doctor_leaves_no_file_behind(workbench, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    workbench("doctor")
    assert sorted(tmp_path.rglob("*")) == before


def test_models_are_promoted_and_rolled_back(workbench, settings, model_packages):
    for _ in range(2):
        registry.publish(model_packages["passengers"], "passengers", settings=settings)
    (listed,) = workbench("models", "--json").json
    assert (listed["name"], listed["champion"]) == ("passengers", 1)
    assert [version["version"] for version in listed["versions"]] == [2, 1]
    assert workbench("promote", "passengers", "2", "--note", "better", "--json").json["aliases"] == ["champion"]
    assert registry.audit("passengers", settings=settings)[-1]["note"] == "better"
    assert workbench("rollback", "passengers").out == "passengers version 1 is champion again.\n"
    assert "accuracy 0.9" in workbench("models").out
    done = workbench("rollback", "passengers")
    assert (done.status, done.out) == (1, "")
    assert "no version was champion before version 1" in done.err


ROWS = "sex,age,pclass,alone,colour\nfemale,31,2,false,red\nmale,,3,true,blue\n"


def test_predict_writes_the_rows_in_order(workbench, settings, model_packages, tmp_path):
    registry.publish(model_packages["passengers"], "passengers", settings=settings)
    (tmp_path / "rows.csv").write_text(ROWS)
    done = workbench("predict", "passengers", "rows.csv")
    assert done.status == 0, done.err
    assert done.err == "Ignored columns that the model doesn't take: colour.\n"
    lines = list(csv.DictReader(io.StringIO(done.out)))
    assert list(lines[0]) == ["prediction", "probability_no", "probability_yes"]
    assert [line["prediction"] for line in lines] == ["yes", "no"]
    answer = workbench("predict", "passengers/1", "rows.csv", "-o", "answers.csv")
    assert (answer.status, answer.out) == (0, "")
    assert (tmp_path / "answers.csv").read_text() == done.out
    document = workbench("predict", "passengers", "rows.csv", "--json").json
    assert document["ignored_columns"] == ["colour"]
    assert [row["prediction"] for row in document["predictions"]] == ["yes", "no"]
    assert not settings.tables.exists()  # asking a model stores no table


def test_predict_finds_columns_by_their_letters_and_reports_a_score(workbench, settings, model_packages, tmp_path):
    registry.publish(model_packages["passengers"], "passengers", settings=settings)
    (tmp_path / "rows.csv").write_text("SEX,years,P-class,Alone,survived\nfemale,30,1,true,yes\nmale,40,3,false,yes\n")
    refused = workbench("predict", "passengers", "rows.csv")
    assert (refused.status, refused.out) == (1, "")
    assert "without 'age'" in refused.err
    done = workbench("predict", "passengers", "rows.csv", "--column", "age=years", "--json")
    assert "'P-class' was taken as 'pclass'." in done.json["notes"]
    assert [row["prediction"] for row in done.json["predictions"]] == ["yes", "no"]
    assert done.json["score"]["metrics"]["accuracy"] == 0.5
    assert (done.json["score"]["n_rows"], done.json["ignored_columns"]) == (2, [])
    assert "'survived' holds the true answers of 2 rows: accuracy 0.5" in done.err
    assert "isn't MODEL=FILE" in workbench("predict", "passengers", "rows.csv", "--column", "age").err
    assert "no column 'old'" in workbench("predict", "passengers", "rows.csv", "--column", "age=old").err


def test_predict_of_a_file_larger_than_one_piece_keeps_every_row(
    workbench, settings, model_packages, tmp_path, monkeypatch
):
    monkeypatch.setattr("workbench.cli.models.CHUNK_ROWS", 7)
    registry.publish(model_packages["prices"], "prices", settings=settings)
    rows = [f"{'female' if n % 2 else 'male'},{n},{n % 3 + 1},true" for n in range(1, 31)]
    (tmp_path / "rows.csv").write_text("\n".join(["sex,age,pclass,alone", *rows]))
    done = workbench("predict", "prices", "rows.csv")
    lines = list(csv.DictReader(io.StringIO(done.out)))
    assert list(lines[0]) == ["prediction"]
    expected = registry.load_model("prices", settings=settings).predict(
        [{"sex": s, "age": int(a), "pclass": int(p), "alone": True} for s, a, p, _ in (row.split(",") for row in rows)]
    )
    assert [float(line["prediction"]) for line in lines] == pytest.approx(list(expected))


def test_explain_ranks_the_columns(workbench, settings, model_packages, tmp_path):
    registry.publish(model_packages["passengers"], "passengers", settings=settings)
    (tmp_path / "rows.csv").write_text(ROWS)
    document = workbench("explain", "passengers", "rows.csv", "--rows", "1", "--json").json
    assert (document["model"], document["version"], document["n_rows"]) == ("passengers", 1, 1)
    assert document["importance"][0]["column"] == "sex"
    assert document["additivity_error"] < 1e-6
    assert workbench("explain", "passengers", "rows.csv").out.splitlines()[1].startswith("sex")


def test_rows_that_do_not_fit_write_no_file(workbench, settings, model_packages, tmp_path):
    registry.publish(model_packages["passengers"], "passengers", settings=settings)
    (tmp_path / "rows.csv").write_text("sex,age,pclass\nmale,3,1\n")
    done = workbench("predict", "passengers", "rows.csv", "-o", "answers.csv")
    assert (done.status, done.out) == (1, "")
    assert "alone" in done.err
    assert not (tmp_path / "answers.csv").exists()


def test_a_run_from_spec_to_answer(workbench, settings, spec_file, tmp_path):
    done = workbench("train", spec_file, "--json")
    assert done.status == 0, done.err
    trained = done.json
    assert (trained["status"], trained["name"]) == ("finished", "iris-logistic")
    assert trained["seconds"] > 0
    assert set(trained["metrics"]) == {"train", "validation", "test"}
    assert trained["metrics"]["test"]["accuracy"] > 0.8
    assert "training" in done.err
    run_id = trained["run_id"]
    (listed,) = workbench("runs", "--json").json
    assert set(listed) >= {"run_id", "name", "status", "reason", "pid", "started", "seconds"}
    assert run_id in workbench("runs").out
    assert workbench("evaluate", run_id, "--json").json["metrics"] == trained["metrics"]
    assert "accuracy" in workbench("evaluate", run_id).out
    published = workbench("publish", run_id, "iris", "--json").json
    assert {key: published[key] for key in ("name", "version", "engine", "labels_changed")} == {
        "name": "iris",
        "version": 1,
        "engine": "onnx",
        "labels_changed": 0,
    }
    assert published["max_difference"] <= 1e-5
    assert "iris v2" in workbench("publish", run_id, "iris").out
    for name in ("run.ipynb", "run.py", "run.yaml", "run.json"):
        assert workbench("export", run_id, name).status == 0
    nbformat.validate(nbformat.read(tmp_path / "run.ipynb", 4))
    assert (
        yaml.safe_load((tmp_path / "run.yaml").read_text())["data"]
        == json.loads((tmp_path / "run.json").read_text())["data"]
    )
    assert workbench("export", run_id, "run.docx").status == 2
    stopped = workbench("stop", run_id, "--json")
    assert (stopped.json["status"], stopped.err) == (
        "finished",
        f"{run_id} has already ended; nothing is left to stop.\n",
    )


def test_a_run_without_a_report_is_not_evaluated_as_if_it_had_no_metrics(workbench, settings):
    write_state(settings.runs / "iris-12ab", RunState(status="failed", created=1.0, reason="It broke."))
    done = workbench("evaluate", "iris-12ab")
    assert (done.status, done.out) == (1, "")
    assert "Run iris-12ab failed and has no model: It broke." in done.err


def test_answers_go_into_a_new_folder_but_never_replace_one(workbench, settings, model_packages, tmp_path):
    registry.publish(model_packages["passengers"], "passengers", settings=settings)
    (tmp_path / "rows.csv").write_text(ROWS)
    assert workbench("predict", "passengers", "rows.csv", "-o", "new/answers.csv").status == 0
    assert (tmp_path / "new" / "answers.csv").read_text().startswith("prediction,")
    done = workbench("predict", "passengers", "rows.csv", "-o", "new")
    assert (done.status, done.out) == (2, "")
    assert "is a directory" in done.err


def test_a_run_that_fails_ends_with_one_and_its_reason(workbench, tmp_path):
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump({**IRIS, "recipe": [{"step": "one_hot", "columns": ["colour"]}]}))
    done = workbench("train", "bad.yaml", "--json")
    assert done.status == 1
    assert done.json["status"] == "failed"
    assert "colour" in done.err
    assert "colour" in done.json["reason"]


def test_a_malformed_spec_says_each_field(workbench, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("data: {target: species}\nestimator: {name: x, colour: red}\n"))
    done = workbench("train", "-")
    assert done.status == 1
    assert "data.source" in done.err and "estimator.colour" in done.err


def test_a_detached_run_is_stopped(workbench, tmp_path):
    document = {**IRIS, "estimator": {"name": "random_forest", "params": {"n_estimators": 5000}}}
    (tmp_path / "slow.yaml").write_text(yaml.safe_dump(document))
    began = time.monotonic()
    started = workbench("train", "slow.yaml", "--detach")
    assert time.monotonic() - began < 5
    run_id = started.out.strip()
    while not (tmp_path / "home" / "runs" / run_id / "history.jsonl").exists():
        assert time.monotonic() - began < 60
        time.sleep(0.1)
    stopped = workbench("stop", run_id, "--json").json
    assert (stopped["run_id"], stopped["status"]) == (run_id, "stopped")


def test_a_pipe_that_closes_early_is_no_traceback(settings, tmp_path):
    command = f"{sys.executable} -m workbench doctor | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("Python")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_terminal_gets_a_bar_and_stdout_only_the_result(settings, spec_file, tmp_path):
    main_side, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "train", str(spec_file), "--json"],
        stdout=subprocess.PIPE,
        stderr=side,
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(side)
    drawn = b""
    while True:
        try:
            piece = os.read(main_side, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        drawn += piece
    out, _ = process.communicate(timeout=60)
    os.close(main_side)
    assert process.returncode == 0
    assert json.loads(out)["status"] == "finished"
    assert b"\x1b[" in drawn and "━".encode() in drawn


def test_serve_refuses_a_taken_port(workbench):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for verb in ("serve", "app"):
            done = workbench(verb, "--port", port)
            assert done.status == 1
            assert f"Got the address 127.0.0.1:{port}, which can't be used" in done.err


def test_app_and_lab_start_their_programs_on_our_folders(workbench, settings, monkeypatch):
    started = []

    def instead(program, command, environment):
        started.append((command, environment))
        raise SystemExit(0)

    monkeypatch.setattr("os.execve", instead)
    monkeypatch.setattr("workbench.cli.start._app_script", lambda: "app.py")
    workbench("app", "--port", "0", "--headless")
    workbench("lab", "--port", "8899", "--headless")
    (app, environment), (lab, _) = started
    assert app[1:5] == ["-m", "streamlit", "run", "app.py"]
    assert {"--server.port=0", "--server.headless=true", "--server.address=127.0.0.1"} <= set(app)
    assert environment["WORKBENCH_HOME"] == str(settings.home.resolve())
    assert lab[1:3] == ["-m", "jupyterlab"]
    assert {"--port=8899", "--no-browser"} <= set(lab)


def test_tables_are_aligned():
    assert table(["name", "n"], [["a", 1], ["long", 200.5]]) == "name      n\na         1\nlong  200.5"
    assert table(["name"], []) == "name"


def test_estimators_lists_the_catalogue_and_shows_the_parameters_of_one(workbench, tmp_path, monkeypatch):
    names = [found["name"] for found in workbench("estimators", "--task", "regression", "--json").json]
    assert "svm" in names and "logistic_regression" not in names
    assert "Support vector machine" in workbench("estimators").out
    shown = workbench("estimators", "svm").out
    assert "or none for 1 / (features × their variance)" in shown and "Formula: " in shown
    done = workbench("estimators", "smv")
    assert done.status == 1 and "Did you mean 'svm'?" in done.err
    assert "Got the task 'ranking', needed one of" in workbench("estimators", "--task", "ranking").err
    path = tmp_path / "mine.py"
    path.write_text("import nothing_of_that_name\n")
    monkeypatch.setenv("WORKBENCH_ESTIMATORS", str(path))
    done = workbench("estimators")
    assert done.status == 0 and "svm" in done.out
    assert "fails in line 1 with ModuleNotFoundError" in done.err
