"""Cut numbers into bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.graph.arithmetic import bucket
from workbench.recipe.fitted_step import FittedStep, Learning, listed
from workbench.recipe.refusing import refuse_constant, refuse_empty
from workbench.recipe.spec import Bins

_NUDGE = 1e-3  # of the distance to the next smaller training value


class FittedBins(FittedStep):
    """Inner edges of each column; a value's bin is the number of edges that it reaches.

    The edges are those of ``KBinsDiscretizer(encode="ordinal", quantile_method="averaged_inverted_cdf")``, moved a
    thousandth of the way to the next smaller training value. Equal quantiles count once, so that there may be fewer
    bins than asked for. Values outside the training range fall into the first or the last bin. Missing values stay
    missing and don't count for the edges.
    """

    name = "bins"

    def __init__(self, edges: list[np.ndarray]) -> None:
        super().__init__(None)
        self.edges = edges

    @classmethod
    def fit(cls, step: Bins, X: np.ndarray, columns: list[str], learning: Learning) -> FittedBins:
        """Find the edges; see `FittedStep.fit`. Refuses a column that all falls into one bin."""
        refuse_empty("bins", X, columns)
        if step.strategy == "given":
            return cls([np.array(step.edges, dtype=np.float64)] * X.shape[1])
        refuse_constant("bins", X, columns)
        edges = [_edges(step, values[~np.isnan(values)]) for values in X.T]
        none = [name for name, found in zip(columns, edges, strict=True) if not len(found)]
        if none:
            raise RecipeError(
                f"bins ({step.strategy}): column {listed(none)} has all its quantiles at one value, needed two bins at "
                "least. Ask for more bins, use uniform, or give the edges."
            )
        return cls(edges)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Count the edges that each value reaches."""
        result = np.empty(X.shape, dtype=np.float64)
        for place, edges in enumerate(self.edges):
            result[:, place] = np.searchsorted(edges, X[:, place], side="right")
        return np.where(np.isnan(X), np.nan, result)

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Count the edges that each value reaches; NaN reaches all and is put back."""
        return str(graph.node("Where", graph.node("IsNaN", tensor), tensor, bucket(graph, tensor, self.edges)))

    def to_dict(self) -> dict[str, Any]:
        """Give the edges."""
        return {"edges": [edges.tolist() for edges in self.edges]}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedBins:
        """Read the edges."""
        return cls([np.array(edges, dtype=np.float64) for edges in document["edges"]])


def _edges(step: Bins, values: np.ndarray) -> np.ndarray:
    values = np.sort(values)
    if step.strategy == "uniform":
        edges = np.linspace(values[0], values[-1], step.n_bins + 1)
    else:
        edges = np.percentile(values, np.linspace(0, 100, step.n_bins + 1), method="averaged_inverted_cdf")
    # An edge at the minimum would leave the first bin empty; scikit-learn merges equal quantiles in the same way.
    inner = np.unique(edges)[1:-1]
    # A quantile is a training value. The edge goes just below it, so that a logarithm in front of this step, which
    # graph and NumPy compute to the last bit but one, can't change a training row's bin.
    below = values[np.searchsorted(values, inner, side="left") - 1]
    return np.asarray(inner - _NUDGE * (inner - below))
