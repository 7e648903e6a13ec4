"""Keras networks as ONNX nodes.

A stack of dense layers is written here, in milliseconds. Any other network goes through Keras' own export, which needs
tf2onnx, takes seconds, and fails on `gelu` (its `Erfc` has no ONNX operator in tf2onnx 1.17).
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable
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
    answers = _emit_layers(graph, rows, network) if _is_known(network) else _emit_export(graph, rows, network)
    values = graph.cast(answers, "double")
    if task == "regression":
        mean, std = (graph.constant(np.array([[value]], dtype=np.float64)) for value in scale)
        return str(graph.node("Add", graph.node("Mul", values, std), mean))
    return emit_pair(graph, values) if network.output_shape[-1] == 1 else values


def _is_known(network: keras.Model) -> bool:
    return all(
        type(layer).__name__ in _EMITTERS and _activation(layer) in _KNOWN and len(layer._inbound_nodes) == 1
        for layer in network.layers
        if type(layer).__name__ != "InputLayer"
    )


def _activation(layer: Any) -> str:
    activation = getattr(layer, "activation", "linear")
    return str(getattr(activation, "__name__", activation))


def _emit_layers(graph: GraphBuilder, rows: str, network: keras.Model) -> str:
    """Add the layers one by one; Keras lists them so that each comes after those that it reads."""
    tensors = {id(network.inputs[0]): rows}
    for layer in network.layers:
        name = type(layer).__name__
        if name != "InputLayer":
            read = layer.input if isinstance(layer.input, list) else [layer.input]
            tensors[id(layer.output)] = _EMITTERS[name](graph, layer, [tensors[id(tensor)] for tensor in read])
    return tensors[id(network.outputs[0])]


def _constant(graph: GraphBuilder, value: Any) -> str:
    return graph.constant(np.asarray(value, dtype=np.float32))


def _emit_dense(graph: GraphBuilder, layer: Any, inputs: list[str]) -> str:
    rows = graph.node("MatMul", inputs[0], _constant(graph, layer.kernel))
    if layer.use_bias:
        rows = graph.node("Add", rows, _constant(graph, layer.bias))
    return _emit_activation(graph, rows, _activation(layer))


def _emit_batch_normalization(graph: GraphBuilder, layer: Any, inputs: list[str]) -> str:
    # Outside of training its means and variances are constants, and all of it is one line a unit.
    scale = np.asarray(layer.gamma) / np.sqrt(np.asarray(layer.moving_variance) + np.float32(layer.epsilon))
    offset = np.asarray(layer.beta) - np.asarray(layer.moving_mean) * scale
    return str(graph.node("Add", graph.node("Mul", inputs[0], _constant(graph, scale)), _constant(graph, offset)))


def _emit_layer_normalization(graph: GraphBuilder, layer: Any, inputs: list[str]) -> str:
    centred = graph.node("Sub", inputs[0], graph.node("ReduceMean", inputs[0], axes=[1], keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), axes=[1], keepdims=1)
    spread = graph.node("Sqrt", graph.node("Add", variance, _constant(graph, layer.epsilon)))
    scaled = graph.node("Mul", graph.node("Div", centred, spread), _constant(graph, layer.gamma))
    return str(graph.node("Add", scaled, _constant(graph, layer.beta)))


def _emit_categories(graph: GraphBuilder, layer: Any, inputs: list[str]) -> str:
    codes = graph.node("Add", graph.gather(inputs[0], layer.places), _constant(graph, 1.0))
    slots = graph.node("Min", graph.node("Max", codes, _constant(graph, 0.0)), _constant(graph, layer.counts))
    rows = graph.node("Add", graph.cast(slots, "int64"), graph.constant(layer.starts.astype(np.int64)))
    vectors = graph.node("Gather", _constant(graph, layer.table), rows, axis=0)
    width = np.array([-1, len(layer.places) * layer.size], dtype=np.int64)
    flat = str(graph.node("Reshape", vectors, graph.constant(width)))
    return graph.hstack([graph.gather(inputs[0], layer.numbers), flat]) if layer.numbers else flat


_EMITTERS: dict[str, Callable[[Any, Any, list[str]], str]] = {
    "Activation": lambda graph, layer, inputs: _emit_activation(graph, inputs[0], _activation(layer)),
    "Add": lambda graph, _layer, inputs: str(graph.node("Sum", *inputs)),
    "BatchNormalization": _emit_batch_normalization,
    "CategoryEmbedding": _emit_categories,
    "Dense": _emit_dense,
    "Dropout": lambda _graph, _layer, inputs: inputs[0],  # does nothing outside of training
    "LayerNormalization": _emit_layer_normalization,
}


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
