"""Boosting never splits on a training value itself: the last bit of a computed feature decides nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
from training_rows import Watched, material

from workbench.estimators import build_sklearn, wrap_model
from workbench.estimators.split_edges import _off_values, move_split_edges
from workbench.graph import GraphBuilder
from workbench.graph.arithmetic import emit_sum_in_pairs, sum_in_pairs
from workbench.package.converting import build_graph
from workbench.package.describing import make_signature
from workbench.package.parity import check_parity
from workbench.package.predictor import Predictor, graph_runner
from workbench.recipe import fit_recipe
from workbench.recipe.spec import Impute, TfIdf
from workbench.settings import Settings
from workbench.training.loops import fit


def test_edges_keep_a_distance_from_the_values_beside_them() -> None:
    values = np.array([0.0, 1.0, 2.0, 2.0 + 1e-12, 5.0, np.nan])
    edges = np.array([0.5, 1.0, 2.0, 3.0])
    moved = _off_values(edges, values)
    assert moved[0] == 0.5 and moved[3] == 3.0  # halfway already
    assert 1.0 < moved[1] < 1.000001
    assert 2.0 < moved[2] < 2.0 + 1e-12
    np.testing.assert_array_equal(_off_values(edges, np.full(3, np.nan)), edges)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_moved_edges_change_no_answer_and_bear_noise(tmp_path: Path, task: str) -> None:
    rows = material("hist_gradient_boosting", task=task, validation=0.0, max_iter=20)
    plain = rows.build().fit(rows.X_train, rows.y_train)
    model = fit(rows, Watched(tmp_path, has_validation=False).live)
    expected = model.scores(rows.X_train)
    answers = plain.predict_proba(rows.X_train) if task == "classification" else plain.predict(rows.X_train)[:, None]
    np.testing.assert_allclose(expected, answers, rtol=1e-12)
    for noisy in (np.nextafter(rows.X_train, np.inf), np.nextafter(rows.X_train, -np.inf)):
        np.testing.assert_array_equal(model.scores(noisy), expected)
    with pytest.raises(AssertionError):  # scikit-learn's own edges are training values
        other = plain.predict(np.nextafter(rows.X_train, np.inf))
        np.testing.assert_array_equal(other, plain.predict(rows.X_train))


def test_boosting_behind_weighed_words_and_a_median_agrees_with_its_graph() -> None:
    random = np.random.default_rng(0)
    words = "good bad late noisy rooms clean dirty staff kind rude view bed price cheap loud quiet".split()
    frame = pl.DataFrame(
        {
            "note": [" ".join(random.choice(words, random.integers(1, 7))) for _ in range(800)],
            "age": [None if random.random() < 0.3 else float(random.integers(1, 80)) for _ in range(800)],
        }
    )
    signal = frame["note"].str.count_matches("good") - frame["note"].str.count_matches("bad")
    frame = frame.with_columns(y=(signal + pl.Series(random.normal(size=800)) > 0).cast(pl.Int64))
    recipe = fit_recipe((Impute(columns=("age",)), TfIdf(columns=("note",), min_rows=2)), frame, target="y")
    X = recipe.transform(frame)
    estimator = build_sklearn("hist_gradient_boosting", {"max_iter": 40}, task="classification", seed=0)
    estimator.fit(X, frame["y"].to_numpy())
    move_split_edges(estimator, X)
    model = wrap_model(estimator, "hist_gradient_boosting", X, task="classification", classes=[0, 1])
    signature = make_signature(recipe, frame, "y", "classification", [0, 1])
    run = graph_runner(build_graph(recipe, model, signature), Settings())
    parity = check_parity(Predictor(signature, "onnx", {}, run).scores, recipe, model, signature, frame, scale=1.0)
    assert parity.faithful and parity.max_difference < 1e-9, parity.words


def test_a_sum_in_pairs_is_the_same_to_the_last_bit_in_a_graph() -> None:
    for n_columns in (1, 2, 5, 64, 100):
        values = np.random.default_rng(n_columns).exponential(size=(300, n_columns)) ** 3
        graph = GraphBuilder()
        columns = [graph.input(f"x{i}", "number") for i in range(n_columns)]
        graph.output("sum", emit_sum_in_pairs(graph, graph.hstack(columns), n_columns), "double", [None, 1])
        session = onnxruntime.InferenceSession(graph.build().SerializeToString())
        found = session.run(None, {f"x{i}": np.ascontiguousarray(values[:, i]) for i in range(n_columns)})[0]
        np.testing.assert_array_equal(found, sum_in_pairs(values))
        np.testing.assert_allclose(found[:, 0], values.sum(axis=1), rtol=1e-14)
