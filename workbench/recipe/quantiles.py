"""Map numbers to their rank among the training values."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.graph import GraphBuilder
from workbench.graph.arithmetic import at_least, at_most, bucket, number
from workbench.graph.bell import normal_quantile
from workbench.recipe.fitted_step import FittedStep, Learning
from workbench.recipe.refusing import refuse_constant, refuse_empty
from workbench.recipe.spec import QuantileTransform

_BOUND = 1e-7  # scikit-learn's: nearer than this to an end counts as the end of the bell


class FittedQuantileTransform(FittedStep):
    """`QuantileTransformer` over all training rows.

    With fewer rows than `n_quantiles` there is one quantile a row. Values outside the training range become 0 or 1, or
    -5.2 or 5.2 in a bell. Missing values stay missing.
    """

    name = "quantile_transform"

    @classmethod
    def fit(
        cls, step: QuantileTransform, X: np.ndarray, columns: list[str], learning: Learning
    ) -> FittedQuantileTransform:
        """Learn the quantiles; see `FittedStep.fit`. Refuses a column with one value only."""
        from sklearn.preprocessing import QuantileTransformer

        refuse_empty("quantile_transform", X, columns)
        refuse_constant("quantile_transform", X, columns)
        transformer = QuantileTransformer(
            n_quantiles=min(step.n_quantiles, len(X)),
            output_distribution=step.output,
            subsample=None,
            random_state=learning.seed,
        )
        return cls(transformer.fit(X))

    @property
    def output(self) -> str:
        """The spread: uniform or normal."""
        return str(self.transformer.output_distribution)

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Interpolate between the quantiles from both sides, in scikit-learn's order."""
        curves = [_Curve(values, self.transformer.references_) for values in self.transformer.quantiles_.T]
        missing = graph.node("IsNaN", tensor)
        places = _places(graph, bucket(graph, tensor, [curve.values for curve in curves]), curves)
        read = {key: _read(graph, places, [getattr(curve, key) for curve in curves]) for key in _Curve.TABLES}
        rising = graph.node("Mul", graph.node("Sub", tensor, read["left"]), read["slopes"])
        rising = graph.node("Add", rising, read["left_ranks"])
        falling = graph.node("Mul", graph.node("Sub", tensor, read["right"]), read["slopes"])
        falling = graph.node("Add", falling, read["right_ranks"])
        # A value that is a quantile has the rank of its first place from one side and of its last from the other.
        on_quantile = graph.node("Equal", tensor, read["left"])
        falling = graph.node("Where", on_quantile, read["first_ranks"], falling)
        rank = graph.node("Mul", graph.node("Add", rising, falling), number(graph, 0.5))
        rank = self._ends(graph, tensor, rank)
        result = self._bell(graph, rank) if self.output == "normal" else rank
        return str(graph.node("Where", missing, tensor, result))

    def _ends(self, graph: GraphBuilder, tensor: str, rank: str) -> str:
        lowest = graph.constant(self.transformer.quantiles_[0])
        highest = graph.constant(self.transformer.quantiles_[-1])
        if self.output == "normal":
            bound = number(graph, _BOUND)
            below = graph.node("Less", graph.node("Sub", tensor, bound), lowest)
            above = graph.node("Less", highest, graph.node("Add", tensor, bound))
        else:
            below, above = graph.node("LessOrEqual", tensor, lowest), graph.node("LessOrEqual", highest, tensor)
        rank = graph.node("Where", above, number(graph, 1.0), rank)
        return str(graph.node("Where", below, number(graph, 0.0), rank))

    def _bell(self, graph: GraphBuilder, rank: str) -> str:
        from scipy import stats

        low = stats.norm.ppf(_BOUND - np.spacing(1))
        high = stats.norm.ppf(1 - (_BOUND - np.spacing(1)))
        # Ranks of 0 and 1 have no place on the bell; just inside they are beyond the bounds already.
        inside = at_most(graph, at_least(graph, rank, number(graph, 1e-9)), number(graph, 1 - 1e-9))
        bell = normal_quantile(graph, inside)
        return at_most(graph, at_least(graph, bell, number(graph, low)), number(graph, high))

    def to_dict(self) -> dict[str, Any]:
        """Give the quantiles and the spread."""
        return {"output": self.output, "quantiles": self.transformer.quantiles_.tolist()}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedQuantileTransform:
        """Set the documented attributes of a fitted transformer."""
        from sklearn.preprocessing import QuantileTransformer

        quantiles = np.array(document["quantiles"], dtype=np.float64)
        transformer = QuantileTransformer(
            n_quantiles=len(quantiles), output_distribution=str(document["output"]), subsample=None
        ).fit(quantiles)
        transformer.quantiles_ = quantiles
        return cls(transformer)


class _Curve:
    """One column's ranks over its different quantiles, as tables by the number of quantiles that a value reaches."""

    TABLES = ("left", "right", "left_ranks", "right_ranks", "first_ranks", "slopes")

    def __init__(self, quantiles: np.ndarray, references: np.ndarray) -> None:
        values, first = np.unique(quantiles, return_index=True)
        last = np.append(first[1:], len(quantiles)) - 1
        self.values = values
        inner = np.diff(values)
        # Beyond the ends the rank is replaced by 0 or 1, so those entries only have to be finite.
        self.left = np.concatenate([values[:1], values[:-1], values[-1:]])
        self.right = np.concatenate([values[:1], values[1:], values[-1:]])
        self.left_ranks = references[np.concatenate([first[:1], last[:-1], last[-1:]])]
        self.right_ranks = references[np.concatenate([first[:1], first[1:], last[-1:]])]
        self.first_ranks = references[np.concatenate([first[:1], first])]
        rises = references[first[1:]] - references[last[:-1]]
        with np.errstate(all="ignore"):
            # Between neighbouring doubles near 0 a slope is infinite, and infinity times no distance would be NaN.
            slopes = np.minimum(rises / inner, np.finfo(np.float64).max)
        self.slopes = np.concatenate([[0.0], slopes, [0.0]])


def _places(graph: GraphBuilder, buckets: str, curves: list[_Curve]) -> str:
    starts = np.cumsum([0] + [len(curve.left) for curve in curves[:-1]])
    return str(graph.node("Add", graph.cast(buckets, "int64"), graph.constant(starts.astype(np.int64))))


def _read(graph: GraphBuilder, places: str, tables: list[np.ndarray]) -> str:
    return str(graph.node("Gather", graph.constant(np.concatenate(tables)), places, axis=0))
