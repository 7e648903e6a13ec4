"""Estimators of a user's own file: in the catalogue like the others, and never at their expense."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from test_estimators_graphs import graph_scores
from training_rows import Watched, material

from workbench.errors import EstimatorError, IntegrityError, PackageError
from workbench.estimators import catalogue, check_params, entry, estimators_for, load_model, own
from workbench.estimators.own_file import own_problem
from workbench.settings import Settings
from workbench.training.loops import fit
from workbench.training.state import HISTORY

FILE = '''
from workbench.estimators import own

own.sklearn(
    "bayesian_ridge", "sklearn.linear_model.BayesianRidge", tasks=["regression"], title="Bayesian ridge",
    summary="A line with a prior.", formula=r"p(w) = N(0, 1)",
    parameters=[own.number("alpha_1", 1e-6, low=1e-9, high=1.0, scale="log", help="Prior of the noise")],
)
own.sklearn(
    "naive_bayes", "sklearn.naive_bayes.GaussianNB", tasks=["classification"],
    parameters=[own.number("var_smoothing", 1e-9, low=1e-12, high=1.0, scale="log", help="Widens the bells.")],
)


class Median:
    """A class in the file itself."""

    def __init__(self, shift=0.0, random_state=None):
        self.shift, self.random_state = shift, random_state

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        self.answer_ = float(sorted(y)[len(y) // 2]) + self.shift
        return self

    def predict(self, X):
        return [self.answer_] * len(X)


own.sklearn("median", Median, tasks=["regression"],
            parameters=[own.number("shift", 0.0, low=-10.0, high=10.0, help="Added to each answer.")])


def build(input_shape, n_outputs, params):
    import keras

    inputs = keras.Input(input_shape)
    hidden = keras.layers.Dense(params["units"], activation="relu")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(hidden))


own.keras("my_net", build, tasks=["classification", "regression"],
          parameters=[own.whole_number("units", 8, low=1, high=512, scale="log", help="Width of the hidden layer.")])
'''


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    monkeypatch.setenv("WORKBENCH_ESTIMATORS", str(path))
    return path


def rewrite(path: Path, text: str) -> None:
    before = path.stat().st_mtime
    path.write_text(text)
    os.utime(path, (before + 10, before + 10))


def test_own_entries_stand_in_the_catalogue_like_the_others(own_file: Path) -> None:
    names = list(catalogue())
    assert names[-4:] == ["bayesian_ridge", "naive_bayes", "median", "my_net"]
    assert names[0] == "baseline"
    found = entry("bayesian_ridge")
    assert (found.title, found.family, found.engine, found.progress) == ("Bayesian ridge", "own", "sklearn", "single")
    assert entry("my_net").progress == "epochs"
    assert [each.name for each in estimators_for("regression")][-3:] == ["bayesian_ridge", "median", "my_net"]
    assert check_params("my_net", {}) == {"units": 8}
    with pytest.raises(EstimatorError, match=r"Got alpha_1=2.0 for bayesian_ridge, needed a number from 1e-09 to 1"):
        check_params("bayesian_ridge", {"alpha_1": 2.0})
    with pytest.raises(EstimatorError, match=r"Did you mean 'bayesian_ridge'\?"):
        entry("bayesian_rige")


def test_settings_name_the_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_ESTIMATORS", raising=False)
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    assert "bayesian_ridge" in catalogue(Settings(estimators=path))
    assert "bayesian_ridge" not in catalogue()


def test_the_file_is_read_once_for_each_state(own_file: Path) -> None:
    counted = own_file.parent / "count"
    count = f"\nwith open({str(counted)!r}, 'a') as file:\n    file.write('x')\n"
    rewrite(own_file, FILE + count)
    for _ in range(3):
        catalogue()
    assert counted.read_text() == "x"
    rewrite(own_file, FILE.replace('naive_bayes"', 'bells"') + count)
    assert "bells" in catalogue() and "naive_bayes" not in catalogue()
    assert counted.read_text() == "xx"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_that_name\n", r"fails in line 1 with ModuleNotFoundError: No module named"),
        ("x = 1\nif x\n", r"fails in line 2 with SyntaxError"),
        ("\n\nraise SystemExit(3)\n", r"fails in line 3 with SystemExit: 3"),
        ("own.sklearn('svm', 'a.B', tasks=['regression'])", r"Got 'svm', which the catalogue has already"),
        ("own.sklearn('My Name', 'a.B', tasks=['regression'])", r"Got 'My Name' as the name.*lower-case letters"),
        ("own.sklearn('one', 'Ridge', tasks=['regression'])", r"Got 'Ridge' as the class of 'one'.*dotted name"),
        ("own.sklearn('one', 'a.B', tasks=['ranking'])", r"Got the tasks \['ranking'\] for 'one'"),
        ("own.sklearn('one', 'a.B', tasks=[])", r"Got the tasks \[\] for 'one'"),
        ("own.keras('one', None, tasks=['regression'])", r"Got None to build 'one' with, needed a function"),
        ("own.keras('one', print, tasks=['regression'], takes='sound')", r"Got takes='sound' for 'one'"),
        ("own.number('alpha', 1, low=0, high=2, help=' ')", r"a parameter without help, needed one sentence"),
        (
            "own.sklearn('one', 'a.B', tasks=['regression'], "
            "parameters=[own.number('c', 9, low=0, high=2, help='C.')])",
            r"Got c=9 for one, needed a number from 0 to 2",
        ),
        (
            "own.sklearn('one', 'a.B', tasks=['regression'], parameters=['c'])",
            r"Got 'c' as a parameter of 'one', needed one made with own.number",
        ),
        (
            "own.sklearn('one', 'a.B', tasks=['regression'])\nown.sklearn('one', 'a.B', tasks=['regression'])",
            r"fails in line 3 .*Got 'one' registered twice",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_and_takes_nothing_else_down(own_file: Path, text: str, words: str) -> None:
    lead = "from workbench.estimators import own\n" if text.startswith("own.") else ""
    rewrite(own_file, lead + text)
    assert "random_forest" in catalogue() and "bayesian_ridge" not in catalogue()
    with pytest.raises(EstimatorError, match=words):
        entry("bayesian_ridge")
    assert str(own_file) in own_problem()
    if lead:
        assert "in line 2" in own_problem() or "in line 3" in own_problem()
    rewrite(own_file, FILE)
    os.utime(own_file, (1, 1))
    assert "bayesian_ridge" in catalogue() and own_problem() == ""


def test_a_file_that_is_absent_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_ESTIMATORS", str(tmp_path / "absent.py"))
    assert "random_forest" in catalogue()
    assert "absent.py, which can't be read (No such file" in own_problem()


@pytest.mark.parametrize(("name", "task"), [("bayesian_ridge", "regression"), ("naive_bayes", "classification")])
def test_an_own_class_trains_converts_and_is_stored(own_file: Path, tmp_path: Path, name: str, task: str) -> None:
    rows = material(name, task=task)
    model = fit(rows, Watched(tmp_path).live)
    np.testing.assert_allclose(graph_scores(model, rows.X_validation), model.scores(rows.X_validation), rtol=1e-5)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").scores(rows.X_validation),
                                  model.scores(rows.X_validation))  # fmt: skip


def test_a_class_of_the_file_itself_is_stored_and_read_by_that_file_alone(
    own_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = material("median", task="regression", shift=2.0)
    model = fit(rows, Watched(tmp_path).live)
    model.save(tmp_path / "model")
    assert load_model(tmp_path / "model").predict(rows.X_validation)[0] == model.estimator.answer_  # type: ignore[attr-defined]
    monkeypatch.delenv("WORKBENCH_ESTIMATORS")
    with pytest.raises(IntegrityError, match="workbench_own_estimators.Median, needed only those of our allow-list"):
        load_model(tmp_path / "model")


def test_a_registered_class_of_scikit_learn_is_refused_where_the_file_is_absent(
    own_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(material("bayesian_ridge", task="regression"), Watched(tmp_path).live).save(tmp_path / "model")
    monkeypatch.delenv("WORKBENCH_ESTIMATORS")
    with pytest.raises(IntegrityError, match="with a BayesianRidge, needed one of"):
        load_model(tmp_path / "model")


def test_types_within_a_model_must_be_named_in_the_file(own_file: Path, tmp_path: Path) -> None:
    def register(trusted: str) -> None:
        rewrite(own_file, f"""
