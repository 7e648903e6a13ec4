"""Keras networks as ONNX nodes.

A stack of dense layers is written here, in milliseconds. Any other network goes through Keras' own export, which needs
tf2onnx, takes seconds, and fails on `gelu` (its `Erfc` has no ONNX operator in tf2onnx 1.17).
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.spec import Task
from workbench.errors import ConversionError
from workbench.estimators.graph_linear import emit_pair

if TYPE_CHECKING:
    import keras
    import onnx

    from workbench.graph import GraphBuilder

_SIMPLE = {
    "relu": "Relu",
    "elu": "Elu",
    "selu": "Selu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
}


def emit_network(
    graph: GraphBuilder, features: str, network: keras.Model, task: Task, scale: tuple[float, float]
) -> str:
    """Add a trained network; give probabilities [N, k] or values [N, 1], in double.

    Parameters
    ----------
    scale : tuple of float
        Mean and standard deviation that bring a regression's answers back to the target's unit.
    """
    # Keras computes in float32, and so does this part; only what comes after is double again.
    rows = graph.cast(features, "float")
    answers = _emit_stack(graph, rows, network) if _is_stack(network) else _emit_export(graph, rows, network)
    values = graph.cast(answers, "double")
    if task == "regression":
        mean, std = (graph.constant(np.array([[value]], dtype=np.float64)) for value in scale)
        return str(graph.node("Add", graph.node("Mul", values, std), mean))
    return emit_pair(graph, values) if network.output_shape[-1] == 1 else values


def _is_stack(network: keras.Model) -> bool:
    import keras

    return isinstance(network, keras.Sequential) and all(
        isinstance(layer, keras.layers.Dropout | keras.layers.InputLayer)
        or (type(layer) is keras.layers.Dense and _activation(layer) in _KNOWN)
        for layer in network.layers
    )


def _activation(layer: Any) -> str:
    return str(getattr(layer.activation, "__name__", layer.activation))


def _emit_stack(graph: GraphBuilder, rows: str, network: keras.Model) -> str:
    for layer in network.layers:
        if not hasattr(layer, "kernel"):
            continue  # dropout does nothing outside training
        kernel = np.asarray(layer.kernel, dtype=np.float32)
        rows = graph.node("MatMul", rows, graph.constant(kernel))
        if layer.use_bias:
            rows = graph.node("Add", rows, graph.constant(np.asarray(layer.bias, dtype=np.float32)))
        rows = _emit_activation(graph, rows, _activation(layer))
    return rows


def _emit_activation(graph: GraphBuilder, rows: str, name: str) -> str:
    if name == "linear":
        return rows
    if name == "softmax":
        return str(graph.node("Softmax", rows, axis=1))
    if name == "silu":
        return str(graph.node("Mul", rows, graph.node("Sigmoid", rows)))
    if name == "gelu":
        scaled = graph.node("Mul", rows, graph.constant(np.array(np.sqrt(0.5), dtype=np.float32)))
        half = graph.node("Mul", rows, graph.constant(np.array(0.5, dtype=np.float32)))
        return str(
            graph.node(
                "Mul",
                half,
                graph.node("Add", graph.node("Erf", scaled), graph.constant(np.array(1.0, dtype=np.float32))),
            )
        )
    return str(graph.node(_SIMPLE[name], rows))


_KNOWN = frozenset({"linear", "softmax", "silu", "gelu", *_SIMPLE})


def _emit_export(graph: GraphBuilder, rows: str, network: keras.Model) -> str:
    model = _export(network)
    if len(model.graph.output) != 1:
        raise ConversionError(
            f"Got a network with {len(model.graph.output)} outputs, needed one. The native model is used instead."
        )
    stored = {tensor.name for tensor in model.graph.initializer}
    names = [entry.name for entry in model.graph.input if entry.name not in stored]
    return graph.append(model, {name: rows for name in names})[0]


def _export(network: keras.Model) -> onnx.ModelProto:
    import onnx

    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # Keras patches np.object for tf2onnx, which NumPy 2 warns of; nothing that a user could mend.
            warnings.simplefilter("ignore")
            path = Path(folder) / "network.onnx"
            network(np.zeros((1, network.input_shape[-1]), dtype=np.float32))  # export refuses a network never called
            network.export(path, format="onnx", verbose=False)
            return onnx.load(path)
    finally:
        logger.setLevel(level)
