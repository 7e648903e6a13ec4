"""Fill missing values from the nearest training rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.graph.arithmetic import at_least, at_most, number
from workbench.recipe.fitted_step import FittedStep, Learning
from workbench.recipe.refusing import refuse_empty
from workbench.recipe.spec import Impute

# Each missing value is compared with every donor, at each request; so many tell nearly as much as all rows.
MOST_DONORS = 2_000
_FARTHEST = 1e150  # the square of a larger number is infinite
_ROWS_AT_ONCE = 16  # distances of that many rows to all donors stay in the processor's cache


class FittedNeighbors(FittedStep):
    """`KNNImputer`: the mean of the nearest training rows that have the value.

    Neighbours are looked for among at most 2,000 training rows, a seeded sample, and in the columns of the step only:
    put `standardize` in front, or the column with the largest numbers decides. The distance is Euclidean over the
    columns that both rows have, scaled up for those that one of them lacks. Where distances are equal, the donor that
    comes first in the table counts. A row that has nothing in common with any donor gets the donors' mean.

    Distances are computed term by term and not, as in scikit-learn, by a matrix product, whose rounding errors part
    equal distances differently on every machine; where distances differ, the answers are scikit-learn's.

    Source: Troyanskaya et al., Missing value estimation methods for DNA microarrays, Bioinformatics 17, 2001.
    """

    name = "impute_nearest_neighbors"

    def __init__(self, donors: np.ndarray, n_neighbors: int) -> None:
        super().__init__(None)
        self.donors, self.n_neighbors = donors, n_neighbors
        self.present = ~np.isnan(donors)
        self.means = np.nanmean(donors, axis=0)
        # One row a column, so that a column's donors lie side by side.
        self._filled = np.where(self.present, np.clip(donors, -_FARTHEST, _FARTHEST), 0.0).T.copy()
        self._weights = self.present.T.astype(np.float64)

    @classmethod
    def fit(cls, step: Impute, X: np.ndarray, columns: list[str], learning: Learning) -> FittedNeighbors:
        """Choose the donors; see `FittedStep.fit`."""
        if X.dtype == object:
            raise RecipeError(
                f"impute (nearest_neighbors): column {columns[0]!r} holds text, needed numbers. "
                "Use most_frequent or constant."
            )
        refuse_empty("impute (nearest_neighbors)", X, columns)
        donors = np.where(np.isfinite(X), X, np.nan)
        if len(donors) > MOST_DONORS:
            donors = donors[_chosen(donors, learning.seed)]
        return cls(np.ascontiguousarray(donors), step.n_neighbors)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Fill what is missing, a few rows at a time."""
        missing = np.isnan(X)
        result = X.copy()
        rows = np.flatnonzero(missing.any(axis=1))
        rows = rows[np.lexsort(missing[rows].T)]  # rows that lack the same columns together: fewer of them to mask
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            distances = self._distances(X[some])
            for place in np.flatnonzero(missing[some].any(axis=0)).tolist():
                lacking = missing[some, place]
                result[some[lacking], place] = self._mean_of_nearest(distances[lacking], place)
        return result

    def _distances(self, X: np.ndarray) -> np.ndarray:
        """Give the mean squared difference to each donor over the common columns; infinite where there is none."""
        known = np.isfinite(X).astype(np.float64)
        total, step = np.zeros((len(X), len(self.donors))), np.empty((len(X), len(self.donors)))
        with np.errstate(all="ignore"):
            for place in range(X.shape[1]):
                if known[:, place].any():
                    filled = np.where(known[:, place] > 0, np.clip(X[:, place], -_FARTHEST, _FARTHEST), 0.0)
                    np.subtract(filled[:, np.newaxis], self._filled[place], out=step)
                    np.multiply(step, step, out=step)
                    if not self.present[:, place].all():
                        np.multiply(step, self._weights[place], out=step)
                    if not known[:, place].all():
                        np.multiply(step, known[:, place, np.newaxis], out=step)
                    np.add(total, step, out=total)
            common = known @ self._weights
            np.divide(total, common, out=total)
            total[common == 0] = np.inf
        return np.asarray(total)

    def _mean_of_nearest(self, distances: np.ndarray, place: int) -> np.ndarray:
        having = self.present[:, place]
        if not having.all():
            distances = np.where(having, distances, np.inf)
        nearest = _smallest(distances, min(self.n_neighbors, int(having.sum())))
        usable = np.take_along_axis(distances, nearest, axis=1) < np.inf
        taken = np.where(usable, self.donors[nearest, place], 0.0)
        total = np.zeros(len(distances))
        for column in taken.T:  # one after the other, as the graph adds them
            total = total + column
        count = usable.sum(axis=1)
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), self.means[place]))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Fill one column after the other, only in rows that lack it."""
        return graph.hstack([self._emit_column(graph, tensor, place) for place in range(self.donors.shape[1])])

    def _emit_column(self, graph: GraphBuilder, tensor: str, place: int) -> str:
        column = graph.gather(tensor, [place])
        axis, flat = graph.constant(np.array([1], dtype=np.int64)), graph.constant(np.array([-1], dtype=np.int64))
        missing = graph.node("Squeeze", graph.node("IsNaN", column), axis)
        rows = graph.node("Reshape", graph.node("NonZero", missing), flat)
        having = np.flatnonzero(self.present[:, place])
        distances = self._emit_distances(graph, graph.node("Gather", tensor, rows, axis=0), place, having)
        n_nearest = min(self.n_neighbors, len(having))
        options: dict[str, Any] = {"largest": 0, "sorted": 1, "axis": 1, "n_outputs": 2}
        size = graph.constant(np.array([n_nearest], dtype=np.int64))
        near, places = graph.node("TopK", distances, size, **options)
        usable = graph.node("Less", near, number(graph, np.inf))
        values = graph.node("Gather", graph.constant(self.donors[having, place]), places, axis=0)
        taken = graph.node("Where", usable, values, number(graph, 0.0))
        total = _sum_in_order(graph, taken, n_nearest)
        count = graph.node("ReduceSum", graph.cast(usable, "double"), axis, keepdims=1)
        some = graph.node("Less", number(graph, 0.0), count)
        mean = graph.node("Div", total, graph.node("Where", some, count, number(graph, 1.0)))
        filled = graph.node("Where", some, mean, number(graph, self.means[place]))
        places_2d = graph.node("Reshape", rows, graph.constant(np.array([-1, 1], dtype=np.int64)))
        return str(graph.node("ScatterND", column, places_2d, filled))

    def _emit_distances(self, graph: GraphBuilder, rows: str, place: int, having: np.ndarray) -> str:
        known = graph.cast(graph.node("Less", graph.node("Abs", rows), number(graph, np.inf)), "double")
        filled = graph.node("Where", graph.cast(known, "bool"), _bounded(graph, rows), number(graph, 0.0))
        donors, weights = self._filled[:, having], self._weights[:, having]
        total = ""
        for other in range(self.donors.shape[1]):
            if other == place:  # missing in all these rows
                continue
            part = graph.node("Sub", graph.gather(filled, [other]), graph.constant(donors[other][np.newaxis, :]))
            part = graph.node("Mul", part, part)
            if not weights[other].all():
                part = graph.node("Mul", part, graph.constant(weights[other][np.newaxis, :]))
            part = graph.node("Mul", part, graph.gather(known, [other]))
            total = graph.node("Add", total, part) if total else part
        common = graph.node("MatMul", known, graph.constant(weights))
        if not total:
            total = common  # a single column: nothing to compare by
        some = graph.node("Less", number(graph, 0.0), common)
        return str(graph.node("Where", some, graph.node("Div", total, common), number(graph, np.inf)))

    def to_dict(self) -> dict[str, Any]:
        """Give the donors; None for a missing value."""
        donors = [[None if value != value else value for value in row] for row in self.donors.tolist()]
        return {"donors": donors, "n_neighbors": self.n_neighbors}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedNeighbors:
        """Read the donors."""
        donors = [[np.nan if value is None else value for value in row] for row in document["donors"]]
        return cls(np.array(donors, dtype=np.float64), int(document["n_neighbors"]))


def _chosen(X: np.ndarray, seed: int) -> np.ndarray:
    """Choose donors at random, and one more for each column that none of them has."""
    rows = np.random.default_rng(seed).choice(len(X), MOST_DONORS, replace=False)
    lacking = np.isnan(X[rows]).all(axis=0)
    extra = [int(np.argmax(~np.isnan(X[:, place]))) for place in np.flatnonzero(lacking)]
    return np.unique(np.concatenate([rows, np.array(extra, dtype=np.int64)]))


def _smallest(distances: np.ndarray, n: int) -> np.ndarray:
    """Give the places of the n smallest of each row, nearest first, equal ones in order."""
    if n >= distances.shape[1]:
        return np.argsort(distances, axis=1, kind="stable")[:, :n]
    limit = np.partition(distances, n - 1, axis=1)[:, n - 1 : n]
    chosen = distances <= limit
    crowded = np.flatnonzero(np.count_nonzero(chosen, axis=1) > n)
    if len(crowded):  # more at the limit than there is room for: the first ones
        below, equal = distances[crowded] < limit[crowded], distances[crowded] == limit[crowded]
        room = n - np.count_nonzero(below, axis=1)[:, np.newaxis]
        chosen[crowded] = below | (equal & (np.cumsum(equal, axis=1) <= room))
    places = np.nonzero(chosen)[1].reshape(len(distances), n)
    order = np.argsort(np.take_along_axis(distances, places, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(places, order, axis=1))


def _bounded(graph: GraphBuilder, tensor: str) -> str:
    return at_most(graph, at_least(graph, tensor, number(graph, -_FARTHEST)), number(graph, _FARTHEST))


def _sum_in_order(graph: GraphBuilder, tensor: str, n: int) -> str:
    if n == 1:
        return tensor
    parts = graph.node("Split", tensor, graph.constant(np.ones(n, dtype=np.int64)), axis=1, n_outputs=n)
    return str(graph.node("Sum", *parts))
