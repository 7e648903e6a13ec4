"""Project features on a few directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.graph.arithmetic import number
from workbench.recipe.fitted_step import FittedStep, Learning, listed
from workbench.recipe.spec import Pca

_LARGEST_NUMBER = float(np.finfo(np.float32).max)


class FittedPca(FittedStep):
    """`PCA`, not whitened: the training mean is subtracted, then the principal components are taken.

    The components' number is given, or the smallest that hold the share of variance asked for; never more than there
    are features or training rows. Their sign is scikit-learn's: the largest weight of each is positive. Missing values
    are refused in training; later ones count as the training mean, and so do infinite numbers.
    """

    name = "pca"
    joins = True

    def __init__(self, mean: np.ndarray, components: np.ndarray, shares: np.ndarray) -> None:
        super().__init__(None)
        self.mean, self.components, self.shares = mean, components, shares
        self._weights = np.array(components.T, order="C")  # one layout, so that a stored one gives the same bits

    @classmethod
    def fit(cls, step: Pca, X: np.ndarray, columns: list[str], learning: Learning) -> FittedPca:
        """Find the components; see `FittedStep.fit`. Refuses missing values, and rows that are all equal."""
        from sklearn.decomposition import PCA

        missing = ~np.isfinite(X).all(axis=0)
        if missing.any():
            names = list(dict.fromkeys(name for name, some in zip(columns, missing, strict=True) if some))
            raise RecipeError(
                f"pca: column {listed(names)} has missing values in the training rows, needed none. "
                "Put an impute step in front of this one."
            )
        wanted = step.variance if step.n_components is None else min(step.n_components, *X.shape)
        fitted = None
        if (X != X[0]).any():
            with np.errstate(all="ignore"):
                fitted = PCA(n_components=wanted, random_state=learning.seed).fit(X)
        # Where values differ by less than their squares can show, there is no variance to have a share of.
        if fitted is None or not np.isfinite(fitted.explained_variance_ratio_).all():
            raise RecipeError(
                f"pca: all training rows are equal in the {len(columns):,} features, needed different ones. "
                "Look at the steps in front of this one."
            )
        return cls(fitted.mean_, fitted.components_, fitted.explained_variance_ratio_)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Subtract the mean first, which keeps more digits than scikit-learn's order does."""
        with np.errstate(all="ignore"):
            centred = np.where(np.abs(X) <= _LARGEST_NUMBER, X - self.mean, 0.0)
            return np.asarray(centred @ self._weights)

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Subtract the mean and multiply."""
        usable = graph.node("LessOrEqual", graph.node("Abs", tensor), number(graph, _LARGEST_NUMBER))
        centred = graph.node("Sub", tensor, graph.constant(self.mean))
        centred = graph.node("Where", usable, centred, number(graph, 0.0))
        return str(graph.node("MatMul", centred, graph.constant(self._weights)))

    def feature_names(self, names: list[str]) -> list[str]:
        """Give each component its number, and a name that no feature going in has: that would mean that it stays."""
        prefix = "pca"
        while any(name.startswith(f"{prefix}_") for name in names):
            prefix += "_"
        return [f"{prefix}_{place}" for place in range(1, len(self.components) + 1)]

    def to_dict(self) -> dict[str, Any]:
        """Give mean, components, and the share of variance of each."""
        return {"mean": self.mean.tolist(), "components": self.components.tolist(), "shares": self.shares.tolist()}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedPca:
        """Read mean and components."""
        return cls(*(np.array(document[key], dtype=np.float64) for key in ("mean", "components", "shares")))
