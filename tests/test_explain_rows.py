"""Shapley values on the graph: against the SHAP library, additive, repeatable, and never broken by odd rows."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from workbench.errors import ExplainError, InputError
from workbench.explain import Explanation, explain_rows
from workbench.explain.shapley import CodedRows, exact_shapley, make_plan, sampled_shapley
from workbench.package.signature import InputColumn, Signature

COLUMNS = ["age", "fare", "pclass", "sex"]


def _score(frame):
    """A smooth model with interactions, a category and an own answer for missing age."""
    age = frame["age"].cast(pl.Float64).fill_nan(None).fill_null(60.0).to_numpy()
    female = (frame["sex"].fill_null("") == "female").to_numpy()
    z = (
        -0.03 * age
        + 0.01 * frame["fare"].fill_nan(0.0).to_numpy() * female
        - 0.4 * frame["pclass"].to_numpy()
        + 2.0 * female
    )
    p = 1 / (1 + np.exp(-z))
    return np.column_stack([1 - p, p])


def _frame(n, seed=0):
    rng = np.random.default_rng(seed)
    age = [None if rng.random() < 0.15 else float(v) for v in rng.normal(30, 12, n).round()]
    return pl.DataFrame(
        {
            "age": age,
            "fare": rng.exponential(30, n).round(2),
            "pclass": rng.integers(1, 4, n).astype(float),
            "sex": rng.choice(["male", "female"], n).tolist(),
        },
        schema_overrides={"age": pl.Float64},
    )


@pytest.fixture
def predictor(tmp_path):
    _frame(80, seed=9).write_parquet(tmp_path / "background.parquet")
    columns = [InputColumn(name, "string" if name == "sex" else "number", "number") for name in COLUMNS]
    signature = Signature("classification", "survived", [0, 1], columns)
    return SimpleNamespace(signature=signature, scores=_score, folder=tmp_path)


def test_values_equal_those_of_shap_exact_explainer(predictor):
    import shap

    rows, background = _frame(6), _frame(30, seed=9)
    ours = explain_rows(predictor, rows, background=background)
    coded = CodedRows(rows, background, COLUMNS, _score)

    def score(codes):
        return coded.scores(np.asarray(codes).astype(np.int64))

    masker = shap.maskers.Independent(coded.background.astype(float), max_samples=30)
    theirs = shap.ExactExplainer(score, masker)(coded.rows.astype(float))
    np.testing.assert_allclose(ours.shap_values, theirs.values, atol=1e-9)
    np.testing.assert_allclose(ours.base_values, theirs.base_values[0], atol=1e-12)


def test_sampled_values_are_near_the_exact_ones_and_additive():
    coded = CodedRows(_frame(8), _frame(60, seed=9), COLUMNS, _score)
    exact, base, outputs = exact_shapley(coded)
    for n_pairs, tolerance in ((1, 0.02), (20, 0.005)):
        sampled, sampled_base, sampled_outputs = sampled_shapley(coded, n_pairs=n_pairs, seed=3)
        assert np.abs(sampled - exact).max() < tolerance
        assert np.abs(sampled.sum(axis=1) + sampled_base - sampled_outputs).max() < 1e-12
    np.testing.assert_allclose(sampled_base, base)
    np.testing.assert_allclose(sampled_outputs, outputs)


def test_explanation_of_rows_is_additive_to_rounding_and_says_how_it_was_made(predictor):
    for options in ({}, {"n_permutations": 2}):
        explanation = explain_rows(predictor, _frame(5), **options)
        assert explanation.additivity_error < 1e-12
        assert explanation.shap_values.shape == (5, 4, 2)
        assert explanation.background_rows == 80
        np.testing.assert_allclose(explanation.shap_values[:, :, 0], -explanation.shap_values[:, :, 1], atol=1e-12)
    assert "4 antithetic permutations" in explanation.method
    assert explanation.output_space == "probability"


def test_the_same_seed_gives_the_same_values_and_rows_do_not_influence_each_other(predictor):
    both = explain_rows(predictor, _frame(2), n_permutations=2, seed=5)
    again = explain_rows(predictor, _frame(2), n_permutations=2, seed=5)
    alone = explain_rows(predictor, _frame(2)[1:], n_permutations=2, seed=5)
    assert (both.shap_values == again.shap_values).all()
    np.testing.assert_allclose(both.shap_values[1:], alone.shap_values, atol=1e-15)
    other = explain_rows(predictor, _frame(2), n_permutations=1, seed=6)
    assert np.abs(other.shap_values - both.shap_values).max() > 0


def test_a_column_that_the_model_ignores_gets_nothing():
    frame = _frame(40).with_columns(noise=pl.Series(np.arange(40.0)))
    coded = CodedRows(frame[:5], frame[5:], [*COLUMNS, "noise"], _score)
    for values, _, _ in (exact_shapley(coded), sampled_shapley(coded, n_pairs=3)):
        assert np.abs(values[:, 4]).max() < 1e-15


def test_equal_mixed_rows_are_scored_once():
    frame = pl.DataFrame({"a": ["x", "y"] * 20, "b": [1.0, 2.0] * 20})
    calls = []

    def score(rows):
        calls.append(rows.height)
        return rows["b"].to_numpy()[:, None]

    exact_shapley(CodedRows(frame[:1], frame, ["a", "b"], score))
    assert sum(calls) <= 4


def test_many_columns_with_many_values_need_no_packing():
    rng = np.random.default_rng(0)
    columns = [f"c{i}" for i in range(40)]
    frame = pl.DataFrame({name: rng.normal(size=60) for name in columns})
    coded = CodedRows(frame[:2], frame[2:], columns, lambda rows: rows.to_numpy().sum(axis=1, keepdims=True))
    values, base, outputs = sampled_shapley(coded, n_pairs=1)
    expected = frame[:2].to_numpy() - frame[2:].to_numpy().mean(axis=0)
    np.testing.assert_allclose(values[:, :, 0], expected, atol=1e-9)


def test_a_row_of_missing_and_unseen_values_is_explained(predictor):
    odd = pl.DataFrame(
        {"age": [None], "fare": [1e6], "pclass": [9.0], "sex": [None]},
        schema={"age": pl.Float64, "fare": pl.Float64, "pclass": pl.Float64, "sex": pl.String},
    )
    explanation = explain_rows(predictor, odd)
    assert explanation.additivity_error < 1e-12
    assert "age = missing" in explanation.words()
    assert "sex = missing" in explanation.plot("waterfall").layout.yaxis.ticktext


def test_a_column_that_is_missing_everywhere_is_explained(predictor):
    rows = _frame(5).with_columns(age=pl.lit(None, dtype=pl.Float64))
    explanation = explain_rows(predictor, rows, background=rows)
    assert np.abs(explanation.shap_values[:, 0]).max() == 0
    for kind in ("importance", "beeswarm", "dependence", "waterfall"):
        assert explanation.plot(kind, column="age" if kind == "dependence" else None).layout.meta["alt"]


def test_one_dict_is_a_row_and_extra_columns_are_left_out(predictor):
    explanation = explain_rows(predictor, [{"age": 22, "fare": 7.25, "pclass": 3, "sex": "male", "cabin": "C1"}])
    assert explanation.column_names == COLUMNS
    assert explanation.n_rows == 1


def test_a_missing_column_is_refused(predictor):
    with pytest.raises(InputError, match="sex"):
        explain_rows(predictor, pl.DataFrame({"age": [1.0], "fare": [1.0], "pclass": [1.0]}))


def test_a_package_without_background_says_to_pass_one(predictor):
    (predictor.folder / "background.parquet").unlink()
    with pytest.raises(ExplainError, match=r"without background rows.*Pass `background`"):
        explain_rows(predictor, _frame(1))


def test_a_time_limit_ends_after_a_whole_round(predictor):
    explanation = explain_rows(predictor, _frame(3), n_permutations=64, time_limit=0.0)
    assert explanation.additivity_error < 1e-12


def test_plans_spend_the_budget_on_pairs_then_shrink_the_background():
    assert make_plan(1, 20, 100).n_pairs == 3
    assert make_plan(1, 20, 100, n_pairs=3) == make_plan(500, 20, 100, n_pairs=3)
    crowded = make_plan(5_000, 12, 100)
    assert (crowded.n_background, crowded.n_pairs) == (20, 1)
    assert make_plan(1, 1, 100, n_pairs=5).exact


def test_progress_reaches_one(predictor):
    for options in ({}, {"n_permutations": 3}):
        seen = []
        explain_rows(predictor, _frame(3), on_progress=seen.append, **options)
        assert seen[-1] == pytest.approx(1.0)


def test_importing_explain_brings_no_heavy_library():
    heavy = ("pandas", "sklearn", "shap", "tensorflow", "streamlit", "keras", "onnx")
    code = f"import sys, workbench.explain, workbench.evaluation; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_explanation_is_stored_and_opened_unchanged(predictor, tmp_path):
    explanation = explain_rows(predictor, _frame(4))
    explanation.save(tmp_path / "stored")
    again = Explanation.load(tmp_path / "stored")
    assert (again.shap_values == explanation.shap_values).all()
    assert again.data.equals(explanation.data)
    assert again.describe() == explanation.describe()
    with pytest.raises(ExplainError, match=r"without an explanation of format 1"):
        Explanation.load(tmp_path)
