"""The notebooks run from top to bottom, and are committed without outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_is_a_notebook_for_each_page_of_the_work():
    assert [book.stem for book in BOOKS] == [
        "01_data",
        "02_prepare",
        "03_train",
        "04_evaluate",
        "05_explain",
        "06_models",
    ]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs"), f"run nbstripout {path.name}"
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
# Jupyter's kernel client opens sockets that it leaves to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_notebooks_run(path, settings, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    if path.stem == "05_explain":  # reads the demo model that ships
        monkeypatch.setenv("WORKBENCH_MODELS", str(FOLDER.parent / "models"))
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
    shown = [output for cell in book.cells for output in cell.get("outputs", []) if output["output_type"] != "stream"]
    assert len(shown) >= 4
    said = "".join(
        output["text"] for cell in book.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"
    )
    assert "Warning" not in said
