"""Drift: rows like those of training are stable, others are named."""

from __future__ import annotations

import polars as pl
import pytest
from guest_packages import STEPS, build, guests

import workbench as wb
from workbench import registry
from workbench.errors import InputError, ModelNotFoundError
from workbench.recipe.spec import TfIdf


@pytest.fixture
def model(settings):
    spec = wb.RunSpec(
        name="drift",
        data={"source": "titanic", "target": "survived"},
        recipe=[
            {"step": "drop_columns", "columns": ["name", "ticket", "cabin", "boat", "body", "home.dest"]},
            {"step": "impute", "columns": ["age", "fare"]},
            {"step": "one_hot", "columns": ["sex", "embarked"]},
        ],
        estimator={"name": "baseline"},
    )
    wb.publish(wb.train(spec), "drifting")
    return "drifting"


def test_drift_names_the_columns_that_moved_and_leaves_the_others(model):
    rows = wb.sample("titanic").frame()
    same = wb.drift(model, rows).frame()
    assert set(same["verdict"]) == {"stable"}
    assert same["column"].n_unique() == 7

    moved = rows.with_columns(
        pl.col("age") + 30,
        pl.lit("a new harbour").alias("embarked"),
        pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("fare")).alias("fare"),
    )
    found = wb.drift(model, moved)
    assert found.n_rows == 1309
    verdicts = dict(found.frame().select("column", "verdict").iter_rows())
    assert {name for name, verdict in verdicts.items() if verdict == "drifted"} == {"age", "embarked", "fare"}
    fare = found.frame().row(by_predicate=pl.col("column") == "fare", named=True)
    assert fare["missing_now"] == pytest.approx(0.5, abs=0.01)
    assert found.frame()["psi"].is_sorted(descending=True)


def test_drift_refuses_what_it_cannot_compare(model):
    with pytest.raises(InputError, match="embarked"):
        wb.drift(model, [{"age": 3}])
    with pytest.raises(InputError, match="rows"):
        wb.drift(model, wb.sample("titanic").frame().head(0))
    with pytest.raises(ModelNotFoundError, match="no-such-model"):
        wb.drift("no-such-model", [{"age": 3}])


@pytest.fixture
def guest_model(settings, tmp_path):
    frame = guests().with_columns(letter=pl.Series([f"Dear house, this is letter {i} of a guest" for i in range(400)]))
    build(tmp_path / "guests", [*STEPS, TfIdf(columns=("letter",), max_features=5)], frame)
    registry.publish(tmp_path / "guests", "guests", settings=settings)
    return frame


def test_dates_drift_when_time_goes_on_and_texts_by_their_length(guest_model):
    same = wb.drift("guests", guest_model).frame()
    assert set(same["verdict"]) == {"stable"}
    assert dict(same.select("column", "compared").iter_rows()) == {
        "age": "values", "fare": "values", "back": "values",
        "sex": "categories", "last_seen": "moments", "letter": "length",
    }  # fmt: skip
    later = guest_model.with_columns(pl.col("last_seen").dt.offset_by("5y"), letter=pl.lit("No."))
    verdicts = dict(wb.drift("guests", later).frame().select("column", "verdict").iter_rows())
    assert {name for name, verdict in verdicts.items() if verdict != "stable"} == {"last_seen", "letter"}


def test_a_baseline_holds_no_letters(guest_model, settings):
    folder = registry.resolve("guests", settings=settings).folder
    for name in ("baseline.json", "signature.json", "card.md"):
        assert "Dear house" not in (folder / name).read_text()
