"""Trees, forests and boosting as TreeEnsemble nodes, written straight from the fitted arrays.

skl2onnx walks tree by tree in Python and computes in float32. The TreeEnsemble of ai.onnx.ml 5 takes double, so what
stands here agrees with scikit-learn to the last bits, on rows that hit a threshold exactly too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.spec import Task
from workbench.errors import ConversionError
from workbench.estimators.graph_linear import emit_link, emit_pair
from workbench.graph import ML_DOMAIN

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

_SUM = 1  # TreeEnsemble's code of the aggregate function


@dataclass(frozen=True)
class Tree:
    """One binary tree as arrays over its nodes, the root first.

    Parameters
    ----------
    feature, left, right : ndarray of int of shape (n_nodes,)
        Column asked, and node for "at most `threshold`" and for "more"; `left` is negative in a leaf.
    threshold : ndarray of float64 of shape (n_nodes,)
    missing_left : ndarray of shape (n_nodes,)
        Whether a missing value goes left.
    value : ndarray of float64 of shape (n_nodes,)
        Read in the leaves only.
    target : int
        Output column that the leaves add to.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray
    target: int = 0


def emit_forest(graph: GraphBuilder, features: str, estimator: Any, task: Task) -> str:
    """Add a fitted forest or a tree alone; give the mean value [N, 1] or mean class shares [N, k] of its trees."""
    # scikit-learn rounds rows to float32 and compares them with double thresholds: so do we.
    features = graph.cast(graph.cast(features, "float"), "double")
    arrays = [fitted.tree_ for fitted in getattr(estimator, "estimators_", [estimator])]
    n_trees = graph.constant(np.array([[float(len(arrays))]]))
    n_classes = 0 if task == "regression" else len(estimator.classes_)
    if n_classes > 2:
        return str(graph.node("Div", _sum_of_leaf_rows(graph, features, arrays), n_trees))
    if n_classes == 1:
        one = graph.constant(np.array([[1.0]]))
        return str(graph.node("Expand", one, graph.node("Shape", graph.gather(features, [0]))))
    column = 1 if n_classes == 2 else 0
    values = [tree.value[:, 0, column if n_classes else 0] for tree in arrays]
    total = tree_ensemble(graph, features, [_tree(tree, value) for tree, value in zip(arrays, values, strict=True)])
    mean = str(graph.node("Div", total, n_trees))
    return emit_pair(graph, mean) if n_classes else mean


def emit_boosting(graph: GraphBuilder, features: str, estimator: Any, task: Task) -> str:
    """Add fitted histogram boosting; give values [N, 1] or probabilities [N, k]."""
    trees = []
    for predictors in estimator._predictors:
        for target, predictor in enumerate(predictors):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ConversionError(
                    "Got boosting with scikit-learn's own category splits, needed numbers only. "
                    "Encode the categories in the recipe (one_hot or ordinal)."
                )
            # Node numbers are np.uint32 here, where -1 for a leaf wouldn't fit.
            left = np.where(nodes["is_leaf"] != 0, -1, nodes["left"].astype(np.int64))
            trees.append(
                Tree(
                    nodes["feature_idx"],
                    nodes["num_threshold"],
                    left,
                    nodes["right"].astype(np.int64),
                    nodes["missing_go_to_left"],
                    nodes["value"],
                    target,
                )
            )
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(1, -1)
    n_targets = baseline.shape[1]
    start = graph.constant(baseline)
    raw = graph.node("Add", tree_ensemble(graph, features, trees, n_targets=n_targets), start)
    return raw if task == "regression" else emit_link(graph, raw, n_targets)


def emit_classic_boosting(graph: GraphBuilder, features: str, estimator: Any, task: Task) -> str:
    """Add fitted classic gradient boosting; give values [N, 1] or probabilities [N, k]."""
    from sklearn.ensemble._gb import _init_raw_predictions

    features = graph.cast(graph.cast(features, "float"), "double")
    rate = float(estimator.learning_rate)
    trees = [
        _tree(fitted.tree_, fitted.tree_.value[:, 0, 0] * rate, target)
        for row in estimator.estimators_
        for target, fitted in enumerate(row)
    ]
    n_targets = estimator.estimators_.shape[1]
    nothing = np.zeros((1, estimator.n_features_in_))
    start = _init_raw_predictions(nothing, estimator.init_, estimator._loss, task == "classification")
    total = tree_ensemble(graph, features, trees, n_targets=n_targets)
    raw = graph.node("Add", total, graph.constant(np.asarray(start, dtype=np.float64).reshape(1, -1)))
    return raw if task == "regression" else emit_link(graph, raw, n_targets)


