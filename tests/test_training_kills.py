"""What ends a run by force: kills at any moment, a worker that hangs, memory that runs out. It goes on from there."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from workbench import storage
from workbench.settings import Settings
from workbench.training import Run, runs, start, train
from workbench.training import state as files
from workbench.training.memory import resident_mib

ROUNDS = 300
BOOSTING = {"name": "hist_gradient_boosting", "params": {"max_iter": ROUNDS}}


@pytest.fixture
def settings(settings: Settings) -> Iterator[Settings]:
    quick = replace(settings, heartbeat_seconds=0.1, hardware_seconds=0.5, checkpoint_seconds=0.1)
    yield quick
    for run in runs(settings=quick):
        process = storage.read_json(run.folder / files.PROCESS) or {}
        if not run.state.has_ended and process:
            with suppress(ProcessLookupError):
                os.kill(process["pid"], signal.SIGKILL)
            run.wait(10)


def spec(**changes: Any) -> dict[str, Any]:
    document = {"name": "iris", "data": {"source": "iris", "target": "species"}, "estimator": BOOSTING}
    return document | {"training": {"early_stopping": {"patience": 10_000}}} | changes


def until(condition: Callable[[], Any], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def reach(run: Run, step: int) -> None:
    """Wait until a run has got so far, or ended."""
    until(lambda: run.state.has_ended or (run.history()["step"].max() or 0) >= step)


def hang_and_kill(run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a worker hang, see that its readers notice, and end it as the page and the command line do."""
    os.kill(run.state.pid or 0, signal.SIGSTOP)
    monkeypatch.setattr(files, "SILENT_SECONDS", 0.5)
    until(lambda: "no sign of life" in (run.state.warning or ""), 10)
    run.stop()
    time.sleep(0.2)
    Run(run.folder, settings=replace(settings, stop_grace_seconds=0.1)).kill()
    until(lambda: run.status == "lost", 10)
    assert "Killed: it hadn't ended" in (run.reason or "")


def test_three_ends_by_force_lead_to_the_result_of_none(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = random.Random(4)
    whole = train(spec(), settings=settings)
    assert whole.status == "finished", whole.log()
    run = start(spec(), settings=settings)
    ends = 0
    for low, high in ((5, 80), (81, 160), (161, 240)):
        reach(run, moments.randint(low, high))
        if run.state.has_ended:
            break
        if ends == 1:
            hang_and_kill(run, settings, monkeypatch)
        else:
            os.kill(run.state.pid or 0, signal.SIGKILL)
            until(lambda: run.status == "lost", 10)
            assert "SIGKILL" in (run.reason or "")
        before = run.history()["step"].max()
        assert isinstance(before, int)
        ends += 1
        run.resume()
    run.wait(120)
    assert (run.status, ends) == ("finished", 3), run.log()
    assert run.state.resumed == 3
    assert run.history()["step"].to_list() == whole.history()["step"].to_list()
    rows = {name: [5.0, 6.5, 7.1] for name in whole.model().signature.types}
    np.testing.assert_allclose(run.model().predict_proba(rows), whole.model().predict_proba(rows), atol=1e-6)
    assert run.metrics() == whole.metrics()


def test_a_run_that_takes_too_much_memory_fails_with_a_reason_and_goes_on_with_more(settings: Settings) -> None:
    run = train(spec(), settings=replace(settings, max_worker_mib=120))  # less than the libraries take
    assert run.status == "failed"
    assert "Memory ran out while" in (run.reason or "")
    assert "more than 120 MiB (max_worker_mib). What it stored before is kept." in (run.reason or "")
    assert "ERROR failed: Memory ran out" in run.log(level="error")
    again = Run(run.folder, settings=settings).resume()
    reach(again, 3)
    assert again.history().height >= 3, again.log()
    os.kill(again.state.pid or 0, signal.SIGKILL)
    again.wait(10)
    assert resident_mib() > 10
