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


@pytest.fixture
def flags(settings, tmp_path):
    n = 400
    frame = pl.DataFrame(
        {
            "flag": [i % 2 for i in range(n)],
            "yes": [i % 10 == 0 for i in range(n)],
            "level": [i % 3 for i in range(n)],
            "always": [7] * n,
            "word": ["ab"[i % 2] for i in range(n)],
            "gain": [0.0 if i % 10 else i + 0.1 for i in range(n)],
            "x": [(i * 37 % 101) / 10 for i in range(n)],
        }
    ).with_columns(y=pl.col("x") * 2 + pl.col("flag"))
    frame.write_csv(tmp_path / "flags.csv")
    recipe = [{"step": "one_hot", "columns": ["word"]}]
    data = {"source": str(tmp_path / "flags.csv"), "target": "y"}
    wb.publish(wb.train(wb.RunSpec(data=data, recipe=recipe, estimator={"name": "baseline"})), "flags")
    return frame


def psi(rows):
    return dict(wb.drift("flags", rows).frame().select("column", "psi").iter_rows())


def test_columns_of_few_values_drift_by_their_shares(flags):
    same = psi(flags.head(200))
    assert max(same.values()) < 0.1
    now = flags.head(200).with_columns(
        flag=pl.lit(1),
        yes=pl.lit(True),
        always=pl.lit(0),
        word=pl.lit("a"),
        level=pl.when(pl.col("level") > 0).then(2).otherwise(0),
    )
    found = psi(now)
    # The index is that of the same shares in words: (1 - 0.5) ln(1 / 0.5) + (0.0001 - 0.5) ln(0.0001 / 0.5), and so on.
    # Which rows were drawn for training moves it a little.
    assert found["flag"] == pytest.approx(4.60, abs=0.4)
    assert found["word"] == pytest.approx(4.60, abs=0.4)
    assert found["yes"] == pytest.approx(10.26, abs=0.8)
    assert found["always"] == pytest.approx(18.42, abs=0.01)
    assert found["level"] > 2
    assert found["x"] < 0.1


def test_values_never_seen_between_or_beyond_few_known_ones_drift(flags):
    between = psi(flags.head(200).with_columns(flag=pl.lit(0.5), level=pl.lit(-1), always=pl.lit(8)))
    assert min(between["flag"], between["level"], between["always"]) > 5
    # Nine tenths of `gain` are 0; a small gain for everybody is no 0, though no quantile lies between them.
    assert psi(flags.head(200).with_columns(gain=pl.lit(0.05)))["gain"] > 5
    assert psi(flags.head(200).with_columns(gain=pl.lit(-0.05)))["gain"] > 5


def test_a_fraction_that_went_through_single_precision_is_the_same_value(settings, tmp_path):
    frame = pl.DataFrame({"rate": [0.1, 0.7] * 50, "y": [1.0, 2.0] * 50})
    frame.write_csv(tmp_path / "rates.csv")
    data = {"source": str(tmp_path / "rates.csv"), "target": "y"}
    wb.publish(wb.train(wb.RunSpec(data=data, estimator={"name": "baseline"})), "rates")
    narrow = frame.with_columns(pl.col("rate").cast(pl.Float32))
    assert wb.drift("rates", narrow).frame()["psi"].item() == 0
