"""Bring numbers to a common scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.graph import GraphBuilder
from workbench.recipe.fitted_step import FittedStep, Learning
from workbench.recipe.refusing import refuse_empty
from workbench.recipe.spec import MinMax, Robust, Standardize


class FittedStandardize(FittedStep):
    """`StandardScaler`; a column with one value only is divided by 1."""

    name = "standardize"

    @classmethod
    def fit(cls, step: Standardize, X: np.ndarray, columns: list[str], learning: Learning) -> FittedStandardize:
        """Learn mean and standard deviation; see `FittedStep.fit`."""
        from sklearn.preprocessing import StandardScaler

        return cls(_fit_scaler(StandardScaler(), X, columns, "standardize"))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Subtract and divide, in scikit-learn's order."""
        mean, scale = graph.constant(self.transformer.mean_), graph.constant(self.transformer.scale_)
        return str(graph.node("Div", graph.node("Sub", tensor, mean), scale))

    def to_dict(self) -> dict[str, Any]:
        """Give mean, variance and scale."""
        scaler = self.transformer
        n_seen = np.broadcast_to(scaler.n_samples_seen_, scaler.mean_.shape).tolist()
        return {
            "mean": scaler.mean_.tolist(),
            "var": scaler.var_.tolist(),
            "scale": scaler.scale_.tolist(),
            "n_seen": n_seen,
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedStandardize:
        """Set the documented attributes of a fitted scaler."""
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(np.zeros((1, len(document["mean"]))))
        scaler.mean_, scaler.var_, scaler.scale_ = (
            np.array(document[key], dtype=np.float64) for key in ("mean", "var", "scale")
        )
        scaler.n_samples_seen_ = np.array(document["n_seen"])
        return cls(scaler)


class FittedMinMax(FittedStep):
    """`MinMaxScaler` to [0, 1]; values outside the training range go outside."""

    name = "min_max"

    @classmethod
    def fit(cls, step: MinMax, X: np.ndarray, columns: list[str], learning: Learning) -> FittedMinMax:
        """Learn minimum and maximum; see `FittedStep.fit`."""
        from sklearn.preprocessing import MinMaxScaler

        return cls(_fit_scaler(MinMaxScaler(), X, columns, "min_max"))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Multiply and add, in scikit-learn's order."""
        scale, minimum = graph.constant(self.transformer.scale_), graph.constant(self.transformer.min_)
        return str(graph.node("Add", graph.node("Mul", tensor, scale), minimum))

    def to_dict(self) -> dict[str, Any]:
        """Give minimum and maximum, from which all else follows."""
        return {"data_min": self.transformer.data_min_.tolist(), "data_max": self.transformer.data_max_.tolist()}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedMinMax:
        """Fit on two rows: the minimum and the maximum."""
        from sklearn.preprocessing import MinMaxScaler

        rows = np.array([document["data_min"], document["data_max"]], dtype=np.float64)
        return cls(MinMaxScaler().fit(rows))


class FittedRobust(FittedStep):
    """`RobustScaler`; a column whose quartiles are equal is divided by 1. Missing values stay missing."""

    name = "robust"

    @classmethod
    def fit(cls, step: Robust, X: np.ndarray, columns: list[str], learning: Learning) -> FittedRobust:
        """Learn median and distance of the quartiles; see `FittedStep.fit`."""
        from sklearn.preprocessing import RobustScaler

        return cls(_fit_scaler(RobustScaler(), X, columns, "robust"))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Subtract and divide, in scikit-learn's order."""
        center, scale = graph.constant(self.transformer.center_), graph.constant(self.transformer.scale_)
        return str(graph.node("Div", graph.node("Sub", tensor, center), scale))

    def to_dict(self) -> dict[str, Any]:
        """Give median and scale."""
        return {"center": self.transformer.center_.tolist(), "scale": self.transformer.scale_.tolist()}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedRobust:
        """Set the documented attributes of a fitted scaler."""
        from sklearn.preprocessing import RobustScaler

        scaler = RobustScaler().fit(np.zeros((1, len(document["center"]))))
        scaler.center_, scaler.scale_ = (np.array(document[key], dtype=np.float64) for key in ("center", "scale"))
        return cls(scaler)


def _fit_scaler(scaler: Any, X: np.ndarray, columns: list[str], step: str) -> Any:
    refuse_empty(step, X, columns)
    with np.errstate(all="ignore"):
        return scaler.fit(X)
