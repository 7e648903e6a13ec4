"""From the click on Start training, in Chromium, to the first point of the run's history, and until the page shows it.

The peer is what can't be avoided when a worker starts cold: Python importing the library that trains.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import CHROMIUM_ARGUMENTS, ROOT, chromium, free_port, report, seconds, server

TITLE = "Seconds from the click on Start training to the first metric"
LIBRARIES = {"random_forest": "import sklearn.ensemble", "dense_network": "import keras"}
ROUNDS = 3


def main() -> None:
    """Print the seconds for scikit-learn and for Keras."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        home = Path(name)
        port = free_port()
        command = [sys.executable, "-m", "workbench", "app", "--port", str(port)]
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        with server(command, port, folder=ROOT, WORKBENCH_HOME=str(home)):
            for estimator, imports in LIBRARIES.items():
                print(estimator)
                prepare(home, estimator)
                figures: dict[str, list[float]] = {"  import alone": [], "  first point": [], "  shown": []}
                for _ in range(ROUNDS):
                    figures["  import alone"].append(seconds(lambda code=imports: imported(code)))
                    written, shown = click(browser, port, home)
                    figures["  first point"].append(written)
                    figures["  shown"].append(shown)
                report(figures, against="  import alone")
        browser.close()


def imported(code: str) -> None:
    """Import a library in a fresh process."""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def prepare(home: Path, estimator: str) -> None:
    """Leave a draft for the Titanic sample, as the Prepare page would."""
    import workbench as wb
    from workbench.ui import drafts

    settings = wb.Settings(home=home)
    table = wb.sample("titanic", settings=settings)
    recipe = wb.suggest_recipe(table, target="survived", estimator=estimator)
    spec = wb.RunSpec(
        name="first-metric",
        data={"source": "titanic", "target": "survived"},
        recipe=recipe.steps,
        estimator={"name": estimator},
    )
    drafts.save(drafts.from_spec(spec, table), settings=settings)


def click(browser, port: int, home: Path) -> tuple[float, float]:
    """Click and give the seconds until the first point is on disk, and until the page shows progress."""
    before = set((home / "runs").glob("*")) if (home / "runs").exists() else set()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{port}/train?table=titanic")
    button = page.get_by_role("button", name="Start training")
    button.wait_for(timeout=60_000)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    started = time.perf_counter()
    button.click()
    written = 0.0
    while not written and time.perf_counter() - started < 120:
        new = set((home / "runs").glob("*")) - before
        if any((run / "history.jsonl").is_file() and (run / "history.jsonl").stat().st_size for run in new):
            written = time.perf_counter() - started
        page.wait_for_timeout(20)
    page.get_by_text(re.compile(r"^[1-9][\d,]* of [\d,]+$")).first.wait_for(timeout=60_000)
    shown = time.perf_counter() - started
    page.close()
    return written, shown
