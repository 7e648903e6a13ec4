"""Ordered categories keep their order from the file to the form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from workbench import plots
from workbench.data import open_table, read_table, store_frame
from workbench.data.orders import digest_with, ordered_frame
from workbench.data.pairs import join_tables
from workbench.data.store import store_batches
from workbench.package import InputColumn, Signature, make_signature
from workbench.recipe import fit_recipe, preview
from workbench.recipe.spec import CleanText, MergeRare, OneHot, Ordinal, Rename
from workbench.recipe.suggesting import suggest_for
from workbench.training.preparing import prepare_rows
from workbench.training.spec import RunSpec

SIZES = ["low", "mid", "high", "huge"]
VALUES = ["mid", "low", "high", "low", None, "mid"]


def enum(values=VALUES, words=SIZES):
    return pl.DataFrame({"size": pl.Series(values, dtype=pl.Enum(words)), "y": range(len(values))})


def pandas_frame():
    return pd.DataFrame({"size": pd.Categorical(VALUES, categories=SIZES, ordered=True), "y": range(6)})


def test_the_order_is_kept_from_every_file_and_frame_that_tells_it(tmp_path, settings):
    enum().write_parquet(tmp_path / "enum.parquet")
    enum().write_ipc(tmp_path / "enum.arrow")
    pandas_frame().to_parquet(tmp_path / "pandas.parquet")
    pandas_frame().to_feather(tmp_path / "pandas.feather")
    sources = [tmp_path / name for name in ("enum.parquet", "enum.arrow", "pandas.parquet", "pandas.feather")]
    sources += [enum(), enum().lazy(), pandas_frame(), pa.Table.from_pandas(pandas_frame()), enum().to_arrow()]
    sources.append(pa.Table.from_pandas(pandas_frame()).to_batches()[0])
    found = [read_table(source, settings=settings) for source in sources]
    assert {table.column("size").order for table in found} == {tuple(SIZES)}
    assert len({table.digest for table in found}) == 1
    assert found[0].frame()["size"].to_list() == VALUES
    assert found[0].frame()["size"].dtype == pl.String
    again = open_table(found[0].digest, settings=settings)
    assert again.orders == {"size": tuple(SIZES)}
    assert again.column("size") == found[0].column("size")


def test_categories_without_an_order_have_none(settings):
    plain = pl.DataFrame({"size": VALUES, "y": range(6)})
    tables = [
        store_frame(frame, name="t", settings=settings)
        for frame in (plain, plain.cast({"size": pl.Categorical}), enum())
    ]
    assert [table.orders for table in tables] == [{}, {}, {"size": tuple(SIZES)}]
    assert tables[0].digest == tables[1].digest != tables[2].digest  # another order is another table
    assert digest_with("x", {}) == "x"
    unordered = pd.DataFrame({"size": pd.Categorical(VALUES), "y": range(6)})
    assert ordered_frame(pa.Table.from_pandas(unordered))["size"].dtype == pl.Categorical


def test_batches_must_agree_on_the_order(settings):
    kept = store_batches(iter([enum(), enum(["huge"] * 6)]), name="t", settings=settings)
    assert kept.orders == {"size": tuple(SIZES)}
    for other in (enum(words=SIZES[::-1]), enum().cast({"size": pl.String})):
        assert store_batches(iter([enum(), other]), name="t", settings=settings).orders == {}
        assert store_batches(iter([other, enum()]), name="t", settings=settings).orders == {}


def test_a_test_file_takes_the_order_of_the_train_file(settings):
    train = store_frame(enum(), name="train", settings=settings)
    test = store_frame(pl.DataFrame({"size": ["odd", "low"], "y": [0, 1]}), name="test", settings=settings)
    assert join_tables(train, test, target="y", settings=settings).orders == {"size": tuple(SIZES)}


@pytest.mark.parametrize("how", ["enum", "table"])
def test_ordinal_numbers_by_the_order(how, settings):
    frame = enum().with_columns(y=pl.Series([0, 1, 0, 1, 0, 1]))
    orders = None
    if how == "table":
        table = store_frame(frame, name="t", settings=settings)
        frame, orders = table.frame(), table.orders
    recipe = fit_recipe([Ordinal(columns=("size",))], frame, target="y", orders=orders)
    assert recipe.transform(frame).ravel().tolist() == [1, 0, 2, 0, -1, 1]
    assert type(recipe).from_dict(recipe.to_dict()).transform(frame).ravel().tolist() == [1, 0, 2, 0, -1, 1]


def test_the_order_goes_on_through_steps():
    frame = enum(["Low ", "HIGH", "mid", "mid"], ["Low ", "mid", "HIGH"]).with_columns(y=pl.Series([0, 1, 0, 1]))
    steps = [Rename(names={"size": "s"}), CleanText(columns=("s",), operations=("lower_case", "strip"))]
    recipe = fit_recipe([*steps, Ordinal(columns=("s",))], frame, target="y")
    assert recipe.transform(frame).ravel().tolist() == [0, 2, 1, 1]
    merged = [MergeRare(columns=("s",), min_share=0.3, into="other"), Ordinal(columns=("s",))]
    recipe = fit_recipe([*steps, *merged], frame, target="y")
    assert recipe.transform(frame).ravel().tolist() == [1, 1, 0, 0]  # a word of no order comes last
    assert fit_recipe([OneHot(columns=("size",))], enum(), target="y").feature_names == [
        "size=low", "size=mid", "size=high",
    ]  # fmt: skip


def test_the_preview_numbers_by_the_order(settings):
    table = store_frame(enum(), name="t", settings=settings)
    seen = preview([Ordinal(columns=("size",))], table, target="y", settings=settings)
    assert seen.after["size"].to_list() == [1, 0, 2, 0, -1, 1]


def test_a_suggestion_gives_an_ordered_category_one_number(settings):
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "size": pl.Series(random.choice(SIZES, 200), dtype=pl.Enum(SIZES)),
            "town": random.choice(["Rome", "Oslo", "Bonn"], 200),
            "y": random.choice(["no", "yes"], 200),
        }
    )
    table = store_frame(frame, name="t", target="y", settings=settings)
    found = suggest_for(table, "y")
    assert [(step.step, step.columns) for step, _ in found if step.step in ("ordinal", "one_hot", "standardize")] == [
        ("ordinal", ("size",)), ("one_hot", ("town",)), ("standardize", ("size",)),
    ]  # fmt: skip
    assert "size has an order" in next(reason for step, reason in found if step.step == "ordinal")


def test_the_signature_lists_ordered_categories_in_their_order():
    recipe = fit_recipe([Ordinal(columns=("size",))], enum(), target="y")
    signature = make_signature(recipe, enum(), "y", "regression", None)
    column = signature.column("size")
    assert (column.categories, column.ordered, column.example) == (["low", "mid", "high"], True, "low")
    assert Signature.from_dict(signature.to_dict()) == signature
    by_letter = InputColumn("size", "string", "category", categories=["low"])
    assert "ordered" not in by_letter.to_dict()
    plain = make_signature(recipe, enum().cast({"size": pl.String}), "y", "regression", None, orders={"size": SIZES})
    assert plain == signature


def test_pictures_stand_in_the_order(settings):
    table = store_frame(enum(), name="t", settings=settings)
    bars = table.profile().plot("size").data[0]
    assert [label for label, _ in bars.customdata] == ["low", "mid", "high"]
    assert list(bars.x) == [2, 2, 1]
    again = open_table(table.digest, settings=settings).profile()
    assert [label for label, _ in again.plot("size").data[0].customdata] == ["low", "mid", "high"]


def test_the_classes_of_an_ordered_target_stand_in_its_order(settings):
    frame = pl.DataFrame({"x": range(60), "size": pl.Series(SIZES[:3] * 20, dtype=pl.Enum(SIZES))})
    table = store_frame(frame, name="t", target="size", settings=settings)
    spec = RunSpec(
        name="r", data={"source": table.source, "target": "size"}, recipe=(), estimator={"name": "decision_tree"}
    )
    prepared = prepare_rows(spec, table, settings)
    assert prepared.classes == ["low", "mid", "high"]
    assert prepared.labels(np.arange(6)).tolist() == frame["size"][prepared.positions[:6]].to_list()


def test_an_explanation_draws_an_ordered_category_in_its_order():
    part = pl.DataFrame({
        "row": range(6), "value": ["mid", "low", "high", "mid", "mid", "missing"], "number": [None] * 6,
        "shap_value": [0.1, 0.2, 0.3, 0.1, 0.1, 0.0],
    }, schema_overrides={"number": pl.Float64})  # fmt: skip
    ticks = plots.dependence(part, column="size", order=SIZES).layout.xaxis.ticktext
    assert [tick.split("<")[0] for tick in ticks] == ["low", "mid", "high", "missing"]
    column = InputColumn("size", "string", "category", categories=SIZES, ordered=True)
    signature = Signature("regression", "y", None, [column])
    assert signature.in_order(pl.DataFrame({"size": ["low", None]}))["size"].dtype == pl.Enum(SIZES)
    assert signature.in_order(pl.DataFrame({"size": ["low", "odd"]}))["size"].dtype == pl.String
