"""Order and account numbers beyond 2**53 keep their last digits in every step, and through every entrance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from workbench.estimators import build_sklearn, wrap_model
from workbench.package import build_package, load_native, load_predictor, make_signature
from workbench.recipe import fit_recipe
from workbench.recipe.columns import apply_column_steps
from workbench.recipe.rows import apply_row_steps
from workbench.recipe.spec import Calculate, Convert, DropDuplicates, Filter, OneHot, Sort
from workbench.settings import Settings
from workbench.training.learning import rounding_words

NUMBERS = {
    "Int64": (pl.Int64, 2**53),
    "negative": (pl.Int64, -(2**53) - 3),
    "long": (pl.Int64, 2**62),
    "UInt64": (pl.UInt64, 2**63 + 1024),
}


def accounts(dtype, first):
    ids = [first + 1, first, first + 3, first + 2, first + 1, None]
    return pl.DataFrame({"id": pl.Series(ids, dtype=dtype), "row": range(6)})


def rows_left(frame, *steps):
    return apply_row_steps(frame, steps)["row"].to_list()


@pytest.mark.parametrize("name", NUMBERS)
def test_neighbouring_whole_numbers_are_told_apart(name):
    dtype, first = NUMBERS[name]
    frame, here = accounts(dtype, first), first + 1
    assert rows_left(frame, Sort(columns=("id",))) == [1, 0, 4, 3, 2, 5]
    assert rows_left(frame, Sort(columns=("id",), descending=True)) == [2, 3, 0, 4, 1, 5]
    assert rows_left(frame, DropDuplicates(columns=("id",))) == [0, 1, 2, 3, 5]
    for expression, left in {
        f"id == {here}": [0, 4],
        f"id != {here}": [1, 2, 3],
        f"id > {here}": [2, 3],
        f"id >= {here} and id < {first + 3}": [0, 3, 4],
        f"id in ({first}, {first + 3})": [1, 2],
        f"max(id, {here}) == {here}": [0, 1, 4, 5],
        f"coalesce(id, {here}) == {here}": [0, 4, 5],
        f"if_else(row > 2, id, {first}) == {here}": [4],
    }.items():
        assert rows_left(frame, Filter(expression=expression)) == left, expression
    as_text = apply_column_steps(frame, [Convert(columns=("id",), to="text")])["id"].to_list()
    assert as_text == [None if number is None else str(number) for number in frame["id"].to_list()]
    assert rows_left(frame, Convert(columns=("id",), to="text"), DropDuplicates(columns=("id",))) == [0, 1, 2, 3, 5]
    copied = apply_column_steps(frame, [Calculate(name="copy", expression="id")])
    assert copied["copy"].to_list() == frame["id"].to_list()
    assert rows_left(frame.with_columns(other=pl.col("id").shift(4)), Filter(expression="id == other")) == [4]


def test_whole_numbers_in_other_types_are_written_without_a_point():
    frame = pl.DataFrame(
        {"a": [1.0, 2.5, -3.0, 1e17, 1e300, None], "b": pl.Series([7, 0, None, 1, 2, 3], dtype=pl.Int8)}
    )
    written = apply_column_steps(frame, [Convert(columns=("a", "b"), to="text")])
    assert written["a"].to_list() == ["1", "2.5", "-3", "100000000000000000", None, None]
    assert written["b"].to_list() == ["7", "0", None, "1", "2", "3"]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("accounts") / "p"
    ids = [2**53 + place % 4 for place in range(120)]
    frame = pl.DataFrame({"account": ids, "y": [float(number % 4) for number in ids]})
    steps = (Convert(columns=("account",), to="text"), OneHot(columns=("account",)))
    recipe = fit_recipe(steps, frame, target="y", task="regression")
    X = recipe.transform(frame)
    fitted = build_sklearn("linear_regression", {"penalty": "none"}, task="regression", seed=0).fit(
        X, frame["y"].to_numpy()
    )
    info = build_package(
        folder, spec={"name": "accounts", "recipe": [], "seed": 1}, recipe=recipe,
        model=wrap_model(fitted, "linear_regression", X, task="regression", classes=None),
        signature=make_signature(recipe, frame, "y", "regression", None), train=frame, evaluation=frame, metrics={},
        settings=Settings(),
    )  # fmt: skip
    assert (info.engine, info.reason) == ("onnx", "")
    return folder


def test_a_request_keeps_the_digits_of_an_account(package):
    ids = [2**53 + 3, 2**53 + 1, 2**53, 2**53 + 2]
    for predictor in (load_predictor(package), load_native(package)):
        for rows in (
            [{"account": number} for number in ids],
            {"account": ids},
            pl.DataFrame({"account": ids}),
            pl.DataFrame({"account": [str(number) for number in ids]}),
            pd.DataFrame({"account": ids}),
            pd.DataFrame({"account": pd.Series(ids, dtype="Int64")}),
        ):
            np.testing.assert_allclose(predictor.predict(rows), [3.0, 1.0, 0.0, 2.0], atol=1e-9)
        assert predictor.predict([{"account": None}, {"account": 2**53 + 1}])[1] == pytest.approx(1.0)
        np.testing.assert_allclose(predictor.scores(pl.DataFrame({"account": ids}))[:, 0], [3, 1, 0, 2], atol=1e-9)
        many = [{"account": number} for number in ids * 1_000]
        np.testing.assert_allclose(predictor.predict(many), [3.0, 1.0, 0.0, 2.0] * 1_000, atol=1e-9)


def test_what_learned_steps_round_is_named():
    ids = [2**53 + place % 4 for place in range(40)]
    frame = pl.DataFrame({"account": ids, "other": ids, "small": list(range(40)), "y": [0.0, 1.0] * 20})
    recipe = fit_recipe((Convert(columns=("other",), to="text"), OneHot(columns=("other",))), frame, target="y")
    assert recipe.entry.rounded(frame) == ["account"]
    assert "account holds whole numbers above 9,007,199,254,740,992" in rounding_words(["account"])[0]
    assert rounding_words([]) == []
