"""Keras networks for images as ONNX nodes, written in milliseconds; others go through Keras' own export.

Keras lays images out with channels last, ONNX with channels first. The pixels are turned once, at the start, and the
weights of a dense layer behind a flattened image are put into the other order here rather than its input on each call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.spec import Task
from workbench.errors import ConversionError
from workbench.estimators.graph_linear import emit_pair
from workbench.estimators.graph_network import _KNOWN, _activation, _emit_activation, _export

if TYPE_CHECKING:
    import keras

    from workbench.graph import GraphBuilder


def emit_image_network(
    graph: GraphBuilder, pixels: str, network: keras.Model, task: Task, scale: tuple[float, float]
) -> str:
    """Add a trained network; give probabilities [N, k] or values [N, 1], in double.

    Parameters
    ----------
    pixels : str
        Tensor [N, height, width, n_channels], uint8.
    scale : tuple of float
        Mean and standard deviation that bring a regression's answers back to the target's unit.

    Raises
    ------
    ConversionError
        If a layer has no graph form.
    """
    rows = graph.cast(pixels, "float")
    try:
        answers = _Walk(graph, network).run(rows)
    except _NoForm:
        model = _export(network)
        answers = graph.append(model, {model.graph.input[0].name: rows})[0]
    values = graph.cast(answers, "double")
    if task == "regression":
        mean, std = (graph.constant(np.array([[value]], dtype=np.float64)) for value in scale)
        return str(graph.node("Add", graph.node("Mul", values, std), mean))
    return emit_pair(graph, values) if network.output_shape[-1] == 1 else values


class _NoForm(Exception):
    """A layer that isn't written here."""


class _Walk:
    """The layers of a network in order, each as nodes that read what the layers before gave."""

    def __init__(self, graph: GraphBuilder, network: keras.Model) -> None:
        self.graph = graph
        self.network = network
        self.tensors: dict[int, str] = {}  # by identity of Keras' symbolic tensor
        self.images: dict[str, tuple[int, int, int]] = {}  # flattened tensors, with channels first: height, width, c

    def run(self, rows: str) -> str:
        layers = list(self.network.layers)
        if len(self.network.inputs) != 1 or len(self.network.outputs) != 1:
            raise ConversionError("Got a network with several inputs or outputs, needed one of each. Use one image.")
        turned = self.graph.node("Transpose", rows, perm=[0, 3, 1, 2])
        self.tensors[id(self.network.inputs[0])] = turned
        for layer in layers:
            kind = type(layer).__name__
            if kind == "InputLayer":
                continue
            if kind not in _WRITERS:
                raise _NoForm(kind)
            write = _WRITERS[kind]
            given = layer.input if isinstance(layer.input, list) else [layer.input]
            self.tensors[id(layer.output)] = write(self, layer, *[self.tensors[id(tensor)] for tensor in given])
        return self.tensors[id(self.network.outputs[0])]

    def _constant(self, array: Any) -> str:
        return self.graph.constant(np.asarray(array, dtype=np.float32))

    def _active(self, tensor: str, layer: Any) -> str:
        name = _activation(layer)
        if name not in _KNOWN or name == "softmax" and len(layer.output.shape) > 2:
            raise _NoForm(name)
        return _emit_activation(self.graph, tensor, name)

    def _rescaling(self, layer: Any, tensor: str) -> str:
        shape = (1, -1, 1, 1)
        factor, offset = (np.asarray(values, dtype=np.float32).reshape(shape) for values in (layer.scale, layer.offset))
        return str(
            self.graph.node("Add", self.graph.node("Mul", tensor, self._constant(factor)), self._constant(offset))
        )

    def _conv2d(self, layer: Any, tensor: str) -> str:
        if layer.groups != 1:
            raise _NoForm("groups")
        kernel = np.transpose(np.asarray(layer.kernel), (3, 2, 0, 1))
        inputs = [tensor, self._constant(kernel)] + ([self._constant(layer.bias)] if layer.use_bias else [])
        written = self.graph.node(
            "Conv",
            *inputs,
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.strides),
            dilations=list(layer.dilation_rate),
            auto_pad=_padding(layer),
        )
        return self._active(written, layer)

    def _batchnormalization(self, layer: Any, tensor: str) -> str:
        n = layer.moving_mean.shape[0]
        gamma = np.asarray(layer.gamma) if layer.scale else np.ones(n)
        beta = np.asarray(layer.beta) if layer.center else np.zeros(n)
        inputs = [self._constant(values) for values in (gamma, beta, layer.moving_mean, layer.moving_variance)]
        return str(self.graph.node("BatchNormalization", tensor, *inputs, epsilon=float(layer.epsilon)))

    def _maxpooling2d(self, layer: Any, tensor: str) -> str:
        return self._pooled("MaxPool", layer, tensor)

    def _averagepooling2d(self, layer: Any, tensor: str) -> str:
        return self._pooled("AveragePool", layer, tensor)

    def _pooled(self, operator: str, layer: Any, tensor: str) -> str:
        size, strides = list(layer.pool_size), list(layer.strides)
        return str(self.graph.node(operator, tensor, auto_pad=_padding(layer), kernel_shape=size, strides=strides))

    def _globalaveragepooling2d(self, layer: Any, tensor: str) -> str:
        if layer.keepdims:
            raise _NoForm("keepdims")
        axes = self.graph.constant(np.array([2, 3], dtype=np.int64))
        return str(self.graph.node("Squeeze", self.graph.node("GlobalAveragePool", tensor), axes))

    def _flatten(self, layer: Any, tensor: str) -> str:
        flat = str(self.graph.node("Flatten", tensor, axis=1))
        if len(layer.input.shape) == 4:
            self.images[flat] = tuple(layer.input.shape[1:])
        return flat

    def _dense(self, layer: Any, tensor: str) -> str:
        kernel = np.asarray(layer.kernel, dtype=np.float32)
        if tensor in self.images:
            kernel = kernel.reshape(*self.images[tensor], -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        product = self.graph.node("MatMul", tensor, self._constant(kernel))
        if layer.use_bias:
            product = self.graph.node("Add", product, self._constant(layer.bias))
        return self._active(product, layer)

    def _dropout(self, layer: Any, tensor: str) -> str:
        return tensor  # it does nothing outside training, and a flattened image stays one

    def _relu(self, layer: Any, tensor: str) -> str:
        if layer.max_value is not None or layer.negative_slope or layer.threshold:
            raise _NoForm("ReLU with a slope or bound")
        return str(self.graph.node("Relu", tensor))

    def _activation(self, layer: Any, tensor: str) -> str:
        return self._active(tensor, layer)

    def _add(self, layer: Any, *tensors: str) -> str:
        total = tensors[0]
        for tensor in tensors[1:]:
            total = self.graph.node("Add", total, tensor)
        return total


_WRITERS: dict[str, Callable[..., str]] = {
    "Activation": _Walk._activation,
    "Add": _Walk._add,
    "AveragePooling2D": _Walk._averagepooling2d,
    "BatchNormalization": _Walk._batchnormalization,
    "Conv2D": _Walk._conv2d,
    "Dense": _Walk._dense,
    "Dropout": _Walk._dropout,
    "Flatten": _Walk._flatten,
    "GlobalAveragePooling2D": _Walk._globalaveragepooling2d,
    "MaxPooling2D": _Walk._maxpooling2d,
    "ReLU": _Walk._relu,
    "Rescaling": _Walk._rescaling,
}


def _padding(layer: Any) -> str:
    # TensorFlow puts the odd row and column of padding at the end, too.
    return "SAME_UPPER" if layer.padding == "same" else "VALID"