def tree_ensemble(graph: GraphBuilder, features: str, trees: Sequence[Tree], *, n_targets: int = 1) -> str:
    """Add one TreeEnsemble node that sums the leaves that a row falls into.

    Parameters
    ----------
    features : str
        Double tensor [N, n_features].

    Returns
    -------
    str
        Double tensor [N, n_targets].
    """
    from onnx import numpy_helper

    parts = []
    n_nodes = n_leaves = 0
    roots = []
    for tree in trees:
        roots.append(n_nodes)
        part = _part(tree, n_nodes, n_leaves)
        n_nodes += len(part["nodes_splits"])
        n_leaves += len(part["leaf_weights"])
        parts.append(part)
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    attributes: dict[str, Any] = {
        "nodes_splits": numpy_helper.from_array(joined.pop("nodes_splits").astype(np.float64)),
        "leaf_weights": numpy_helper.from_array(joined.pop("leaf_weights").astype(np.float64)),
        "nodes_modes": numpy_helper.from_array(np.zeros(n_nodes, dtype=np.uint8)),  # all "at most"
    }
    attributes |= {key: values.astype(np.int64) for key, values in joined.items()}
    attributes |= {"tree_roots": roots, "n_targets": n_targets, "aggregate_function": _SUM}
    return str(graph.node("TreeEnsemble", features, domain=ML_DOMAIN, **attributes))


def _part(tree: Tree, first_node: int, first_leaf: int) -> dict[str, np.ndarray]:
    """Give the attributes of one tree; inner nodes and leaves are numbered apart, from the given numbers on."""
    is_leaf = tree.left < 0
    if is_leaf[0]:  # a single leaf is written as one question with the same leaf on both sides
        one, zero, leaf = np.ones(1), np.zeros(1), np.array([first_leaf])
        where = {"nodes_truenodeids": leaf, "nodes_falsenodeids": leaf, "nodes_trueleafs": one, "nodes_falseleafs": one}
        asked = {"nodes_featureids": zero, "nodes_splits": zero, "nodes_missing_value_tracks_true": zero}
        return where | asked | {"leaf_weights": tree.value[:1], "leaf_targetids": np.array([tree.target])}
    inner = ~is_leaf
    place = np.where(is_leaf, first_leaf + np.cumsum(is_leaf) - 1, first_node + np.cumsum(inner) - 1)
    left, right = tree.left[inner], tree.right[inner]
    return {
        "nodes_truenodeids": place[left],
        "nodes_falsenodeids": place[right],
        "nodes_trueleafs": is_leaf[left],
        "nodes_falseleafs": is_leaf[right],
        "nodes_featureids": tree.feature[inner],
        "nodes_splits": tree.threshold[inner],
        "nodes_missing_value_tracks_true": tree.missing_left[inner] != 0,
        "leaf_weights": tree.value[is_leaf],
        "leaf_targetids": np.full(int(is_leaf.sum()), tree.target),
    }


def _tree(arrays: Any, value: np.ndarray, target: int = 0) -> Tree:
    left, right = arrays.children_left, arrays.children_right
    return Tree(arrays.feature, arrays.threshold, left, right, arrays.missing_go_to_left, value, target)


def _sum_of_leaf_rows(graph: GraphBuilder, features: str, arrays: list[Any]) -> str:
    """Sum a row of class shares for each tree.

    A TreeEnsemble leaf carries one number, so the leaves carry their own number and the shares are looked up.
    """
    trees, shares, n_leaves = [], [], 0
    for position, tree in enumerate(arrays):
        is_leaf = tree.children_left < 0
        number = np.where(is_leaf, n_leaves + np.cumsum(is_leaf) - 1, 0).astype(np.float64)
        n_leaves += int(is_leaf.sum())
        shares.append(tree.value[is_leaf][:, 0, :])
        trees.append(_tree(tree, number, position))
    numbers = graph.cast(tree_ensemble(graph, features, trees, n_targets=len(trees)), "int64")
    rows = graph.node("Gather", graph.constant(np.concatenate(shares)), numbers, axis=0)
    return str(graph.node("ReduceSum", rows, graph.constant(np.array([1], dtype=np.int64)), keepdims=0))
