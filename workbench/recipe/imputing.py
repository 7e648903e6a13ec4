"""Fill missing values."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe.fitted_step import FittedStep, Learning, listed
from workbench.recipe.neighbors import FittedNeighbors
from workbench.recipe.spec import Impute

CONSTANT_TEXT = "missing"


class FittedImpute(FittedStep):
    """`SimpleImputer` over columns of one type."""

    name = "impute"

    @classmethod
    def fit(cls, step: Impute, X: np.ndarray, columns: list[str], learning: Learning) -> FittedStep:
        """Learn one statistic a column; see `FittedStep.fit`. Nearest neighbours are a class of their own."""
        if step.strategy == "nearest_neighbors":
            return FittedNeighbors.fit(step, X, columns, learning)
        is_text = X.dtype == object
        empty = (X == "").all(axis=0) if is_text else np.isnan(X).all(axis=0)
        if step.strategy != "constant" and empty.any():
            names = [name for name, none in zip(columns, empty, strict=True) if none]
            raise RecipeError(
                f"impute ({step.strategy}): column {listed(names)} has no value in the training rows, needed one. "
                "Leave it out with drop_columns, or impute a constant."
            )
        return cls(_imputer(step.strategy, step.fill_value, is_text).fit(X))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Replace what is NaN or empty by the statistics."""
        fill = graph.constant(self.statistics[np.newaxis, :])
        if self._is_text:
            # Equal takes no strings before opset 19; a lookup of the empty string does.
            missing = graph.cast(graph.lookup(tensor, np.array([""], dtype=object), [1], default=0), "bool")
        else:
            missing = graph.node("IsNaN", tensor)
        return str(graph.node("Where", missing, fill, tensor))

    @property
    def statistics(self) -> np.ndarray:
        """What each column is filled with; scikit-learn keeps constants as objects, also where they are numbers."""
        return np.asarray(self.transformer.statistics_, dtype=object if self._is_text else np.float64)

    @property
    def _is_text(self) -> bool:
        return bool(self.transformer.missing_values == "")

    def to_dict(self) -> dict[str, Any]:
        """Give the statistics."""
        return {
            "strategy": self.transformer.strategy,
            "text": self._is_text,
            "statistics": self.statistics.tolist(),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedImpute:
        """Fit on one row that holds the statistics: each strategy then learns exactly these."""
        is_text = bool(document["text"])
        row = np.array([document["statistics"]], dtype=object if is_text else np.float64)
        if document["strategy"] == "constant":
            return cls(_imputer("constant", document["statistics"][0], is_text).fit(row))
        return cls(_imputer(document["strategy"], None, is_text).fit(row))


def _imputer(strategy: str, fill_value: float | str | None, is_text: bool) -> Any:
    from sklearn.impute import SimpleImputer

    if strategy == "constant" and fill_value is None:
        fill_value = CONSTANT_TEXT if is_text else 0.0
    return SimpleImputer(
        strategy=strategy, missing_values="" if is_text else np.nan, fill_value=fill_value, keep_empty_features=True
    )
