"""Runs as real processes: they finish, are stopped, fail with a reason, and are found when they are killed."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.api.running import runs_frame
from workbench.errors import EstimatorError, RunError, RunNotFoundError, SettingsError, SpecError, StorageError
from workbench.settings import Settings
from workbench.training import Run, delete_run, open_run, runs, start, train
from workbench.training.spec import RunSpec
from workbench.training.state import PROCESS, SPEC, STATE

LONG = {"name": "hist_gradient_boosting", "params": {"max_iter": 10_000}}
SHORT = {"name": "hist_gradient_boosting", "params": {"max_iter": 5}}


@pytest.fixture
def settings(settings: Settings) -> Iterator[Settings]:
    """The shared settings with quick heartbeats; whatever still runs at the end is ended."""
    quick = replace(settings, heartbeat_seconds=0.2, hardware_seconds=0.2)
    yield quick
    for run in runs(settings=quick):
        process = json.loads((run.folder / PROCESS).read_text()) if (run.folder / PROCESS).exists() else {}
        if not run.state.has_ended and process:
            with suppress(ProcessLookupError):
                os.kill(process["pid"], signal.SIGKILL)
            run.wait(10)


def spec(estimator: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    document = {"name": "iris", "data": {"source": "iris", "target": "species"}, "estimator": estimator or SHORT}
    if estimator is LONG:  # to be stopped or killed, however fast the machine is
        document["training"] = {"early_stopping": {"patience": 10_000}}
    return document | changes


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def is_learning(run: Run) -> bool:
    assert not run.state.has_ended, run.reason
    return run.history().height > 3


def python(code: str, settings: Settings) -> subprocess.Popen[str]:
    environment = {**os.environ, **settings.to_environment(), "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run that many tests look at."""
    home = tmp_path_factory.mktemp("finished")
    quick = Settings(home=home / "home", models=home / "models", heartbeat_seconds=0.2, hardware_seconds=0.2)
    run = start(spec(), settings=quick)
    assert run.status in ("queued", "running")
    return run.wait(120)


def test_a_run_finishes_with_history_hardware_metrics_and_a_model(finished: Run) -> None:
    run = finished
    assert (run.status, run.reason) == ("finished", None), run.log()
    assert run.history()["step"].to_list() == [1, 2, 3, 4, 5]
    assert run.hardware()["process_memory_mib"].max() > 50
    metrics = run.metrics()
    assert set(metrics) == {"train", "validation", "test"}
    assert metrics["test"]["accuracy"] > 0.8
    state = run.state
    assert (state.phase, state.step, state.total, state.unit) == ("done", 5, 5, "round")
    assert state.best is not None
    assert state.best["value"] == pytest.approx(run.history()["val_loss"].min())
    assert 0 < run.seconds < 90
    prediction = run.model().predict(
        {"sepal_length": [5.1], "sepal_width": [3.5], "petal_length": [1.4], "petal_width": [0.2]}
    )
    assert prediction.tolist() == ["setosa"]
    line = run.to_dict()
    assert set(line) == {
        *("run_id", "name", "status", "reason", "waiting_for", "warning", "pid", "device", "started", "seconds"),
        *("resumed", "energy_wh", "note", "tags", "priority", "data"),
    }
    assert (line["run_id"], line["name"], line["status"]) == (run.id, "iris", "finished")
    assert not list(run.folder.glob(".*"))  # neither half-written files nor the reserve


def test_a_run_in_the_foreground_reports_progress_and_equals_one_in_the_background(
    settings: Settings, finished: Run
) -> None:
    seen: list[str] = []
    run = train(spec(), settings=settings, on_progress=lambda run: seen.append(run.status), every_seconds=0.05)
    assert run.status == "finished", run.log()
    assert seen[-1] == "finished"
    assert "running" in seen
    assert run.metrics() == finished.metrics()


def test_no_validation_and_no_test_rows_still_give_a_model(settings: Settings) -> None:
    run = train(spec(split={"test": 0.0, "validation": 0.0}), settings=settings)
    assert run.status == "finished", run.log()
    assert set(run.metrics()) == {"train"}
    assert "val_loss" not in run.history().columns


