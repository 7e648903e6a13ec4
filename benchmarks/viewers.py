"""What ten viewers of a run cost: each reads its state, curves, hardware and log once a second, while it trains.

Measured in CPU seconds of the process that reads, for processes (ten browsers on one app share what was read) and for
viewers that share nothing, as on ten machines. A run of an hour is imitated: 3,600 points and samples, growing.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from workbench import storage
from workbench.training.history import HARDWARE, HistoryWriter, hardware_frame, history_frame
from workbench.training.liveness import process_created
from workbench.training.run import Run
from workbench.training.state import HISTORY, RunState, this_host, write_state
from workbench.training.tailing import Tail

TITLE = "Share of one core that ten viewers of a run take, once a second each"
VIEWERS, POINTS, SECONDS, LIMIT = 10, 3_600, 10, 0.03


def main() -> None:
    """Print the share of one core that reading takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run-1234"
        folder.mkdir()
        prepare(folder)
        run = Run(folder)
        tails = [
            (Tail(folder / HISTORY, history_frame), Tail(folder / HARDWARE, hardware_frame)) for _ in range(VIEWERS)
        ]
        for title, look in (
            ("one app, ten browsers", lambda: [shared(run) for _ in range(VIEWERS)]),
            ("ten that share nothing", lambda: [alone(run, pair) for pair in tails]),
        ):
            look()  # what was there before they came is read once
            share = measure(folder, look)
            print(f"{title:<24} {share:6.2%} of one core (limit {LIMIT:.0%})", flush=True)


def prepare(folder: Path) -> None:
    """Make a run that has trained for an hour; this process is its worker."""
    import os

    now = time.time()
    state = RunState(status="running", created=now - POINTS, started=now - POINTS, heartbeat=now, progressed=now)
    state = RunState(
        **{**state.to_dict(), "pid": os.getpid(), "pid_created": process_created(), "host": this_host()},
    )
    write_state(folder, state)
    lines = []
    for step in range(POINTS):
        metrics = {name: 1.0 / (step + 1) for name in ("loss", "val_loss", "accuracy", "val_accuracy")}
        lines.append(storage.to_json({"time": now, "step": step, "epoch": step / 100, "metrics": metrics}))
    (folder / HISTORY).write_text("\n".join(lines) + "\n")
    (folder / HARDWARE).write_text((storage.to_json(sample(now)) + "\n") * POINTS)
    (folder / "log.txt").write_text("10:00:00 INFO A line of the log\n" * 1_000)


def sample(now: float) -> dict:
    """Give a line of hardware with two GPUs."""
    gpu = {"name": "GPU", "utilisation_percent": 50.0, "memory_mib": 1.0, "memory_total_mib": 2.0, "power_w": 3.0}
    numbers = dict.fromkeys(
        ("cpu_percent", "memory_mib", "memory_total_mib", "process_cpu_percent", "process_memory_mib"), 1.0
    )
    return {"time": now, **numbers, "gpus": [{"index": index, **gpu} for index in range(2)]}


def grow(folder: Path) -> None:
    """Add what one second of training does."""
    HistoryWriter(folder).append(1, 1.0, {"loss": 0.1, "val_loss": 0.2})
    storage.append_json_line(folder / HARDWARE, sample(time.time()))


def shared(run: Run) -> None:
    """Look as a page of the app does."""
    assert run.state.status == "running"
    assert run.history().height and run.hardware().height
    run.log(20)


def alone(run: Run, tails: tuple[Tail, Tail]) -> None:
    """Look as a program of its own does."""
    assert run.state.status == "running"
    assert all(tail.frame().height for tail in tails)
    run.log(20)


def measure(folder: Path, look) -> float:
    """Look once a second; give the CPU seconds of it by second."""
    spent = 0.0
    for _ in range(SECONDS):
        grow(folder)
        before = time.thread_time()
        look()
        spent += time.thread_time() - before
        time.sleep(0.2)  # the rest of the second costs nothing
    return spent / SECONDS
