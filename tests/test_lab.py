"""The live chart in real JupyterLab: it grows while a run trains, and ends as a figure in a small file."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import nbformat
import pytest

CHROMIUM = os.environ.get("WORKBENCH_CHROMIUM") or shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENT = 90_000  # milliseconds: two cores may be busy with other tests
CODE = """import workbench as wb

wb.train({
    "name": "flowers",
    "data": {"source": "iris", "target": "species"},
    "estimator": {"name": "hist_gradient_boosting", "params": {"max_iter": 10_000}},
    "training": {"early_stopping": {"patience": 10_000}},
})
"""
FIGURE = "application/vnd.plotly.v1+json"
DRAWING = ".jp-OutputArea svg[role=img]"
LABEL = f"document.querySelector('{DRAWING}')?.getAttribute('aria-label')"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium, or set WORKBENCH_CHROMIUM"),
]


@pytest.fixture
def lab(settings, tmp_path):
    """Start JupyterLab on a notebook of one cell, with folders and configuration of its own; give its address."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "book.ipynb")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    environment = os.environ | settings.to_environment()
    environment |= {name: str(tmp_path / name) for name in (*own, "JUPYTERLAB_WORKSPACES_DIR")}
    flags = [f"--ServerApp.root_dir={tmp_path}", f"--port={port}", "--no-browser", "--allow-root"]
    flags += ["--IdentityProvider.token=", "--LabApp.news_url="]
    flags += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *flags],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    until(lambda: answers(f"{address}/api"))
    yield f"{address}/lab/tree/book.ipynb?reset"
    server.terminate()
    server.wait(30)


def answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False


def until(condition) -> None:
    end = time.monotonic() + PATIENT / 1000
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def outputs_of(path: Path) -> list[dict]:
    return [output["data"] for output in nbformat.read(path, as_version=4).cells[0].outputs if "data" in output]


def test_curves_grow_in_jupyterlab_and_end_as_a_figure_in_a_small_file(lab, tmp_path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENT)
        page.goto(lab)
        page.get_by_text("| Idle").first.wait_for()  # in the line of status: the kernel is there
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")

        # It grows: the numbers at the ends of the curves change, and so does the line above them.
        page.wait_for_function(f"() => /loss: train [0-9.]/.test({LABEL} ?? '')")
        first = page.evaluate(f"() => {LABEL}")
        page.wait_for_function(f"first => {LABEL} != first", arg=first)
        assert page.get_by_text("running · training round").count() == 1
        assert page.locator(".js-plotly-plot").count() == 0

        # Interrupting stops the run; its end is shown in the same place.
        page.get_by_role("button", name="Interrupt the kernel").click()
        page.locator(".jp-OutputArea .js-plotly-plot .main-svg").first.wait_for()
        assert page.locator(DRAWING).count() == 0
        page.get_by_text("Stopped on request after round").first.wait_for()
        page.keyboard.press("Control+s")
        until(lambda: any(FIGURE in data for data in outputs_of(tmp_path / "book.ipynb")))
        chromium.close()

    figure = next(data for data in outputs_of(tmp_path / "book.ipynb") if FIGURE in data)
    assert figure["text/html"].startswith("<svg ")  # for those who don't draw Plotly's figures, such as nbconvert
    assert (tmp_path / "book.ipynb").stat().st_size < 500_000
