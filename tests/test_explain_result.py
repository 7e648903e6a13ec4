"""An explanation's numbers, words and pictures."""

import numpy as np
import polars as pl
import pytest

from workbench.errors import ExplainError
from workbench.explain import Explanation
from workbench.explain.wording import value_text


def _explanation(classes, n=3, **changes):
    rng = np.random.default_rng(0)
    k = len(classes) if classes else 1
    values = rng.normal(size=(n, 2, k)) / 10
    if k == 2:
        values[:, :, 0] = -values[:, :, 1]
    base = np.full(k, 1 / k)
    fields = {
        "shap_values": values,
        "base_values": base,
        "outputs": values.sum(axis=1) + base,
        "data": pl.DataFrame({"age": [22.0, None, 38.5][:n], "sex": ["male", "female", None][:n]}),
        "classes": classes,
        "target": "survived",
        "output_space": "probability" if classes else "unit of survived",
        "engine": "permutation",
        "method": "by hand",
        "background_rows": 100,
        "seed": 0,
        "additivity_error": 0.0,
    }
    return Explanation(**{**fields, **changes})


def test_the_frame_is_long_and_in_words():
    frame = _explanation(["no", "yes"]).frame()
    assert frame.columns == ["row", "output", "column", "value", "number", "shap_value"]
    assert frame["output"].unique().to_list() == ["yes"]
    assert frame.filter(pl.col("column") == "age")["value"].to_list() == ["22", "missing", "38.5"]
    assert frame.filter(pl.col("column") == "sex")["number"].null_count() == 3


def test_every_class_of_several_is_shown():
    explanation = _explanation(["a", "b", "c"])
    assert explanation.frame()["output"].unique(maintain_order=True).to_list() == ["a", "b", "c"]
    assert explanation.importance().columns == ["column", "mean_abs_shap"]
    assert explanation.importance(by_output=True).height == 6
    total = explanation.importance(by_output=True).group_by("column").agg(pl.col("mean_abs_shap").sum())
    assert total["mean_abs_shap"].sum() == pytest.approx(explanation.importance()["mean_abs_shap"].sum())


def test_importance_is_the_mean_absolute_value_largest_first():
    explanation = _explanation(None)
    expected = np.abs(explanation.shap_values[:, :, 0]).mean(axis=0)
    frame = explanation.importance()
    assert frame["mean_abs_shap"].to_list() == pytest.approx(sorted(expected, reverse=True))


def test_the_output_is_the_second_class_the_likeliest_or_the_asked_one():
    assert _explanation([0, 1]).output_index() == 1
    assert _explanation([0, 1]).output_index(0) == 0
    several = _explanation(["a", "b", "c"])
    assert several.output_index(row=1) == several.outputs[1].argmax()
    with pytest.raises(ExplainError, match=r"Got the output 'd'.*Choose from a, b, c"):
        several.output_index("d")


def test_words_name_what_raises_and_what_lowers():
    values = np.array([[[-0.3, 0.3], [0.1, -0.1]]])
    explanation = _explanation([0, 1], n=1, shap_values=values, outputs=np.array([[0.3, 0.7]]))
    assert explanation.words() == (
        "For this row the probability of survived = 1 is 0.7; over 100 background rows it is 0.5 on average. "
        "What raises it: age = 22 (+0.3). What lowers it: sex = male (-0.1)."
    )
    assert "1 other columns together: -0.1" in explanation.words(max_columns=1)
    still = _explanation([0, 1], n=1, shap_values=np.zeros((1, 2, 2)))
    assert still.words().endswith("No column moves it.")


def test_every_kind_draws_for_every_task():
    for classes in (None, ["no", "yes"], ["a", "b", "c"]):
        explanation = _explanation(classes)
        for kind in ("importance", "beeswarm", "dependence", "waterfall"):
            assert explanation.plot(kind).data
    assert "probability of survived = yes" in _explanation(["no", "yes"]).plot("waterfall").layout.xaxis.title.text
    assert explanation.plot("dependence", column="sex", output="b").data


def test_what_there_is_not_is_refused():
    explanation = _explanation(["no", "yes"])
    with pytest.raises(ExplainError, match=r"Got row 3, needed one from 0 to 2"):
        explanation.plot("waterfall", row=3)
    with pytest.raises(ExplainError, match=r"Got the column 'fare'.*Choose from age, sex"):
        explanation.plot("dependence", column="fare")
    with pytest.raises(ExplainError, match=r"Got the plot 'pie'"):
        explanation.plot("pie")


def test_the_note_says_engine_background_space_and_error():
    assert _explanation(["no", "yes"]).note == "permutation, 100 background rows, probability, additivity error 0.0e+00"
    assert "training counts of the trees" in _explanation(None, background_rows=0).note


def test_values_are_written_for_people():
    assert value_text(float("nan")) == "missing"
    assert value_text(float("inf")) == "inf"
    assert value_text(12345.678) == "12,346"
