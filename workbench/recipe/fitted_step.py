"""What every learned step does once it is fitted: transform rows, write its graph, store itself as plain values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from workbench.graph import GraphBuilder

InputType = Literal["number", "string"]


@dataclass(frozen=True)
class Learning:
    """What a learned step may learn from beside its columns.

    Parameters
    ----------
    y : ndarray of shape (n_rows,), optional
        Class indices (int64) or values (float64) of the training rows; None in a preview without a target.
    task : {"classification", "regression"}, optional
    seed : int
    classes : tuple, optional
        The class that each index stands for; names features of a step that gives one for each class.
    orders : mapping of str to tuple of str
        Words of ordered categories, the lowest first, for each column that is one.
    """

    y: np.ndarray | None = None
    task: Literal["classification", "regression"] | None = None
    seed: int = 0
    classes: tuple[str | int, ...] = ()
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class FittedStep(ABC):
    """A step fitted on training columns of one type; `transformer` is the scikit-learn transformer behind it.

    A new learned step is one subclass, registered in `workbench.recipe.families`. Its graph computes in double what
    `transformer` computes, operation by operation, so that both give the same bits.
    """

    name: ClassVar[str]
    needs_target: ClassVar[bool] = False
    joins: ClassVar[bool] = False  # takes all its columns' features as one matrix and answers with features of its own

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer

    @classmethod
    @abstractmethod
    def fit(cls, step: Any, X: np.ndarray, columns: list[str], learning: Learning) -> FittedStep:
        """Learn from training rows.

        Parameters
        ----------
        step : Step
        X : ndarray of shape (n_rows, n_columns)
            float64 with NaN for missing, or objects (str) with ``""`` for missing.
        columns : list of str, of length n_columns
            Their names, for messages.
        learning : Learning
            Target, task and seed, for steps that need them.

        Raises
        ------
        RecipeError
            If a column can't be learned from.
        """

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Apply what was learned.

        Infinite values can only come from overflow here and are passed on, as in the graph; scikit-learn would raise.
        """
        import sklearn

        with sklearn.config_context(assume_finite=True), np.errstate(all="ignore"):
            return np.asarray(self.transformer.transform(X))

    def fitted_values(self, X: np.ndarray) -> np.ndarray:
        """Give the training rows' values right after `fit`: cross-fitted where a row must not see its own answer."""
        return self.transform(X)

    @abstractmethod
    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Add the nodes that compute `transform` and return their tensor."""

    def labels(self) -> list[list[str]] | None:
        """Give the labels of the features that replace each column; None where each column stays one."""
        return None

    def feature_names(self, names: list[str]) -> list[str]:
        """Name the features of a step that joins, given the names of those it takes.

        Names that it keeps mean that the feature is passed on as it is; all others are new, and come from all of them.
        """
        return names

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Give what was learned as plain values."""

    @classmethod
    @abstractmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedStep:
        """Rebuild the transformer through scikit-learn's public interface: nothing stored is ever executed."""


def listed(names: list[str], limit: int = 5) -> str:
    """Write names for a message, the first few only.

    Examples
    --------
    >>> listed(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(repr(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
