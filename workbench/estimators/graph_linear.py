"""Linear models and the baseline as ONNX nodes, in double throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.spec import Task

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder


def emit_linear(graph: GraphBuilder, features: str, estimator: Any, task: Task) -> str:
    """Add a fitted linear or logistic regression; give values [N, 1] or probabilities [N, k]."""
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T
    intercept = np.asarray(estimator.intercept_, dtype=np.float64).reshape(1, -1)
    raw = graph.node("Add", graph.node("MatMul", features, graph.constant(weights)), graph.constant(intercept))
    return raw if task == "regression" else emit_link(graph, raw, weights.shape[1])


def emit_link(graph: GraphBuilder, raw: str, n_outputs: int) -> str:
    """Turn log-odds [N, 1] or logits [N, k] into probabilities."""
    if n_outputs > 1:
        return str(graph.node("Softmax", raw, axis=1))
    return emit_pair(graph, graph.node("Sigmoid", raw))


def emit_pair(graph: GraphBuilder, second: str) -> str:
    """Give both probabilities of two classes [N, 2] from that of the second one [N, 1]."""
    first = graph.node("Sub", graph.constant(np.array([[1.0]])), second)
    return str(graph.node("Concat", first, second, axis=1))


def emit_constant(graph: GraphBuilder, features: str, estimator: Any, task: Task) -> str:
    """Add a baseline: one row of probabilities or one value, repeated for each row."""
    answer = estimator.class_prior_ if task == "classification" else estimator.constant_
    row = np.asarray(answer, dtype=np.float64).reshape(1, -1)
    # Only the number of rows is read from the features: multiplying them by 0 would let a missing value through.
    n_rows = graph.node("Shape", features, start=0, end=1)
    shape = graph.node("Concat", n_rows, graph.constant(np.array([row.shape[1]], dtype=np.int64)), axis=0)
    return str(graph.node("Expand", graph.constant(row), shape))
