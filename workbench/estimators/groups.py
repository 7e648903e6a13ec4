"""Models without a target: groups of rows and outliers, answered as classes so that all that serves classes fits them.

They are stored as plain arrays, and answer with NumPy alone.
"""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.errors import ConversionError, PackageError
from workbench.estimators.graph_linear import emit_pair
from workbench.estimators.graph_trees import Tree, tree_ensemble
from workbench.estimators.native import NativeModel
from workbench.storage import disk_errors, write_atomic

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

FILE = "arrays.npz"
NOISE = "noise"
OUTLIER_CLASSES: list[str | int] = ["normal", "outlier"]
_CHUNK_CELLS = 20_000_000  # distances held at once


class ArrayModel(NativeModel):
    """A model that is nothing but arrays.

    Parameters
    ----------
    arrays : dict of str to ndarray
    """

    names: ClassVar[tuple[str, ...]]

    def __init__(
        self, arrays: dict[str, np.ndarray], *, classes: Sequence[str | int], n_features: int, fill: np.ndarray | None
    ) -> None:
        super().__init__(task="classification", classes=list(classes), n_features=n_features, fill=fill)
        self.arrays = arrays

    def _save(self, folder: Path) -> dict[str, Any]:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **self.arrays)  # type: ignore[arg-type]
        with disk_errors(folder / FILE):
            write_atomic(folder / FILE, buffer.getvalue())
        return {}

    @classmethod
    def _load(cls, folder: Path, common: dict[str, Any], _document: dict[str, Any]) -> ArrayModel:
        try:
            with np.load(folder / FILE, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in cls.names}
        except (OSError, ValueError, KeyError) as error:
            raise PackageError(f"Got {folder / FILE}, needed its arrays: {error}. Build the package again.") from error
        common = {key: value for key, value in common.items() if key != "task"}
        return cls(arrays, **common)

    @abstractmethod
    def _scores(self, X: np.ndarray) -> np.ndarray: ...


class CentersModel(ArrayModel):
    """Groups around means.

    The share of a group is that of a mixture of Gaussians, all round, equally wide and equally frequent; the nearest
    mean has the largest. `arrays`: ``centers`` of shape (k, n_features), ``variance`` of shape ().
    """

    engine = "kmeans"
    names = ("centers", "variance")

    def _weights(self) -> tuple[np.ndarray, np.ndarray]:
        centers, variance = self.arrays["centers"], float(self.arrays["variance"])
        return centers.T / variance, -0.5 * (centers**2).sum(axis=1) / variance

    def _scores(self, X: np.ndarray) -> np.ndarray:
        weights, bias = self._weights()
        logits = X @ weights + bias
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def _emit(self, graph: GraphBuilder, features: str) -> str:
        weights, bias = self._weights()
        logits = graph.node("Add", graph.node("MatMul", features, graph.constant(weights)), graph.constant(bias[None]))
        return str(graph.node("Softmax", logits, axis=1))


