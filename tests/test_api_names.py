"""The public names: each exists, each has a docstring, and type checkers know the same ones."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import polars as pl
import pytest

import workbench as wb
from workbench import api


def test_the_stub_names_what_the_api_has():
    tree = ast.parse(Path(wb.__file__).with_suffix(".pyi").read_text())
    named = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert named == set(api.__all__)


@pytest.mark.parametrize("name", api.__all__)
def test_every_public_name_is_documented_and_no_module(name):
    value = getattr(wb, name)
    assert callable(value)
    assert inspect.getdoc(value)


def test_names_stay_what_they_are_after_rooms_are_imported():
    import workbench.api.running
    import workbench.registry.auditing  # noqa: F401

    assert callable(wb.runs) and callable(wb.audit) and callable(wb.versions) and callable(wb.split)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        wb.trian  # noqa: B018


def test_a_source_is_a_sample_a_digest_or_a_file(tmp_path, settings):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,x\n2,y\n3,x\n")
    table = wb.read_table(path)
    assert wb.open_source("iris").target == "species"
    assert wb.open_source("iris", target="petal_width").target == "petal_width"
    assert wb.open_source(str(path)) == table
    assert wb.open_source(table.short_digest, target="b").digest == table.digest
    with pytest.raises(wb.WorkbenchError, match=r"nothing.csv"):
        wb.open_source("nothing.csv")


def test_a_split_says_how_many_rows_each_part_has():
    table = wb.sample("iris")
    frame = wb.split(table, {"test": 0.2, "validation": 0.2}).frame()
    assert frame.to_dict(as_series=False) == {
        "part": ["train", "validation", "test"],
        "rows": [90, 30, 30],
        "share": [0.6, 0.2, 0.2],
    }
    rest = wb.split(table, recipe=[{"step": "drop_duplicates"}]).frame()
    assert rest["rows"].sum() == 150 - table.profile().n_duplicates
    with pytest.raises(wb.WorkbenchError, match="leave less than 5 %"):
        wb.split(table, {"test": 0.9, "validation": 0.9})


def test_a_split_is_compared_and_drawn_with_its_folds():
    table = wb.sample("iris")
    found = wb.split(table, {"folds": 3})
    assert found.describe()["share of setosa"].to_list() == pytest.approx([1 / 3] * 3, abs=0.03)
    assert found.folds().filter(pl.col("part") == "validation")["n_rows"].to_list() == [40, 40, 40]
    assert "3 folds of 150 rows" in found.plot().layout.meta["alt"]
    plain = wb.split(table)
    assert plain.folds().is_empty()
    assert "at random, stratified by species" in plain.plot().layout.xaxis.title.text


def test_samples_are_listed_with_their_licence():
    frame = wb.samples_frame()
    assert {"titanic", "iris"} <= set(frame["name"])
    assert frame["licence"].null_count() == 0
