"""A classifier whose probabilities were corrected on rows that it hadn't learned from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.estimators.graph_kernel import emit_shares
from workbench.estimators.graph_linear import emit_pair
from workbench.estimators.native import NativeModel
from workbench.estimators.platt import fit_sigmoid, shares, sigmoid
from workbench.estimators.spec import Calibration
from workbench.graph.arithmetic import at_least, at_most, bucket, number
from workbench.storage import disk_errors

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

FILE = "calibration.npz"
_INNER = "model"
_SMALLEST = 1e-12  # a probability of 0 has no log-odds
_DECIMALS = 9  # probabilities nearer to one another are one step of the staircase

Arrays = dict[str, np.ndarray]


class CalibratedModel(NativeModel):
    """A trained classifier and, for each class, a curve from its probability to the corrected one.

    The corrected probabilities of a row are scaled to a sum of 1. With two classes one curve, that of the second class,
    serves both. A class that none of the rows has keeps its probability, and the others share the rest.

    Parameters
    ----------
    inner : NativeModel
        A classifier.
    method : {"sigmoid", "isotonic"}
    curves : dict of ndarray
        ``slopes`` and ``offsets`` over the log-odds, one a curve; or ``x`` and ``y``, the corners of all curves one
        after the other, and ``counts``, how many belong to each. ``unseen``: indices of the classes that keep their
        probability; none where it is absent.
    """

    engine: ClassVar[str] = "calibrated"

    def __init__(self, inner: NativeModel, *, method: Calibration, curves: Arrays) -> None:
        super().__init__(task="classification", classes=inner.classes, n_features=inner.n_features)
        self.inner, self.method, self.curves = inner, method, curves

    @classmethod
    def learn(cls, inner: NativeModel, X: np.ndarray, y: np.ndarray, *, method: Calibration) -> CalibratedModel:
        """Fit the curves.

        Parameters
        ----------
        inner : NativeModel
        X : ndarray of shape (n_rows, n_features)
            Rows that it hasn't learned from.
        y : ndarray of shape (n_rows,)
            Their class indices.
        method : {"sigmoid", "isotonic"}
            Platt's sigmoid over the log-odds, or a rising staircase with slopes (isotonic regression).
        """
        scores = inner.scores(X)
        asked = [1] if inner.n_classes == 2 else range(inner.n_classes)
        seen = np.unique(y) if len(np.unique(y)) > 1 else np.empty(0)
        if method == "sigmoid":
            found = [
                fit_sigmoid(_log_odds(scores[:, label]), y == label) if label in seen else (1.0, 0.0) for label in asked
            ]
            curves = {"slopes": np.array([a for a, _ in found]), "offsets": np.array([b for _, b in found])}
        else:
            steps = [
                _staircase(scores[:, label], y == label) if label in seen else (np.array([0.0, 1.0]),) * 2
                for label in asked
            ]
            curves = {
                "x": np.concatenate([x for x, _ in steps]),
                "y": np.concatenate([height for _, height in steps]),
                "counts": np.array([len(x) for x, _ in steps], dtype=np.int64),
            }
        curves["unseen"] = np.setdiff1d(np.arange(inner.n_classes), seen)
        return cls(inner, method=method, curves=curves)

    def _scores(self, X: np.ndarray) -> np.ndarray:
        scores = self.inner.scores(X)
        p = scores[:, 1:] if self.n_classes == 2 else scores
        if self.method == "sigmoid":
            p = sigmoid(_log_odds(p) * self.curves["slopes"] + self.curves["offsets"])
        else:
            p = np.column_stack([np.interp(p[:, i], x, y) for i, (x, y) in enumerate(self._corners())])
        if self.n_classes == 2:
            return np.hstack([1.0 - p, p])
        unseen = self._unseen()
        if not unseen.any():
            return shares(p)
        kept = scores * unseen
        return np.asarray(kept + shares((p + _SMALLEST) * ~unseen) * (1.0 - kept.sum(axis=1, keepdims=True)))

    def _emit(self, graph: GraphBuilder, features: str) -> str:
        scores = self.inner.emit(graph, features)
        p = graph.gather(scores, [1]) if self.n_classes == 2 else scores
        p = self._emit_sigmoid(graph, p) if self.method == "sigmoid" else self._emit_staircase(graph, p)
        if self.n_classes == 2:
            return emit_pair(graph, p)
        unseen = self._unseen()
        if not unseen.any():
            return emit_shares(graph, p, self.n_classes)
        kept = graph.node("Mul", scores, graph.constant(unseen.astype(np.float64)[None, :]))
        every = graph.constant(np.ones((self.n_classes, self.n_classes)))
        rest = graph.node("Sub", number(graph, 1.0), graph.node("MatMul", kept, every))
        p = graph.node("Mul", graph.node("Add", p, number(graph, _SMALLEST)), graph.constant((~unseen)[None, :] * 1.0))
        return str(graph.node("Add", kept, graph.node("Mul", emit_shares(graph, p, self.n_classes), rest)))

    def _unseen(self) -> np.ndarray:
        """Return which classes keep their probability, bool of shape (n_classes,)."""
        return np.isin(np.arange(self.n_classes), self.curves.get("unseen", ()))

    def _emit_sigmoid(self, graph: GraphBuilder, p: str) -> str:
        p = at_most(graph, at_least(graph, p, number(graph, _SMALLEST)), number(graph, 1.0 - _SMALLEST))
        odds = graph.node("Div", p, graph.node("Sub", number(graph, 1.0), p))
        bent = graph.node("Mul", graph.node("Log", odds), graph.constant(self.curves["slopes"][None, :]))
        return str(graph.node("Sigmoid", graph.node("Add", bent, graph.constant(self.curves["offsets"][None, :]))))

    def _emit_staircase(self, graph: GraphBuilder, p: str) -> str:
        """Find the corner at or below each probability, and go on from it in a straight line."""
        corners = self._corners()
        first = np.concatenate([[0], np.cumsum(self.curves["counts"])[:-1]])
        lowest, highest = np.array([[x[0] for x, _ in corners]]), np.array([[x[-1] for x, _ in corners]])
        p = at_most(graph, at_least(graph, p, graph.constant(lowest)), graph.constant(highest))
        below = graph.cast(bucket(graph, p, [x[1:] for x, _ in corners]), "int64")
        place = graph.node("Add", below, graph.constant(first[None, :].astype(np.int64)))
        slope = np.concatenate([_slopes(x, y) for x, y in corners])
        x, y, slopes = (
            graph.node("Gather", graph.constant(values), place, axis=0)
            for values in (self.curves["x"], self.curves["y"], slope)
        )
        return str(graph.node("Add", y, graph.node("Mul", slopes, graph.node("Sub", p, x))))

    def _corners(self) -> list[tuple[np.ndarray, np.ndarray]]:
        ends = np.cumsum(self.curves["counts"])[:-1]
        return list(zip(np.split(self.curves["x"], ends), np.split(self.curves["y"], ends), strict=True))

    def _save(self, folder: Path) -> dict[str, Any]:
        self.inner.save(folder / _INNER)
        path = folder / FILE
        with disk_errors(path), path.open("wb") as file:
            np.savez(file, allow_pickle=False, **self.curves)
        return {"method": self.method}

    @classmethod
    def _load(cls, folder: Path, _common: dict[str, Any], document: dict[str, Any]) -> CalibratedModel:
        from workbench.estimators.models import load_model

        with np.load(folder / FILE, allow_pickle=False) as stored:
            curves = {name: stored[name] for name in stored.files}
        return cls(load_model(folder / _INNER), method=document["method"], curves=curves)


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, _SMALLEST, 1.0 - _SMALLEST)
    odds: np.ndarray = np.log(p / (1.0 - p))
    return odds


def _staircase(p: np.ndarray, is_class: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(np.round(p, _DECIMALS), is_class.astype(np.float64))
    return np.asarray(fitted.X_thresholds_, dtype=np.float64), np.asarray(fitted.y_thresholds_, dtype=np.float64)


def _slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the slope from each corner to the next; 0 from the last one."""
    return np.append(np.diff(y) / np.diff(x), 0.0)
