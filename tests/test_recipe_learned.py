"""Each learned step gives what scikit-learn's transformer gives, answers anything, and refuses what teaches nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter
from sklearn.decomposition import PCA
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif, f_regression, mutual_info_classif
from sklearn.impute import KNNImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    TargetEncoder,
)

from workbench.errors import RecipeError
from workbench.recipe import FittedRecipe, Step, fit_recipe
from workbench.recipe.families import FITTED_STEPS
from workbench.recipe.fitted_step import FittedStep, Learning
from workbench.recipe.fitting import fit_and_transform

RNG = np.random.default_rng(0)
N = 300
X = np.column_stack([RNG.normal(size=N), RNG.lognormal(size=N), RNG.integers(0, 6, size=N), RNG.normal(1e6, 3, size=N)])
GAPPY = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
WORDS = RNG.choice(["a", "b", "c", "d", "é x", ""], size=(N, 2), p=[0.4, 0.25, 0.15, 0.1, 0.05, 0.05]).astype(object)
CLASSES = RNG.integers(0, 3, size=N)
PAIR = (X[:, 0] > 0.3).astype(np.int64)
VALUES = X[:, 0] * 2 + RNG.normal(size=N)


def fitted(
    step: dict[str, Any], X: np.ndarray, y: np.ndarray | None = None, *, seed: int = 0, classes: tuple = ()
) -> FittedStep:
    parsed = TypeAdapter(Step).validate_python({"columns": ["x"], **step})
    task = None if y is None else ("regression" if y.dtype == np.float64 else "classification")
    learning = Learning(y=y, task=task, seed=seed, classes=classes)
    names = [f"x{place}" for place in range(X.shape[1])]
    return FITTED_STEPS[parsed.step].fit(parsed, X, names, learning)


def steps_of(*documents: dict) -> tuple[Step, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(documents)


PEERS: list[tuple[dict, np.ndarray, Any]] = [
    ({"step": "power"}, GAPPY, PowerTransformer(standardize=False)),
    ({"step": "robust"}, GAPPY, RobustScaler()),
    ({"step": "quantile_transform"}, GAPPY, QuantileTransformer(n_quantiles=200, subsample=None)),
    (
        {"step": "quantile_transform", "output": "normal", "n_quantiles": 50},
        GAPPY,
        QuantileTransformer(n_quantiles=50, output_distribution="normal", subsample=None),
    ),
    (
        {"step": "bins", "n_bins": 4},
        X[:, [0, 1, 3]],
        KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf", subsample=None),
    ),
    (
        {"step": "bins", "strategy": "uniform", "n_bins": 7},
        X,
        KBinsDiscretizer(7, encode="ordinal", strategy="uniform", subsample=None),
    ),
    ({"step": "impute", "strategy": "nearest_neighbors"}, GAPPY[:, :2], KNNImputer()),
    (
        {"step": "impute", "strategy": "nearest_neighbors", "n_neighbors": 100},
        GAPPY[:, :2],
        KNNImputer(n_neighbors=100),
    ),
    (
        {"step": "one_hot", "max_categories": 3},
        np.where(WORDS == "", "a", WORDS).astype(object),
        OneHotEncoder(max_categories=3, handle_unknown="infrequent_if_exist", sparse_output=False),
    ),
    (
        {"step": "one_hot", "max_categories": 4},
        X[:, [2]],
        OneHotEncoder(max_categories=4, handle_unknown="infrequent_if_exist", sparse_output=False),
    ),
    ({"step": "pca", "n_components": 2}, X[:, :3], PCA(2)),
    ({"step": "pca", "variance": 0.9}, X[:, :3], PCA(0.9)),
]


@pytest.mark.parametrize(
    ("step", "rows", "peer"), PEERS, ids=lambda value: str(value) if isinstance(value, dict) else ""
)
def test_a_step_gives_what_scikit_learn_gives(step, rows, peer):
    train, other = rows[:200], rows[200:]
    ours = fitted(step, train)
    peer.fit(train)
    np.testing.assert_allclose(ours.transform(train), peer.transform(train), rtol=1e-9, atol=1e-9)
    if step["step"] != "bins":  # whose edges lie a little below scikit-learn's
        np.testing.assert_allclose(ours.transform(other), peer.transform(other), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("y", "folds"),
    [
        (PAIR, StratifiedKFold(5, shuffle=True, random_state=3)),
        (CLASSES, StratifiedKFold(5, shuffle=True, random_state=3)),
        (VALUES, KFold(5, shuffle=True, random_state=3)),
    ],
    ids=["two classes", "three classes", "values"],
)
@pytest.mark.parametrize("smooth", [None, 10.0])
def test_target_encoding_is_scikit_learns_cross_fitted_and_not(y, folds, smooth):
    peer = TargetEncoder(smooth="auto" if smooth is None else smooth, cv=folds)
    expected = peer.fit_transform(WORDS, y)
    ours = fitted({"step": "target_encode", "smooth": smooth}, WORDS, y, seed=3)
    np.testing.assert_array_equal(ours.fitted_values(WORDS), expected)
    unseen = np.array([["a", "zzz"], ["", "é x"]], dtype=object)
    np.testing.assert_array_equal(ours.transform(WORDS), peer.transform(WORDS))
    np.testing.assert_array_equal(ours.transform(unseen), peer.transform(unseen))


def test_no_row_of_a_target_encoded_column_sees_its_own_answer():
    frame = pl.DataFrame({"word": WORDS[:, 0].tolist(), "y": VALUES})
    steps = steps_of({"step": "target_encode", "columns": ["word"]})
    _, before = fit_and_transform(steps, frame, target="y", task="regression")
    changed = VALUES.copy()
    changed[7] += 1_000.0
    _, after = fit_and_transform(steps, frame.with_columns(y=pl.Series(changed)), target="y", task="regression")
    assert before[7, 0] == after[7, 0]
    assert (before != after).any()


def test_target_encoding_of_several_classes_names_a_feature_for_each():
    frame = pl.DataFrame({"word": WORDS[:, 0].tolist(), "y": [["lo", "mid", "hi"][place] for place in CLASSES]})
    recipe = fit_recipe(steps_of({"step": "target_encode", "columns": ["word"]}), frame, target="y")
    assert recipe.feature_names == ["word=hi", "word=lo", "word=mid"]
    np.testing.assert_allclose(recipe.transform(frame).sum(axis=1), 1.0, atol=0.05)
    assert recipe.feature_sources == ["word"] * 3


def test_a_missing_value_is_a_category_of_its_own_to_target_encoding_where_training_has_some():
    numbers = np.array([[1.0], [1.0], [np.nan], [np.nan], [2.0], [2.0]] * 10)
    y = np.array([0.0, 0.0, 6.0, 6.0, 3.0, 3.0] * 10)
    step = fitted({"step": "target_encode", "smooth": 0.0}, numbers, y)
    np.testing.assert_allclose(step.transform(np.array([[np.nan], [1.0], [9.0]])), [[6.0], [0.0], [3.0]])
    complete = fitted({"step": "target_encode", "smooth": 0.0}, np.nan_to_num(numbers, nan=1.0), y)
    np.testing.assert_allclose(complete.transform(np.array([[np.nan]])), [[3.0]])


def test_hashing_is_scikit_learns_and_forgets_nothing():
    step = fitted({"step": "hashing", "n_features": 7}, WORDS)
    words = np.array([["never", "seen"], ["猫", "é x"], ["a\0b", ""]], dtype=object)
    hasher = FeatureHasher(7, input_type="string")
    expected = np.hstack([hasher.transform([[word] for word in column]).toarray() for column in words.T])
    expected[2, 7:] = 0.0  # missing
    np.testing.assert_array_equal(step.transform(words), expected)
    assert step.labels() == [[str(place) for place in range(7)]] * 2


ENGLISH = [
    "The film isn't bad, it's GREAT!", "A great, great film", "", "bad bad film -- don't watch", "x y z", "  ",
    "watch the film (2012)", "Watch it: the best film of 2012", "the_end of a great year", "it is what it is",
] * 3  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"max_words": 2, "min_rows": 4}, {"max_features": 5}, {"max_words": 3}])
def test_tf_idf_of_english_is_scikit_learns(options):
    texts = np.array(ENGLISH, dtype=object)
    step = fitted({"step": "tf_idf", **options}, texts[:, None])
    peer = TfidfVectorizer(
        max_features=options.get("max_features", 500),
        ngram_range=(1, options.get("max_words", 1)),
        min_df=options.get("min_rows", 2),
        vocabulary=step.labels()[0] if "max_features" in options else None,  # it breaks ties at random
    ).fit(texts)
    assert step.labels()[0] == sorted(peer.get_feature_names_out(), key=str.split)
    order = [peer.vocabulary_[term] for term in step.labels()[0]]
    np.testing.assert_allclose(step.transform(texts[:, None]), peer.transform(texts).toarray()[:, order], atol=1e-12)


def test_words_of_any_language_are_found_whatever_their_capitals():
    texts = np.array(
        ["Été été ÉTÉ", "Straße STRASSE straße", "ЖУК жук, Жук!", "naïve NAÏVE", "猫が好き。猫"] * 2, dtype=object
    )
    step = fitted({"step": "tf_idf"}, texts[:, None])
    assert step.labels()[0] == ["naïve", "strasse", "straße", "été", "жук", "猫が好き"]
    np.testing.assert_allclose(
        step.transform(np.array([["Жук ЖУК"], ["!"], [""]], dtype=object))[:, 4], [1.0, 0.0, 0.0]
    )


def test_a_text_without_any_of_the_terms_gives_zeros():
    step = fitted({"step": "tf_idf"}, np.array([["good film"], ["bad film"]] * 2, dtype=object))
    result = step.transform(np.array([[""], ["other words"], ["x"], ["film"]], dtype=object))
    np.testing.assert_array_equal(result, [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]])


def test_of_equally_frequent_terms_the_first_in_the_alphabet_are_kept():
    step = fitted({"step": "tf_idf", "max_features": 2}, np.array([["dd cc bb aa"], ["aa bb cc dd"]], dtype=object))
    assert step.labels() == [["aa", "bb"]]


def test_clip_moves_outliers_to_the_bounds_and_leaves_missing_values():
    values = np.append(np.arange(100.0), [np.nan, 10_000.0])[:, None]
    step = fitted({"step": "clip", "lower": 0.1, "upper": 0.9}, values)
    low, high = np.nanquantile(values, [0.1, 0.9])
    np.testing.assert_array_equal(
        step.transform(np.array([[-np.inf], [50.0], [np.inf], [np.nan]])), [[low], [50], [high], [np.nan]]
    )
    tukey = fitted({"step": "clip", "method": "iqr", "factor": 1.5}, np.arange(101.0)[:, None])
    np.testing.assert_array_equal(tukey.transform(np.array([[-1e9], [1e9]])), [[-50.0], [150.0]])


def test_the_logarithm_is_defined_everywhere_and_keeps_small_digits():
    values = np.array([[0.0], [np.e - 1], [1 - np.e], [1e-12], [np.nan]])
    result = fitted({"step": "log"}, values).transform(values)
    np.testing.assert_allclose(result, [[0.0], [1.0], [-1.0], [1e-12], [np.nan]], rtol=1e-12)


def test_powers_stay_within_what_a_float32_holds():
    values = np.array([[-4.0], [9.0], [1e30], [-1e30], [np.nan]])
    roots = fitted({"step": "power", "method": "square_root"}, values).transform(values)
    np.testing.assert_allclose(roots, [[-2.0], [3.0], [1e15], [-1e15], [np.nan]])
    squares = fitted({"step": "power", "method": "square"}, values).transform(values)
    np.testing.assert_allclose(
        squares, [[16.0], [81.0], [np.finfo(np.float32).max]] * 1 + [[np.finfo(np.float32).max], [np.nan]]
    )


def test_a_constant_column_keeps_its_values_under_a_power():
    step = fitted({"step": "power"}, np.full((5, 1), 3.0))
    np.testing.assert_allclose(step.transform(np.array([[3.0], [7.0], [-2.0]])), [[3.0], [7.0], [-2.0]])


def test_given_edges_put_an_equal_value_above_and_missing_values_nowhere():
    step = fitted({"step": "bins", "strategy": "given", "edges": [0.0, 10.0]}, X[:, :1])
    values = np.array([[-5.0], [0.0], [9.9], [10.0], [np.inf], [np.nan]])
    np.testing.assert_array_equal(step.transform(values), [[0.0], [1.0], [1.0], [2.0], [2.0], [np.nan]])


def test_rare_categories_become_one_word_and_missing_ones_stay_missing():
    words = np.array([["a"]] * 50 + [["b"]] * 45 + [["c"]] * 3 + [[""]] * 2, dtype=object)
    step = fitted({"step": "merge_rare", "min_share": 0.05}, words)
    given = np.array([["a"], ["b"], ["c"], [""], ["new"]], dtype=object)
    assert step.transform(given).ravel().tolist() == ["a", "b", "other", "", "other"]


def test_a_capped_one_hot_shares_one_feature_and_gives_zeros_for_missing_values():
    words = np.array([["a"]] * 5 + [["b"]] * 4 + [["c"], ["d"], [""]], dtype=object)
    step = fitted({"step": "one_hot", "max_categories": 3}, words)
    assert step.labels() == [["a", "b", "infrequent"]]
    given = np.array([["a"], ["b"], ["c"], ["new"], [""]], dtype=object)
    np.testing.assert_array_equal(step.transform(given), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]])


def test_a_category_called_infrequent_keeps_a_name_of_its_own():
    words = ["infrequent"] * 5 + ["b"] * 4 + ["c", "d"]
    frame = pl.DataFrame({"word": words, "y": [0, 1] * 5 + [0]})
    recipe = fit_recipe(steps_of({"step": "one_hot", "columns": ["word"], "max_categories": 3}), frame, target="y")
    assert recipe.feature_names == ["word=b", "word=infrequent", "word=infrequent (2)"]


def test_neighbors_are_the_first_donors_where_distances_are_equal():
    donors = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 30.0], [5.0, 100.0]])
    step = fitted({"step": "impute", "strategy": "nearest_neighbors", "n_neighbors": 2}, donors)
    given = np.array([[0.0, np.nan], [4.9, np.nan], [np.nan, np.nan], [1e300, np.nan], [7.0, 8.0]])
    np.testing.assert_allclose(
        step.transform(given), [[0.0, 1.5], [4.9, 50.5], [1.25, 33.25], [1e300, 1.5], [7.0, 8.0]]
    )


def test_the_donors_of_a_large_table_are_a_seeded_sample_that_has_every_column():
    rows = np.column_stack([np.arange(9_000.0), np.full(9_000, np.nan)])
    rows[8_999, 1] = 5.0
    step, again = (fitted({"step": "impute", "strategy": "nearest_neighbors"}, rows, seed=1) for _ in range(2))
    assert 2_000 <= len(step.donors) <= 2_001
    np.testing.assert_array_equal(step.donors, again.donors)
    np.testing.assert_array_equal(step.transform(np.array([[3.0, np.nan]])), [[3.0, 5.0]])


@pytest.mark.parametrize(
    ("y", "score", "peer"),
    [(PAIR, "f_test", f_classif), (VALUES, "f_test", f_regression), (PAIR, "mutual_information", mutual_info_classif)],
    ids=["classes", "values", "information"],
)
def test_the_features_kept_are_scikit_learns(y, score, peer):
    features = X[:, [0, 1, 3]]
    step = fitted({"step": "select_best", "k": 2, "score": score}, features, y, seed=0)
    kwargs = {"random_state": 0} if score != "f_test" else {}
    expected = SelectKBest(lambda X, y: peer(X, y, **kwargs), k=2).fit(features, y).get_support(indices=True)
    assert step.places == expected.tolist()
    np.testing.assert_array_equal(step.transform(features), features[:, expected])


def test_selection_keeps_all_features_where_there_are_fewer_than_asked_for_and_takes_constant_ones_last():
    features = np.column_stack([np.ones(N), X[:, 1], X[:, 0]])
    assert fitted({"step": "select_best", "k": 20}, features, PAIR).places == [0, 1, 2]
    assert fitted({"step": "select_best", "k": 2}, features, PAIR).places == [1, 2]
    assert fitted(
        {"step": "select_best", "k": 1}, np.where(features == features[0, 1], np.nan, features), PAIR
    ).places == [2]


def test_selection_and_projection_take_all_features_when_no_column_is_named():
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "word": WORDS[:, 0].tolist(), "y": PAIR})
    encode = {"step": "one_hot", "columns": ["word"]}
    recipe = fit_recipe(steps_of(encode, {"step": "select_best", "k": 2}), frame, target="y")
    assert recipe.n_features == 2
    assert "a" in recipe.feature_names
    recipe = fit_recipe(steps_of(encode, {"step": "pca", "n_components": 3}), frame, target="y")
    assert recipe.feature_names == ["pca_1", "pca_2", "pca_3"]


def test_components_have_a_fixed_sign_and_names_of_their_own_and_miss_nothing():
    step = fitted({"step": "pca", "n_components": 2}, X[:, :3])
    flipped = fitted({"step": "pca", "n_components": 2}, X[::-1, :3])
    np.testing.assert_allclose(step.components, flipped.components, atol=1e-9)
    assert (step.components.max(axis=1) >= -step.components.min(axis=1)).all()
    assert step.feature_names(["a", "pca_1", "b"]) == ["pca__1", "pca__2"]
    np.testing.assert_allclose(step.transform(np.array([[np.nan] * 3, [np.inf] * 3])), np.zeros((2, 2)))


def empty(kind: type = float) -> np.ndarray:
    return np.full((6, 1), "", dtype=object) if kind is str else np.full((6, 1), np.nan)


def spike(n_rows: int) -> np.ndarray:
    return np.array([[0.0]] * (n_rows - 1) + [[1.0]])


def ones() -> np.ndarray:
    return np.ones((6, 1))


NO_VALUE = r"column 'x0' has no value .*drop_columns"
NEIGHBORS = {"step": "impute", "strategy": "nearest_neighbors"}
NOTHING_TO_LEARN: list[tuple[dict, Callable[[], np.ndarray], np.ndarray | None, str]] = [
    *[({"step": name}, empty, None, NO_VALUE) for name in ("clip", "log", "power", "bins", "robust")],
    *[({"step": name}, lambda: empty(str), None, NO_VALUE) for name in ("merge_rare", "tf_idf")],
    ({"step": "quantile_transform"}, empty, None, NO_VALUE),
    ({"step": "one_hot", "max_categories": 3}, empty, None, NO_VALUE),
    ({"step": "target_encode"}, empty, PAIR[:6], NO_VALUE),
    (NEIGHBORS, empty, None, NO_VALUE),
    (NEIGHBORS, lambda: WORDS, None, "holds text, needed numbers"),
    ({"step": "quantile_transform"}, ones, None, "one value only in the training rows, needed at least two"),
    ({"step": "bins"}, ones, None, "one value only in the training rows"),
    ({"step": "bins", "n_bins": 2}, lambda: spike(6), None, "all its quantiles at one value.*use uniform"),
    ({"step": "clip", "method": "iqr"}, lambda: spike(10), None, "equal quartiles .*Use method quantile"),
    ({"step": "clip"}, lambda: spike(1_000), None, "equal quantiles 0.01 and 0.99 .*Move the quantiles apart"),
    ({"step": "merge_rare", "min_share": 0.5}, lambda: WORDS[:, :1], None, "no category in 0.5 .*Lower min_share"),
    ({"step": "tf_idf"}, lambda: np.array([["x"], ["y"]], dtype=object), None, "no word of two .*Lower min_rows"),
    ({"step": "target_encode"}, lambda: X[:3, :1], VALUES[:3], "got 3 training rows .*at least 5.*fewer folds"),
    ({"step": "target_encode"}, lambda: X[:6, :1], np.arange(6), "got 1 training rows of the most frequent class"),
    ({"step": "target_encode"}, lambda: X[:6, :1], None, "without a target"),
    ({"step": "select_best"}, lambda: X, None, "without a target"),
    ({"step": "select_best"}, ones, PAIR[:6], "all 1 features have one value only"),
    ({"step": "pca"}, lambda: GAPPY, None, "has missing values in the training rows, needed none.*impute"),
    ({"step": "pca"}, ones, None, "all training rows are equal"),
]


@pytest.mark.parametrize(("step", "rows", "y", "message"), NOTHING_TO_LEARN)
def test_what_teaches_nothing_is_refused_with_the_remedy(step, rows, y, message):
    with pytest.raises(RecipeError, match=message):
        fitted(step, rows(), y)


def word(step: str, **options) -> dict:
    return {"step": step, "columns": ["word"], **options}


def age(step: str, **options) -> dict:
    return {"step": step, "columns": ["age"], **options}


REFUSED: list[tuple[list[dict], str]] = [
    ([word("clip")], r"Step 1 \(clip\): column 'word' holds text.*needed numbers"),
    ([age("merge_rare")], "'age' holds numbers, needed text"),
    ([age("hashing")], "'age' holds numbers, needed text.*one_hot, ordinal or bins"),
    ([age("tf_idf")], "'age' holds numbers, needed text"),
    ([word("one_hot"), word("tf_idf")], r"Step 2 \(tf_idf\): column 'word' holds a one_hot column"),
    ([word("tf_idf"), word("one_hot")], "holds a tf_idf column, needed a column that isn't encoded"),
    ([word("target_encode"), word("impute")], "holds a target_encode column.*in front of the encoding"),
    ([word("hashing"), word("merge_rare")], "holds a hashing column"),
    ([word("impute", strategy="nearest_neighbors")], "needed numbers for strategy nearest_neighbors"),
    ([age("bins", strategy="given")], "strategy given without edges.*Give the edges"),
    ([age("bins", edges=[1, 2])], "edges with strategy quantile, needed strategy given"),
    ([age("bins", strategy="given", edges=[2, 1])], r"edges \[2.0, 1.0\].*rising order"),
    ([age("bins", strategy="given", edges=[])], "needed at least one"),
    ([age("log"), age("one_hot")], "holds results of log.*told apart exactly. Move this step in front"),
    ([age("power"), age("quantile_transform")], "Ranks are the same without"),
    (
        [
            {"step": "calculate", "name": "size", "expression": "log(age)"},
            {"step": "calculate", "name": "twice", "expression": "size * 2"},
            {"step": "one_hot", "columns": ["twice"]},
        ],
        r"'twice' holds results of calculate.*Round it in the expression, as in round\(log\(x\), 6\)",
    ),
]


@pytest.mark.parametrize(("documents", "message"), REFUSED)
def test_a_step_in_the_wrong_place_is_refused_with_the_remedy(documents, message):
    frame = pl.DataFrame({"age": [1.0, 2.0, 4.0, 9.0], "word": ["a", "b", "a", "b"], "y": [0, 1, 0, 1]})
    with pytest.raises(RecipeError, match=message):
        fit_recipe(steps_of(*documents), frame, target="y")


def test_the_categories_of_a_column_are_bounded_by_bins_merging_and_a_cap():
    frame = pl.DataFrame(
        {
            "n": list(range(3_000)),
            "word": [f"w{n % 2_000 if n > 900 else 0}" for n in range(3_000)],
            "y": [0, 1] * 1_500,
        }
    )
    steps = steps_of(
        {"step": "merge_rare", "columns": ["word"]},
        {"step": "bins", "columns": ["n"]},
        {"step": "one_hot", "columns": ["n", "word"]},
    )  # fmt: skip
    recipe = fit_recipe(steps, frame, target="y")
    assert recipe.feature_names == [*(f"n={bin}" for bin in range(5)), "word=other", "word=w0"]
    capped = fit_recipe(steps_of({"step": "one_hot", "columns": ["n", "word"], "max_categories": 4}), frame, target="y")
    assert capped.n_features == 8


def test_what_a_step_learned_is_plain_values_that_give_the_same_bits():
    cases: list[tuple[dict, np.ndarray, np.ndarray | None]] = [
        *[(step, rows, None) for step, rows, _ in PEERS],
        ({"step": "clip"}, GAPPY, None),
        ({"step": "log"}, GAPPY, None),
        ({"step": "hashing"}, WORDS, None),
        ({"step": "merge_rare"}, WORDS, None),
        ({"step": "tf_idf", "max_words": 2}, np.array(ENGLISH, dtype=object)[:, None], None),
        ({"step": "target_encode"}, WORDS, CLASSES),
        ({"step": "target_encode"}, GAPPY[:, 2:3], VALUES),
        ({"step": "select_best", "k": 2}, np.column_stack([np.ones(N), X]), PAIR),
    ]
    for step, rows, y in cases:
        before = fitted(step, rows, y)
        stored = json.dumps(before.to_dict(), allow_nan=False)
        after = type(before).from_dict(json.loads(stored))
        assert FITTED_STEPS[before.name] is type(before)
        np.testing.assert_array_equal(after.transform(rows), before.transform(rows))
        assert after.labels() == before.labels()


def test_no_test_row_moves_what_a_step_learned():
    frame = pl.DataFrame({"a": X[:, 0], "b": GAPPY[:, 1], "word": WORDS[:, 0].tolist(), "y": PAIR})
    steps = steps_of(
        {"step": "clip", "columns": ["a"]},
        {"step": "impute", "columns": ["b"], "strategy": "nearest_neighbors"},
        {"step": "power", "columns": ["b"]},
        {"step": "target_encode", "columns": ["word"]},
        {"step": "pca", "columns": ["a", "b"], "n_components": 1},
    )
    recipe = fit_recipe(steps, frame.head(200), target="y", seed=1)
    before = json.dumps(recipe.to_dict())
    recipe.transform(frame.tail(100).with_columns(a=pl.lit(1e30), word=pl.lit("new")))
    assert json.dumps(recipe.to_dict()) == before
    assert FittedRecipe.from_dict(json.loads(before)).feature_names == recipe.feature_names
