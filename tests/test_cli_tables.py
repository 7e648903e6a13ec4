"""Commands about tables and recipes: the same words and figures as in Python."""

from __future__ import annotations

import json

import polars as pl
import pytest
from typer.testing import CliRunner

import workbench as wb
from workbench.cli import app
from workbench.errors import RecipeError, SpecError, WorkbenchError

CSV = "Report;;\nid;amount;state\n1;1,5;unknown\n2;2,25;paid\n3;3;paid\n3;3;paid\n"


@pytest.fixture(autouse=True)
def _settings(settings):
    """Let every command use a home of its own."""


def invoke(*words):
    result = CliRunner().invoke(app, list(map(str, words)))
    if isinstance(result.exception, WorkbenchError):
        raise result.exception
    return result


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text(CSV)
    return path


def test_read_says_what_was_recognised_and_takes_corrections(file):
    look = json.loads(invoke("read", file, "--look", "--json").stdout)
    assert look["options"]["delimiter"] == ";"
    assert look["options"]["header_line"] == 2
    assert look["proposals"][0]["option"] == "missing"
    assert wb.tables() == []
    plain = json.loads(invoke("read", file, "--json").stdout)
    mended = json.loads(invoke("read", file, "-o", "missing=unknown", "-o", "types.id=text", "--json").stdout)
    assert (plain["n_rows"], mended["n_rows"]) == (4, 4)
    table = wb.open_table(mended["digest"])
    assert table.frame()["state"].null_count() == 1
    assert table.frame()["id"].to_list() == ["1", "2", "3", "3"]
    assert mended["origin"]["reader"]["given"] == {"missing": ["unknown"], "types": {"id": "text"}}


@pytest.mark.parametrize("option", ["decimal", "decimals=,", "decimal=;", "types.id=color", "header_line=-1"])
def test_a_wrong_option_is_refused_in_words(file, option):
    with pytest.raises(SpecError, match=r"[Nn]eeded"):
        invoke("read", file, "-o", option)


def test_profile_gives_the_same_figures_as_python():
    printed = json.loads(invoke("profile", "titanic", "--json").stdout)
    assert printed == json.loads(json.dumps(wb.sample("titanic").profile().to_dict()))
    both = json.loads(invoke("profile", "titanic", "--associations", "--json").stdout)
    assert {"column_a", "column_b", "value", "measure", "n_rows"} <= set(both["associations"][0])


def test_check_names_leaks_with_a_remedy_and_ends_with_status_1():
    result = invoke("check", "titanic", "--target", "survived", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    leak = next(check for check in found if check["columns"] == ["boat"] and check["severity"] == "error")
    assert leak["remedies"][0]["steps"] == [{"step": "drop_columns", "columns": ["boat"]}]
    assert [check["code"] for check in found] == [check.code for check in wb.check_data(wb.sample("titanic"))]


def test_a_suggested_recipe_is_saved_shown_compared_matched_and_applied(tmp_path):
    invoke("recipe", "suggest", "titanic", "--target", "survived", "--save", "mine")
    assert [entry["name"] for entry in json.loads(invoke("recipe", "list", "--json").stdout)] == ["mine"]
    text = invoke("recipe", "show", "mine").stdout
    (tmp_path / "theirs.yaml").write_text(text.replace("survived", "survived"))
    assert tuple(wb.read_recipe(tmp_path / "theirs.yaml").steps) == tuple(wb.open_recipe("mine").steps)
    rows = json.loads(invoke("recipe", "compare", "mine", tmp_path / "theirs.yaml", "--json").stdout)
    assert {row["change"] for row in rows} == {"same"}
    assert invoke("recipe", "match", "mine", "titanic").exit_code == 0
    assert invoke("recipe", "match", "mine", "iris").exit_code == 1
    out = tmp_path / "new" / "rows.parquet"
    invoke("recipe", "apply", "mine", "titanic", "--output", out, "--target", "survived")
    kept = pl.read_parquet(out)
    assert kept.height == wb.apply_recipe(wb.sample("titanic"), wb.open_recipe("mine")).height
    assert "survived" in kept.columns
    assert "boat" not in kept.columns
    invoke("recipe", "delete", "mine")
    with pytest.raises(RecipeError, match="mine"):
        invoke("recipe", "show", "mine")


def test_preview_split_and_leaked_print_what_python_gives(tmp_path):
    recipe = [
        {"step": "drop_columns", "columns": ["name", "ticket", "cabin", "boat", "body", "home.dest"]},
        {"step": "impute", "columns": ["age", "fare"]},
        {"step": "one_hot", "columns": ["sex", "embarked"]},
    ]
    spec = wb.RunSpec(
        name="few",
        data={"source": "titanic", "target": "survived"},
        recipe=recipe,
        split={"test": 0.25, "folds": 3},
        estimator={"name": "logistic_regression"},
    )
    path = tmp_path / "spec.yaml"
    path.write_text(spec.to_yaml())
    steps = json.loads(invoke("recipe", "preview", path, "titanic", "--target", "survived", "--json").stdout)
    assert [row["step"] for row in steps] == ["drop_columns", "impute", "one_hot"]
    parts = json.loads(invoke("split", path, "--json").stdout)
    assert sum(row["rows"] for row in parts if row["part"] in ("train", "validation", "test")) >= 1309
    leaked = json.loads(invoke("leaked", path, "--json").stdout)
    assert {row["fitted_on"] for row in leaked["scores"]} >= {"training rows", "all rows"}
    assert leaked["findings"]


def test_tables_are_listed_and_deleted(file):
    digest = json.loads(invoke("read", file, "--json").stdout)["digest"]
    assert [entry["digest"] for entry in json.loads(invoke("tables", "--json").stdout)] == [digest]
    assert json.loads(invoke("tables", "--delete", digest[:12], "--json").stdout) == []
