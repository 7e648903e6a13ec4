"""What the documentation says is what the code does."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_reference_is_in_step_with_the_code():
    place = importlib.util.spec_from_file_location("make_reference", ROOT / "tools" / "make_reference.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.reference(), "run: python tools/make_reference.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_specs_in_the_documentation_are_valid():
    from workbench.training.spec import RunSpec

    texts = re.findall(r"```yaml\n(name:.*?)```", (ROOT / "docs" / "runspec.md").read_text(encoding="utf-8"), re.DOTALL)
    assert texts
    for text in texts:
        RunSpec.from_yaml(text)
    RunSpec.read(ROOT / "examples" / "titanic.yaml")


def test_the_python_of_the_readme_runs(settings, capsys):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "roc_auc" in printed
    assert "prediction" in printed


@pytest.mark.timeout(300)
def test_the_python_of_the_page_about_runs_runs(settings):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "runs.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for code in blocks:  # a later one goes on with the names of those before
        exec(compile(code, "runs.md", "exec"), names)
    assert names["run"].status == names["groups"].status == names["both"].status == "finished"


@pytest.mark.parametrize("page", ["data.md", "recipes.md"])
def test_the_python_of_the_pages_about_data_runs(page, settings):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    shown = [code for code in blocks if "wb.sample(" in code]  # the others need a file or a database of the reader's
    assert shown
    for code in shown:
        exec(compile(code, page, "exec"), {})


def test_the_recipes_of_the_documentation_fit_their_table():
    import yaml

    import workbench as wb

    text = re.search(
        r"```yaml\n(- \{step.*?)```", (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8"), re.DOTALL
    )[1]
    preview = wb.preview_recipe(wb.sample("titanic"), yaml.safe_load(text), target="survived")
    assert len(preview.effects) == len(yaml.safe_load(text))
    text = re.search(r"```yaml\n(data: .*?)```", (ROOT / "docs" / "data.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    wb.RunSpec.parse({**yaml.safe_load(text), "estimator": {"name": "logistic_regression"}})


def test_the_readme_names_only_commands_that_exist():
    import typer.main

    from workbench.cli import app

    commands = set(typer.main.get_command(app).commands)
    for page in PAGES:
        named = set(re.findall(r"^(?:\.venv/bin/)?workbench ([a-z]+)", page.read_text(), re.MULTILINE))
        assert named <= commands, page.name
    recipe_verbs = set(typer.main.get_command(app).commands["recipe"].commands)
    named = set(re.findall(r"^workbench recipe ([a-z]+)", (ROOT / "docs" / "recipes.md").read_text(), re.MULTILINE))
    assert named
    assert named <= recipe_verbs
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", (ROOT / "README.md").read_text())) <= targets


def calls_in(page: Path) -> list[tuple[str, dict]]:
    """Give path and body of each curl example that posts something."""
    call = r"localhost:8501/api(/\S+) (?:\\\n\s*)?-H 'content-type: application/json' (?:\\\n\s*)?-d '([^']+)'"
    found = re.findall(call, page.read_text(encoding="utf-8"))
    return [(path, json.loads(body)) for path, body in found]


@pytest.mark.parametrize("page", ["README.md", "docs/serving.md"])
def test_the_calls_of_the_documentation_are_answered(page):
    from workbench.service import create_app
    from workbench.settings import Settings

    app = create_app(Settings(models=ROOT / "models"))

    async def ask(path: str, body: dict) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://docs") as client:
            return await client.post(path, json=body)

    calls = calls_in(ROOT / page)
    assert calls
    for path, body in calls:
        answer = asyncio.run(ask(path, body))
        assert answer.status_code == 200, answer.text
        assert "probabilit" in answer.text
