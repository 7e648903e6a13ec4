"""How each entry of the catalogue becomes an unfitted estimator of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.data.spec import Task

Builder = Callable[[dict[str, Any], Task, int, int | None], Any]


def _weight(params: dict[str, Any]) -> str | None:
    return "balanced" if params["class_weight"] == "balanced" else None


def _chosen(params: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: params[name] for name in names}


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


def _ridge(params: dict[str, Any], _task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=params["alpha"], random_state=seed)


def _lasso(params: dict[str, Any], _task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.linear_model import Lasso

    return Lasso(**_chosen(params, "alpha", "max_iter"), random_state=seed)


def _elastic_net(params: dict[str, Any], _task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.linear_model import ElasticNet

    return ElasticNet(**_chosen(params, "alpha", "l1_ratio", "max_iter"), random_state=seed)


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


def _neighbors(params: dict[str, Any], task: Task, _seed: int, n_jobs: int | None) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    kind = KNeighborsClassifier if task == "classification" else KNeighborsRegressor
    # A search tree is an object of compiled code that no reader of stored models should have to trust; it only pays
    # with few columns and many rows.
    common = _chosen(params, "n_neighbors", "weights", "metric")
    return kind(**common, algorithm="brute", n_jobs=n_jobs)


def _support_vectors(params: dict[str, Any], task: Task, seed: int, _n_jobs: int | None) -> Any:
    from workbench.estimators.support_vectors import SupportVectors

    common = _chosen(params, "kernel", "C", "degree", "epsilon", "max_rows")
    gamma = "scale" if params["gamma"] is None else params["gamma"]
    return SupportVectors(task=task, gamma=gamma, class_weight=_weight(params), seed=seed, **common)


_TREE_SIZES = ("max_leaf_nodes", "max_depth", "min_samples_split", "min_samples_leaf")


def _tree(params: dict[str, Any], task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    common = {**_chosen(params, *_TREE_SIZES, "ccp_alpha"), "random_state": seed}
    if task == "regression":
        return DecisionTreeRegressor(**common)
    return DecisionTreeClassifier(criterion=params["criterion"], class_weight=_weight(params), **common)


def _forest(params: dict[str, Any], task: Task, seed: int, n_jobs: int | None) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    return _grove(RandomForestClassifier, RandomForestRegressor, params, task, seed, n_jobs)


def _extra_trees(params: dict[str, Any], task: Task, seed: int, n_jobs: int | None) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    return _grove(ExtraTreesClassifier, ExtraTreesRegressor, params, task, seed, n_jobs)


def _grove(classifier: Any, regressor: Any, params: dict[str, Any], task: Task, seed: int, n_jobs: int | None) -> Any:
    common = {**_chosen(params, "n_estimators", *_TREE_SIZES), "n_jobs": n_jobs, "random_state": seed}
    features = params["max_features"]
    if features == "auto":
        features = "sqrt" if task == "classification" else "all"
    common["max_features"] = 1.0 if features == "all" else features
    return regressor(**common) if task == "regression" else classifier(class_weight=_weight(params), **common)


def _classic_boosting(params: dict[str, Any], task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    names = ("n_estimators", "learning_rate", "max_depth", "min_samples_leaf", "min_samples_split", "subsample")
    kind = GradientBoostingRegressor if task == "regression" else GradientBoostingClassifier
    return kind(**_chosen(params, *names, "max_features"), random_state=seed)


def _boosting(params: dict[str, Any], task: Task, seed: int, _n_jobs: int | None) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    names = ("max_iter", "learning_rate", "max_leaf_nodes", "min_samples_leaf", "l2_regularization", "max_features")
    # Our training loop watches the run's own validation rows, so scikit-learn must not put others aside.
    common = {**_chosen(params, *names), "early_stopping": False, "random_state": seed}
    if task == "regression":
        return HistGradientBoostingRegressor(**common)
    return HistGradientBoostingClassifier(class_weight=_weight(params), **common)


BUILDERS: dict[str, Builder] = {
    "baseline": _baseline,
    "linear_regression": _linear,
    "ridge": _ridge,
    "lasso": _lasso,
    "elastic_net": _elastic_net,
    "logistic_regression": _logistic,
    "nearest_neighbors": _neighbors,
    "svm": _support_vectors,
    "decision_tree": _tree,
    "random_forest": _forest,
    "extra_trees": _extra_trees,
    "gradient_boosting": _classic_boosting,
    "hist_gradient_boosting": _boosting,
}
