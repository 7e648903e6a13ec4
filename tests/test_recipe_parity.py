"""The graph of a recipe computes what its scikit-learn transformers compute, bit for bit."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from workbench.graph import GraphBuilder
from workbench.recipe import FittedRecipe, Step, fit_recipe
from workbench.recipe.blocks import read_columns

NUMBERS = ["n0", "n1", "n2", "n3"]
TEXTS = ["t0", "t1"]
CHAINS = {
    "n0": [
        [],
        ["impute"],
        ["standardize"],
        ["impute", "standardize"],
        ["standardize", "impute"],
        ["standardize", "standardize"],
    ],
    "n1": [[], ["one_hot"], ["ordinal", "standardize"], ["impute", "min_max", "one_hot"], ["one_hot", "standardize"]],
    "n2": [["min_max"], ["impute", "ordinal"], ["min_max", "standardize", "min_max"], ["ordinal", "one_hot"]],
    "n3": [[], ["impute", "standardize", "min_max"], ["ordinal"], ["standardize"]],
    "t0": [["one_hot"], ["ordinal"], ["impute", "one_hot"], ["impute", "ordinal", "standardize"]],
    "t1": [["one_hot"], ["ordinal", "min_max"], ["impute", "ordinal"], ["impute", "one_hot", "min_max"]],
}


# Explaining a failure runs it hundreds of times more, which costs minutes where each run builds a graph.
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
PROFILE = {"deadline": None, "derandomize": True, "phases": PHASES, "suppress_health_check": list(HealthCheck)}


def steps_of(*documents: dict) -> tuple[Step, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(documents)


def features_of_graph(recipe: FittedRecipe, frame: pl.DataFrame) -> np.ndarray:
    graph = GraphBuilder()
    inputs = {name: graph.input(name, recipe.input_types[name]) for name in recipe.input_columns}
    graph.output("features", recipe.emit(graph, inputs), "double", [None, recipe.n_features])
    session = ort.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, read_columns(frame, recipe.input_types))[0]


def assert_same_bits(recipe: FittedRecipe, frame: pl.DataFrame) -> None:
    expected, actual = recipe.transform(frame), features_of_graph(recipe, frame)
    assert actual.dtype == expected.dtype == np.float64
    assert actual.shape == expected.shape == (frame.height, recipe.n_features)
    np.testing.assert_array_equal(actual, expected)


some_numbers = st.one_of(
    st.none(),
    st.floats(width=64),
    st.integers(-3, 3).map(float),
    st.sampled_from([float("inf"), float("-inf"), float("nan"), 1e300, -1e300, 3.4e38, 5e-324, -0.0, 0.1]),
)
some_texts = st.one_of(
    st.none(), st.sampled_from(["", "a", "b", " a", "A", "é", "猫", "a\0", "missing"]), st.text(max_size=3)
)


@st.composite
def tables(draw) -> pl.DataFrame:
    size = draw(st.integers(1, 8))
    columns: dict[str, list] = {name: draw(st.lists(some_numbers, min_size=size, max_size=size)) for name in NUMBERS}
    columns |= {name: draw(st.lists(some_texts, min_size=size, max_size=size)) for name in TEXTS}
    for name in columns:  # a column without any value is refused; that has its own test
        columns[name][0] = 1.5 if name in NUMBERS else "a"
    schema = {name: pl.Float64 for name in NUMBERS} | {name: pl.String for name in TEXTS}
    return pl.DataFrame(columns, schema=schema).with_columns(y=pl.lit(1))


@st.composite
def recipes(draw) -> tuple[Step, ...]:
    chains = {name: list(draw(st.sampled_from(options))) for name, options in CHAINS.items()}
    documents = []
    while any(chains.values()):
        kinds = sorted({chain[0] for chain in chains.values() if chain})
        step = draw(st.sampled_from(kinds))
        columns = draw(st.permutations([name for name, chain in chains.items() if chain and chain[0] == step]))
        if step == "impute":  # the strategies that take both numbers and text, so that one step mixes them
            strategy = draw(st.sampled_from(["most_frequent", "constant"]))
            documents.append({"step": step, "columns": columns, "strategy": strategy})
        else:
            documents.append({"step": step, "columns": columns})
        for name in columns:
            chains[name].pop(0)
    return steps_of(*documents)


@settings(max_examples=60, **PROFILE)
@given(steps=recipes(), train=tables(), other=tables())
def test_the_graph_gives_the_bits_of_scikit_learn_for_any_recipe_and_any_rows(steps, train, other):
    recipe = fit_recipe(steps, train, target="y")
    assert_same_bits(recipe, train)
    assert_same_bits(recipe, other)


@settings(max_examples=15, **PROFILE)
@given(train=tables(), strategy=st.sampled_from(["mean", "median"]))
def test_means_and_medians_fill_the_same_bits(train, strategy):
    impute = {"step": "impute", "columns": NUMBERS, "strategy": strategy}
    scale = {"step": "standardize", "columns": NUMBERS[::-1]}
    recipe = fit_recipe(steps_of(impute, scale, {"step": "drop_columns", "columns": TEXTS}), train, target="y")
    assert_same_bits(recipe, train)


@settings(max_examples=15, **PROFILE)
@given(steps=recipes(), train=tables(), other=tables())
def test_a_stored_recipe_gives_the_same_bits(tmp_path_factory, steps, train, other):
    folder = tmp_path_factory.mktemp("recipe")
    recipe = fit_recipe(steps, train, target="y")
    recipe.save(folder)
    again = FittedRecipe.load(folder)
    assert again.feature_names == recipe.feature_names
    assert again.steps == recipe.steps
    np.testing.assert_array_equal(again.transform(other), recipe.transform(other))
    assert_same_bits(again, other)


@pytest.mark.parametrize("n_rows", [0, 1, 3])
def test_the_graph_takes_no_rows_one_row_and_many(n_rows):
    frame = pl.DataFrame(
        {"a": [1, None, 3], "b": [True, False, None], "c": ["x", "", "y"], "d": ["u", "v", None], "y": [0, 1, 0]}
    )
    steps = steps_of(
        {"step": "impute", "columns": ["a", "d"], "strategy": "most_frequent"},
        {"step": "one_hot", "columns": ["c"]},
        {"step": "ordinal", "columns": ["d"]},
        {"step": "standardize", "columns": ["b", "a"]},
    )
    assert_same_bits(fit_recipe(steps, frame, target="y"), frame.head(n_rows))


def test_ten_thousand_columns_take_a_handful_of_operators():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(rng.normal(size=(30, 10_000)), schema=[f"x{place}" for place in range(10_000)])
    columns = frame.columns
    frame = frame.with_columns(pl.when(pl.col("x0") > 0).then("x0").alias("x0"), y=pl.lit(0))
    steps = steps_of({"step": "impute", "columns": columns[:5_000]}, {"step": "standardize", "columns": columns})
    recipe = fit_recipe(steps, frame, target="y")
    assert_same_bits(recipe, frame)
    graph = GraphBuilder()
    inputs = {name: graph.input(name, "number") for name in columns}
    graph.output("features", recipe.emit(graph, inputs), "double", [None, 10_000])
    assert len(graph.build().graph.node) < 40


def test_many_categories_stay_exact():
    words = [f"wörd {place}" for place in range(1_000)]
    frame = pl.DataFrame({"a": words, "b": words[::-1], "n": list(range(1_000)), "y": [0] * 1_000})
    steps = steps_of({"step": "one_hot", "columns": ["b", "n", "a"]})
    recipe = fit_recipe(steps, frame, target="y")
    assert recipe.n_features == 3_000
    assert_same_bits(recipe, frame.head(50))
