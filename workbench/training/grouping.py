"""Learning without a target: groups of rows, and outliers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import EstimatorError
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.groups import NOISE, OUTLIER_CLASSES, ArrayModel, CentersModel, DensityModel, IsolationModel
from workbench.estimators.native import missing_fill
from workbench.estimators.scaling import find_scaling

if TYPE_CHECKING:
    from workbench.training.live import Live

TRIED_CLUSTERS = range(2, 13)
_SEARCH_ROWS = 20_000
_SILHOUETTE_ROWS = 3_000
_SMALLEST_VARIANCE = 1e-12


def fit_groups(name: str, params: dict[str, Any], X: np.ndarray, live: Live, *, seed: int) -> ArrayModel:
    """Find groups, or what sets outliers apart, in training rows.

    Parameters
    ----------
    name : {"kmeans", "hdbscan", "isolation_forest"}
    params : dict
        Checked, with the defaults filled in.
    X : ndarray of shape (n_rows, n_features)
        Without missing values.
    live : Live
    seed : int

    Raises
    ------
    EstimatorError
        If the rows are too few or too many for these parameters, or HDBSCAN finds no dense region.
    """
    scaling = find_scaling(find_entry(name), params, X, None, task="clustering")
    model = _LEARNERS[name](params, X if scaling is None else scaling.rows(X), live, seed)
    model.fill = missing_fill(X)
    if scaling is not None:
        model.scaling = scaling
    return model


def silhouette(X: np.ndarray, groups: np.ndarray, *, seed: int) -> float | None:
    """Give the mean silhouette of rows, of a sample of 3,000 where there are more; None with fewer than two groups.

    1 is far apart, 0 touching. Source: Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics, 1987.
    """
    from sklearn.metrics import silhouette_score

    if len(X) > _SILHOUETTE_ROWS:
        rows = np.random.default_rng(seed).choice(len(X), _SILHOUETTE_ROWS, replace=False)
        X, groups = X[rows], groups[rows]
    X = X - X.mean(axis=0)  # distances between rows far from 0 lose their digits
    n_groups = len(np.unique(groups))
    return float(silhouette_score(X, groups)) if 2 <= n_groups < len(X) else None


def _kmeans(params: dict[str, Any], X: np.ndarray, live: Live, seed: int) -> ArrayModel:
    n_clusters = params["n_clusters"]
    n_different = len(np.unique(X[: 10 * 200], axis=0)) if len(X) <= 2_000 else len(X)
    if n_clusters is None:
        n_clusters = _number_of_clusters(params, X, live, seed, at_most=n_different - 1)
    if n_clusters > n_different:
        raise EstimatorError(
            f"Got {n_different:,} different training rows for {n_clusters} clusters, needed at least as many rows as "
            "clusters. Lower n_clusters or give more rows."
        )
    fitted = _fitted_kmeans(params, X, n_clusters, seed)
    # The largest group is the first, so that a group keeps its name when the model is trained again.
    order = np.argsort(-np.bincount(fitted.labels_, minlength=n_clusters), kind="stable")
    variance = max(float(fitted.inertia_) / X.size, _SMALLEST_VARIANCE)
    arrays = {"centers": np.asarray(fitted.cluster_centers_, dtype=np.float64)[order], "variance": np.array(variance)}
    if params["n_clusters"] is not None:
        live.record(1, 1, {"loss": float(fitted.inertia_) / len(X)})
    return CentersModel(arrays, classes=_names(n_clusters), n_features=X.shape[1], fill=missing_fill(X))


def _number_of_clusters(params: dict[str, Any], X: np.ndarray, live: Live, seed: int, *, at_most: int) -> int:
    """Try 2 to 12 clusters and give the number with the best silhouette."""
    rows = X
    if len(X) > _SEARCH_ROWS:
        rows = X[np.random.default_rng(seed).choice(len(X), _SEARCH_ROWS, replace=False)]
    scores: dict[int, float] = {}
    tried = [n for n in TRIED_CLUSTERS if n <= at_most]
    for n in tried:
        fitted = _fitted_kmeans({**params, "n_init": min(3, params["n_init"])}, rows, n, seed)
        score = silhouette(rows, fitted.labels_, seed=seed)
        values = {"loss": float(fitted.inertia_) / len(rows)}
        if score is not None:
            scores[n] = values["silhouette"] = score
        live.record(n, n, values)
        live.count(len(scores), len(tried), "round")
        if live.stop_requested():
            break
    if not scores:
        raise EstimatorError(
            f"Got {len(X):,} training rows that form no two groups, needed rows that differ. "
            "Look at the columns that the recipe leaves, or set n_clusters."
        )
    best = max(scores, key=lambda n: scores[n])
    live.note(f"{best} clusters lie clearest apart (silhouette {scores[best]:.3f}), of {min(scores)} to {max(scores)}.")
    return best


def _fitted_kmeans(params: dict[str, Any], X: np.ndarray, n_clusters: int, seed: int) -> Any:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Fewer different rows than clusters is what `_kmeans` refuses in words of its own.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(n_clusters, n_init=params["n_init"], max_iter=params["max_iter"], random_state=seed).fit(X)


def _hdbscan(params: dict[str, Any], X: np.ndarray, live: Live, _seed: int) -> ArrayModel:
    from sklearn.cluster import HDBSCAN
    from sklearn.neighbors import NearestNeighbors

    size = params["min_cluster_size"]
    neighbors = params["min_samples"] or size
    if len(X) <= max(size, neighbors):
        raise EstimatorError(
            f"Got {len(X):,} training rows for groups of at least {max(size, neighbors)}, needed more. "
            "Lower min_cluster_size and min_samples."
        )
    fitted = HDBSCAN(
        min_cluster_size=size,
        min_samples=neighbors,
        cluster_selection_epsilon=params["cluster_selection_epsilon"],
        copy=True,
    ).fit(X)
    n_groups = int(fitted.labels_.max()) + 1
    if not n_groups:
        raise EstimatorError(
            f"Got {len(X):,} training rows without a region as dense as {size} rows together, needed at least one. "
            "Lower min_cluster_size, scale the columns, or use kmeans."
        )
    order = np.argsort(-np.bincount(fitted.labels_[fitted.labels_ >= 0]), kind="stable")
    group = np.where(fitted.labels_ >= 0, np.argsort(order)[np.maximum(fitted.labels_, 0)], -1)
    distances, _ = NearestNeighbors(n_neighbors=neighbors).fit(X).kneighbors(X)
    core = distances[:, -1]
    reach = np.array([core[group == number].max() for number in range(n_groups)])
    arrays = {"points": X.astype(np.float64), "group": group.astype(np.int64), "reach": reach}
    classes = [*_names(n_groups), NOISE] if (group < 0).any() else _names(n_groups)
    live.record(1, 1, {"noise_share": float((group < 0).mean())})
    return DensityModel(arrays, classes=classes, n_features=X.shape[1], fill=missing_fill(X))


def _isolation_forest(params: dict[str, Any], X: np.ndarray, live: Live, seed: int) -> ArrayModel:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(
        n_estimators=params["n_estimators"],
        max_samples=min(params["max_samples"], len(X)),
        contamination=params["contamination"] or "auto",
        random_state=seed,
    ).fit(X)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("feature", "threshold", "left", "right", "path")}
    sizes = []
    for fitted, depths, lengths in zip(
        forest.estimators_, forest._decision_path_lengths, forest._average_path_length_per_tree, strict=True
    ):
        tree = fitted.tree_
        parts["feature"].append(tree.feature)
        parts["threshold"].append(tree.threshold)
        parts["left"].append(np.asarray(tree.children_left))
        parts["right"].append(np.asarray(tree.children_right))
        parts["path"].append(np.asarray(depths, dtype=np.float64) + lengths - 1.0)
        sizes.append(tree.node_count)
    arrays = {name: np.concatenate(found) for name, found in parts.items()}
    arrays["start"] = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    arrays["scale"] = np.array([_average_path(forest.max_samples_), -float(forest.offset_)])
    live.record(1, 1, {"outlier_share": float((forest.predict(X) < 0).mean())})
    return IsolationModel(arrays, classes=OUTLIER_CLASSES, n_features=X.shape[1], fill=missing_fill(X))


def _average_path(n: int) -> float:
    """Mean length of an unsuccessful search in a binary tree of `n` rows: the paper's c(n)."""
    if n <= 2:
        return float(n == 2)
    return float(2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n)


def _names(n_groups: int) -> list[str]:
    width = len(str(n_groups))
    return [f"cluster {number:0{width}d}" for number in range(1, n_groups + 1)]


_LEARNERS: dict[str, Callable[[dict[str, Any], np.ndarray, Any, int], ArrayModel]] = {
    "kmeans": _kmeans,
    "hdbscan": _hdbscan,
    "isolation_forest": _isolation_forest,
}
