"""What a process imports: the borders that keep the app and the service small and quick to start."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"tensorflow", "keras", "shap", "sklearn", "skl2onnx", "optuna", "mlflow"}
APP = [
    "workbench",
    "workbench.api",
    "workbench.api.running",
    "workbench.api.preparing",
    "workbench.api.explaining",
    "workbench.api.watching",
    "workbench.cli",
    "workbench.data",
    "workbench.data.reading",
    "workbench.doctor",
    "workbench.evaluation",
    "workbench.explain",
    "workbench.export",
    "workbench.package",
    "workbench.plots",
    "workbench.recipe",
    "workbench.registry",
    "workbench.service",
    "workbench.training.run",
]


def imported_by(code: str) -> set[str]:
    """Give the top-level packages that a fresh interpreter has imported after running `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_modules_of_the_app_import_nothing_that_trains_or_explains():
    walk = (
        "import importlib, pkgutil, workbench.ui\n"
        "for module in pkgutil.walk_packages(workbench.ui.__path__, 'workbench.ui.'):\n"
        "    if module.name != 'workbench.ui.shell':  # the script itself draws when it is imported\n"
        "        importlib.import_module(module.name)"
    )
    code = "\n".join([*(f"import {name}" for name in APP), walk])
    assert not imported_by(code) & HEAVY


def test_every_public_name_can_be_loaded_without_what_trains_or_explains():
    code = "import workbench as wb\nfor name in dir(wb): getattr(wb, name)"
    loaded = imported_by(code)
    assert not loaded & HEAVY
    assert "streamlit" not in loaded


@pytest.mark.parametrize(
    "code",
    [
        "import workbench.service",
        "from workbench.service import create_app; create_app()",
        "import workbench.cli, workbench.service.server, uvicorn",
    ],
)
def test_the_service_imports_neither_what_trains_nor_streamlit(code):
    assert not imported_by(code) & (HEAVY | {"streamlit", "plotly", "pandas"})


def test_the_worker_does_not_import_streamlit_or_the_ways_in():
    loaded = imported_by("import workbench.training.worker")
    assert not loaded & {"streamlit", "fastapi", "uvicorn", "plotly"}


def test_importing_the_package_alone_loads_no_library():
    assert not imported_by("import workbench") & {"polars", "numpy", "pydantic", "onnxruntime", "streamlit", "typer"}


def test_the_command_line_starts_without_polars():
    assert not imported_by("import workbench.cli") & {"polars", "numpy", "fastapi", "onnxruntime", "rich", "plotly"}
