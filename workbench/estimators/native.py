"""One face for a trained model, whichever library trained it: predict, become part of a graph, be stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.data.spec import Task
from workbench.errors import ConversionError
from workbench.estimators.scaling import Scaling
from workbench.storage import write_json

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

FORMAT = 1
FORMAT_WITH_SCALING = 2  # an earlier workbench would pass over it, and answer wrongly
DESCRIPTION = "model.json"

# Two classes whose probabilities agree to this many decimals are tied, and the first one wins. Sums of many trees
# carry rounding noise of 1e-16 that depends on their order: without this rule graph and model would break ties apart.
TIE_DECIMALS = 9


def pick_class(probabilities: np.ndarray) -> np.ndarray:
    """Give the index of the most probable class of each row; the first one where classes are tied.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)

    Returns
    -------
    ndarray of int64 of shape (n_rows,)

    Examples
    --------
    >>> pick_class(np.array([[0.5 - 1e-16, 0.5 + 1e-16], [0.2, 0.8]])).tolist()
    [0, 1]
    """
    picked: np.ndarray = np.argmax(np.round(probabilities, TIE_DECIMALS), axis=1)
    return picked


def missing_fill(X: np.ndarray) -> np.ndarray:
    """Give the median of each column, 0 for a column without any value.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Transformed training rows; missing is NaN.
    """
    fill = np.zeros(X.shape[1])
    some = ~np.isnan(X).all(axis=0)
    if some.any():
        fill[some] = np.nanmedian(X[:, some], axis=0)
    return fill


class NativeModel(ABC):
    """A trained model over transformed rows.

    Parameters
    ----------
    task : {"classification", "regression"}
    classes : list of str or int, optional
        The labels behind the class indices; None for regression.
    n_features : int
    fill : ndarray of shape (n_features,), optional
        What stands for a missing value of each feature. Given for models that take none, so that a request with a gap
        that no impute step fills still gets an answer. None where the model takes missing values itself.
    """

    engine: ClassVar[str]

    def __init__(
        self, *, task: Task, classes: list[str | int] | None, n_features: int, fill: np.ndarray | None = None
    ) -> None:
        self.task: Task = task
        self.classes = list(classes) if classes is not None else None
        self.n_features = n_features
        self.fill = None if fill is None else np.asarray(fill, dtype=np.float64)
        self.scaling: Scaling | None = None  # how rows are moved once gaps are filled, and answers behind

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for regression."""
        return len(self.classes or ())

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Give what the graph gives: probabilities (n_rows, n_classes), or values (n_rows, 1)."""
        rows = self._filled(np.asarray(X, dtype=np.float64))
        if self.scaling is None:
            return self._scores(rows)
        return self.scaling.values(self._scores(self.scaling.rows(rows)))

    def seen(self, X: np.ndarray) -> np.ndarray:
        """Give rows as the estimator itself sees them: gaps filled where it takes none, and moved where it must be."""
        rows = self._filled(np.asarray(X, dtype=np.float64))
        return rows if self.scaling is None else self.scaling.rows(rows)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Give the probability of each class, of shape (n_rows, n_classes), in double."""
        if self.task != "classification":
            raise TypeError("Got predict_proba on a regression model, which has no classes. Call predict.")
        return self.scores(X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Give class indices (int64) or values (float64), of shape (n_rows,)."""
        scores = self.scores(X)
        return pick_class(scores) if self.task == "classification" else scores[:, 0]

    def emit(self, graph: GraphBuilder, features: str) -> str:
        """Add the model to a graph.

        Parameters
        ----------
        graph : GraphBuilder
        features : str
            Tensor of shape [N, n_features], double.

        Returns
        -------
        str
            Double tensor of shape [N, n_classes] with probabilities, or [N, 1] with values.

        Raises
        ------
        ConversionError
            If there is no graph for this model.
        """
        if self.fill is not None:
            features = graph.node("Where", graph.node("IsNaN", features), graph.constant(self.fill[None, :]), features)
        try:
            if self.scaling is None:
                return self._emit(graph, features)
            return self.scaling.emit_values(graph, self._emit(graph, self.scaling.emit_rows(graph, features)))
        except ConversionError:
            raise
        except Exception as error:  # converters raise anything; the package falls back to the native model and says why
            raise ConversionError(
                f"Got {type(self).__name__} with {error!r} while writing its graph. The native model is used instead."
            ) from error

    def save(self, folder: Path) -> None:
        """Store the model in a folder, without pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {"format": FORMAT, "engine": self.engine, "task": self.task, "classes": self.classes}
        document |= {"n_features": self.n_features, "fill": self.fill, **self._save(folder)}
        if self.scaling is not None:
            document |= {"format": FORMAT_WITH_SCALING, "scaling": self.scaling.to_dict()}
        write_json(folder / DESCRIPTION, document)

    def _filled(self, X: np.ndarray) -> np.ndarray:
        if self.fill is None:
            return X
        gaps = np.isnan(X)
        return np.where(gaps, self.fill, X) if gaps.any() else X

    @abstractmethod
    def _scores(self, X: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _emit(self, graph: GraphBuilder, features: str) -> str: ...

    @abstractmethod
    def _save(self, folder: Path) -> dict[str, Any]:
        """Write the library's own file and give what must be known to read it."""
