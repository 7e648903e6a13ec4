"""Going on with runs that were stopped, failed or killed: what is kept, what is refused, and to which result."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench import storage
from workbench.errors import RunError, SpecError
from workbench.locking import Lock
from workbench.settings import Settings
from workbench.training import Run, runs, start, train
from workbench.training.history import history_frame
from workbench.training.liveness import process_created
from workbench.training.logs import begin_log, lines_of_level
from workbench.training.pace import Pace
from workbench.training.progress import Progress
from workbench.training.resuming import resume
from workbench.training.state import FOLDS, PROCESS, STATE, WORKER, RunState, read_state, this_host, write_state
from workbench.training.tailing import Tail

FOREST = {"name": "random_forest", "params": {"n_estimators": 400}}
LONG = {"name": "hist_gradient_boosting", "params": {"max_iter": 10_000}}


@pytest.fixture
def settings(settings: Settings) -> Iterator[Settings]:
    quick = replace(settings, heartbeat_seconds=0.2, hardware_seconds=0.2, checkpoint_seconds=0.2)
    yield quick
    for run in runs(settings=quick):
        process = json.loads((run.folder / PROCESS).read_text()) if (run.folder / PROCESS).exists() else {}
        if not run.state.has_ended and process:
            with suppress(ProcessLookupError):
                os.kill(process["pid"], signal.SIGKILL)
            run.wait(10)


def spec(estimator: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document = {"name": "iris", "data": {"source": "iris", "target": "species"}, "estimator": estimator}
    return document | {"training": {"early_stopping": {"patience": 10_000}}} | changes


def until(condition: Callable[[], Any], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def is_learning(run: Run, points: int = 3) -> bool:
    assert not run.state.has_ended, run.reason
    return run.history().height > points


def ended(folder: Path, **changes: Any) -> RunState:
    now = time.time()
    state = RunState(status="lost", created=now - 10, started=now - 9, ended=now - 4, heartbeat=now - 4)
    state = replace(state, **changes)
    write_state(folder, state)
    return state


def test_a_stopped_run_goes_on_to_the_result_of_one_that_was_never_interrupted(settings: Settings) -> None:
    whole = train(spec(FOREST), settings=settings)
    assert whole.status == "finished", whole.log()
    run = start(spec(FOREST), tags=["stopped"], settings=settings)
    until(lambda: is_learning(run, 2))
    created, started = run.state.created, run.state.started
    run.stop()
    run.wait(90)
    assert run.status == "stopped", run.log()
    assert run.model() is not None
    worked = run.seconds
    assert run.resume() is run
    assert run.status in ("queued", "running")
    with pytest.raises(RunError, match=r"which is (queued|running); needed one that was stopped|still lives"):
        run.resume()
    run.wait(120)
    assert run.status == "finished", run.log()
    state = run.state
    assert (state.created, state.started, state.resumed) == (created, started, 1)
    assert run.seconds > worked
    assert run.tags == ("stopped",)
    assert run.metrics() == whole.metrics()
    assert run.history()["step"].to_list() == whole.history()["step"].to_list()  # none twice, none missing
    assert not (run.folder / "checkpoint").exists()
    with pytest.raises(RunError, match="which is finished; needed one that was stopped, failed or lost"):
        run.resume()


def test_measured_folds_are_not_repeated(settings: Settings) -> None:
    document = spec({"name": "logistic_regression"}, split={"folds": 4, "test": 0.2})
    whole = train(document, settings=settings)
    assert whole.status == "finished", whole.log()
    run = start(document, settings=settings)
    run.stop()
    run.wait(60)
    lines = storage.read_json_lines(whole.folder / FOLDS)[0]
    assert [line["fold"]["fold"] for line in lines] == [2, 3, 4]
    lines[0]["fold"]["metrics"]["accuracy"] = 0.125  # so that it shows whether fold 2 was measured again
    for line in [*lines[:2], {"key": "other", "fold": {"fold": 4, "metrics": {}}}]:
        storage.append_json_line(run.folder / FOLDS, line)
    run.resume().wait(90)
    assert run.status == "finished", run.log()
    folds = run.metrics()["cross_validation"]["folds"]
    assert folds[1]["metrics"]["accuracy"] == 0.125
    assert folds[2:] == whole.metrics()["cross_validation"]["folds"][2:]
    assert "Fold 4" in run.log()
    assert "Fold 3" not in run.log()


def test_a_changed_table_is_refused_and_the_old_one_brought_back_is_not(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "flowers.csv"
    rows = "\n".join(f"{i},{'yes' if i % 3 else 'no'}" for i in range(60))
    path.write_text(f"size,red\n{rows}\n")
    document = spec({"name": "logistic_regression"}, data={"source": str(path), "target": "red"})
    run = start(document, settings=settings)
    until(lambda: run.state.table is not None or run.state.has_ended)
    run.stop()
    run.wait(60)
    if run.status == "finished":
        pytest.skip("it had finished before it was stopped")
    table = run.state.table
    path.write_text(f"size,red\n{rows}\n99,no\n")
    run.resume().wait(60)
    assert run.status == "failed"
    assert "table that has changed since this run began" in (run.reason or "")
    assert run.state.table == table
    path.write_text(f"size,red\n{rows}\n")
    assert run.resume().wait(60).status == "finished", run.log()


def test_what_still_lives_or_has_no_search_is_refused(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "run-1"
    folder.mkdir()
    storage.write_json(folder / "spec.json", spec(LONG))
    ended(folder, pid=os.getpid(), pid_created=process_created(), host=this_host())
    with pytest.raises(RunError, match="which has no search; needed one that searches"):
        resume(folder, settings=settings, n_trials=10)
    storage.write_json(folder / "spec.json", spec(LONG, search={"method": "random", "n_trials": 5}))
    with pytest.raises(SpecError, match="n_trials=0"):
        resume(folder, settings=settings, n_trials=0)
    write_state(folder, replace(read_state(folder), status="running", ended=None))
    worker = Lock(folder / WORKER)
    assert worker.acquire()
    with pytest.raises(RunError, match=r"whose worker \(process .* still lives; needed one that has ended"):
        resume(folder, settings=settings)
    worker.release()


def test_a_finished_search_goes_on_with_more_trials(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[Path] = []
    monkeypatch.setattr("workbench.training.resuming.launch", lambda folder, **_: launched.append(folder))
    folder = tmp_path / "run-1"
    folder.mkdir()
    storage.write_json(folder / "spec.json", spec(LONG, search={"method": "random", "n_trials": 5}))
    ended(folder, status="finished", note="done", worked_seconds=100.0, resumed=1, working_since=time.time() - 9)
    with pytest.raises(RunError, match="only a search goes on, with more trials or minutes"):
        resume(folder, settings=settings)
    (folder / "stop").write_text("{}")
    resume(folder, settings=settings, n_trials=8)
    assert launched == [folder]
    assert storage.read_json(folder / "spec.json")["search"]["n_trials"] == 8
    state = read_state(folder)
    assert (state.status, state.resumed, state.note, state.ended) == ("queued", 2, None, None)
    assert state.seconds == pytest.approx(105.0, abs=0.5)
    assert not (folder / "stop").exists()


def test_a_resume_that_cannot_start_a_process_says_so(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RunError("Starting a worker process failed: no memory.")

    monkeypatch.setattr("workbench.training.resuming.launch", refuse)
    folder = tmp_path / "run-1"
    folder.mkdir()
    storage.write_json(folder / "spec.json", spec(LONG))
    ended(folder)
    with pytest.raises(RunError, match="no memory"):
        resume(folder, settings=settings)
    assert (read_state(folder).status, read_state(folder).reason) == (
        "failed",
        "Starting a worker process failed: no memory.",
    )


def test_seconds_are_those_of_work_and_not_of_waiting() -> None:
    now = time.time()
    waiting = RunState(status="queued", created=now - 100, started=now - 90, resumed=1, worked_seconds=7.0)
    assert waiting.seconds == 7.0
    assert replace(waiting, status="running", working_since=now - 2).seconds == pytest.approx(9.0, abs=0.2)


def test_a_stop_that_was_taken_counts_once(tmp_path: Path) -> None:
    write_state(tmp_path, RunState(status="queued", created=time.time()))
    progress = Progress(tmp_path)
    storage.write_json(tmp_path / "stop", {"time": 1.0})
    assert progress.stop_requested()
    progress.take_stop()
    assert not progress.stop_requested()
    assert progress.took_stop
    time.sleep(0.02)
    storage.write_json(tmp_path / "stop", {"time": 2.0})
    assert progress.stop_requested()


def test_time_left_follows_the_speed_of_late() -> None:
    pace = Pace(at=0.0)
    assert pace.left(100, at=5.0) is None  # nothing is known yet
    pace.count(1, at=10.0)
    assert pace.left(100, at=10.0) == pytest.approx(990.0)
    for step in range(2, 21):
        pace.count(step, at=10.0 + 0.5 * step)
    assert pace.left(100, at=20.0) == pytest.approx(40.0)  # the first step, with its compilation, is forgotten
    assert pace.left(100, at=20.4) == pytest.approx(39.6)
    assert pace.left(100, at=31.0) == pytest.approx(49.5)  # a step that is late makes it longer
    pace.count(5, at=32.0)  # begun anew
    assert pace.left(100, at=32.0) is None


def test_a_resumed_run_tells_no_speed_from_what_was_done_before(tmp_path: Path) -> None:
    write_state(tmp_path, RunState(status="queued", created=time.time(), resumed=1))
    progress = Progress(tmp_path)
    progress.enter("training")
    progress.count(50, 100, "epoch")
    assert progress.state.seconds_left is None
    time.sleep(0.05)
    progress.count(51, 100, "epoch")
    assert progress.state.seconds_left is not None
    assert progress.state.seconds_left > 1.0


def test_a_tail_follows_a_file_that_grows_is_cut_back_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    tail = Tail(path, history_frame)
    assert tail.frame().is_empty()

    def add(step: int, **metrics: float) -> None:
        storage.append_json_line(path, {"time": 1.0, "step": step, "epoch": step, "metrics": metrics})

    for step in range(1, 4):
        add(step, loss=step)
    assert tail.frame()["step"].to_list() == [1, 2, 3]
    assert tail.frame() is tail.frame()  # nothing is read while nothing changes
    add(4, loss=4.0, val_loss=1.0)
    assert tail.frame()["val_loss"].to_list() == [None, None, None, 1.0]
    size = path.stat().st_size
    os.truncate(path, size // 2)
    add(9, loss=9.0)
    add(10, loss=10.0)
    add(11, loss=11.0)
    assert tail.frame().equals(history_frame(storage.read_json_lines(path)[0]))
    assert isinstance(tail.frame(), pl.DataFrame)
    path.unlink()
    assert tail.frame().is_empty()


@pytest.mark.parametrize("n_bytes", [1, 100, 1_000, 10**6])
def test_a_long_file_is_read_in_stretches_to_the_same_rows(tmp_path: Path, monkeypatch, n_bytes: int) -> None:
    path = tmp_path / "history.jsonl"
    for step in range(30):
        metrics = {"loss": 1 / (step + 1)} | ({"val_loss": 2.0} if step > 20 else {})
        storage.append_json_line(path, {"time": 1.0, "step": step, "epoch": step, "metrics": metrics})
    with path.open("ab") as file:
        file.write(b'{"time": 1.0, "st')  # cut by a kill, or not yet whole
    monkeypatch.setattr("workbench.training.tailing._READ_BYTES", n_bytes)
    assert Tail(path, history_frame).frame().equals(history_frame(storage.read_json_lines(path)[0]), null_equal=True)
    assert Tail(path, history_frame).frame().height == 30


def test_log_lines_are_found_by_level(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        begin_log()
        logger = logging.getLogger("workbench.training")
        logger.info("Reading\nrows")
        logger.info("Warning: few rows")
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("The run failed")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(" INFO Reading")
    warned = lines_of_level(lines, "warning")
    assert warned[0].endswith(" WARNING few rows")
    errors = lines_of_level(lines, "error")
    assert errors[0].endswith(" ERROR The run failed")
    assert errors[-1] == "ValueError: broken"
    assert lines_of_level(lines, "debug") == lines
    with pytest.raises(RunError, match="Got the log level 'loud', needed one of debug, info"):
        lines_of_level(lines, "loud")  # type: ignore[arg-type]


def test_a_state_of_an_earlier_program_can_be_resumed_and_counted() -> None:
    old = RunState.from_dict({"status": "finished", "created": 1.0, "started": 2.0, "ended": 7.0})
    assert (old.seconds, old.resumed, old.warning) == (5.0, 0, None)
    assert STATE == "state.json"


def test_a_resumed_run_does_not_show_the_scores_of_before_as_its_own(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.runs / "iris-1"
    (folder / "report").mkdir(parents=True)
    storage.write_json(folder / "spec.json", spec({"name": "decision_tree"}))
    before = ended(folder, status="stopped")
    report = {"splits": {"test": {"metrics": {"accuracy": 0.5}}}}
    storage.write_json(folder / "report" / "report.json", report)
    run = Run(folder, settings=settings)
    assert run.metrics_so_far()["test"]["accuracy"] == 0.5
    monkeypatch.setattr("workbench.training.resuming.launch", lambda folder, settings: None)
    run.resume()
    state = run.state
    assert list(state.interrupted) == [before.ended]
    write_state(folder, replace(state, status="running", pid=os.getpid(), pid_created=process_created()))
    assert run.metrics_so_far() == {}
    time.sleep(0.01)
    storage.write_json(folder / "report" / "report.json", report)  # that of its new end, though nothing differs
    assert run.metrics_so_far()["test"]["accuracy"] == 0.5