class DensityModel(ArrayModel):
    """Dense regions: a row belongs to the group of its nearest training row, where that is near enough.

    "Near enough" is the largest distance at which a row of that group still has its neighbours. `arrays`: ``points``
    (n, n_features), ``group`` (n,) with -1 for noise, ``reach`` (n_groups,).
    """

    engine = "hdbscan"
    names = ("points", "group", "reach")

    def _scores(self, X: np.ndarray) -> np.ndarray:
        rows = max(1, _CHUNK_CELLS // max(1, len(self.arrays["points"])))
        parts = [self._shares(X[start : start + rows]) for start in range(0, len(X), rows)]
        return np.concatenate(parts) if parts else np.zeros((0, self.n_classes))

    def _shares(self, X: np.ndarray) -> np.ndarray:
        points, group = self.arrays["points"], self.arrays["group"]
        squared = (X**2).sum(axis=1)[:, None] - 2 * X @ points.T + (points**2).sum(axis=1)
        nearest = squared.argmin(axis=1)
        distance = np.sqrt(np.maximum(squared[np.arange(len(X)), nearest], 0.0))
        found = group[nearest]
        noise_column = self.n_classes - 1 if (self.classes or [])[-1:] == [NOISE] else None
        shares = np.zeros((len(X), self.n_classes))
        reach = np.where(found >= 0, self.arrays["reach"][np.maximum(found, 0)], 0.0)
        inside = np.ones(len(X))
        near = distance <= reach
        inside[near] = 1.0 - 0.5 * distance[near] / np.maximum(reach[near], 1e-300)
        inside[~near] = 0.5 * reach[~near] / np.maximum(distance[~near], 1e-300) * (found[~near] >= 0)
        rows = np.flatnonzero(found >= 0)
        if noise_column is None:
            shares[rows, found[rows]] = 1.0
            return shares
        shares[rows, found[rows]] = inside[rows]
        shares[:, noise_column] = 1.0 - shares.sum(axis=1)
        return shares

    def _emit(self, graph: GraphBuilder, features: str) -> str:
        raise ConversionError(
            "HDBSCAN compares a row with all training rows, which a graph does more slowly. "
            "The native model answers instead."
        )


class IsolationModel(ArrayModel):
    """An isolation forest: the fewer questions set a row apart, the more of an outlier it is.

    Source: Liu, Ting, Zhou, Isolation Forest, ICDM 2008. The share of "outlier" is the paper's score, bent so that the
    threshold lies at 0.5. `arrays`: the nodes of all trees one after the other (``feature``, ``threshold``, ``left``,
    ``right``, ``path``: the path's length where a leaf is reached), ``start`` of each tree, and ``scale``: c(m) and the
    threshold.
    """

    engine = "isolation_forest"
    names = ("feature", "threshold", "left", "right", "path", "start", "scale")

    def _scores(self, X: np.ndarray) -> np.ndarray:
        rows = X.astype(np.float32).astype(np.float64)  # as scikit-learn hands rows to its trees
        found, n = self.arrays, len(self.arrays["start"])
        total = np.zeros(len(X))
        for start in found["start"]:
            at = np.full(len(X), start)
            while True:
                inner = found["left"][at] >= 0
                if not inner.any():
                    break
                less = rows[np.arange(len(X)), np.maximum(found["feature"][at], 0)] <= found["threshold"][at]
                at = np.where(inner, start + np.where(less, found["left"][at], found["right"][at]), at)
            total += found["path"][at]
        outlier = self._bent(2.0 ** (-(total / n) / found["scale"][0]))
        return np.column_stack([1.0 - outlier, outlier])

    def _bent(self, score: np.ndarray) -> np.ndarray:
        threshold = float(self.arrays["scale"][1])
        above = 0.5 + 0.5 * (score - threshold) / (1.0 - threshold)
        return np.where(score <= threshold, 0.5 * score / threshold, above)

    def _emit(self, graph: GraphBuilder, features: str) -> str:
        features = graph.cast(graph.cast(features, "float"), "double")
        found = self.arrays
        ends = [*found["start"][1:], len(found["feature"])]
        trees = [
            Tree(
                found["feature"][a:b],
                found["threshold"][a:b],
                found["left"][a:b],
                found["right"][a:b],
                np.zeros(b - a, dtype=bool),
                found["path"][a:b],
            )
            for a, b in zip(found["start"], ends, strict=True)
        ]
        threshold = float(found["scale"][1])
        exponent = graph.constant(np.array([[-1.0 / (len(trees) * float(found["scale"][0]))]]))
        two, half = graph.constant(np.array([[2.0]])), graph.constant(np.array([[0.5]]))
        t, rest = graph.constant(np.array([[threshold]])), graph.constant(np.array([[1.0 - threshold]]))
        score = graph.node("Pow", two, graph.node("Mul", tree_ensemble(graph, features, trees), exponent))
        below = graph.node("Div", graph.node("Mul", half, score), t)
        above = graph.node("Add", half, graph.node("Div", graph.node("Mul", half, graph.node("Sub", score, t)), rest))
        return str(emit_pair(graph, graph.node("Where", graph.node("LessOrEqual", score, t), below, above)))


GROUP_MODELS: dict[str, type[ArrayModel]] = {
    found.engine: found for found in (CentersModel, DensityModel, IsolationModel)
}