from workbench.estimators import own
own.sklearn("gauss", "sklearn.gaussian_process.GaussianProcessRegressor", tasks=["regression"]{trusted})
""")  # fmt: skip

    kernels = [f"sklearn.gaussian_process.kernels.{name}" for name in ("ConstantKernel", "Product", "RBF")]
    refusal = r"holds the types sklearn.*Add trusted=\['sklearn.gaussian_process.kernels.C"
    register("")
    watched = Watched(tmp_path)
    with pytest.raises(PackageError, match=refusal):  # before it learns, not after
        fit(material("gauss", task="regression", n_rows=600), watched.live)
    assert not (tmp_path / HISTORY).exists()
    register(f", trusted={kernels}")
    os.utime(own_file, (1, 1))
    model = fit(material("gauss", task="regression", n_rows=60), watched.live)
    model.save(tmp_path / "model")
    X = np.zeros((1, 4))
    assert load_model(tmp_path / "model").predict(X) == model.predict(X)
    register("")  # what the file no longer names isn't read again
    os.utime(own_file, (2, 2))
    with pytest.raises(IntegrityError, match="kernels.RBF, needed only those of our allow-list"):
        load_model(tmp_path / "model")
    with pytest.raises(PackageError, match=refusal):
        model.save(tmp_path / "again")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "'no_such_library.Model', tasks=['regression']",
            r"'no_such_library.Model' for 'one', which can't be imported",
        ),
        ("'sklearn.svm.Nothing', tasks=['regression']", r"'sklearn.svm.Nothing' for 'one', which can't be imported"),
        ("'sklearn.svm.LinearSVC', tasks=['classification']", r"LinearSVC of 'one', which has no predict_proba"),
        (
            "'sklearn.linear_model.Ridge', tasks=['regression'], "
            "parameters=[own.number('beta', 1, low=0, high=2, help='B.')]",
            r"unexpected keyword argument 'beta'.*needed parameters that it takes",
        ),
        (
            "'sklearn.neighbors.KNeighborsRegressor', tasks=['regression'], "
            "parameters=[own.whole_number('n_neighbors', 0, low=0, high=9, help='N.')]",
            r"Got InvalidParameterError from KNeighborsRegressor \(one, an estimator of your own\)",
        ),
    ],
)
def test_a_class_that_cannot_learn_says_why(own_file: Path, tmp_path: Path, line: str, words: str) -> None:
    rewrite(own_file, f"from workbench.estimators import own\nown.sklearn('one', {line})\n")
    task = "classification" if "classification" in line else "regression"
    with pytest.raises(EstimatorError, match=words):
        fit(material("one", task=task), Watched(tmp_path).live)


def test_an_own_network_ends_as_its_task_needs(own_file: Path, tmp_path: Path) -> None:
    for task, n_classes, ending in (("classification", 2, "sigmoid"), ("classification", 3, "softmax")):
        network = own.network("my_net", (4,), task=task, n_classes=n_classes, params={"units": 4})  # type: ignore[arg-type]
        assert network.layers[-1].activation.__name__ == ending
    rows = material("my_net", n_rows=200, training={"epochs": 3})
    model = fit(rows, Watched(tmp_path).live)
    np.testing.assert_allclose(graph_scores(model, rows.X_validation), model.scores(rows.X_validation), atol=1e-5)
    assert own.build("dense_network") is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no such layer')", r"Got ValueError from the build function of 'net': no such layer"),
        ("return None", r"Got NoneType with the output None .* needed a keras.Model whose last layer has 1 units"),
        (
            "import keras\n    i = keras.Input(shape)\n"
            "    return keras.Model(i, keras.layers.Dense(n, activation='sigmoid')(i))",
            r"with the activation sigmoid in its last layer, needed none",
        ),
    ],
)
def test_a_network_that_is_none_says_why(own_file: Path, body: str, words: str) -> None:
    text = f"def build(shape, n, params):\n    {body}\nown.keras('net', build, tasks=['classification'])\n"
    rewrite(own_file, "from workbench.estimators import own\n" + text)
    with pytest.raises(EstimatorError, match=words):
        own.network("net", (4,), task="classification", n_classes=2, params={})


def test_the_page_about_estimators_lists_them_all_and_its_file_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parent.parent / "docs" / "estimators.md").read_text(encoding="utf-8")
    monkeypatch.delenv("WORKBENCH_ESTIMATORS", raising=False)
    for found in catalogue().values():
        row = f"| `{found.name}` | {', '.join(found.tasks)} | {found.summary} | {found.strengths} |"
        assert row in text
    path = tmp_path / "mine.py"
    path.write_text(text.split("```python\n")[1].split("```")[0])
    monkeypatch.setenv("WORKBENCH_ESTIMATORS", str(path))
    assert list(catalogue())[-2:] == ["bayesian_ridge", "my_network"], own_problem()
    rows = material("bayesian_ridge", task="regression", alpha_1=0.001)
    assert rows.build().alpha_1 == 0.001
