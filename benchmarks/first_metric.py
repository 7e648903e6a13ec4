"""From the click on Start training, in Chromium, to the first point of the run's history, and until it is drawn there.

Cold, and with a worker that was kept ready. The peer is what can't be avoided when a worker starts cold: Python
importing the library that trains. On a machine that others use, too, the CPU seconds of a warm worker up to the first
point say more than the clock: they are measured last, without a browser.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.measuring import CHROMIUM_ARGUMENTS, ROOT, chromium, free_port, report, seconds, server
from workbench.settings import Settings
from workbench.training import open_run, start

TITLE = "Seconds from the click on Start training to the first metric"
LIBRARIES = {"random_forest": "import sklearn.ensemble", "dense_network": "import keras"}
LIMITS = {"random_forest": 1.5, "dense_network": 2.5}  # seconds, warm, on an idle machine of two cores
ROUNDS = 3
DRAWN = """() => {
    const chart = document.querySelector(".js-plotly-plot[role=img]")
    return chart && /(^|\\D)[1-9][\\d,]* (of [\\d,]+ )?logged/.test(chart.ariaLabel)
}"""
CALM_SECONDS = 2.0  # a worker that computes so long nothing has loaded all
MOST_SECONDS = 300.0  # for anything that is waited for; on a machine with much other work a click takes a minute


def main() -> None:
    """Print the seconds for scikit-learn and for Keras."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        figures: dict[str, dict[str, list[float]]] = {estimator: {} for estimator in LIBRARIES}
        for warm in ("off", "on"):
            home = Path(name) / warm
            port = free_port()
            command = [sys.executable, "-m", "workbench", "app", "--port", str(port)]
            with server(command, port, folder=ROOT, WORKBENCH_HOME=str(home), WORKBENCH_WARM_WORKER=warm):
                for estimator, imports in LIBRARIES.items():
                    prepare(home, estimator)
                    measure(figures[estimator], browser, port, home, warm, imports)
        browser.close()
    for estimator, measured in figures.items():
        print(f"{estimator} (limit of a warm first point: {LIMITS[estimator]} s)")
        report(measured, against="  import alone")
    without_browser()


def measure(figures: dict[str, list[float]], browser, port: int, home: Path, warm: str, imports: str) -> None:
    """Click several times, cold or warm."""
    word = {"off": "cold", "on": "warm"}[warm]
    for _ in range(ROUNDS):
        if warm == "off":
            figures.setdefault("  import alone", []).append(seconds(lambda: imported(imports)))
        written, shown = click(browser, port, home, is_warm=warm == "on")
        print(f"{word}: first point after {written:.2f} s, shown after {shown:.2f} s", flush=True)
        figures.setdefault(f"  {word}, first point", []).append(written)
        figures.setdefault(f"  {word}, shown", []).append(shown)


def without_browser() -> None:
    """Start runs from Python, warm, and print the clock and the CPU seconds of the worker up to the first point."""
    from workbench.training.handing import end_idle, keep_warm

    for estimator, limit in LIMITS.items():
        with tempfile.TemporaryDirectory() as name:
            settings = Settings(home=Path(name), warm_worker="on")
            keep_warm(settings)
            pid = wait_for_warmth(Path(name))
            before = cpu_seconds(pid)
            began = time.perf_counter()
            run = start(spec_of(estimator, settings), settings=settings)
            path = run.folder / "history.jsonl"
            while not (path.exists() and path.stat().st_size):
                time.sleep(0.005)
            clock, cpu = time.perf_counter() - began, cpu_seconds(pid) - before
            print(f"{estimator}, warm, from Python: {clock:.2f} s by the clock (limit {limit}), {cpu:.2f} CPU s")
            run.wait(120)
            end_idle()


def wait_for_warmth(home: Path) -> int:
    """Wait until the worker that is kept ready has loaded all; give its pid."""
    import json

    import psutil

    until = time.monotonic() + MOST_SECONDS
    seen: dict[int, tuple[float, float]] = {}  # for each worker, its CPU seconds when it last computed, and when
    while time.monotonic() < until:
        with suppress(FileNotFoundError, psutil.NoSuchProcess):  # one that is handed a run goes, and another comes
            for path in (home / "warm").glob("*/ready.json"):
                pid = int(json.loads(path.read_text())["pid"])
                now = cpu_seconds(pid)
                spent, since = seen.get(pid, (-1.0, 0.0))
                if now - spent > 0.1:
                    seen[pid] = (now, time.monotonic())
                elif spent > 3 and time.monotonic() - since > CALM_SECONDS:
                    return pid
        time.sleep(0.1)
    raise RuntimeError("no warm worker got ready")


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has taken."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def imported(code: str) -> None:
    """Import a library in a fresh process."""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def prepare(home: Path, estimator: str) -> None:
    """Leave a draft for the Titanic sample, as the Prepare page would."""
    import workbench as wb
    from workbench.ui import drafts

    settings = wb.Settings(home=home)
    drafts.save(
        drafts.from_spec(spec_of(estimator, settings), wb.sample("titanic", settings=settings)), settings=settings
    )


def spec_of(estimator: str, settings):
    """Give a RunSpec on the Titanic sample with the suggested recipe."""
    import workbench as wb

    table = wb.sample("titanic", settings=settings)
    recipe = wb.suggest_recipe(table, target="survived", estimator=estimator)
    return wb.RunSpec(
        name="first-metric",
        data={"source": "titanic", "target": "survived"},
        recipe=recipe.steps,
        estimator={"name": estimator},
    )


def click(browser, port: int, home: Path, *, is_warm: bool) -> tuple[float, float]:
    """Click and give the seconds until the first point is on disk, and until the page has drawn it.

    It waits for the end of the run: one that still trains would slow down the next click.
    """
    before = set((home / "runs").glob("*")) if (home / "runs").exists() else set()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{port}/train?table=titanic")
    button = page.get_by_role("button", name="Start training")
    button.wait_for(timeout=1000 * MOST_SECONDS)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=1000 * MOST_SECONDS)
    if is_warm:  # as when someone has looked at the form for half a minute
        wait_for_warmth(home)
    started = time.perf_counter()
    button.click()
    run, written = None, 0.0
    while run is None:
        if time.perf_counter() - started > MOST_SECONDS:
            raise RuntimeError(f"no first point within {MOST_SECONDS:g} s")
        for folder in set((home / "runs").glob("*")) - before:
            history = folder / "history.jsonl"
            if history.is_file() and history.stat().st_size:
                run, written = folder, time.perf_counter() - started
        page.wait_for_timeout(20)
    page.wait_for_function(DRAWN, timeout=1000 * MOST_SECONDS)
    shown = time.perf_counter() - started
    page.close()
    open_run(run.name, settings=Settings(home=home)).wait(MOST_SECONDS)
    return written, shown
