"""A model on whatever machine reads a file of rows as its training table was read."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from workbench import api as wb
from workbench import registry
from workbench.cli import app
from workbench.data import read_table
from workbench.data.file_forms import FileForm
from workbench.package import load_predictor
from workbench.settings import Settings

HEADER = "amount;day;y"


def german(number: float) -> str:
    return f"{number:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".").removesuffix(",00")


@pytest.fixture(scope="module")
def package(tmp_path_factory, make_package):
    """A model that learned y = amount / 100 from a German export; days come first."""
    folder = tmp_path_factory.mktemp("sales")
    rows = [f"{german(300 + 37.35 * i)};{i % 28 + 1:02}/03/2024;{german(3 + 0.3735 * i)}" for i in range(60)]
    (folder / "sales.csv").write_text("\n".join([HEADER, *rows]))
    table = read_table(folder / "sales.csv", settings=Settings(home=folder / "home"))
    steps = [{"step": "date_parts", "columns": ["day"], "parts": ["month"]}]
    form = FileForm.of(table)
    return make_package(folder / "package", table.frame(), "y", steps, "linear_regression", file_form=form)


@pytest.fixture
def new(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("amount;day\n2.500;03/04/2024\n7.250;05/06/2024\n")
    return path


def test_the_form_of_the_training_file_travels_in_the_package(package):
    form = load_predictor(package).file_form
    assert form.columns.keys() == {"amount", "day", "y"}
    assert (form.marks, form.columns["day"].format) == ((",", "."), "%d/%m/%Y")
    assert "form.json" in json.loads((package / "manifest.json").read_text())["files"]


def test_a_path_is_answered_as_the_rows_that_training_would_have_read(package, new):
    model = load_predictor(package)
    assert model.predict(new) == pytest.approx([25.0, 72.5], rel=1e-3)
    assert model.predict_frame(str(new))["prediction"].to_list() == pytest.approx([25.0, 72.5], rel=1e-3)
    assert model.read_rows(new).misfits == []
    assert model.read_rows(new, options={"decimal": "."}).frame["amount"].to_list() == [2.5, 7.25]
    with pytest.raises(wb.WorkbenchError, match="reader options that can't be used"):
        model.read_rows(new, options={"decimals": "."})


def test_what_is_not_as_in_training_is_a_warning(package, new):
    new.write_text("amount;day\n2500.25;03/04/2024\n")
    with pytest.warns(UserWarning, match="'amount' isn't written as in the training table"):
        answer = load_predictor(package).predict(new)
    assert answer == pytest.approx([25.0025], rel=1e-3)


def test_drift_and_explanations_read_files_so_too(settings, package, new, monkeypatch):
    registry.publish(package, "sales", settings=settings)
    read = load_predictor(package).read_rows(new).frame
    assert wb.drift("sales", new, settings=settings).frame().equals(wb.drift("sales", read, settings=settings).frame())
    seen = []
    monkeypatch.setattr("workbench.explain.explain", lambda folder, rows, **_: seen.append(rows))
    wb.explain_model("sales", new, background=read, settings=settings)
    assert seen[0].equals(read)


def test_the_command_line_reads_so_and_says_what_does_not_fit(settings, package, new):
    registry.publish(package, "sales", settings=settings)
    done = CliRunner().invoke(app, ["predict", "sales", str(new)])
    assert [float(line) for line in done.stdout.split()[1:]] == pytest.approx([25.0, 72.5], rel=1e-3)
    assert done.stderr == ""
    done = CliRunner().invoke(app, ["predict", "sales", str(new), "--option", "decimal=.", "--json"])
    assert json.loads(done.stdout)["predictions"][0]["prediction"] == pytest.approx(0.025, abs=1e-3)
    new.write_text("amount;day\n2500.25;03/04/2024\n")
    done = CliRunner().invoke(app, ["predict", "sales", str(new)])
    assert "'amount' isn't written as in the training table" in done.stderr


def test_a_package_without_a_form_goes_by_what_its_spec_tells_the_reader(package, new, tmp_path):
    import shutil

    old = shutil.copytree(package, tmp_path / "old")
    (old / "form.json").unlink()
    spec = json.loads((old / "spec.json").read_text())
    spec["data"]["reader"] = {"decimal": ",", "date_order": "day_month_year"}
    (old / "spec.json").write_text(json.dumps(spec))
    assert load_predictor(old, verify=False).predict(new) == pytest.approx([25.0, 72.5], rel=1e-3)
    del spec["data"]["reader"]
    (old / "spec.json").write_text(json.dumps(spec))
    assert load_predictor(old, verify=False).file_form is None
