"""Samples, and from what a RunSpec names to the table."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.data import open_table, read_table, resolve, sample, samples
from workbench.data.digests import digest_of
from workbench.data.sample_tables import FOLDER
from workbench.data.spec import DataSpec
from workbench.data.table import describe_columns
from workbench.errors import ReadError, TableNotFoundError, TargetError

SHAPES = {
    "titanic": (1309, 14),
    "iris": (150, 5),
    "wine": (178, 14),
    "breast_cancer": (569, 31),
    "diabetes": (442, 11),
    "digits": (1797, 65),
    "california_housing": (20640, 10),
    "bike_sharing": (731, 15),
}


def test_the_samples_are_those_that_the_documentation_lists():
    assert {info.name: (info.n_rows, info.n_columns) for info in samples()} == SHAPES


@pytest.mark.parametrize("name", SHAPES)
def test_a_sample_is_as_its_document_says(name):
    info = next(info for info in samples() if info.name == name)
    table = sample(name)
    frame = table.frame()
    assert frame.shape == SHAPES[name]
    assert describe_columns(frame) == table.columns
    assert digest_of(frame) == table.digest
    assert (table.target, table.suggested_task()) == (info.target, info.task)
    assert all([info.title, info.description, info.source, info.licence])
    assert table.source == name


def test_the_samples_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.parquet")) < 600_000


def test_the_titanic_sample_has_the_documented_gaps():
    missing = {column.name: column.n_missing for column in sample("titanic").columns if column.n_missing}
    assert missing == {
        "age": 263, "cabin": 1014, "fare": 1, "embarked": 2, "boat": 823, "body": 1188, "home.dest": 564,
    }  # fmt: skip


def test_the_kinds_of_the_samples_columns_are_sensible():
    kinds = {column.name: column.kind for column in sample("titanic").columns}
    assert kinds == {
        "pclass": "number", "survived": "number", "name": "text", "sex": "category", "age": "number",
        "sibsp": "number", "parch": "number", "ticket": "text", "fare": "number", "cabin": "text",
        "embarked": "category", "boat": "category", "body": "number", "home.dest": "text",
    }  # fmt: skip
    assert {column.kind for column in sample("california_housing").columns} == {"number", "category"}
    assert {column.kind for column in sample("digits").columns} == {"number", "constant"}
    assert {column.name for column in sample("bike_sharing").columns if column.kind == "datetime"} == {"dteday"}


def test_another_target_changes_the_task():
    assert sample("titanic", target="age").suggested_task() == "regression"
    assert sample("titanic").suggested_task("sex") == "classification"
    assert sample("titanic").with_target(None).target is None
    with pytest.raises(TargetError, match=r"Got no target for table 'titanic', needed the column to predict"):
        sample("titanic").with_target(None).suggested_task()


def test_an_unknown_sample_suggests_near_names():
    with pytest.raises(TableNotFoundError, match=r"Got sample 'titanik'.* Did you mean 'titanic'\?"):
        sample("titanik")


def test_reading_a_sample_imports_no_heavy_library():
    script = (
        "import sys, workbench.data as data\n"
        "assert 'polars' not in sys.modules\n"
        "data.sample('digits').profile()\n"
        "print([name for name in ('sklearn', 'tensorflow', 'pandas', 'pyarrow', 'streamlit') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_source_is_a_sample_a_digest_or_a_file(settings, tmp_path, monkeypatch):
    path = tmp_path / "people.csv"
    path.write_text("age,sex\n22,m\n38,f\n")
    stored = read_table(path, settings=settings)
    for source in (stored.digest, stored.short_digest, stored.digest[:6], str(path)):
        table = resolve(DataSpec(source=source, target="sex"), settings=settings)
        assert (table.digest, table.target) == (stored.digest, "sex")
    monkeypatch.chdir(tmp_path)
    assert resolve(DataSpec(source="people.csv", target="age"), settings=settings).digest == stored.digest
    assert resolve(DataSpec(source="iris", target="species"), settings=settings).n_rows == 150


def test_a_sample_opens_by_its_digest_and_name_too(settings):
    assert open_table(sample("iris").short_digest, settings=settings).name == "iris"
    assert open_table("iris", settings=settings).name == "iris"


def test_a_file_whose_name_looks_like_a_digest_is_found(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "abcdef").write_text("a,b\n1,x\n2,y\n")
    assert resolve(DataSpec(source="abcdef", target="b"), settings=settings).n_rows == 2


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("titanik", TableNotFoundError, r"Got source 'titanik'.* Did you mean 'titanic'\?"),
        ("nowhere.csv", TableNotFoundError, r"Got 'nowhere.csv', which isn't there"),
        ("0123456789ab", TableNotFoundError, r"Got table '0123456789ab', needed the first 6 or more digits"),
        (".", ReadError, r"is a folder"),
    ],
)
def test_a_source_that_is_nothing_is_refused(settings, tmp_path, monkeypatch, source, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        resolve(DataSpec(source=source, target="y"), settings=settings)


def test_a_target_that_the_source_lacks_is_refused(settings):
    with pytest.raises(TargetError, match=r"Got target 'specis'.* Did you mean 'species'\?"):
        resolve(DataSpec(source="iris", target="specis"), settings=settings)
