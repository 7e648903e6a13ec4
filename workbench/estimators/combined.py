"""Several finished models as one: their mean, or what a small model learned of whom to trust."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.data.spec import Task
from workbench.errors import PackageError
from workbench.estimators.native import NativeModel

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

SMALLEST = 1e-6  # of a probability, before its logarithm is taken


class CombinedModel(NativeModel):
    """Models over features that stand side by side.

    Parameters
    ----------
    members : sequence of NativeModel
    widths : sequence of int
        Features of each member.
    weights : ndarray of shape (n_members * n_outputs, n_outputs), optional
        Of stacking: what each answer of each member adds to each output, with `bias` of shape (n_outputs,). The
        members' mean is the answer where there are none. An answer is the logarithm of a probability, or a value.
    unseen : sequence of int
        Of stacking: indices of classes that it couldn't learn about. They keep the members' mean probability.
    """

    engine: ClassVar[str] = "combined"

    def __init__(
        self,
        members: Sequence[NativeModel],
        widths: Sequence[int],
        *,
        task: Task,
        classes: list[str | int] | None,
        weights: np.ndarray | None = None,
        bias: np.ndarray | None = None,
        unseen: Sequence[int] = (),
    ) -> None:
        super().__init__(task=task, classes=classes, n_features=sum(widths))
        self.members, self.widths = list(members), list(widths)
        self.weights = None if weights is None else np.asarray(weights, dtype=np.float64)
        self.bias = None if bias is None else np.asarray(bias, dtype=np.float64)
        self.unseen = tuple(unseen)

    def _slices(self) -> list[tuple[int, int]]:
        ends = np.cumsum(self.widths)
        return list(zip((ends - self.widths).tolist(), ends.tolist(), strict=True))

    def _scores(self, X: np.ndarray) -> np.ndarray:
        answers = [
            member.scores(X[:, start:stop]) for member, (start, stop) in zip(self.members, self._slices(), strict=True)
        ]
        return combine(answers, self.task, self.weights, self.bias, self.unseen)

    def _emit(self, graph: GraphBuilder, features: str) -> str:
        answers = [
            member.emit(graph, graph.gather(features, range(start, stop)))
            for member, (start, stop) in zip(self.members, self._slices(), strict=True)
        ]
        if self.weights is None or self.bias is None:
            return _emit_mean(graph, answers)
        mean = _emit_mean(graph, answers) if self.unseen else ""
        if self.task == "classification":
            smallest = graph.constant(np.array(SMALLEST))
            answers = [str(graph.node("Log", graph.node("Max", answer, smallest))) for answer in answers]
        joined = graph.node("MatMul", graph.hstack(answers), graph.constant(self.weights))
        raw = graph.node("Add", joined, graph.constant(self.bias[None]))
        if self.task == "regression":
            return str(raw)
        learned = str(graph.node("Softmax", raw, axis=1))
        if not self.unseen:
            return learned
        kept = graph.node("Mul", mean, graph.constant(_mask(self.unseen, self.n_classes)))
        every = graph.constant(np.ones((self.n_classes, self.n_classes)))
        rest = graph.node("Sub", graph.constant(np.array([[1.0]])), graph.node("MatMul", kept, every))
        return str(graph.node("Add", kept, graph.node("Mul", learned, rest)))

    def _save(self, folder: Path) -> dict[str, Any]:
        for number, member in enumerate(self.members):
            member.save(folder / f"member_{number}")
        return {
            "widths": self.widths,
            "weights": None if self.weights is None else self.weights.tolist(),
            "bias": None if self.bias is None else self.bias.tolist(),
            "unseen": list(self.unseen),
        }

    @classmethod
    def _load(cls, folder: Path, common: dict[str, Any], document: dict[str, Any]) -> CombinedModel:
        from workbench.estimators.models import load_model

        try:
            widths = [int(width) for width in document["widths"]]
            return cls(
                [load_model(folder / f"member_{number}") for number in range(len(widths))],
                widths,
                task=common["task"],
                classes=common["classes"],
                weights=document["weights"],
                bias=document["bias"],
                unseen=[int(label) for label in document.get("unseen", ())],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PackageError(
                f"Got {folder}, needed a combined model ({error!r}). Build the package again."
            ) from error


def _mask(labels: Sequence[int], n_classes: int) -> np.ndarray:
    return np.isin(np.arange(n_classes), labels).astype(np.float64)[None, :]


def _emit_mean(graph: GraphBuilder, answers: Sequence[str]) -> str:
    total = answers[0]
    for answer in answers[1:]:
        total = graph.node("Add", total, answer)
    return str(graph.node("Div", total, graph.constant(np.array([[float(len(answers))]]))))


def combine(
    answers: Sequence[np.ndarray],
    task: Task,
    weights: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    unseen: Sequence[int] = (),
) -> np.ndarray:
    """Give the combined answer to those of the members.

    Parameters
    ----------
    answers : sequence of ndarray of shape (n_rows, n_classes) or (n_rows, 1)
    task : {"classification", "regression"}
    weights, bias : ndarray, optional
    unseen : sequence of int
        As `CombinedModel` takes them.

    Examples
    --------
    >>> combine([np.array([[0.2, 0.8]]), np.array([[0.4, 0.6]])], "classification").round(2).tolist()
    [[0.3, 0.7]]
    """
    if weights is None or bias is None:
        return _mean(answers)
    raw = taken(answers, task) @ weights + bias
    if task == "regression":
        return np.asarray(raw)
    shares = np.exp(raw - raw.max(axis=1, keepdims=True))
    learned = shares / shares.sum(axis=1, keepdims=True)
    if not unseen:
        return np.asarray(learned)
    kept = _mean(answers) * _mask(unseen, learned.shape[1])
    return np.asarray(kept + learned * (1.0 - kept.sum(axis=1, keepdims=True)))


def _mean(answers: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(sum(answers[1:], start=np.asarray(answers[0], dtype=np.float64)) / len(answers))


def taken(answers: Sequence[np.ndarray], task: Task) -> np.ndarray:
    """Give what a combination learns from: the members' answers side by side, probabilities as logarithms."""
    joined = np.hstack(list(answers))
    return np.log(np.maximum(joined, SMALLEST)) if task == "classification" else joined
