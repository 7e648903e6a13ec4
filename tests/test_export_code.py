"""A page as code, a run as a notebook: the text is run, not only read."""

from __future__ import annotations

import ast
import json
from types import SimpleNamespace

import nbformat
import pytest

import workbench as wb
from workbench.errors import SpecError
from workbench.export import PAGES, as_code, as_notebook, as_script, spec_from_notebook

IRIS = {
    "name": "iris-logistic",
    "data": {"source": "iris", "target": "species", "task": "classification"},
    "recipe": [{"step": "standardize", "columns": ["sepal_length", "sepal_width"]}],
    "estimator": {"name": "logistic_regression"},
}


@pytest.fixture
def spec():
    return wb.RunSpec.parse(IRIS)


def run(code: str) -> dict:
    names: dict = {}
    exec(compile(code, "as_code", "exec"), names)
    return names


def calls(code: str) -> list[str]:
    return [
        node.func.attr
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("state", ["nothing", "table", "spec", "run", "model", "all"])
def test_every_page_has_code_in_every_state_and_names_only_what_exists(spec, page, state):
    opened = {
        "nothing": {},
        "table": {"source": "iris"},
        "spec": {"spec": spec},
        "run": {"spec": spec, "run_id": "iris-logistic-0a1b"},
        "model": {"model": "iris@champion"},
        "all": {"spec": spec, "run_id": "iris-logistic-0a1b", "model": "iris/2", "source": "iris"},
    }[state]
    code = as_code(opened.pop("spec", None), page, **opened)
    tree = ast.parse(code)
    assert code.startswith("import workbench as wb\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wb":
            assert hasattr(wb, node.attr), node.attr


def test_the_data_page_s_code_opens_the_table(spec, settings):
    names = run(as_code(spec, "data"))
    assert (names["table"].name, names["table"].target) == ("iris", "species")
    assert run(as_code(None, "data", source="titanic"))["table"].n_rows == 1309


def test_the_prepare_page_s_code_previews_and_splits(spec, settings):
    names = run(as_code(spec, "prepare"))
    assert names["spec"] == spec
    assert names["preview"].frame().height == 1


def test_an_unknown_page_is_refused():
    with pytest.raises(SpecError, match="Got the page 'settings', needed one of home, data"):
        as_code(None, "settings")


def test_code_of_a_run_opens_it_and_trains_nothing(spec):
    code = as_code(spec, "evaluate", run_id="iris-logistic-0a1b")
    assert 'wb.open_run("iris-logistic-0a1b")' in code
    assert "train" not in calls(code)
    assert calls(as_code(spec, "train", run_id="x"))[:2] == ["open_run", "watch"]


def test_showing_the_models_page_as_code_publishes_nothing(spec):
    code = as_code(spec, "models", run_id="r", model="iris/2")
    assert calls(code) == ["versions", "audit", "open_run"]
    assert '# wb.rollback("iris")' in code


def test_the_predict_page_s_code_asks_about_the_row_of_the_form():
    row = {"sex": 'fe"male', "age": None, "fare": 7.25}
    names = ast.parse(as_code(None, "predict", model="titanic", row=row))
    (value,) = [node.value for node in names.body if isinstance(node, ast.Assign) and node.targets[0].id == "rows"]
    assert ast.literal_eval(value) == [row]


AWKWARD = 'quote " and \\ and """ and \n line, ünïcode: #{}'


@pytest.mark.parametrize("text", [AWKWARD, "ends with a quote'", "- {a: b}", "null", "1e3", " spaces ", "\t", "\u2028"])
def test_any_text_survives_the_way_through_code_and_notebook(text):
    document = {
        **IRIS,
        "data": {"source": text, "target": text + "x"},
        "recipe": [{"step": "drop_columns", "columns": [text]}],
    }
    spec = wb.RunSpec.parse(document)
    assert run(as_code(spec, "train").split("run = ")[0])["spec"] == spec
    notebook = as_notebook(spec)
    nbformat.validate(notebook)
    assert spec_from_notebook(notebook) == spec
    compile(as_script(spec), "script", "exec")


def test_a_notebook_makes_the_pages_calls_in_the_pages_order(spec):
    notebook = as_notebook(spec)
    assert notebook.nbformat == 4
    headings = [cell.source.splitlines()[0] for cell in notebook.cells if cell.cell_type == "markdown"]
    assert headings == [
        "# iris-logistic",
        "## Data",
        "## Prepare",
        "## Train",
        "## Evaluate",
        "## Explain",
        "## Predict",
        "## Models",
    ]
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    assert nbformat.writes(as_notebook(spec)) == nbformat.writes(notebook)  # the same each time: it can stand in git


def test_the_spec_is_read_back_from_every_form_of_a_notebook(spec, tmp_path):
    notebook = as_notebook(spec)
    text = nbformat.writes(notebook)
    path = tmp_path / "run.ipynb"
    path.write_text(text)
    for form in (notebook, json.loads(text), text, path, str(path)):
        assert spec_from_notebook(form) == spec
    assert spec_from_notebook(as_notebook(SimpleNamespace(spec=spec, located_spec=spec))) == spec


def test_what_was_changed_in_jupyter_counts(spec):
    notebook = as_notebook(spec)
    cell = next(cell for cell in notebook.cells if "from_yaml" in cell.source)
    cell.source = cell.source.replace("logistic_regression", "random_forest")
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%pip list\nwb.RunSpec.from_yaml("))
    notebook.cells.insert(1, nbformat.v4.new_code_cell("other = wb.RunSpec.from_yaml(text)"))
    assert spec_from_notebook(notebook).estimator.name == "random_forest"


@pytest.mark.parametrize(
    ("notebook", "words"),
    [
        ("not json", "isn't a notebook"),
        ("{}", "without cells"),
        ("[1]", "isn't a notebook"),
        ({"cells": [{"cell_type": "code", "source": ["print(1)"]}]}, "without a RunSpec"),
        ({"cells": [{"cell_type": "code", "source": "wb.RunSpec.parse({'name': 'x'})"}]}, "data: got nothing"),
        ({"cells": [None, 3, {"cell_type": "code", "source": "wb.RunSpec.parse(make())"}]}, "without a RunSpec"),
    ],
)
def test_what_has_no_spec_is_refused(notebook, words):
    with pytest.raises(SpecError, match=words):
        spec_from_notebook(notebook)


def test_reading_a_notebook_runs_nothing(spec, tmp_path):
    victim = tmp_path / "made"
    code = f"__import__('pathlib').Path({str(victim)!r}).touch()\nwb.RunSpec.from_yaml(open('/etc/passwd').read())"
    with pytest.raises(SpecError, match="without a RunSpec"):
        spec_from_notebook({"cells": [{"cell_type": "code", "source": code}]})
    assert not victim.exists()
