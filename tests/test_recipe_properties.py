"""Random tables through random recipes: fit, transform, save, load and graph agree; no test row is learned from."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import onnxruntime as ort
import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from workbench.data.encoding import to_arrays
from workbench.errors import ConversionError
from workbench.graph import GraphBuilder
from workbench.recipe import FittedRecipe, Step, find_rows, fit_and_transform, fit_recipe, preview

PROFILE = {
    "deadline": None,
    "derandomize": True,
    "phases": (Phase.explicit, Phase.generate),
    "suppress_health_check": list(HealthCheck),
}
SIZE = 40


def steps_of(documents: list[dict]) -> tuple[Step, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(documents)


ROW_STEPS = [
    {"step": "drop_duplicates", "columns": ["a", "w", "when"]},
    {"step": "filter", "expression": "a is missing or a > -50 or starts_with(w, 'r')"},
    {"step": "drop_missing", "columns": ["y"]},
    {"step": "sort", "columns": ["when"]},
    {"step": "sample", "fraction": 0.95, "seed": 3},
]
COLUMN_STEPS = [
    {"step": "flag_missing", "columns": ["a", "w", "flag", "when"]},
    {"step": "calculate", "name": "ratio", "expression": "if_else(flag, a / b, log1p(abs(a)))"},
    {"step": "calculate", "name": "size", "expression": "coalesce(length(free), 0)"},
    {"step": "convert", "columns": ["amount"], "to": "number"},
    {"step": "clean_text", "columns": ["w"], "operations": ["lower_case", "strip"]},
    {"step": "rename", "names": {"b": "width"}},
]
NUMBER_CHAINS = [
    [{"step": "impute", "strategy": "median"}, {"step": "standardize"}],
    [{"step": "clip"}, {"step": "min_max"}],
    [{"step": "log"}, {"step": "robust"}],
    [{"step": "impute", "strategy": "mean"}, {"step": "power"}],
    [{"step": "bins", "n_bins": 3}, {"step": "one_hot"}],
    [{"step": "impute", "strategy": "nearest_neighbors"}],
    [{"step": "quantile_transform", "n_quantiles": 10}],
    [],
]
WORD_CHAINS = [
    [{"step": "one_hot"}],
    [{"step": "merge_rare", "min_share": 0.1}, {"step": "one_hot", "max_categories": 3}],
    [{"step": "target_encode"}],
    [{"step": "impute", "strategy": "most_frequent"}, {"step": "ordinal"}],
    [{"step": "hashing", "n_features": 4}],
]


@st.composite
def recipes(draw) -> tuple[Step, ...]:
    documents = [step for step in ROW_STEPS if draw(st.booleans())]
    chosen = [step for step in COLUMN_STEPS if draw(st.booleans())]
    documents += chosen
    amount_is_number = COLUMN_STEPS[3] in chosen
    width = "width" if COLUMN_STEPS[5] in chosen else "b"
    documents.append({"step": "date_parts", "columns": ["when"], "parts": ["year", "weekday", "hour", "week"]})
    for columns, chains in (
        (["a"], NUMBER_CHAINS), ([width], NUMBER_CHAINS), (["w"], WORD_CHAINS),
        (["amount"], NUMBER_CHAINS[:4] if amount_is_number else WORD_CHAINS),
    ):  # fmt: skip
        documents += [{**step, "columns": columns} for step in draw(st.sampled_from(chains))]
    documents.append({"step": "tf_idf", "columns": ["free"], "max_features": 4, "min_rows": 1})
    if draw(st.booleans()):
        documents.append({"step": "select_best", "k": 5})
    return steps_of(documents)


def table(seed: int, *, hard: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    a = rng.normal(0, 30, SIZE).round(2).tolist()
    words = ["red", "Red ", "green", "blue", None, ""]
    if hard:
        a[:6] = [math.nan, math.inf, None, 1e300, -0.0, 5e-324]
        words += ["never seen", "\u00e9\u732b", "x" * 50]
    start = datetime(1960, 1, 1).timestamp()
    when = [datetime.fromtimestamp(start + float(second)) for second in rng.integers(0, 3_000_000_000, SIZE)]
    return pl.DataFrame(
        {
            "a": a,
            "b": rng.integers(-3, 9, SIZE),
            "flag": rng.choice([True, False, None], SIZE).tolist(),
            "w": rng.choice(np.array(words, dtype=object), SIZE).tolist(),
            "amount": rng.choice(np.array(["1 kg", "2.5 kg", "3", "10", "x"], dtype=object), SIZE).tolist(),
            "free": rng.choice(np.array(["a good day", "a bad day", "no day at all"], dtype=object), SIZE).tolist(),
            "when": [None if place % 11 == 5 else moment for place, moment in enumerate(when)],
            "y": rng.integers(0, 2, SIZE),
        },
        schema_overrides={"a": pl.Float64, "w": pl.String, "flag": pl.Boolean, "when": pl.Datetime("us")},
        strict=False,
    )


def features_of_graph(recipe: FittedRecipe, frame: pl.DataFrame) -> np.ndarray:
    types = recipe.inner_types if recipe.needs_frame else recipe.input_types
    arrays = recipe.enter(frame) if recipe.needs_frame else to_arrays(frame, recipe.input_columns)
    graph = GraphBuilder()
    inputs = {name: graph.input(name, "string" if kind == "string" else "number") for name, kind in types.items()}
    graph.output("features", recipe.emit(graph, inputs), "double", [None, recipe.n_features])
    session = ort.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {entry.name: arrays[entry.name] for entry in session.get_inputs()})[0]


@settings(max_examples=25, **PROFILE)
@given(steps=recipes(), seed=st.integers(0, 1_000))
def test_any_recipe_gives_the_same_features_after_saving_and_from_its_graph(tmp_path_factory, steps, seed):
    rows, others = table(seed), table(seed + 1, hard=True)
    kept = rows[find_rows(rows, steps)]
    recipe, X = fit_and_transform(steps, kept, target="y", seed=seed)
    assert X.shape == (kept.height, recipe.n_features)
    folder = tmp_path_factory.mktemp("recipe")
    recipe.save(folder)
    again = FittedRecipe.load(folder)
    for frame in (kept, others, others.head(1), others.head(0)):
        features = recipe.transform(frame)
        np.testing.assert_array_equal(again.transform(frame), features)
        if frame.height:
            one_by_one = np.vstack(
                [recipe.transform(frame[place : place + 1]) for place in range(min(3, frame.height))]
            )
            np.testing.assert_allclose(one_by_one, features[: len(one_by_one)], rtol=1e-12)
    assert again.feature_names == recipe.feature_names
    assert again.feature_sources == recipe.feature_sources
    try:
        from_graph = features_of_graph(recipe, others)
    except ConversionError:
        return
    np.testing.assert_allclose(from_graph, recipe.transform(others), rtol=1e-9, atol=1e-9)


@settings(max_examples=15, **PROFILE)
@given(steps=recipes(), seed=st.integers(0, 1_000))
def test_no_test_row_ever_influences_what_is_learned(steps, seed):
    steps = tuple(step for step in steps if step.family != "row")
    rows, others = table(seed), table(seed + 2, hard=True)
    train, test = np.arange(SIZE) % 3 != 0, np.arange(SIZE) % 3 == 0
    changed = pl.concat([rows.filter(train), others.filter(test)])
    first = fit_recipe(steps, rows.filter(train), target="y", seed=1)
    second = fit_recipe(steps, changed.head(int(train.sum())), target="y", seed=1)
    assert first.to_dict() == second.to_dict()


@settings(max_examples=10, **PROFILE)
@given(steps=recipes(), seed=st.integers(0, 1_000))
def test_a_preview_ends_in_the_features_that_a_run_would_learn_from(steps, seed):
    rows = table(seed)
    seen = preview(steps, rows, target="y")
    positions = find_rows(rows, steps)
    assert seen.positions.tolist() == positions.tolist()
    assert seen.changed.shape == seen.after.shape
    assert [effect.step_index for effect in seen.effects] == list(range(len(steps)))
    _, X = fit_and_transform(steps, rows[positions], target="y")
    assert seen.after.width - 1 == X.shape[1] == seen.effects[-1].columns_after
