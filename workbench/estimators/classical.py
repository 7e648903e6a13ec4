"""The estimators of scikit-learn: built from checked parameters, wrapped, and stored as skops."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.data.spec import Task
from workbench.errors import ConversionError
from workbench.estimators.catalogue import EstimatorEntry, check_params
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.conversion import convert
from workbench.estimators.graph_converted import emit_converted
from workbench.estimators.graph_kernel import emit_support_vectors
from workbench.estimators.graph_linear import emit_constant, emit_linear
from workbench.estimators.graph_trees import emit_boosting, emit_classic_boosting, emit_forest
from workbench.estimators.native import NativeModel
from workbench.estimators.own_sklearn import build_own, check_converts, check_storable, own_class_names, own_types
from workbench.estimators.sklearn_builders import BUILDERS
from workbench.estimators.trusted import load_skops
from workbench.storage import disk_errors

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

FILE = "model.skops"
_FEW_ROWS = 1_000


def _emit_neighbors(_graph: GraphBuilder, _features: str, _estimator: Any, _task: Task) -> str:
    raise ConversionError(
        "Nearest neighbours compare each row with all training rows, which a graph does many times slower. "
        "The native model is used."
    )


# What may come out of a stored file, and how it becomes a graph. skops trusts every scikit-learn estimator; these are
# the ones that we write.
_EMITTERS: dict[str, Callable[[GraphBuilder, str, Any, Task], str]] = {
    "DummyClassifier": emit_constant,
    "DummyRegressor": emit_constant,
    "LinearRegression": emit_linear,
    "Ridge": emit_linear,
    "Lasso": emit_linear,
    "ElasticNet": emit_linear,
    "LogisticRegression": emit_linear,
    "KNeighborsClassifier": _emit_neighbors,
    "KNeighborsRegressor": _emit_neighbors,
    "SupportVectors": emit_support_vectors,
    "DecisionTreeClassifier": emit_forest,
    "DecisionTreeRegressor": emit_forest,
    "RandomForestClassifier": emit_forest,
    "RandomForestRegressor": emit_forest,
    "ExtraTreesClassifier": emit_forest,
    "ExtraTreesRegressor": emit_forest,
    "GradientBoostingClassifier": emit_classic_boosting,
    "GradientBoostingRegressor": emit_classic_boosting,
    "HistGradientBoostingClassifier": emit_boosting,
    "HistGradientBoostingRegressor": emit_boosting,
}


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
        If a parameter is wrong, or a class of the user's own file can't be imported or built.
    """
    found = find_entry(estimator) if isinstance(estimator, str) else estimator
    checked = check_params(found, params)
    if found.name in BUILDERS:
        return BUILDERS[found.name](checked, task, seed, n_jobs)
    return build_own(found.name, checked, task=task, seed=seed, n_jobs=n_jobs)


def keep_rounds(estimator: Any, n_rounds: int) -> None:
    """Cut a fitted forest or boosting model back to its first trees or rounds, in place.

    Used to keep the best round when later ones made the validation loss worse.
    """
    if hasattr(estimator, "estimators_"):
        estimator.estimators_ = estimator.estimators_[:n_rounds]
        estimator.n_estimators = len(estimator.estimators_)
        if hasattr(estimator, "n_estimators_"):  # classic boosting
            estimator.n_estimators_ = estimator.n_estimators
            estimator.train_score_ = estimator.train_score_[:n_rounds]
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
        emitter = _EMITTERS.get(type(self.estimator).__name__)
        if emitter is None:
            check_converts(self.estimator)
            tensor = emit_converted(graph, features, *convert(self), self.task)
        else:
            tensor = emitter(graph, features, self.estimator, self.task)
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
        _without_generators(self.estimator)
        with disk_errors(path):
            skops.io.dump(self.estimator, path, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        name = type(self.estimator).__name__
        if name not in _EMITTERS:
            check_storable(path, self.estimator)
        return {"estimator": name}

    @classmethod
    def _load(cls, folder: Path, common: dict[str, Any], _document: dict[str, Any]) -> SklearnModel:
        estimator = load_skops(folder / FILE, classes=(*_EMITTERS, *own_class_names()), more=own_types)
        if hasattr(estimator, "n_jobs"):
            estimator.n_jobs = None  # threads cost more than they save on the few rows of a request
        return cls(estimator, **common)


def _without_generators(estimator: Any) -> None:
    """Let classic boosting forget the random generator that each of its trees holds, 20 KB apiece."""
    if not type(estimator).__name__.startswith("GradientBoosting"):
        return
    vars(estimator).pop("_rng", None)
    for tree in estimator.estimators_.flat:
        tree.random_state = None
