"""Arithmetic in double that ONNX has no operator for, written with those that it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.graph.builder import ML_DOMAIN, GraphBuilder

_BRANCH_LESS = 1  # of TreeEnsemble's node modes
_SUM = 1  # of TreeEnsemble's aggregate functions


def bucket(graph: GraphBuilder, tensor: str, thresholds: Sequence[np.ndarray]) -> str:
    """Count, for each column, the thresholds that a value reaches (threshold <= value).

    One search tree a column, so that thousands of thresholds cost a dozen comparisons. NaN reaches all.

    Parameters
    ----------
    graph : GraphBuilder
    tensor : str
        Of shape [N, n_columns], double.
    thresholds : sequence of ndarray, of length n_columns
        Each in strictly rising order.

    Returns
    -------
    str
        Tensor of shape [N, n_columns], double whole numbers.
    """
    from onnx import numpy_helper

    trees = _SearchTrees()
    for column, values in enumerate(thresholds):
        # A tree needs a node, which nothing reaches where there is no threshold.
        trees.add(column, values if len(values) else np.array([np.inf]))
    attributes: dict[str, Any] = {
        "nodes_featureids": trees.columns,
        "nodes_splits": numpy_helper.from_array(np.array(trees.splits, dtype=np.float64)),
        "nodes_modes": numpy_helper.from_array(np.full(len(trees.columns), _BRANCH_LESS, dtype=np.uint8)),
        "nodes_truenodeids": trees.below,
        "nodes_trueleafs": trees.below_is_leaf,
        "nodes_falsenodeids": trees.above,
        "nodes_falseleafs": trees.above_is_leaf,
        "leaf_targetids": trees.leaf_columns,
        "leaf_weights": numpy_helper.from_array(np.array(trees.leaf_values, dtype=np.float64)),
        "tree_roots": trees.roots,
        "n_targets": len(thresholds),
        "aggregate_function": _SUM,
        "post_transform": 0,
    }
    return str(graph.node("TreeEnsemble", tensor, domain=ML_DOMAIN, **attributes))


class _SearchTrees:
    """The node and leaf lists of one `TreeEnsemble`, a balanced tree for each column."""

    def __init__(self) -> None:
        self.columns: list[int] = []
        self.splits: list[float] = []
        self.below: list[int] = []
        self.below_is_leaf: list[int] = []
        self.above: list[int] = []
        self.above_is_leaf: list[int] = []
        self.leaf_columns: list[int] = []
        self.leaf_values: list[float] = []
        self.roots: list[int] = []

    def add(self, column: int, thresholds: np.ndarray) -> None:
        self.roots.append(len(self.columns))
        self._grow(column, thresholds, 0, len(thresholds))

    def _grow(self, column: int, thresholds: np.ndarray, low: int, high: int) -> tuple[int, int]:
        if low == high:
            self.leaf_columns.append(column)
            self.leaf_values.append(float(low))
            return len(self.leaf_values) - 1, 1
        middle, node = (low + high + 1) // 2, len(self.columns)
        self.columns.append(column)
        self.splits.append(float(thresholds[middle - 1]))
        for place in (self.below, self.below_is_leaf, self.above, self.above_is_leaf):
            place.append(0)
        self.below[node], self.below_is_leaf[node] = self._grow(column, thresholds, low, middle - 1)
        self.above[node], self.above_is_leaf[node] = self._grow(column, thresholds, middle, high)
        return node, 0


def number(graph: GraphBuilder, value: float) -> str:
    """Store one double."""
    return graph.constant(np.array(value, dtype=np.float64))


def sum_in_pairs(values: np.ndarray) -> np.ndarray:
    """Sum each row of an array, halves onto halves: the one order that a graph can follow to the last bit.

    NumPy's own sum and ONNX Runtime's add in orders of their own, which differ from machine to machine.

    Returns
    -------
    ndarray of shape (n_rows, 1)
    """
    width = 1 << max(0, values.shape[1] - 1).bit_length()
    total = np.zeros((len(values), width))
    total[:, : values.shape[1]] = values
    while width > 1:
        width //= 2
        total = total[:, :width] + total[:, width:]
    return total


def emit_sum_in_pairs(graph: GraphBuilder, tensor: str, n_columns: int) -> str:
    """Add the graph of `sum_in_pairs` over a tensor of shape [N, n_columns]; gives [N, 1]."""
    width = 1 << max(0, n_columns - 1).bit_length()
    if width > n_columns:
        pads = graph.constant(np.array([0, 0, 0, width - n_columns], dtype=np.int64))
        tensor = graph.node("Pad", tensor, pads, number(graph, 0.0))
    while width > 1:
        width //= 2
        tensor = graph.node("Add", *graph.node("Split", tensor, axis=1, n_outputs=2))
    return tensor


def log1p(graph: GraphBuilder, tensor: str) -> str:
    """Compute log(1 + x) for x >= 0 without losing the digits of small x.

    Source: Goldberg, What every computer scientist should know about floating-point arithmetic, ACM Computing Surveys
    23, 1991, theorem 4.
    """
    one = number(graph, 1.0)
    sum_ = graph.node("Add", tensor, one)
    plain = graph.node("Log", sum_)
    corrected = graph.node("Div", graph.node("Mul", tensor, plain), graph.node("Sub", sum_, one))
    # Below half an epsilon the sum is 1, where log(1 + x) is x; large sums need no correction and could overflow in it.
    small = graph.node("Where", graph.node("Equal", sum_, one), tensor, corrected)
    return str(graph.node("Where", graph.node("Less", tensor, one), small, plain))


def expm1(graph: GraphBuilder, tensor: str) -> str:
    """Compute exp(x) - 1 without losing the digits of small x.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, SIAM 2002, section 1.14.1.
    """
    one = number(graph, 1.0)
    power = graph.node("Exp", tensor)
    plain = graph.node("Sub", power, one)
    corrected = graph.node("Div", graph.node("Mul", plain, tensor), graph.node("Log", power))
    small = graph.node("Where", graph.node("Equal", power, one), tensor, corrected)
    return str(graph.node("Where", graph.node("Less", graph.node("Abs", tensor), one), small, plain))


def at_least(graph: GraphBuilder, tensor: str, bound: str) -> str:
    """Replace what is below the bound by the bound; NaN stays."""
    return str(graph.node("Where", graph.node("Less", tensor, bound), bound, tensor))


def at_most(graph: GraphBuilder, tensor: str, bound: str) -> str:
    """Replace what is above the bound by the bound; NaN stays."""
    return str(graph.node("Where", graph.node("Less", bound, tensor), bound, tensor))
