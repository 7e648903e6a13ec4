"""The Models page: versions, promotion, rollback, history and call examples that work when pasted."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import httpx
import pytest

from workbench import registry
from workbench.service import create_app
from workbench.storage import write_json
from workbench.ui import call_examples


@pytest.fixture
def published(settings, model_packages):
    for name in ("passengers", "passengers", "flowers"):
        registry.publish(model_packages[name], name, note=f"a {name}")
    return settings


def test_versions_stand_in_a_table_with_who_is_live(open_page, published):
    page = open_page("models", model="passengers")
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["version"]) == [2, 1]
    assert list(table["live"]) == ["", "champion"]
    assert list(table["Accuracy, test"]) == [0.9, 0.9]


def test_the_first_model_opens_when_none_is_named(open_page, published):
    page = open_page("models")
    assert page.query_params["model"] == "flowers"
    page.selectbox(key="models.model.flowers").set_value("passengers").run()
    assert not page.exception
    assert page.query_params["model"] == "passengers"


def test_promotion_compares_first_and_then_moves_the_alias(open_page, published):
    page = open_page("models", model="passengers/2")
    page.button(key="models.promote").click().run()
    assert not page.exception
    compared = page.dataframe[-1].value
    assert list(compared.columns) == ["metric", "v2 (candidate)", "v1 (live)", "better"]
    assert registry.resolve("passengers").number == 1
    page.button(key="models.promote_now").click().run()
    assert not page.exception
    assert registry.resolve("passengers").number == 2


def test_rollback_returns_to_the_version_before(open_page, published):
    registry.promote("passengers", 2)
    page = open_page("models", model="passengers")
    assert page.button(key="models.rollback").label == "Roll back to v1 …"
    page.button(key="models.rollback").click().run()
    page.button(key="models.rollback_now").click().run()
    assert registry.resolve("passengers").number == 1


def test_rollback_is_off_where_nothing_was_live_before(open_page, published):
    page = open_page("models", model="flowers")
    assert page.button(key="models.rollback").disabled


def test_the_history_says_what_was_done(open_page, published):
    registry.promote("passengers", 2, by="ada", note="better on men")
    page = open_page("models", model="passengers")
    told = "\n".join(entry.value for entry in page.markdown)
    assert "**v2** promoted by ada instead of v1 · “better on men”" in told
    assert "**v1** published" in told


def test_the_open_run_is_published_and_opened(open_page, published, model_packages):
    folder = published.runs / "flowers-0001"
    spec = {"name": "My.Flowers", "data": {"source": "iris", "target": "species"}, "estimator": {"name": "baseline"}}
    write_json(folder / "spec.json", spec)
    write_json(folder / "state.json", {"status": "finished", "created": 1.0, "started": 1.0, "ended": 2.0})
    shutil.copytree(model_packages["flowers"], folder / "package")
    page = open_page("models", run="flowers-0001")
    assert page.text_input(key="models.name.flowers-0001").value == "my-flowers"
    # What the button does stands on it: a first version is live at once, another one isn't.
    assert page.button(key="models.publish_now").label == "Publish and make live"
    page.text_input(key="models.name.flowers-0001").set_value("flowers").run()
    assert page.button(key="models.publish_now").label == "Publish a version"
    assert any("v1 goes on answering" in caption.value for caption in page.caption)
    page.text_input(key="models.note.flowers-0001").set_value("again")
    page.button(key="models.publish_now").click().run()
    assert not page.exception
    assert registry.resolve("flowers/2").number == 2
    assert registry.audit("flowers")[-1]["note"] == "again"
    assert page.query_params["model"] == "flowers/2"


def test_nothing_published_leads_to_training(open_page):
    page = open_page("models")
    assert not page.exception
    assert page.button(key="models.train").label == "Train a model"


@pytest.mark.parametrize("name", ["passengers", "flowers"])
def test_the_examples_carry_the_columns_of_the_model(open_page, published, name):
    page = open_page("models", model=name)
    codes = [code.value for code in page.code if "/api/" in code.value]
    assert len(codes) == 4
    for column in registry.load_model(name).signature.column_names:
        assert all(f'"{column}"' in code or f"'{column}'" in code for code in codes)


@pytest.mark.parametrize("name", ["passengers", "flowers"])
def test_the_bodies_of_the_examples_are_answered(published, name):
    version = registry.resolve(name)
    row = call_examples.example_row(version)
    transport = httpx.ASGITransport(app=create_app(published))

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            bodies = [
                (f"/predict/{name}", _body(call_examples.curl("", row))),
                (f"/v2/models/{name}/versions/1/infer", _body(call_examples.tensors("", version, row))),
            ]
            return [await client.post(path, content=body) for path, body in bodies]

    import asyncio

    plain, tensors = asyncio.run(ask())
    assert plain.status_code == tensors.status_code == 200
    assert plain.json()["predictions"][0]["prediction"] == tensors.json()["outputs"][0]["data"][0]


def _body(command: str) -> str:
    """Take the body out of a curl command as a shell does."""
    import shlex

    words = shlex.split(command.replace("\\\n", " "))
    return words[words.index("-d") + 1]


def test_an_apostrophe_in_a_value_survives_the_shell():
    command = call_examples.curl("http://x", {"name": "O'Neil"})
    assert json.loads(_body(command)) == {"rows": [{"name": "O'Neil"}]}


def test_the_python_example_is_valid_python_with_missing_values():
    code = call_examples.python("http://x", {"age": None, "sex": "f'\"", "n": 3})
    compile(code, "example", "exec")
    assert "None" in code


def test_the_pages_of_the_app_load_no_training_library(published):
    code = (
        "import sys; import workbench.ui.models_view, workbench.ui.predict_view, workbench.ui.explanation_view, "
        "workbench.ui.report_view, workbench.ui.batch_view, workbench.ui.explanation_form; "
        "print([n for n in ('tensorflow', 'sklearn', 'shap', 'keras') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
