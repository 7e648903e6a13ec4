"""The line in which runs wait: places, priority, age, words, stops and kills; mostly with processes that only wait."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from workbench.errors import RunError
from workbench.locking import Lock, is_locked
from workbench.settings import Settings
from workbench.training import open_run, start
from workbench.training.devices import named_gpus, needed_by
from workbench.training.killing import kill
from workbench.training.queueing import Line, take_turn
from workbench.training.run import Run
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, read_state, write_state
from workbench.training.tickets import ALL_GPUS, CPU, GPU, Need, Ticket

SPEC = {"name": "iris", "data": {"source": "iris", "target": "species"}, "estimator": {"name": "baseline"}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, runs_at_once=1, heartbeat_seconds=0.2, hardware_seconds=0.5)


@pytest.fixture
def held(settings: Settings) -> Iterator[Lock]:
    """The only place on the CPU, taken by a run named other-1234."""
    line = Line(settings, Need())
    place = line.take(Ticket("other-1234", 0, 0.0, Need()))
    assert place is not None
    yield place
    place.release()


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def ticket(name: str, *, priority: int = 0, since: float = 0.0, need: Need | None = None) -> Ticket:
    return Ticket(name, priority, since, need or Need())


def waiting(run: Run) -> bool:
    return run.state.waiting_for is not None


def test_a_run_that_waits_says_for_what_and_starts_when_the_place_is_free(settings: Settings, held: Any) -> None:
    run = start(SPEC, settings=settings)
    until(lambda: waiting(run))
    assert run.status == "queued"
    assert run.state.waiting_for == "Waits for a place on the CPU: 1 of 1 is taken by other-1234; next in line."
    assert run.seconds == 0
    later = start(SPEC, settings=settings)
    until(lambda: waiting(later))
    assert later.state.waiting_for == "Waits for a place on the CPU: 1 of 1 is taken by other-1234; 2nd in line."
    later.stop()
    until(lambda: later.state.has_ended, 10)
    assert (later.status, later.reason) == (
        "stopped",
        "Stopped on request while it waited for its turn; there is no model.",
    )
    assert later.state.waiting_for is None
    held.release()
    assert run.wait(120).status == "finished", run.log()
    assert (run.state.waiting_for, run.state.device) == (None, "cpu")
    assert not list(Line(settings, Need()).folder.glob("*.ticket"))


def test_a_waiting_process_is_small_and_its_end_doesnt_hold_up_the_others(settings: Settings, held: Any) -> None:
    first = start(SPEC, settings=settings)
    until(lambda: waiting(first))
    second = start(SPEC, settings=settings)
    until(lambda: waiting(second))
    pid = json.loads((first.folder / "process.json").read_text())["pid"]
    assert psutil.Process(pid).memory_info().rss < 20 * 2**20  # about 15; nothing is imported before the turn
    os.kill(pid, signal.SIGKILL)
    until(lambda: first.status == "lost", 10)
    until(lambda: "next in line" in (second.state.waiting_for or ""), 10)
    second.stop()
    second.wait(10)


def test_the_priority_of_a_waiting_run_can_be_changed(settings: Settings, held: Any) -> None:
    first = start(SPEC, priority=1, settings=settings)
    until(lambda: waiting(first))
    second = start(SPEC, settings=settings)
    until(lambda: "2nd in line" in (second.state.waiting_for or ""))
    second.describe(priority=5)
    until(lambda: "next in line" in (second.state.waiting_for or ""), 10)
    until(lambda: "2nd in line" in (first.state.waiting_for or ""), 10)
    for run in (first, second):
        run.stop()
        run.wait(10)


def test_a_killed_holder_frees_its_place(settings: Settings) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom workbench.settings import current\n"
        "from workbench.training.queueing import Line\n"
        "from workbench.training.tickets import Need, Ticket\n"
        "place = Line(current(), Need()).take(Ticket('held-1', 0, 0.0, Need()))\n"
        "print('holds' if place else 'waits', flush=True)\ntime.sleep(60)\n"
    )
    environment = {**os.environ, **settings.to_environment(), "PYTHONPATH": str(Path(__file__).parents[1])}
    line = Line(settings, Need())
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        assert [name for name, _ in line.holders()] == ["held-1"]
        assert line.take(ticket("mine")) is None
        assert not line.is_free()
        holder.kill()
        holder.wait()
    assert line.is_free()
    place = line.take(ticket("mine"))
    assert place is not None
    place.release()


def test_who_comes_first_or_matters_more_goes_first(settings: Settings, held: Any) -> None:
    line = Line(settings, Need())
    old, new, urgent = ticket("old", since=1.0), ticket("new", since=2.0), ticket("urgent", since=3.0, priority=1)
    with line.ticket_of(new), line.ticket_of(old), line.ticket_of(urgent):
        assert "3rd in line" in line.words(new)
        assert "next in line" in line.words(urgent)
        held.release()
        assert line.take(new) is None
        assert line.take(old) is None
        place = line.take(urgent)
        assert place is not None
    place.release()


def test_tickets_of_processes_that_are_gone_or_suspended_hold_nobody_up(settings: Settings) -> None:
    line = Line(settings, Need())
    with line.ticket_of(ticket("suspended", since=1.0)) as lock:
        os.utime(lock.path, (0, time.time() - 60))  # it hasn't looked for its turn for a minute
        (line.folder / "gone.ticket").write_text('{"run_id": "gone", "priority": 9, "since": 0, "device": "cpu"}')
        place = line.take(ticket("mine", since=2.0))
        assert place is not None
        place.release()
        assert lock.path.exists()
    assert not list(line.folder.glob("*.ticket"))


def test_places_are_as_many_as_the_settings_say(settings: Settings) -> None:
    line = Line(replace(settings, runs_at_once=2), Need())
    places = [line.take(ticket(name)) for name in ("a", "b", "c")]
    assert [place is not None for place in places] == [True, True, False]
    assert line.words(ticket("c")).startswith("Waits for a place on the CPU: 2 of 2 are taken by a and b; ")
    for place in places:
        if place:
            place.release()


def test_gpus_are_given_one_by_one_and_all_together(settings: Settings) -> None:
    one, every = Need(GPU, ("0", "1")), Need(ALL_GPUS, ("0", "1"))
    line = Line(settings, one)
    first = line.take(ticket("a", need=one))
    assert first is not None
    assert first.device == "gpu0"
    assert first.environment()["CUDA_VISIBLE_DEVICES"] == "0"
    all_line = Line(settings, every)
    assert all_line.take(ticket("all", need=every)) is None
    assert "Waits for all 2 GPUs: 1 of 2 is taken by a; next in line." == all_line.words(ticket("all", need=every))
    with all_line.ticket_of(ticket("all", need=every)):
        assert line.take(ticket("b", since=9.0, need=one)) is None  # or who needs all would wait for ever
        first.release()
        both = all_line.take(ticket("all", need=every))
    assert both is not None
    assert (both.device, both.environment()["CUDA_VISIBLE_DEVICES"]) == ("gpu0,gpu1", "0,1")
    both.release()
    on_cpu = Line(settings, Need()).take(ticket("c"))
    assert on_cpu is not None
    assert on_cpu.environment()["CUDA_VISIBLE_DEVICES"] == "-1"
    on_cpu.release()


@pytest.mark.parametrize(
    ("estimator", "device", "gpus", "needed"),
    [
        ("dense_network", "auto", ("0",), GPU),
        ("dense_network", "auto", (), CPU),
        ("dense_network", "cpu", ("0",), CPU),
        ("dense_network", "all_gpus", ("0", "1"), ALL_GPUS),
        ("dense_network", "all_gpus", ("0",), GPU),
        ("random_forest", "auto", ("0",), CPU),
    ],
)
def test_networks_take_a_gpu_where_there_is_one(
    estimator: str, device: str, gpus: tuple[str, ...], needed: str
) -> None:
    spec = RunSpec.parse(SPEC | {"estimator": {"name": estimator}, "training": {"device": device}})
    assert needed_by(spec, gpus=gpus).device == needed


def test_gpus_are_those_that_cuda_would_see() -> None:
    assert named_gpus("2, 0") == ("2", "0")
    assert named_gpus("-1") == named_gpus("") == ()
    assert named_gpus("GPU-5a,-1,1") == ("GPU-5a",)


def test_a_damaged_note_of_what_a_run_needs_means_the_cpu(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "launch.json").write_text("[]")
    write_state(tmp_path, RunState(status="queued", created=1.0))
    place = take_turn(tmp_path, settings)
    assert place is not None
    assert place.device == CPU
    place.release()


def test_a_lock_is_one_holders_only(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "a"), Lock(tmp_path / "a")
    assert first.acquire()
    assert is_locked(tmp_path / "a")
    assert not second.acquire()
    first.release()
    assert not is_locked(tmp_path / "a")
    assert not is_locked(tmp_path / "none")
    with second:
        assert second.held


def test_a_run_that_goes_on_shows_what_is_wrong_with_it(settings: Settings) -> None:
    now = time.time()
    fine = RunState(status="running", created=now, started=now, heartbeat=now, progressed=now - 50, step_seconds=1.0)
    assert fine.warning is None
    assert "no sign of life for 40 s" in (replace(fine, heartbeat=now - 40).warning or "")
    stuck = replace(fine, progressed=now - 100, unit="epoch")
    assert "No progress for 100 s; one epoch took 1 s before" in (stuck.warning or "")
    assert replace(stuck, step_seconds=None).warning is None  # a single fit may take hours
    assert replace(stuck, step_seconds=30.0).warning is None
    assert replace(stuck, status="finished").warning is None


def test_notes_tags_and_priority_are_kept_beside_the_spec(settings: Settings, held: Any) -> None:
    run = start(SPEC, note=" first try ", tags=["baseline", "iris", "baseline"], priority=3, settings=settings)
    run.stop()
    again = open_run(run.id, settings=settings)
    assert (again.note, again.tags, again.priority) == ("first try", ("baseline", "iris"), 3)
    again.describe(note="", tags=["paper"])
    assert run.to_dict() | {"note": "", "tags": ["paper"], "priority": 3} == run.to_dict()
    for wrong in ({"tags": "paper"}, {"tags": ["a,b"]}, {"tags": [""]}, {"priority": 101}, {"priority": 1.5}):
        with pytest.raises(RunError, match="needed"):
            run.describe(**wrong)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="needed a whole number from -100 to 100"):
        start(SPEC, priority=1000, settings=settings)
    (run.folder / "about.json").write_text("[]")
    assert run.tags == ()
    run.wait(30)
    kill(run.folder, grace_seconds=0.0)  # one that has ended stays as it is
    assert read_state(run.folder).status == "stopped"