@pytest.mark.parametrize("name", ["diabetes", "titanic"])
def test_regression_and_row_steps(settings: Settings, name: str) -> None:
    documents: dict[str, dict[str, Any]] = {
        "diabetes": {"data": {"source": "diabetes", "target": "progression"}},
        "titanic": {
            "data": {"source": "titanic", "target": "survived"},
            "recipe": [
                {"step": "drop_columns", "columns": ["name", "ticket", "boat", "body", "cabin", "home.dest"]},
                {"step": "drop_missing", "columns": ["embarked"]},
                {"step": "one_hot", "columns": ["sex", "embarked"]},
            ],
        },
    }
    run = train(spec(**documents[name]), settings=settings)
    assert run.status == "finished", run.log()
    assert set(run.metrics()["test"]) >= ({"rmse", "r2", "mae"} if name == "diabetes" else {"accuracy", "roc_auc"})
    rows = run.report().predictions("test")["row"].to_numpy()
    if name == "titanic":  # rows are places in the table, and the two rows without a port are in no part
        table = __import__("workbench.data", fromlist=["sample"]).sample("titanic").frame()
        assert table[rows]["embarked"].null_count() == 0
        np.testing.assert_array_equal(
            table[rows]["survived"].cast(int).to_numpy(),
            run.report().predictions("test")["y_true"].cast(int).to_numpy(),
        )


def test_a_killed_worker_is_lost_within_five_seconds_and_its_signal_is_named(settings: Settings) -> None:
    run = start(spec(LONG), settings=settings)
    until(lambda: is_learning(run))
    height = run.history().height
    os.kill(run.state.pid or 0, signal.SIGKILL)
    killed = time.monotonic()
    until(lambda: run.status == "lost", seconds=5)
    assert time.monotonic() - killed < 5
    assert "killed by signal 9 (SIGKILL): memory ran out, or someone ended it" in (run.reason or "")
    assert run.history().height >= height
    ended = run.state.ended
    assert ended is not None
    assert run.state.ended == ended  # time doesn't go on for the dead
    with pytest.raises(RunError, match=r"was lost and has no model: Its process .* killed by signal 9"):
        run.model()


