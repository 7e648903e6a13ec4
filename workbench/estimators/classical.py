"""The estimators of scikit-learn: built from checked parameters, wrapped, and stored as skops."""

from __future__ import annotations

import copy
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.data.spec import Task
from workbench.estimators.catalogue import EstimatorEntry, check_params
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.graph_linear import emit_constant, emit_linear
from workbench.estimators.graph_trees import emit_boosting, emit_forest
from workbench.estimators.native import NativeModel
from workbench.estimators.trusted import load_skops
from workbench.storage import disk_errors

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

FILE = "model.skops"
_FEW_ROWS = 1_000

# What may come out of a stored file. skops trusts every scikit-learn estimator; these are the ones that we write.
_CLASSES = (
    "DummyClassifier",
    "DummyRegressor",
    "LinearRegression",
    "Ridge",
    "Lasso",
    "LogisticRegression",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
)


def build_sklearn(
    estimator: EstimatorEntry | str, params: dict[str, Any], *, task: Task, seed: int, n_jobs: int | None = None
) -> Any:
    """Build an unfitted scikit-learn estimator.

    Parameters
    ----------
    estimator : EstimatorEntry or str
    params : dict
        Checked here; absent ones take the catalogue's defaults.
    task : {"classification", "regression"}
    seed : int
        Becomes ``random_state``.
    n_jobs : int, optional
        Threads of a forest.

    Raises
    ------
    EstimatorError
        If a parameter is wrong.
    """
    found = find_entry(estimator) if isinstance(estimator, str) else estimator
    checked = check_params(found, params)
    return _BUILDERS[found.name](checked, task, seed, n_jobs)


def keep_rounds(estimator: Any, n_rounds: int) -> None:
    """Cut a fitted forest or boosting model back to its first trees or rounds, in place.

    Used to keep the best round when later ones made the validation loss worse.
    """
    if hasattr(estimator, "estimators_"):
        estimator.estimators_ = estimator.estimators_[:n_rounds]
        estimator.n_estimators = len(estimator.estimators_)
    else:
        # `n_iter_` is a property over this list (scikit-learn 1.9), so nothing else has to change.
        estimator._predictors = estimator._predictors[:n_rounds]
        estimator.max_iter = len(estimator._predictors)


