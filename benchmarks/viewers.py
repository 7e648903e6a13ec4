"""What ten people who watch a run cost, and how late they see a point, while it trains.

The CPU seconds are those of the whole app, less what it takes with nobody there. One viewer is a page in Chromium: a
point's delay is measured from its time in the history to its text on that page. The others ask what such a page asks,
when it asks: viewers draw on their own machines, and ten browsers on one would measure themselves. A run of an hour is
imitated: 3,600 points and samples, growing by one a second.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from benchmarks.measuring import CHROMIUM_ARGUMENTS, ROOT, chromium, free_port, server
from workbench import storage
from workbench.training.history import HARDWARE, HistoryWriter
from workbench.training.liveness import process_created
from workbench.training.state import HISTORY, SPEC, RunState, this_host, write_state

TITLE = "Share of one core that ten viewers of a run take, and seconds until a point is on their pages"
DRAWN = """least => {
    const said = document.querySelector("[role=img][aria-label*=logged]").ariaLabel
    return Number(said.match(/([\\d,]+) logged/)[1].replaceAll(",", "")) >= least
}"""
VIEWERS, POINTS, SECONDS, LIMIT, LATEST = 10, 3_600, 20, 0.03, 2.0


def main() -> None:
    """Print the share of one core and the delay of a point, for one and for ten viewers."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name) / "runs" / "run-1234"
        training = Training(folder)
        port = free_port()
        command = [sys.executable, "-m", "workbench", "app", "--port", str(port)]
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        with server(command, port, folder=ROOT, WORKBENCH_HOME=name, WORKBENCH_WARM_WORKER="off"), training:
            address, page, askers, idle = f"http://127.0.0.1:{port}", None, [], 0.0
            for count in (0, 1, VIEWERS):
                if count and page is None:
                    page = browser.new_page()
                    page.goto(f"{address}/train?run={folder.name}")
                    page.locator(".js-plotly-plot").first.wait_for(timeout=120_000)
                while len(askers) < count - 1:
                    askers.append(Asker(f"{address}/live/runs/{folder.name}"))
                share, delays = measure(page, training)
                idle = idle or share
                late = f", shown after {statistics.median(delays):.2f} s (at most {max(delays):.2f})" if delays else ""
                print(f"{count:>2} viewers: {share:6.2%} of one core, {share - idle:6.2%} for them{late}", flush=True)
            print(f"limits: {LIMIT:.0%} of one core for {VIEWERS} viewers, {LATEST:g} s")
        browser.close()


class Training:
    """A run that has trained for an hour and goes on as long as the context; this process is its worker.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self.times: list[float] = []
        began = time.time() - POINTS
        spec = {
            "name": "run",
            "data": {"source": "titanic", "target": "survived"},
            "estimator": {"name": "dense_network"},
        }
        storage.write_json(folder / SPEC, spec)
        lines = []
        for step in range(POINTS):
            metrics = {name: 1.0 / (step + 1) for name in ("loss", "val_loss", "accuracy", "val_accuracy")}
            lines.append(storage.to_json({"time": began + step, "step": step, "epoch": step / 100, "metrics": metrics}))
        (folder / HISTORY).write_text("\n".join(lines) + "\n")
        (folder / HARDWARE).write_text("".join(storage.to_json(sample(began + i)) + "\n" for i in range(POINTS)))
        self._state(began)

    def __enter__(self) -> Training:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        writer = HistoryWriter(self._folder)
        began = time.time() - POINTS
        while not self._over.wait(1.0):
            step = POINTS + len(self.times)
            storage.append_json_line(self._folder / HARDWARE, sample(time.time()))
            self._state(began)
            self.times.append(time.time())
            writer.append(step, step / 100, {"loss": 0.1, "val_loss": 0.2, "accuracy": 0.9, "val_accuracy": 0.8})

    def _state(self, began: float) -> None:
        now = time.time()
        state = RunState(
            status="running",
            created=began,
            started=began,
            heartbeat=now,
            progressed=now,
            phase="training",
            step=36,
            total=100,
            unit="epoch",
            pid=os.getpid(),
            pid_created=process_created(),
            host=this_host(),
        )
        write_state(self._folder, state)


def sample(at: float) -> dict:
    """Give a line of hardware with two GPUs."""
    gpu = {"name": "GPU", "utilisation_percent": 50.0, "memory_mib": 1.0, "memory_total_mib": 2.0, "power_w": 3.0}
    numbers = dict.fromkeys(
        ("cpu_percent", "memory_mib", "memory_total_mib", "process_cpu_percent", "process_memory_mib"), 1.0
    )
    return {"time": at, **numbers, "gpus": [{"index": index, **gpu} for index in range(2)]}


class Asker:
    """A viewer without a picture: asks for news of a run as `live_view.js` does, until the program ends.

    Parameters
    ----------
    address : str
    """

    def __init__(self, address: str) -> None:
        self._address = address
        threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        seen = ""
        with httpx.Client() as client:
            while True:
                answer = client.get(self._address, params={"by": "time", "seen": seen})
                answer.raise_for_status()
                seen = answer.json()["stamp"]
                time.sleep(float(answer.headers["Again-In"]))


def measure(page, training: Training) -> tuple[float, list[float]]:
    """Watch for a while; give the app's share of one core, and the delay of each point on a page."""
    time.sleep(5)
    delays = []
    began, spent = time.monotonic(), cpu_seconds()
    while time.monotonic() - began < SECONDS:
        if page is None:
            time.sleep(1)
            continue
        n_points = POINTS + len(training.times) + 1
        page.wait_for_function(DRAWN, arg=n_points, polling=20, timeout=30_000)
        delays.append(time.time() - training.times[n_points - POINTS - 1])
    return (cpu_seconds() - spent) / (time.monotonic() - began), delays


def cpu_seconds() -> float:
    """CPU seconds of the app's processes so far."""
    import psutil

    found = [child for child in psutil.Process().children() if "streamlit" in child.cmdline()]
    return sum(sum(process.cpu_times()[:2]) for app in found for process in [app, *app.children(recursive=True)])
