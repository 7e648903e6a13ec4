"""The warm worker: taken by one run only, the same result as a cold one, and gone when it should be."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from workbench import storage
from workbench.settings import Settings
from workbench.training import handing, runs, start, train, warm
from workbench.training.fingerprint import fingerprint
from workbench.training.handing import available_mib, end_idle, hand_over, is_wanted, keep_warm
from workbench.training.processes import worker_environment
from workbench.training.queueing import Line
from workbench.training.state import PROCESS, RunState, write_state
from workbench.training.tickets import Need, Ticket
from workbench.training.warm import CLAIMED, GONE, ORDER, READY, TAKEN, Waiter


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings that want a warm worker; none of this test outlives it."""
    monkeypatch.setattr(handing, "_kept", None)
    chosen = replace(settings, warm_worker="on", heartbeat_seconds=0.2, hardware_seconds=0.2)
    yield chosen
    end_idle()
    for run in runs(settings=chosen):
        process = storage.read_json(run.folder / PROCESS) or {}
        if not run.state.has_ended and process:
            with suppress(ProcessLookupError):
                os.kill(process["pid"], signal.SIGKILL)
            run.wait(10)


def spec(name: str = "random_forest", **params: Any) -> dict[str, Any]:
    return {
        "name": "iris",
        "data": {"source": "iris", "target": "species"},
        "estimator": {"name": name, "params": params},
    }


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def places(settings: Settings) -> list[Path]:
    return [path for path in storage.entries(settings.home / "warm") if path.is_dir()]


def warm_process(settings: Settings) -> dict[str, Any]:
    (place,) = places(settings)
    until(lambda: (place / READY).exists())
    found: dict[str, Any] = storage.read_json(place / READY)
    return found


