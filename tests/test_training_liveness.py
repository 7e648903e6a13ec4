"""Which runs are lost, told from their files and from the processes of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workbench import storage
from workbench.errors import RunNotFoundError, StorageError
from workbench.training import liveness
from workbench.training.liveness import adopt, current_state, is_alive, process_created
from workbench.training.progress import Progress
from workbench.training.state import PROCESS, STATE, RunState, read_state, write_state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def running(folder: Path, **changes: Any) -> RunState:
    now = time.time()
    state = RunState(
        status="running",
        created=now - 10,
        started=now - 9,
        heartbeat=now - 1,
        pid=os.getpid(),
        pid_created=process_created(),
        host=socket.gethostname(),
    )
    state = replace(state, **changes)
    write_state(folder, state)
    return state


def ended_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_run_whose_process_lives_is_running(folder: Path) -> None:
    state = running(folder)
    assert current_state(folder) == state


def test_a_run_whose_process_is_gone_is_lost_and_stays_so(folder: Path) -> None:
    before = running(folder, pid=ended_pid())
    lost = current_state(folder)
    assert lost.status == "lost"
    assert f"process {before.pid} is gone without a result" in (lost.reason or "")
    assert lost.ended == before.heartbeat
    assert read_state(folder) == lost
    assert current_state(folder) == lost


def test_another_process_with_the_same_pid_is_not_the_worker(folder: Path) -> None:
    running(folder, pid_created=(process_created() or 0) - 100)
    assert current_state(folder).status == "lost"


def test_a_zombie_is_gone(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    created = process_created(process.pid)
    try:
        until_zombie = time.monotonic() + 10
        while is_alive(process.pid, created) and time.monotonic() < until_zombie:
            time.sleep(0.01)
        running(folder, pid=process.pid, pid_created=created)  # nobody has reaped it, so its pid is still there
        assert Path(f"/proc/{process.pid}").exists() or sys.platform != "linux"
        assert current_state(folder).status == "lost"
    finally:
        process.wait()


def test_the_parent_names_the_signal_also_after_another_reader_was_first(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 6)"])
    process.wait()
    running(folder, pid=process.pid)
    first = current_state(folder)  # as a reader that isn't the parent
    assert "SIGABRT" not in (first.reason or "")
    adopt(folder, process)
    second = current_state(folder)
    assert "killed by signal 6 (SIGABRT): a native library gave up" in (second.reason or "")
    assert second.ended == first.ended


def test_a_worker_that_exits_without_a_result_is_lost_with_its_exit_status(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    adopt(folder, process)
    running(folder, status="queued", pid=None, pid_created=None)
    process.wait()
    assert "ended with exit status 3 and without a result" in (current_state(folder).reason or "")


def test_a_result_written_between_two_looks_is_not_a_loss(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = running(folder, pid=ended_pid())
    gone = liveness._why_gone

    def ends_meanwhile(*arguments: Any) -> str | None:
        write_state(folder, replace(state, status="finished"))
        return gone(*arguments)

    monkeypatch.setattr(liveness, "_why_gone", ends_meanwhile)
    assert current_state(folder).status == "finished"


def test_a_queued_run_waits_for_its_worker(folder: Path) -> None:
    running(folder, status="queued", pid=None, launcher_pid=os.getpid(), launcher_created=process_created())
    assert current_state(folder).status == "queued"


def test_a_queued_run_whose_starter_died_is_lost(folder: Path) -> None:
    running(folder, status="queued", pid=None, launcher_pid=ended_pid())
    assert "program that started it ended before the worker began" in (current_state(folder).reason or "")


def test_a_queued_run_is_judged_by_the_process_that_was_launched(folder: Path) -> None:
    running(folder, status="queued", pid=None, launcher_pid=ended_pid())
    storage.write_json(folder / PROCESS, {"pid": os.getpid(), "created": process_created()})
    assert current_state(folder).status == "queued"
    storage.write_json(folder / PROCESS, {"pid": ended_pid(), "created": None})
    assert current_state(folder).status == "lost"


def test_a_run_on_another_machine_is_judged_by_its_heartbeat(folder: Path) -> None:
    running(folder, host="elsewhere", pid=ended_pid(), heartbeat=time.time() - 30)
    assert current_state(folder).status == "running"
    running(folder, host="elsewhere", pid=ended_pid(), heartbeat=time.time() - 120)
    lost = current_state(folder)
    assert lost.status == "lost"
    assert "No sign of life from its process on elsewhere for 120 s" in (lost.reason or "")
    assert read_state(folder).status == "running"  # not written: it may come back


def test_a_run_on_a_machine_whose_clock_is_ahead_is_judged_by_the_clock_of_the_disk(folder: Path) -> None:
    running(folder, host="elsewhere", pid=ended_pid(), heartbeat=time.time() + 7_200)
    assert current_state(folder).status == "running"
    written = time.time() - 120
    os.utime(folder / STATE, (written, written))
    lost = current_state(folder)
    assert lost.status == "lost" and "for 120 s" in (lost.reason or "")
    assert [path.name for path in folder.iterdir()] == [STATE]


@pytest.mark.parametrize(
    "change", [{"pid": "12ab"}, {"pid": -4}, {"pid": 1.5}, {"worked_seconds": "long"}, {"best": 3}]
)
def test_a_state_with_text_in_the_place_of_a_number_is_lost_in_words(folder: Path, change: dict[str, Any]) -> None:
    state = running(folder)
    storage.write_json(folder / STATE, {**state.to_dict(), **change})
    found = current_state(folder)
    assert found.status == "lost" and "Restore the file, or delete the run" in (found.reason or "")


@pytest.mark.parametrize("document", [{"pid": "me", "created": 1.0}, ["pid"], "pid", {"pid": 4, "created": "then"}])
def test_a_process_file_that_names_no_process_is_passed_over(folder: Path, document: Any) -> None:
    running(folder, status="queued", pid=None)
    storage.write_json(folder / PROCESS, document)
    assert current_state(folder).status in ("queued", "lost")


def test_a_reader_without_write_access_still_sees_the_loss(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running(folder, pid=ended_pid())

    def refuse(*_: Any) -> None:
        raise StorageError("read-only")

    monkeypatch.setattr(liveness, "write_state", refuse)
    assert current_state(folder).status == "lost"
    assert read_state(folder).status == "running"


def test_many_readers_and_a_writer_see_whole_states_only(folder: Path) -> None:
    write_state(folder, RunState(status="queued", created=time.time(), host=socket.gethostname()))
    progress = Progress(folder, heartbeat_seconds=0.05)
    progress.begin()
    errors: list[BaseException] = []
    over = threading.Event()

    def read() -> None:
        try:
            while not over.is_set():
                state = current_state(folder)
                assert state.status == "running"
                assert state.step <= state.total
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for step in range(200):
        progress.count(step, 1000 + step, "round")  # a new total is written at once
    over.set()
    for reader in readers:
        reader.join()
    assert progress.end("finished")
    assert not errors
    assert current_state(folder).status == "finished"
    assert not list(folder.glob(".*"))


def test_the_last_word_is_written_on_a_full_disk_with_the_room_kept_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_state(folder, RunState(status="queued", created=time.time()))
    progress = Progress(folder)
    progress.begin()
    replace_file = os.replace

    def full_until_the_reserve_is_gone(source: Any, target: Any) -> None:
        if list(folder.glob(".reserve")):
            raise OSError(28, "No space left on device")
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", full_until_the_reserve_is_gone)
    assert progress.end("failed", "The disk is full.")
    assert (read_state(folder).status, read_state(folder).reason) == ("failed", "The disk is full.")


def test_a_state_of_a_later_version_is_read_as_far_as_it_is_known(folder: Path) -> None:
    storage.write_json(folder / STATE, {"format": 2, "status": "finished", "created": 1.0, "mood": "good"})
    assert read_state(folder) == RunState(status="finished", created=1.0)


def test_a_folder_without_a_state_is_no_run(folder: Path) -> None:
    with pytest.raises(RunNotFoundError, match=r"needed one with a state\.json"):
        read_state(folder)


def test_time_left_is_told_while_training(folder: Path) -> None:
    write_state(folder, RunState(status="queued", created=time.time()))
    progress = Progress(folder)
    progress.count(1, 10, "epoch")
    assert progress.state.seconds_left is None
    progress.enter("training")
    time.sleep(0.2)
    progress.count(2, 10, "epoch")
    left = progress.state.seconds_left
    assert left is not None
    assert 0.5 < left < 10
    assert progress.state.progress == 0.2
