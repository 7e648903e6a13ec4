"""The graph of every learned step computes what the step itself computes, on rows that no one would wish for."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe import FittedRecipe, Step, fit_recipe
from workbench.recipe.fitting import fit_and_transform
from workbench.recipe.words import WORD, WordCodes, fold, spellings

PROFILE = {
    "deadline": None,
    "derandomize": True,
    "phases": (Phase.explicit, Phase.generate, Phase.shrink),
    "suppress_health_check": list(HealthCheck),
}
RNG = np.random.default_rng(0)
N = 120
SENTENCES = [
    "A great film",
    "bad, BAD film!",
    "École école ÉCOLE",
    "naïve Straße",
    "",
    "x",
    "the film isn't bad",
    "猫が好き",
]
TRAIN = pl.DataFrame(
    {
        "n0": RNG.normal(size=N),
        "n1": np.where(RNG.random(N) < 0.2, np.nan, RNG.lognormal(size=N) * 1e-6),
        "n2": RNG.integers(0, 6, size=N).astype(float),
        "n3": np.where(RNG.random(N) < 0.2, np.nan, RNG.normal(1e6, 3, size=N)),
        "flag": RNG.random(N) < 0.4,
        "t0": RNG.choice(["aa", "bb", "cc", "dd", ""], size=N, p=[0.4, 0.3, 0.15, 0.1, 0.05]),
        "t1": RNG.choice(SENTENCES, size=N),
        "y": RNG.integers(0, 3, size=N),
    }
)
NUMBERS = ["n0", "n1", "n2", "n3"]
FILL = {"step": "impute", "columns": ["n1", "n3"]}

RECIPES: dict[str, list[dict]] = {
    "clip": [{"step": "clip", "columns": NUMBERS}],
    "clip iqr": [{"step": "clip", "columns": NUMBERS, "method": "iqr"}],
    "log": [{"step": "log", "columns": [*NUMBERS, "flag"]}],
    "power": [{"step": "power", "columns": NUMBERS}],
    "square": [{"step": "power", "columns": NUMBERS, "method": "square"}],
    "square root": [{"step": "power", "columns": NUMBERS, "method": "square_root"}],
    "bins": [{"step": "bins", "columns": NUMBERS}, {"step": "one_hot", "columns": ["n1"]}],
    "equal bins": [{"step": "bins", "columns": NUMBERS, "strategy": "uniform", "n_bins": 30}],
    "given bins": [{"step": "bins", "columns": NUMBERS, "strategy": "given", "edges": [-1.0, 0.0, 3.0]}],
    "bins of logarithms": [{"step": "log", "columns": NUMBERS}, {"step": "bins", "columns": NUMBERS, "n_bins": 40}],
    "robust": [{"step": "robust", "columns": NUMBERS}],
    "quantiles": [{"step": "quantile_transform", "columns": NUMBERS}],
    "bell": [{"step": "quantile_transform", "columns": NUMBERS, "output": "normal", "n_quantiles": 40}],
    "neighbors": [{"step": "impute", "columns": NUMBERS, "strategy": "nearest_neighbors"}],
    "scaled neighbors": [
        {"step": "standardize", "columns": NUMBERS},
        {"step": "impute", "columns": [*NUMBERS, "flag"], "strategy": "nearest_neighbors", "n_neighbors": 7},
    ],
    "one neighbor of one column": [
        {"step": "impute", "columns": ["n1"], "strategy": "nearest_neighbors", "n_neighbors": 1}
    ],
    "rare": [
        {"step": "merge_rare", "columns": ["t0", "t1"], "min_share": 0.12},
        {"step": "one_hot", "columns": ["t1", "t0"]},
    ],
    "capped": [{"step": "one_hot", "columns": ["t0", "n2", "t1"], "max_categories": 3}],
    "target": [{"step": "target_encode", "columns": ["t0", "n2", "n1", "t1"]}],
    "smooth target": [{"step": "target_encode", "columns": ["n3", "t0"], "smooth": 3.0, "folds": 2}],
    "hashing": [{"step": "hashing", "columns": ["t0", "t1"], "n_features": 5}],
    "terms": [{"step": "tf_idf", "columns": ["t1", "t0"], "min_rows": 1}],
    "long terms": [{"step": "tf_idf", "columns": ["t1"], "max_words": 3}],
    "best": [FILL, {"step": "one_hot", "columns": ["t0"]}, {"step": "select_best", "k": 3}],
    "components": [FILL, {"step": "standardize", "columns": NUMBERS}, {"step": "pca", "columns": NUMBERS}],
    "all components": [
        FILL,
        {"step": "hashing", "columns": ["t0"], "n_features": 4},
        {"step": "pca", "n_components": 3},
    ],
    "long chain": [
        {"step": "impute", "columns": NUMBERS, "strategy": "nearest_neighbors"},
        {"step": "clip", "columns": NUMBERS},
        {"step": "power", "columns": NUMBERS},
        {"step": "standardize", "columns": NUMBERS},
        {"step": "tf_idf", "columns": ["t1"]},
        {"step": "target_encode", "columns": ["t0"]},
        {"step": "select_best", "columns": [*NUMBERS, "t1"], "k": 8},
        {"step": "pca", "columns": ["n0", "t1"], "n_components": 2},
    ],
}


@cache
def fitted(name: str) -> FittedRecipe:
    steps = TypeAdapter(tuple[Step, ...]).validate_python(RECIPES[name])
    taken = {column for step in steps for column in step.columns or ()}
    return fit_recipe(steps, TRAIN.drop({"t0", "t1"} - taken), target="y", seed=1)


def session_of(recipe: FittedRecipe) -> ort.InferenceSession:
    graph = GraphBuilder()
    inputs = {name: graph.input(name, recipe.input_types[name]) for name in recipe.input_columns}
    graph.output("features", recipe.emit(graph, inputs), "double", [None, recipe.n_features])
    return ort.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])


@cache
def session(name: str) -> ort.InferenceSession:
    return session_of(fitted(name))


def assert_parity(name: str, frame: pl.DataFrame) -> None:
    recipe = fitted(name)
    expected, actual = recipe.transform(frame), session(name).run(None, recipe.enter(frame))[0]
    assert actual.dtype == expected.dtype == np.float64
    assert actual.shape == expected.shape == (frame.height, recipe.n_features)
    # A component adds numbers of very different size: what counts is the largest of the row.
    size = np.nanmax(np.abs(expected), axis=1, keepdims=True, initial=1.0) if "components" in name else 1.0
    np.testing.assert_allclose(actual / size, expected / size, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_the_graph_gives_the_training_rows_features(name):
    assert_parity(name, TRAIN)
    assert_parity(name, TRAIN.head(1))
    assert_parity(name, TRAIN.head(0))


HOSTILE = [None, float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, -1e-12, 1e300, 3.4e38]
hostile_numbers = st.one_of(
    st.sampled_from(HOSTILE), st.floats(width=64), st.sampled_from(TRAIN["n1"].to_list() + TRAIN["n3"].to_list())
)
hostile_texts = st.one_of(
    st.none(),
    st.sampled_from([*SENTENCES, "aa", "dd", "new", "  ", "!?", "film film FILM", "ÉÉ éÉ", "a\0b film"]),
    st.text(),
)


@st.composite
def rows(draw) -> pl.DataFrame:
    size = draw(st.integers(1, 6))
    columns = {name: draw(st.lists(hostile_numbers, min_size=size, max_size=size)) for name in NUMBERS}
    columns |= {name: draw(st.lists(hostile_texts, min_size=size, max_size=size)) for name in ("t0", "t1")}
    columns["flag"] = draw(st.lists(st.sampled_from([None, True, False]), min_size=size, max_size=size))
    schema = dict.fromkeys(NUMBERS, pl.Float64) | {"t0": pl.String, "t1": pl.String, "flag": pl.Boolean}
    return pl.DataFrame(columns, schema=schema)


@settings(max_examples=15, **PROFILE)
@given(frame=rows())
def test_hostile_rows_get_the_same_answer_from_every_step_and_its_graph(frame):
    for name in RECIPES:
        assert_parity(name, frame)


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_answers_with_infinity_and_a_stored_one_gives_the_same_bits(name, tmp_path):
    fitted(name).save(tmp_path)
    again = FittedRecipe.load(tmp_path)
    frame = pl.concat([TRAIN.head(3), pl.DataFrame({"n0": [1e38, None, -1e38]})], how="diagonal")
    assert not np.isinf(again.transform(frame)).any()
    np.testing.assert_array_equal(again.transform(frame), fitted(name).transform(frame))
    assert again.feature_names == fitted(name).feature_names


texts_of_letters = st.text(st.characters(categories=["L", "N", "M", "P", "Z"]), max_size=12)


@settings(max_examples=150, **PROFILE)
@given(text=st.one_of(st.text(max_size=12), texts_of_letters))
def test_words_are_the_same_in_polars_and_in_the_graph(text):
    codes = WordCodes(learning=True)
    codes.read(np.array([text], dtype=object))
    graph = GraphBuilder()
    column = graph.node("Squeeze", graph.input("text", "string"), graph.constant(np.array([1])))
    lowered = graph.node("StringNormalizer", column, case_change_action="LOWER", is_case_sensitive=1, locale="C")
    split = {"mark": 0, "pad_value": "", "mincharnum": 1, "tokenexp": WORD}
    graph.output("words", graph.node("Tokenizer", lowered, domain="com.microsoft", **split), "string", [None, None])
    session = ort.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"text": np.array([text], dtype=object)})[0].ravel().tolist()
    assert list(dict.fromkeys(fold(word) for word in found)) == codes.words
    for word in found:
        assert word in spellings(fold(word))


def test_cross_fitted_rows_differ_from_what_the_graph_gives_them():
    steps = TypeAdapter(tuple[Step, ...]).validate_python(
        [{"step": "drop_columns", "columns": ["t1"]}, {"step": "target_encode", "columns": ["t0"]}]
    )
    recipe, cross_fitted = fit_and_transform(steps, TRAIN, target="y")
    given_back = session_of(recipe).run(None, recipe.enter(TRAIN))[0]
    np.testing.assert_allclose(given_back, recipe.transform(TRAIN), rtol=1e-12)
    place = recipe.feature_names.index("t0=0")
    assert np.abs(given_back[:, place] - cross_fitted[:, place]).max() > 1e-3


FUZZED: list[dict] = [
    {"step": "clip", "method": "iqr"},
    {"step": "clip"},
    {"step": "log"},
    {"step": "power"},
    {"step": "bins", "n_bins": 3},
    {"step": "bins", "strategy": "uniform"},
    {"step": "robust"},
    {"step": "quantile_transform", "output": "normal"},
    {"step": "quantile_transform", "n_quantiles": 10},
    {"step": "impute", "strategy": "nearest_neighbors", "n_neighbors": 3},
    {"step": "one_hot", "max_categories": 2},
    {"step": "target_encode", "folds": 2},
    {"step": "select_best", "k": 1},
    {"step": "select_best", "k": 1, "score": "mutual_information"},
    {"step": "pca"},
]
FUZZED_TEXT: list[dict] = [
    {"step": "merge_rare", "min_share": 0.3},
    {"step": "one_hot", "max_categories": 2},
    {"step": "target_encode", "folds": 2},
    {"step": "hashing", "n_features": 3},
    {"step": "tf_idf", "min_rows": 1, "max_words": 2},
]


@st.composite
def learned(draw) -> tuple[dict, pl.DataFrame]:
    """Give a step, and training rows of one kind that it may or may not be able to learn from."""
    is_text = draw(st.booleans())
    step = draw(st.sampled_from(FUZZED_TEXT if is_text else FUZZED))
    size = draw(st.integers(1, 12))
    values = st.lists(hostile_texts if is_text else hostile_numbers, min_size=size, max_size=size)
    schema = dict.fromkeys(("a", "b"), pl.String if is_text else pl.Float64)
    target = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    frame = pl.DataFrame({"a": draw(values), "b": draw(values)}, schema=schema).with_columns(y=pl.Series(target))
    return step, frame


@settings(max_examples=120, **PROFILE)
@given(case=learned(), task=st.sampled_from(["classification", "regression"]))
def test_any_rows_are_learned_from_or_refused_and_then_the_graph_agrees(case, task):
    step, frame = case
    documents = [step | {"columns": ["a", "b"]}]
    if step["step"] == "merge_rare":
        documents.append({"step": "ordinal", "columns": ["a", "b"]})
    try:
        steps = TypeAdapter(tuple[Step, ...]).validate_python(documents)
        recipe = fit_recipe(steps, frame, target="y", task=task)
    except RecipeError:
        return
    expected, actual = recipe.transform(frame), session_of(recipe).run(None, recipe.enter(frame))[0]
    size = np.nanmax(np.abs(expected), axis=1, keepdims=True, initial=1.0)
    np.testing.assert_allclose(actual / size, expected / size, rtol=1e-9, atol=1e-9)
    stored = FittedRecipe.from_dict(json.loads(json.dumps(recipe.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(stored.transform(frame), expected)