def test_readers_of_other_processes_see_the_loss_and_corrupt_nothing(settings: Settings) -> None:
    starter = python(
        "from workbench.training import start\n"
        f"print(start({spec(LONG)!r}).id, flush=True)\n",
        settings,
    )  # fmt: skip
    told, _ = starter.communicate(timeout=60)
    run = open_run(told.strip(), settings=settings)  # a worker that isn't our child, and whose starter has ended
    until(lambda: is_learning(run))
    code = (
        "import time\nfrom workbench.training import open_run\n"
        f"run = open_run({run.id!r})\nprint('watching', flush=True)\nend = time.monotonic() + 20\n"
        "while run.status == 'running' and time.monotonic() < end: pass\n"
        "for _ in range(50): assert run.status == 'lost'\n"
        "print(run.reason)\n"
    )
    readers = [python(code, settings) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "watching\n"
    os.kill(run.state.pid or 0, signal.SIGKILL)
    killed = time.monotonic()
    for reader in readers:
        out, err = reader.communicate(timeout=30)
        assert reader.returncode == 0, err
        assert "is gone without a result" in out
    assert time.monotonic() - killed < 5
    assert json.loads((run.folder / STATE).read_text())["status"] == "lost"
    assert run.status == "lost"


def test_a_worker_killed_before_it_wrote_its_pid_is_lost(settings: Settings) -> None:
    run = start(spec(LONG), settings=settings)
    os.kill(json.loads((run.folder / PROCESS).read_text())["pid"], signal.SIGKILL)
    until(lambda: run.status == "lost", seconds=5)
    assert "SIGKILL" in (run.reason or "")
    assert run.seconds == 0


def test_a_stopped_run_keeps_its_best_and_packages_it(settings: Settings) -> None:
    run = start(spec(LONG), settings=settings)
    until(lambda: is_learning(run))
    run.stop()
    assert run.stop_requested
    run.wait(60)
    assert run.status == "stopped", run.log()
    assert "Stopped on request after round" in (run.reason or "")
    best = run.state.best
    assert best is not None
    assert run.metrics()["validation"]["log_loss"] == pytest.approx(best["value"], rel=1e-6)
    assert run.model().predict_proba(__import__("workbench").sample("iris").head(3)).shape == (3, 3)
    run.stop()  # a run that has ended stays as it is
    assert run.status == "stopped"


def test_sigterm_stops_as_the_flag_does(settings: Settings) -> None:
    run = start(spec(LONG), settings=settings)
    until(lambda: is_learning(run))
    os.kill(run.state.pid or 0, signal.SIGTERM)
    assert run.wait(60).status == "stopped"


def test_a_run_stopped_before_it_learned_has_no_model(settings: Settings) -> None:
    run = start(spec(LONG), settings=settings)
    with pytest.raises(RunError, match=r"needed one that has ended\. Stop it first"):
        delete_run(run.id, settings=settings)
    run.stop()
    run.wait(60)
    assert (run.status, run.reason) == (
        "stopped",
        "Stopped on request before it had learned anything; there is no model.",
    )
    assert run.history().is_empty()
    with pytest.raises(RunError, match=r"was stopped before it had a model: Stopped on request before it had learned"):
        run.model()
    delete_run(run.id, settings=settings)
    assert not run.folder.exists()
    with pytest.raises(RunNotFoundError, match="workbench runs"):
        open_run(run.id, settings=settings)


def test_a_kill_needs_a_stop_and_its_grace(settings: Settings) -> None:
    run = start(spec(LONG), settings=settings)
    until(lambda: is_learning(run))
    with pytest.raises(RunError, match="needed 60 s of grace so that it can keep its best weights"):
        run.kill()
    with pytest.raises(RunError, match=r"hasn't ended after 0\.1 s; it goes on"):
        run.wait(0.1)
    os.kill(run.state.pid or 0, signal.SIGSTOP)  # a worker that hangs
    run.stop()
    impatient = open_run(run.id, settings=replace(settings, stop_grace_seconds=0.1))
    time.sleep(0.2)
    impatient.kill()
    until(lambda: run.status == "lost", seconds=5)
    assert "Killed: it hadn't ended" in (run.reason or "")


def test_what_is_wrong_with_the_data_is_the_reason_of_the_failure(settings: Settings) -> None:
    run = train(spec(data={"source": "iris", "target": "spezies"}), settings=settings)
    assert run.status == "failed"
    assert "spezies" in (run.reason or "")
    assert "Traceback" in run.log()
    wrong_task = spec({"name": "linear_regression"})
    assert "needed an estimator for classification" in (train(wrong_task, settings=settings).reason or "")


def test_what_can_be_refused_at_once_makes_no_run(settings: Settings) -> None:
    with pytest.raises(EstimatorError, match="random_forest"):
        start(spec({"name": "random_forrest"}), settings=settings)
    with pytest.raises(SpecError, match="target: got nothing"):
        start(spec(data={"source": "iris"}), settings=settings)
    assert runs(settings=settings) == []


def test_a_full_disk_fails_the_run_with_its_reason_and_keeps_the_history(settings: Settings) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, hard))  # inherited by the worker: no file of it may grow further
    try:
        run = start(spec(LONG), settings=settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run.wait(90)
    assert run.status == "failed"
    assert re.search("no space left .* history.jsonl|history.jsonl failed: File too large", run.reason or "")
    history = run.history()
    assert history.height > 100
    assert history["step"].to_list() == list(range(1, history.height + 1))


def test_ctrl_c_stops_a_run_in_the_foreground_cleanly(settings: Settings) -> None:
    code = (
        "from workbench.training import train\n"
        "tell = lambda run: print(run.id, run.history().height, flush=True)\n"
        f"print('end', train({spec(LONG)!r}, on_progress=tell).status)\n"
    )
    caller = python(code, settings)
    assert caller.stdout is not None
    for line in caller.stdout:
        if int(line.split()[1]) > 3:
            break
    caller.send_signal(signal.SIGINT)
    out, err = caller.communicate(timeout=60)
    assert out.splitlines()[-1] == "end stopped", err


def test_runs_are_listed_newest_first_and_a_name_nearly_right_is_offered(settings: Settings) -> None:
    first = train(spec({"name": "baseline"}), settings=settings)
    second = train(spec({"name": "baseline"}, name="later"), settings=settings)
    assert [run.id for run in runs(settings=settings)] == [second.id, first.id]
    with pytest.raises(RunNotFoundError, match=f"Did you mean '{first.id}'"):
        open_run(first.id[:-1], settings=settings)
    with pytest.raises(RunNotFoundError):
        open_run("../runs/" + first.id, settings=settings)


def test_a_spec_as_json_keeps_characters_that_yaml_refuses() -> None:
    document = RunSpec.parse(spec(data={"source": "iris", "target": "a\x7fb"}))
    assert RunSpec.from_yaml(document.to_json()) == document
    assert RunSpec.from_yaml(document.to_yaml()) == document


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_a_spec_nested_too_deep_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="nested thousands of levels deep.* Correct its brackets"):
        RunSpec.from_yaml(text)


