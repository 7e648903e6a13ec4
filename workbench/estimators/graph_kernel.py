"""Support vector machines as ONNX nodes in double, a block of support vectors at a time.

ONNX has an operator for them, but it computes in float32.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.spec import Task
from workbench.errors import ConversionError
from workbench.estimators.graph_linear import emit_pair

if TYPE_CHECKING:
    from workbench.estimators.support_vectors import SupportVectors
    from workbench.graph import GraphBuilder

_BLOCK = 2_048  # support vectors that rows are compared with at a time: 8,192 rows then take 134 MB


def emit_support_vectors(graph: GraphBuilder, features: str, estimator: SupportVectors, task: Task) -> str:
    """Add a fitted machine; give values [N, 1] or probabilities [N, k]."""
    machine = estimator.machine_
    raw = _decision(graph, features, machine)
    if task == "regression":
        scaled = graph.node("Mul", raw, graph.constant(np.array([[estimator.std_]])))
        return str(graph.node("Add", scaled, graph.constant(np.array([[estimator.mean_]]))))
    if len(estimator.classes_) > 2:
        raw = _one_against_rest(graph, raw, len(estimator.classes_))
    raw = graph.node("Mul", raw, graph.constant(estimator.slopes_[None, :]))
    p = graph.node("Sigmoid", graph.node("Add", raw, graph.constant(estimator.offsets_[None, :])))
    return emit_pair(graph, p) if len(estimator.classes_) == 2 else emit_shares(graph, p, len(estimator.classes_))


def emit_shares(graph: GraphBuilder, values: str, n_columns: int) -> str:
    """Scale each row to a sum of 1; a row of zeros becomes equal shares."""
    total = graph.node("ReduceSum", values, graph.constant(np.array([1], dtype=np.int64)), keepdims=1)
    some = graph.node("Greater", total, graph.constant(np.array([[0.0]])))
    above = graph.node("Where", some, values, graph.constant(np.array([[1.0]])))
    return str(
        graph.node("Div", above, graph.node("Where", some, total, graph.constant(np.array([[float(n_columns)]]))))
    )


def _decision(graph: GraphBuilder, features: str, machine: Any) -> str:
    """Give what libsvm decides by: one column a pair of classes, or the value."""
    vectors = np.asarray(machine.support_vectors_, dtype=np.float64)
    weights = _pair_weights(machine)
    offsets = np.asarray(machine.intercept_, dtype=np.float64).reshape(1, -1)
    if len(vectors) == 0:  # every row within the band: the answer is the same everywhere
        weights, vectors = np.zeros((1, offsets.shape[1])), np.zeros((1, machine.shape_fit_[1]))
    if machine.kernel == "poly":
        # Not in the graph: ONNX Runtime would fuse a factor beside a MatMul into it, and keep it in float32.
        vectors = vectors * float(machine._gamma)
    if machine.kernel == "linear":
        raw = graph.node("MatMul", features, graph.constant(vectors.T @ weights))
    elif len(vectors) <= _BLOCK:
        similar = _kernel(graph.node, graph.constant, features, vectors, machine)
        raw = graph.node("MatMul", similar, graph.constant(weights))
    else:
        raw = _scanned(graph, features, vectors, weights, machine)
    return str(graph.node("Add", raw, graph.constant(offsets)))


def _pair_weights(machine: Any) -> np.ndarray:
    """Give how much each support vector counts in each decision, of shape (n_vectors, n_pairs).

    libsvm stores for each vector its weight against every other class, in the order of the classes.
    """
    dual = np.asarray(machine.dual_coef_, dtype=np.float64)
    if not hasattr(machine, "classes_") or len(machine.classes_) == 2:
        return dual.T
    n_classes = len(machine.classes_)
    bounds = np.concatenate([[0], np.cumsum(machine._n_support)])
    pairs = list(combinations(range(n_classes), 2))
    weights = np.zeros((dual.shape[1], len(pairs)))
    for column, (first, second) in enumerate(pairs):
        ours, theirs = slice(bounds[first], bounds[first + 1]), slice(bounds[second], bounds[second + 1])
        weights[ours, column] = dual[second - 1, ours]
        weights[theirs, column] = dual[first, theirs]
    return weights


def _kernel(node: Any, constant: Any, rows: str, vectors: np.ndarray | str, machine: Any) -> str:
    """Compare rows [N, d] with support vectors; `vectors` is an array [m, d], or a tensor of one block."""
    tensor = constant(vectors) if isinstance(vectors, np.ndarray) else vectors
    product = node("MatMul", rows, node("Transpose", tensor, perm=[1, 0]))
    if machine.kernel == "poly":
        inner = node("Add", product, constant(np.array(float(machine.coef0))))
        return str(node("Pow", inner, constant(np.array(float(machine.degree)))))
    if machine.kernel != "rbf":
        raise ConversionError(f"Got the kernel {machine.kernel!r}, which has no graph. The native model is used.")
    columns = constant(np.array([1], dtype=np.int64))
    own = node("ReduceSum", node("Mul", rows, rows), columns, keepdims=1)
    theirs = node("Transpose", node("ReduceSum", node("Mul", tensor, tensor), columns, keepdims=1), perm=[1, 0])
    twice = node("Mul", product, constant(np.array(2.0)))
    distance = node("Relu", node("Sub", node("Add", own, theirs), twice))  # rounding may leave it below 0
    return str(node("Exp", node("Mul", distance, constant(np.array(-float(machine._gamma))))))


def _scanned(graph: GraphBuilder, features: str, vectors: np.ndarray, weights: np.ndarray, machine: Any) -> str:
    """Add up the blocks one after the other, so that memory doesn't grow with the number of support vectors."""
    from onnx import TensorProto, helper, numpy_helper

    n_blocks = -(-len(vectors) // _BLOCK)
    short = n_blocks * _BLOCK - len(vectors)
    blocks = np.pad(vectors, ((0, short), (0, 0))).reshape(n_blocks, _BLOCK, -1)
    counts = np.pad(weights, ((0, short), (0, 0))).reshape(n_blocks, _BLOCK, -1)
    nodes: list[Any] = []
    stored: list[Any] = []

    def node(op_type: str, *inputs: str, **attributes: Any) -> str:
        name = f"scan/{op_type}:{len(nodes)}"
        nodes.append(helper.make_node(op_type, list(inputs), [name], name=name, **attributes))
        return name

    def constant(array: np.ndarray) -> str:
        name = f"scan/constant:{len(stored)}"
        stored.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    similar = _kernel(node, constant, "scan/rows", "scan/block", machine)
    total = node("Add", "scan/sum", node("MatMul", similar, "scan/counts"))
    same = node("Identity", "scan/rows")
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, None])
        for name in ("scan/rows", "scan/sum", "scan/block", "scan/counts")
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, None]) for name in (same, total)]
    body = helper.make_graph(nodes, "blocks", inputs, outputs, stored)
    start = graph.node("MatMul", features, graph.constant(np.zeros((vectors.shape[1], weights.shape[1]))))
    _rows, summed = graph.node(
        "Scan", features, start, graph.constant(blocks), graph.constant(counts), n_outputs=2, body=body,
        num_scan_inputs=2,
    )  # fmt: skip
    return str(summed)


def _one_against_rest(graph: GraphBuilder, raw: str, n_classes: int) -> str:
    """Turn the decisions of all pairs into one margin a class, as scikit-learn does: votes, and confidence for ties."""
    pairs = list(combinations(range(n_classes), 2))
    first, second = np.zeros((len(pairs), n_classes)), np.zeros((len(pairs), n_classes))
    for row, (one, other) in enumerate(pairs):
        first[row, one] = second[row, other] = 1.0
    # libsvm's decision is above 0 for the first class of a pair.
    for_second = graph.cast(graph.node("Less", raw, graph.constant(np.array(0.0))), "double")
    for_first = graph.node("Sub", graph.constant(np.array(1.0)), for_second)
    votes = graph.node(
        "Add",
        graph.node("MatMul", for_first, graph.constant(first)),
        graph.node("MatMul", for_second, graph.constant(second)),
    )
    confidence = graph.node("MatMul", raw, graph.constant(first - second))
    bound = graph.node("Add", graph.node("Abs", confidence), graph.constant(np.array(1.0)))
    bent = graph.node("Div", confidence, graph.node("Mul", bound, graph.constant(np.array(3.0))))
    return str(graph.node("Add", votes, bent))
