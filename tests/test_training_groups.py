"""Runs without a target: groups of rows and outliers, from a RunSpec to an answer."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import workbench as wb
from workbench.data import read_table, sample
from workbench.errors import EstimatorError, RecipeError, SplitError
from workbench.estimators import check_params, load_model
from workbench.evaluation import open_report
from workbench.package.predictor import load_predictor
from workbench.training.grouping import fit_groups
from workbench.training.history import HistoryWriter, history_frame, history_since
from workbench.training.live import Live
from workbench.training.pipeline import run_pipeline
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, read_state, write_state
from workbench.training.unsupervised import prepare_without_target

NUMBERS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def spec(name, *, source="iris", recipe=None, **params):
    steps = [{"step": "drop_columns", "columns": ["species"]}, {"step": "standardize", "columns": NUMBERS}]
    return RunSpec(
        data={"source": source}, recipe=steps if recipe is None else recipe, estimator={"name": name, "params": params}
    )


def execute(chosen, folder, settings):
    folder.mkdir(parents=True)
    write_state(folder, RunState(status="queued", created=1.0))
    progress = Progress(folder)
    status, reason = run_pipeline(chosen, folder, progress=progress, settings=settings)
    progress.end(status, reason)
    return read_state(folder)


def blobs(n_rows=300, seed=0):
    random = np.random.default_rng(seed)
    centers = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    return centers[np.arange(n_rows) % 3] + random.normal(size=(n_rows, 2)), np.arange(n_rows) % 3


def quiet(folder):
    folder.mkdir()
    write_state(folder, RunState(status="queued", created=1.0))
    return Live(HistoryWriter(folder), Progress(folder), has_validation=False)


@pytest.mark.parametrize(
    ("name", "params"),
    [("kmeans", {"n_clusters": 3}), ("hdbscan", {"min_cluster_size": 10}), ("isolation_forest", {"n_estimators": 20})],
)
def test_a_run_without_a_target_makes_a_model_that_answers(name, params, tmp_path, settings):
    folder = tmp_path / "run"
    state = execute(spec(name, **params), folder, settings)
    assert state.status == "finished"
    predictor = load_predictor(folder / "package", settings=settings)
    assert predictor.engine == ("native" if name == "hdbscan" else "onnx")
    assert "species" not in predictor.signature.column_names
    rows = sample("iris").frame()
    report = open_report(folder / "report")
    stored = report.predictions("test")
    answers = predictor.predict(rows[stored["row"].to_list()])
    assert answers.tolist() == stored["prediction"].to_list()
    loaded = load_model(folder / "package" / "native")
    assert loaded.classes == report.classes
    assert report.sizes("test")["n_rows"].sum() == report.n_rows("test")
    for kind in report.plot_kinds:
        assert report.plot(kind).data


def test_kmeans_finds_the_number_of_groups_that_lie_apart(tmp_path):
    X, truth = blobs()
    folder = tmp_path / "run"
    model = fit_groups("kmeans", check_params("kmeans", {}), X, quiet(folder), seed=0)
    assert model.n_classes == 3
    found = model.predict(X)
    assert all(len(np.unique(found[truth == group])) == 1 for group in range(3))
    curve = history_frame(history_since(folder)[0])
    assert curve["step"].to_list() == list(range(2, 13))
    assert curve.sort("silhouette", descending=True)["step"][0] == 3


def test_kmeans_answers_as_scikit_learn_does(tmp_path):
    from sklearn.cluster import KMeans

    X, _ = blobs(seed=3)
    model = fit_groups("kmeans", check_params("kmeans", {"n_clusters": 5}), X, quiet(tmp_path / "run"), seed=1)
    theirs = KMeans(5, n_init=5, max_iter=300, random_state=1).fit(X)
    assert np.allclose(np.sort(model.arrays["centers"], axis=0), np.sort(theirs.cluster_centers_, axis=0))
    same = model.predict(X)[:, None] == model.predict(X)
    assert np.array_equal(same, theirs.labels_[:, None] == theirs.labels_)


@pytest.mark.parametrize("contamination", [None, 0.1])
def test_an_isolation_forest_calls_the_same_rows_outliers_as_scikit_learn(contamination, tmp_path):
    from sklearn.ensemble import IsolationForest

    X, _ = blobs(200)
    X = np.vstack([X, [[40.0, 40.0]]])
    params = check_params("isolation_forest", {"n_estimators": 30, "contamination": contamination})
    model = fit_groups("isolation_forest", params, X, quiet(tmp_path / "run"), seed=2)
    theirs = IsolationForest(n_estimators=30, max_samples=201, contamination=contamination or "auto", random_state=2)
    theirs.fit(X)
    assert np.array_equal(model.predict(X) == 1, theirs.predict(X) < 0)
    order = np.argsort(model.scores(X)[:, 1], kind="stable")
    assert np.all(np.diff(-theirs.score_samples(X)[order]) > -1e-9)
    assert model.predict(X)[-1] == 1


def test_hdbscan_keeps_its_training_labels_and_calls_far_rows_noise(tmp_path):
    from sklearn.cluster import HDBSCAN

    X, _ = blobs()
    params = check_params("hdbscan", {"min_cluster_size": 12})
    model = fit_groups("hdbscan", params, np.vstack([X, [[30.0, 30.0]]]), quiet(tmp_path / "run"), seed=0)
    theirs = HDBSCAN(min_cluster_size=12, min_samples=12, copy=True).fit(np.vstack([X, [[30.0, 30.0]]])).labels_
    ours = np.array(model.classes)[model.predict(np.vstack([X, [[30.0, 30.0]]]))]
    assert np.array_equal(ours == "noise", theirs == -1)
    assert np.array_equal(ours[:, None] == ours, theirs[:, None] == theirs)
    assert model.predict(np.array([[100.0, -100.0]]))[0] == model.classes.index("noise")


def test_the_largest_group_is_the_first(tmp_path):
    X = np.vstack([np.zeros((5, 1)), np.full((20, 1), 9.0)]) + np.random.default_rng(0).normal(0, 0.1, (25, 1))
    model = fit_groups("kmeans", check_params("kmeans", {"n_clusters": 2}), X, quiet(tmp_path / "run"), seed=0)
    assert np.bincount(model.predict(X)).tolist() == [20, 5]


def test_a_group_is_described_by_the_columns_in_which_it_differs(tmp_path, settings):
    folder = tmp_path / "run"
    execute(spec("kmeans", n_clusters=2), folder, settings)
    profile = open_report(folder / "report").profile()
    setosa = profile.filter((pl.col("column") == "petal_length") & (pl.col("difference") < 0))
    assert setosa.height == 1
    assert float(setosa["value"][0]) < float(setosa["overall"][0])


def test_a_target_is_refused(settings):
    chosen = RunSpec(data={"source": "iris", "target": "species"}, estimator={"name": "kmeans"})
    with pytest.raises(EstimatorError, match=r"kmeans with the target 'species'; it learns without one"):
        prepare_without_target(chosen, sample("iris"), settings)


def test_a_task_that_it_does_not_do_is_refused(settings):
    chosen = RunSpec(data={"source": "iris", "task": "outlier_detection"}, estimator={"name": "kmeans"})
    with pytest.raises(EstimatorError, match="kmeans does clustering"):
        prepare_without_target(chosen, sample("iris"), settings)


def test_a_step_that_learns_from_a_target_is_refused(settings):
    steps = [{"step": "target_encode", "columns": ["species"]}]
    with pytest.raises(RecipeError, match=r"Step 1 \(target_encode\): got a run without a target"):
        prepare_without_target(spec("kmeans", recipe=steps), sample("iris"), settings)


def test_folds_are_refused(settings):
    chosen = spec("kmeans").model_copy(update={"split": RunSpec.model_fields["split"].default_factory()})
    chosen = chosen.model_copy(update={"split": chosen.split.model_copy(update={"folds": 3})})
    with pytest.raises(SplitError, match="no target to validate"):
        prepare_without_target(chosen, sample("iris"), settings)


def test_rows_that_are_all_alike_form_no_groups(tmp_path):
    with pytest.raises(EstimatorError, match=r"1 different training rows for 3 clusters"):
        fit_groups("kmeans", check_params("kmeans", {"n_clusters": 3}), np.ones((50, 2)), quiet(tmp_path / "a"), seed=0)
    with pytest.raises(EstimatorError, match="form no two groups"):
        fit_groups("kmeans", check_params("kmeans", {}), np.ones((50, 2)), quiet(tmp_path / "b"), seed=0)


def test_hdbscan_without_a_dense_region_says_what_to_do(tmp_path):
    X = np.random.default_rng(0).uniform(size=(30, 12))
    with pytest.raises(EstimatorError, match=r"Lower min_cluster_size"):
        fit_groups("hdbscan", check_params("hdbscan", {"min_cluster_size": 14}), X, quiet(tmp_path / "a"), seed=0)
    with pytest.raises(EstimatorError, match="30 training rows for groups of at least 100"):
        fit_groups("hdbscan", check_params("hdbscan", {"min_cluster_size": 100}), X, quiet(tmp_path / "b"), seed=0)


def test_a_table_with_a_column_of_that_name_gives_the_answer_another_one(tmp_path, settings):
    path = tmp_path / "rows.csv"
    pl.DataFrame({"cluster": np.arange(60) % 7, "x": np.arange(60) % 5}).write_csv(path)
    chosen = spec("kmeans", source=str(path), recipe=[], n_clusters=2)
    prepared = prepare_without_target(chosen, read_table(path, settings=settings), settings)
    assert prepared.target == "cluster_found"


def test_a_suggestion_for_groups_leaves_the_known_answer_out(tmp_path, settings):
    for asked in ({"target": "", "estimator": "kmeans"}, {"estimator": "kmeans"}, {"target": ""}):
        suggested = wb.suggest_recipe(wb.sample("wine"), **asked)
        assert suggested.steps[0].columns == ("cultivar",)
        assert "cultivar: holds the known answer" in suggested.reasons[0]
    named = wb.suggest_recipe(wb.sample("wine"), target="hue", estimator="hdbscan")
    assert named.steps[0].columns == ("hue",)


def test_groups_that_follow_the_known_answer_say_so(tmp_path, settings):
    steps = [{"step": "one_hot", "columns": ["cultivar"]}]
    state = execute(spec("kmeans", source="wine", recipe=steps), tmp_path / "run", settings)
    assert "'cultivar', the table's own target, was among the columns" in state.note