def test_a_home_that_is_a_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    settings = Settings(home=tmp_path / "home")
    with pytest.raises(StorageError, match=r"can't be listed \(Not a directory\).* set WORKBENCH_HOME"):
        runs(settings=settings)
    with pytest.raises(StorageError, match=r"folder can't be made \(Not a directory\).* set WORKBENCH_HOME"):
        start(spec(), settings=settings)


@pytest.mark.parametrize("text", ["nan", "inf", "-1"])
def test_a_setting_that_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=f"Got WORKBENCH_HARDWARE_SECONDS={text}, needed a number from 0 on"):
        Settings.from_environment({"WORKBENCH_HARDWARE_SECONDS": text})


DAMAGES = ['{"status": "run', "[]", "{}", '{"status": 3, "created": "x"}', '{"status": "finished", "created": null}']


@pytest.mark.parametrize("state", DAMAGES)
def test_a_run_whose_state_is_damaged_is_lost_and_hides_no_other(settings: Settings, state: str) -> None:
    sound = train(spec({"name": "baseline"}), settings=settings)
    folder = settings.runs / "broken-12ab"
    folder.mkdir()
    (folder / STATE).write_text(state)
    listed = {run.id: run.to_dict() for run in runs(settings=settings)}
    assert listed[sound.id]["status"] == "finished"
    assert (listed["broken-12ab"]["name"], listed["broken-12ab"]["status"]) == ("broken", "lost")
    assert STATE in listed["broken-12ab"]["reason"]
    delete_run("broken-12ab", settings=settings)
    assert [run.id for run in runs(settings=settings)] == [sound.id]


@pytest.mark.parametrize("damage", [None, "{", '{"data": 3}'])
def test_a_run_whose_spec_is_damaged_is_listed_under_its_id(settings: Settings, damage: str | None) -> None:
    run = train(spec({"name": "baseline"}), settings=settings)
    (run.folder / SPEC).unlink()
    if damage:
        (run.folder / SPEC).write_text(damage)
    (run.folder / "report" / "report.json").write_text("{")
    (listed,) = runs(settings=settings)
    assert (listed.to_dict()["name"], listed.to_dict()["status"]) == ("iris", "finished")
    (row,) = runs_frame(settings=settings).to_dicts()
    assert (row["run_id"], row["estimator"], row["accuracy"]) == (run.id, None, None)


def test_training_rows_of_one_class_are_refused_with_a_remedy(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_text("day,late\n" + "".join(f"{day},{'no' if day < 30 else 'yes'}\n" for day in range(40)))
    document = spec(data={"source": str(path), "target": "late"}, split={"by": "time", "column": "day"})
    run = train(document, settings=settings)
    assert run.status == "failed"
    assert run.reason is not None
    assert "24 training rows that are all of class 'no' of 'late'" in run.reason
    assert "stratify: true" in run.reason


def test_history_is_tailed_from_a_position(finished: Run) -> None:
    rows, position = finished.history_since(0)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5]
    assert finished.history_since(position) == ([], position)
    samples, _ = finished.hardware_since(0)
    assert {"time", "cpu_percent", "gpus"} <= set(samples[0])
