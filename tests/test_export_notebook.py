"""An exported notebook runs from top to bottom in Jupyter, and the run it makes is where the app looks."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

import workbench as wb
from workbench.export import as_code, as_notebook, as_script

FLOWERS = {
    "name": "flowers",
    "data": {"source": "iris", "target": "species", "task": "classification"},
    "recipe": [{"step": "drop_duplicates"}, {"step": "standardize", "columns": ["sepal_length", "petal_length"]}],
    "estimator": {"name": "logistic_regression"},
}


@pytest.fixture
def spec():
    return wb.RunSpec.parse(FLOWERS)


def outputs(notebook, source: str) -> list[dict]:
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and source in cell.source]
    return [output["data"] for output in cell.outputs if "data" in output]


def test_the_notebook_runs_and_its_run_is_found(spec, settings, tmp_path):
    notebook = as_notebook(spec)
    client = NotebookClient(
        notebook, timeout=180, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    (run,) = wb.runs()
    assert (run.status, run.spec) == ("finished", spec)
    watched = outputs(notebook, "wb.train(spec)")
    (figure,) = [data for data in watched if "application/vnd.plotly.v1+json" in data]
    assert figure["text/html"].startswith("<svg ")  # for those who draw no Plotly, such as nbconvert
    (line,) = [data["text/html"] for data in watched[:1]]
    assert run.id in line and "finished" in line
    assert "accuracy" in str(outputs(notebook, "run.evaluate()"))
    assert "petal_length" in str(outputs(notebook, "run.explain()"))
    assert "probability_setosa" in str(outputs(notebook, "model.predict_frame"))
    assert wb.models() == []  # running everything publishes nothing
    assert nbformat.writes(as_notebook(run)) == nbformat.writes(as_notebook(spec))

    # What the pages show of this run as code does what they say.
    for page in ("train", "evaluate", "explain", "predict", "models"):
        names: dict = {}
        exec(compile(as_code(run.spec, page, run_id=run.id), page, "exec"), names)
    version = wb.publish(run, "flowers")
    for page in ("explain", "predict", "models"):
        names = {}
        exec(compile(as_code(None, page, model="flowers"), page, "exec"), names)
        assert names.get("version", version).number == 1


def test_the_script_runs(spec, settings, tmp_path):
    (tmp_path / "flowers.py").write_text(as_script(spec))
    done = subprocess.run(
        [sys.executable, "flowers.py"], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout
    assert "accuracy" in done.stdout
    assert "training" in done.stderr
