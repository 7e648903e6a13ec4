"""Explaining models with dates, text and column steps: in the raw columns, whatever the recipe made of them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from guest_packages import STEPS, build, guests

from workbench.errors import ExplainError
from workbench.explain import Explanation, explain_rows
from workbench.explain.engines import explain
from workbench.explain.shapley import CodedRows
from workbench.package import load_predictor
from workbench.recipe.spec import Impute, OneHot, Pca


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages") / "guests"
    build(folder, STEPS, guests())
    return folder


def test_a_date_is_explained_as_the_column_it_is(folder, tmp_path):
    frame = guests(12, seed=5)
    explanation = explain_rows(load_predictor(folder), frame)
    assert explanation.column_names == ["age", "sex", "fare", "last_seen", "back"]
    assert explanation.additivity_error < 1e-9
    assert explanation.importance()["column"][0] == "last_seen"
    assert explanation.data["last_seen"].to_list() == frame["last_seen"].to_list()
    explanation.save(tmp_path)
    again = Explanation.load(tmp_path)
    assert again.data.equals(explanation.data)
    told = explanation.frame().filter(pl.col("column") == "last_seen")
    seen = frame["last_seen"][0]
    expected = "missing" if seen is None else f"{seen:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    assert told["value"][0] == expected
    numbers = [
        None if moment is None else (moment - datetime(1970, 1, 1)).total_seconds() for moment in frame["last_seen"]
    ]
    assert told["number"].to_list() == numbers


def test_pictures_show_dates_as_dates(folder):
    frame = guests(30, seed=5)
    explanation = explain_rows(load_predictor(folder), frame)
    figure = explanation.plot("dependence", column="last_seen")
    drawn = np.concatenate([np.asarray(trace.x, dtype="datetime64[D]") for trace in figure.data])
    assert np.datetime64("2019-01-01") < drawn.min() < drawn.max() < np.datetime64("2024-01-01")
    assert any(note.text == "missing" and str(note.x).startswith("20") for note in figure.layout.annotations)
    row = int(np.flatnonzero(frame["last_seen"].is_not_null().to_numpy())[0])
    assert f"last_seen = {frame['last_seen'][row]:%Y-%m-%d}" in explanation.words(row)
    assert "2020" in str(explanation.plot("waterfall", row=row).to_dict()) or "202" in explanation.words(row)
    assert len(explanation.plot("beeswarm").data)


def test_engines_that_see_features_agree_with_those_that_see_raw_columns(folder):
    rows = guests(15, seed=5)
    linear = explain(folder, rows)
    assert linear.engine == "linear" and linear.additivity_error < 1e-9
    others = explain(folder, rows, engine="permutation")
    ranked = [explanation.importance()["column"][0] for explanation in (linear, others)]
    assert ranked == ["last_seen", "last_seen"]


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages") / "joined"
    steps = [Impute(columns=("age",)), OneHot(columns=("sex",)), Pca(columns=("age", "fare"), n_components=1)]
    build(folder, steps, guests().drop("last_seen"))
    return folder


def test_features_of_several_columns_are_left_to_the_engine_of_raw_columns(joined):
    rows = guests(5, seed=5).drop("last_seen")
    explanation = explain(joined, rows)
    assert explanation.engine == "permutation" and explanation.additivity_error < 1e-9
    assert "features are made of several columns at once" in explanation.method
    with pytest.raises(ExplainError, match=r"Got engine='linear' .*several columns at once.* use engine='permutation'"):
        explain(joined, rows, engine="linear")


def test_distinct_values_of_every_type_are_asked_about_as_they_are():
    rows = pl.DataFrame({"d": [datetime(2024, 1, 1), None], "t": ["long text " * 50, None], "n": [1.0, None]})
    seen = []

    def score(frame):
        seen.append(frame)
        return np.zeros(frame.height)

    coded = CodedRows(rows, rows.reverse(), rows.columns, score)
    coded.scores(coded.rows)
    assert seen[0].sort("n", nulls_last=True).equals(rows)


def test_a_long_text_is_shortened_where_it_is_shown():
    explanation = Explanation(
        shap_values=np.zeros((1, 1, 1)),
        base_values=np.zeros(1),
        outputs=np.zeros((1, 1)),
        data=pl.DataFrame({"note": ["word " * 1000]}),
        classes=None,
        target="y",
        output_space="unit of y",
        engine="permutation",
        method="",
        background_rows=1,
        seed=0,
        additivity_error=0.0,
    )
    (shown,) = explanation.row_frame(0)["value"]
    assert len(shown) == 80 and shown.endswith("…")