class SklearnModel(NativeModel):
    """A fitted scikit-learn estimator.

    Parameters
    ----------
    estimator : object
        Fitted on class indices 0, 1, ... or on numbers.
    """

    engine: ClassVar[str] = "sklearn"

    def __init__(
        self,
        estimator: Any,
        *,
        task: Task,
        classes: list[str | int] | None,
        n_features: int,
        fill: np.ndarray | None = None,
    ) -> None:
        super().__init__(task=task, classes=classes, n_features=n_features, fill=fill)
        self.estimator = estimator

    def _scores(self, X: np.ndarray) -> np.ndarray:
        estimator = self.estimator
        if len(X) <= _FEW_ROWS and getattr(estimator, "n_jobs", None) is not None:
            # Starting threads costs a forest 60 ms, several times what one row takes.
            estimator = copy.copy(estimator)
            estimator.n_jobs = None
        if self.task == "regression":
            return np.asarray(estimator.predict(X), dtype=np.float64).reshape(-1, 1)
        probabilities = np.asarray(estimator.predict_proba(X), dtype=np.float64)
        seen = self._seen()
        if len(seen) == self.n_classes:
            return probabilities
        # A class without a training row: the estimator doesn't know it, its probability is 0.
        full = np.zeros((len(X), self.n_classes))
        full[:, seen] = probabilities
        return full

    def _emit(self, graph: GraphBuilder, features: str) -> str:
        tensor = _EMITTERS[_family(self.estimator)](graph, features, self.estimator, self.task)
        if self.task == "regression":
            return tensor
        seen = self._seen()
        if len(seen) < self.n_classes:
            tensor = graph.node("MatMul", tensor, graph.constant(np.eye(self.n_classes)[seen]))
        return tensor

    def _seen(self) -> np.ndarray:
        return np.asarray(self.estimator.classes_, dtype=np.int64)

    def _save(self, folder: Path) -> dict[str, Any]:
        import skops.io

        path = folder / FILE
        with disk_errors(path):
            skops.io.dump(self.estimator, path, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        return {"estimator": type(self.estimator).__name__}

    @classmethod
    def _load(cls, folder: Path, common: dict[str, Any], _document: dict[str, Any]) -> SklearnModel:
        estimator = load_skops(folder / FILE, classes=_CLASSES)
        if hasattr(estimator, "n_jobs"):
            estimator.n_jobs = None  # threads cost more than they save on the few rows of a request
        return cls(estimator, **common)


def _family(estimator: Any) -> str:
    name = type(estimator).__name__
    if name.startswith("Dummy"):
        return "constant"
    if name.startswith("RandomForest"):
        return "forest"
    return "boosting" if name.startswith("HistGradient") else "linear"


_EMITTERS = {"constant": emit_constant, "forest": emit_forest, "boosting": emit_boosting, "linear": emit_linear}


def _weight(params: dict[str, Any]) -> str | None:
    return "balanced" if params["class_weight"] == "balanced" else None


def _baseline(params: dict[str, Any], task: Task, _seed: int, _n_jobs: int | None) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return (
        DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor(strategy=params["strategy"])
    )


def _linear(params: dict[str, Any], _task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.linear_model import Lasso, LinearRegression, Ridge

    if params["penalty"] == "none":
        return LinearRegression()
    if params["penalty"] == "l1":
        return Lasso(alpha=params["alpha"], max_iter=10_000, random_state=seed)
    return Ridge(alpha=params["alpha"], random_state=seed)


def _logistic(params: dict[str, Any], _task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.linear_model import LogisticRegression

    # scikit-learn 1.8 deprecated `penalty`: l1_ratio 0 is l2, 1 is l1, and an infinite C is no penalty.
    penalty = params["penalty"]
    common = {"max_iter": params["max_iter"], "random_state": seed, "class_weight": _weight(params)}
    if penalty in ("l2", "none"):
        return LogisticRegression(C=params["C"] if penalty == "l2" else np.inf, solver="lbfgs", **common)
    l1_ratio = 1.0 if penalty == "l1" else params["l1_ratio"]
    # saga is the one solver for l1 with several classes; its default tolerance takes minutes on Adult for no gain.
    return LogisticRegression(C=params["C"], l1_ratio=l1_ratio, solver="saga", tol=1e-3, **common)


def _forest(params: dict[str, Any], task: Task, seed: int, n_jobs: int | None) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    sizes = ("n_estimators", "max_leaf_nodes", "max_depth", "min_samples_leaf")
    common = {**{name: params[name] for name in sizes}, "n_jobs": n_jobs, "random_state": seed}
    features = params["max_features"]
    if features == "auto":
        features = "sqrt" if task == "classification" else "all"
    common["max_features"] = 1.0 if features == "all" else features
    if task == "regression":
        return RandomForestRegressor(**common)
    return RandomForestClassifier(class_weight=_weight(params), **common)


def _boosting(params: dict[str, Any], task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    names = ("max_iter", "learning_rate", "max_leaf_nodes", "min_samples_leaf", "l2_regularization", "max_features")
    # Our training loop watches the run's own validation rows, so scikit-learn must not put others aside.
    common = {**{name: params[name] for name in names}, "early_stopping": False, "random_state": seed}
    if task == "regression":
        return HistGradientBoostingRegressor(**common)
    return HistGradientBoostingClassifier(class_weight=_weight(params), **common)


_BUILDERS = {
    "baseline": _baseline,
    "linear_regression": _linear,
    "logistic_regression": _logistic,
    "random_forest": _forest,
    "hist_gradient_boosting": _boosting,
}
