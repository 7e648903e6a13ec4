"""What "As code" says on each page: what that page shows, whatever else is open beside it."""

from __future__ import annotations

import inspect
import shutil

import pytest

import workbench as wb
from workbench import registry, storage
from workbench.cli import runs as cli_runs
from workbench.evaluation import make_report
from workbench.explain.rows import EXPLAINED_ROWS
from workbench.explain.stored import stored_explanations
from workbench.export import as_code
from workbench.training.spec import RunSpec
from workbench.training.state import PACKAGE, REPORT, SPEC, STATE
from workbench.ui import drafts

RUN = "flowers-0001"
SPEC_OF_RUN = RunSpec.parse(
    {
        "data": {"source": "iris", "target": "species", "task": "classification"},
        "estimator": {"name": "random_forest", "params": {"n_estimators": 5}},
    }
)


@pytest.fixture
def run(settings, model_packages):
    """A finished run on iris with model and report, as its worker would leave it."""
    folder = settings.runs / RUN
    storage.write_json(folder / SPEC, SPEC_OF_RUN.to_dict())
    storage.write_json(folder / STATE, {"status": "finished", "created": 1.0, "started": 1.0, "ended": 2.0})
    shutil.copytree(model_packages["flowers"], folder / PACKAGE)
    table = wb.sample("iris").frame()
    parts = {}
    for split, first in (("train", 0), ("test", 1)):
        rows = list(range(first, 150, 2 if split == "train" else 3))
        labels = table["species"][rows].to_list()
        scores = [[float(label == c) for c in ("setosa", "versicolor", "virginica")] for label in labels]
        parts[split] = (rows, labels, scores)
    classes = ["setosa", "versicolor", "virginica"]
    make_report(folder / REPORT, predictions=parts, task="classification", classes=classes, target="species")
    return wb.open_run(RUN)


@pytest.fixture
def model(run, model_packages):
    registry.publish(model_packages["passengers"], "passengers")
    return "passengers"


def code_of(page) -> str:
    page.run()  # the popover is drawn before the page: its code is that of the run before, until it is opened
    return next(block.value for block in page.code if block.language == "python")


@pytest.mark.parametrize(
    ("name", "chosen", "there", "not_there"),
    [
        ("explain", "run", [f'wb.open_run("{RUN}")', "run.explain("], ["passengers"]),
        ("explain", "model", ['wb.open_version("passengers")', "wb.explain_model(version"], ["open_run"]),
        ("predict", "run", [f'wb.open_run("{RUN}")', "run.model()", "petal_length"], ["passengers"]),
        ("predict", "model", ['wb.load_model("passengers")', "pclass"], ["open_run"]),
    ],
)
def test_the_code_asks_what_the_selector_says(open_page, run, model, name, chosen, there, not_there):
    page = open_page(name, run=RUN, model=model)
    page.segmented_control(key=f"{name}.subject").set_value(chosen).run()
    assert not page.exception
    code = code_of(page)
    assert [text for text in there if text not in code] == []
    assert [text for text in not_there if text in code] == []
    document = next(block.value for block in page.code if block.language == "yaml")
    assert ("species" in document) == (chosen == "run")


def test_the_code_of_an_explanation_gives_the_page_s_own(open_page, run, monkeypatch):
    """Same rows, same engine: the worker's stored answer is found again, and nothing is computed twice."""
    monkeypatch.setattr("workbench.explain.jobs._launch", lambda folder, settings: None)
    page = open_page("explain", run=RUN)
    page.segmented_control(key="explain.n_rows").set_value(50)
    page.selectbox(key="explain.engine").set_value("permutation")
    for label in page.selectbox(key=f"explain.rows.{RUN}").options:
        page.selectbox(key=f"explain.rows.{RUN}").set_value(label)
        page.button(key="explain.start").click().run()
        assert not page.exception
        shown = stored_explanations(run.package_folder)[0].id
        lines = [line for line in code_of(page).splitlines() if not line.startswith("explanation.")]
        asked: list[str] = []
        with monkeypatch.context() as patched:
            patched.setattr("workbench.explain.ExplanationJob.result", lambda job, asked=asked: asked.append(job.id))
            exec(compile("\n".join(lines), "as code", "exec"), {})
        assert asked == [shown], label


def test_pages_about_the_draft_show_the_draft_and_not_the_run_beside_it(open_page, run):
    table = wb.sample("iris")
    drafts.save(drafts.load(table).changed(target="petal_width"))
    for name in ("data", "prepare"):
        code = code_of(open_page(name, run=RUN, table="iris"))
        assert "petal_width" in code and 'target="species"' not in code and "target: species" not in code, name
    page = open_page("train", run=RUN, table="iris")
    assert "wb.open_run" in code_of(page)
    page.segmented_control(key="train.view").set_value("setup").run()
    assert "wb.start(spec)" in code_of(page) and "petal_width" in code_of(page)
    page.segmented_control(key="train.view").set_value("runs").run()
    assert "wb.runs_frame()" in code_of(page)


def test_another_table_s_rows_are_never_shown_as_those_of_the_run(open_page, run):
    page = open_page("evaluate", run=RUN, table="titanic")
    page.segmented_control(key="evaluate.rows").set_value("all").run()
    assert not page.exception
    assert {"petal_length", "actual species"} <= set(page.dataframe[-1].value.columns)


def test_the_split_and_the_pictures_of_evaluate_are_in_its_code(open_page, run):
    page = open_page("evaluate", run=RUN)
    page.segmented_control(key="split").set_value("train").run()
    code = code_of(page)
    for kind in ("confusion", "roc", "precision_recall", "calibration"):
        assert f'report.plot("{kind}", split="train")' in code


def test_everywhere_as_many_rows_are_explained_where_nobody_says_how_many(run):
    assert inspect.signature(cli_runs.explain).parameters["rows"].default == EXPLAINED_ROWS
    assert f"n_rows={EXPLAINED_ROWS}" in as_code(SPEC_OF_RUN, "explain", run_id=RUN)
    assert run.unseen_rows().height == 50
    drawn = run.unseen_rows(10, seed=0)
    assert drawn.equals(run.unseen_rows(10, seed=0)) and not drawn.equals(run.unseen_rows(10))
