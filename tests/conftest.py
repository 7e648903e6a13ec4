"""Fixtures that all rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.settings import Settings

# Before any test moves the variable: the folder with the large data sets, or nothing.
_LARGE_DATA = os.environ.get("WORKBENCH_DATA", "")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with all folders below tmp_path; the environment of this process says the same."""
    for name in [name for name in os.environ if name.startswith("WORKBENCH_")]:
        monkeypatch.delenv(name)
    chosen = Settings(home=tmp_path / "home", models=tmp_path / "models")
    monkeypatch.setenv("WORKBENCH_HOME", str(chosen.home))
    monkeypatch.setenv("WORKBENCH_MODELS", str(chosen.models))
    return chosen


@pytest.fixture(scope="session")
def large_data() -> Path:
    """Folder with the large public data sets; skips where WORKBENCH_DATA names none."""
    folder = Path(_LARGE_DATA).expanduser()
    if not _LARGE_DATA or not (folder / "adult_train.csv.gz").is_file():
        pytest.skip("needs the data sets (adult_train.csv.gz and others) in the folder that WORKBENCH_DATA names")
    return folder
