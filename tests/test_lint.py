"""The rules of the house: style, types, and imports that run downwards only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["lint-imports"], ["mypy"]],
    ids=["ruff", "format", "imports", "types"],
)
def test_code_follows_the_rules(command):
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


def test_no_file_reads_or_writes_pickles():
    offenders = [
        str(path.relative_to(ROOT))
        for path in [*ROOT.glob("workbench/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"]
        if any(word in path.read_text(encoding="utf-8") for word in ("import pickle", "import joblib", "import dill"))
    ]
    assert offenders == []
