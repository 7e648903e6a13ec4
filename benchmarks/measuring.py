"""What the benchmarks share: two sides in turn, medians, and a table of them."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(sides: dict[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """Measure the sides A B A B ..., so that a machine whose speed drifts treats both alike."""
    figures: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            figures[name].append(measure())
    return figures


def report(figures: dict[str, list[float]], *, unit: str = "s", scale: float = 1.0, against: str | None = None) -> None:
    """Print median, minimum and maximum of each side, and the ratio of medians to `against`."""
    base = statistics.median(figures[against]) if against else None
    width = max(len(name) for name in figures)
    for name, values in figures.items():
        median = statistics.median(values)
        line = (
            f"{name:<{width}}  {median * scale:9.3f} {unit}  ({min(values) * scale:.3f} to {max(values) * scale:.3f})"
        )
        print(line + (f"  ratio {median / base:.3f}" if base and name != against else ""), flush=True)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def server(
    command: list[str], port: int, *, folder: Path, health: str = "_stcore/health", **environment: str
) -> Iterator[float]:
    """Start a server and give the seconds until it says that it is healthy; stop it at the end."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/{health}").status_code == 200:
                    break
            except httpx.TransportError:
                if process.poll() is not None or time.perf_counter() - started > 60:
                    raise RuntimeError(f"{command} didn't start") from None
                time.sleep(0.01)
        yield time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(20)


def chromium() -> str:
    """Find the browser."""
    import shutil

    found = os.environ.get("WORKBENCH_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        sys.exit("This benchmark needs Chromium: install it, or set WORKBENCH_CHROMIUM=/path/to/chromium.")
    return found