def watch_modes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the modes of the file that is handed over, and of its folder."""
    seen: list[int] = []
    rename = os.rename

    def look(source: Any, target: Any) -> None:
        if Path(target).name == ORDER:
            seen.extend([Path(source).stat().st_mode & 0o777, Path(target).parent.stat().st_mode & 0o777])
        rename(source, target)

    monkeypatch.setattr(os, "rename", look)
    return seen


def test_a_run_is_taken_by_the_warm_worker_with_the_result_of_a_cold_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = train(spec(n_estimators=20), settings=replace(settings, warm_worker="off"))
    assert cold.status == "finished", cold.log()
    assert keep_warm(settings)
    assert keep_warm(settings)  # asked again, nothing happens
    ready = warm_process(settings)
    monkeypatch.setattr(handing, "_kept", None)  # or the next one would be started
    modes = watch_modes(monkeypatch)
    run = start(spec(n_estimators=20), settings=settings)
    assert storage.read_json(run.folder / PROCESS)["pid"] == ready["pid"]
    assert modes == [0o600, 0o700]  # what is handed over is for its user alone
    run.wait(120)
    assert not places(settings)
    assert run.status == "finished", run.log()
    assert run.state.pid == ready["pid"]
    assert "Package built" in run.log()
    assert run.metrics() == cold.metrics()
    until(lambda: not psutil.pid_exists(ready["pid"]), 30)  # a worker is one run's; it is reaped here
    assert run.status == "finished"


def test_a_warm_worker_that_was_killed_or_hangs_is_harmless(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "_TAKING_SECONDS", 0.3)
    assert keep_warm(settings)
    ready = warm_process(settings)
    os.kill(ready["pid"], signal.SIGSTOP)
    monkeypatch.setattr(handing, "_kept", None)
    run = start(spec("baseline"), settings=settings)
    pid = storage.read_json(run.folder / PROCESS)["pid"]
    assert pid != ready["pid"]
    until(lambda: not psutil.pid_exists(ready["pid"]), 10)  # it can't wake up and take the run, too
    until(lambda: run.status == "running", 60)
    os.kill(pid, signal.SIGKILL)
    run.wait(10)
    assert keep_warm(settings)
    killed = warm_process(settings)["pid"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(killed), 10)
    monkeypatch.setattr(handing, "_kept", None)
    assert hand_over(queued(settings), settings=settings) is None
    assert keep_warm(settings)  # what the killed one left is removed
    assert len(places(settings)) == 1


def queued(settings: Settings) -> Path:
    folder = settings.runs / "made-1234"
    folder.mkdir(parents=True, exist_ok=True)
    write_state(folder, RunState(status="queued", created=time.time()))
    return folder


def test_a_run_that_has_to_wait_does_so_in_a_small_process(settings: Settings) -> None:
    full = replace(settings, runs_at_once=1)
    assert keep_warm(full)
    warm_process(full)
    place = Line(full, Need()).take(Ticket("other-1", 0, 0.0, Need()))
    assert place is not None
    assert hand_over(queued(full), settings=full) is None
    assert len(places(full)) == 1
    place.release()


def test_the_app_ends_its_idle_worker_with_itself(settings: Settings) -> None:
    assert keep_warm(settings)
    pid = warm_process(settings)["pid"]
    end_idle()
    until(lambda: not psutil.pid_exists(pid), 10)
    assert not places(settings)


def test_it_is_wanted_where_the_settings_and_the_memory_allow(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert available_mib() > 0
    assert is_wanted(settings)
    assert not is_wanted(replace(settings, warm_worker="off"))
    assert not keep_warm(replace(settings, warm_worker="off"))
    assert not is_wanted(replace(settings, max_worker_mib=500))  # it holds more than a run's own worker
    monkeypatch.setattr(handing, "available_mib", lambda: 2_000.0)
    assert not is_wanted(replace(settings, warm_worker="auto"))
    monkeypatch.setattr(handing, "available_mib", lambda: 8_000.0)
    assert is_wanted(replace(settings, warm_worker="auto"))


def test_who_differs_in_what_is_fixed_at_the_start_needs_another_worker(settings: Settings) -> None:
    ours = worker_environment(settings)
    assert fingerprint(ours) == fingerprint(ours | {"WORKBENCH_PORT": "1", "CUDA_VISIBLE_DEVICES": "0", "DB": "x"})
    assert fingerprint(ours) != fingerprint(ours | {"OMP_NUM_THREADS": "63"})
    assert fingerprint(ours) != fingerprint(ours | {"PYTHONPATH": "/elsewhere"})


def waiter(folder: Path, *, minutes: float = 15.0) -> Waiter:
    folder.mkdir(exist_ok=True)
    storage.write_json(folder / READY, {"pid": os.getpid()})
    made = Waiter(folder, minutes=minutes)
    made.start()
    return made


def test_a_worker_leaves_when_nobody_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_CHECK_SECONDS", 0.01)
    assert waiter(tmp_path / "late", minutes=0.0).wait() is None
    assert not (tmp_path / "late").exists()
    gone = waiter(tmp_path / "gone")
    for path in (tmp_path / "gone").iterdir():
        path.unlink()
    (tmp_path / "gone").rmdir()  # as when the home is removed
    assert gone.wait() is None
    changed = waiter(tmp_path / "changed")
    changed._source = "another program"
    assert changed.wait() is None
    orphan = waiter(tmp_path / "orphan")
    orphan._parent = -1  # whoever kept it ready was killed
    assert orphan.wait() is None
    assert orphan.is_over


def test_a_claimed_worker_waits_for_its_run_and_takes_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_CHECK_SECONDS", 0.01)
    folder = tmp_path / "place"
    made = waiter(folder)
    os.rename(folder / READY, folder / CLAIMED)
    time.sleep(0.1)
    assert not made.is_over
    storage.write_json(folder / "draft", {"run_folder": "x"})
    os.rename(folder / "draft", folder / ORDER)
    assert made.wait() == {"run_folder": "x"}
    assert not (folder / TAKEN).exists()  # nothing of what was handed over lies there any longer
    monkeypatch.setattr(warm, "_CLAIM_SECONDS", 0.05)
    forgotten = waiter(tmp_path / "forgotten")
    os.rename(tmp_path / "forgotten" / READY, tmp_path / "forgotten" / CLAIMED)
    assert forgotten.wait() is None  # whoever claimed it was killed before it gave it a run
    assert not (tmp_path / "forgotten" / GONE).exists()
