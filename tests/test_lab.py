"""The live chart in real JupyterLab: it grows while a run trains, and ends as a figure in a small file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from lab import jupyterlab, until

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
    with jupyterlab(tmp_path, settings, [CODE]) as address:
        yield address


def outputs_of(path: Path) -> list[dict]:
    try:
        book = nbformat.read(path, as_version=4)
    except nbformat.reader.NotJSONError:  # it is being saved
        return []
    return [output["data"] for output in book.cells[0].outputs if "data" in output]


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
