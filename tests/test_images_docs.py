"""The page about images: its spec is one, and its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench.training.spec import RunSpec

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "images.md").read_text(encoding="utf-8")


def test_the_spec_of_the_page_is_one():
    spec = RunSpec.from_yaml(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    assert [step.step for step in spec.recipe] == ["resize", "scale_pixels", "augment"]
    named = set(re.findall(r"^\| `(\w+)` \| `", PAGE, re.MULTILINE))
    assert named == {"resize", "scale_pixels", "augment"}


@pytest.mark.timeout(300)
def test_the_python_of_the_page_runs(settings, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    names: dict[str, object] = {}
    exec(compile(code, "images.md", "exec"), names)
    assert names["run"].status == "finished" and names["run"].metrics()["test"]["accuracy"] > 0.9
    assert names["found"].effects.shape == (12, 12) and "accuracy" in capsys.readouterr().out
