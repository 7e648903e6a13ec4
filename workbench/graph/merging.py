"""What merging one ONNX graph into another needs: one opset, fresh names, and no nodes that nobody reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from workbench.errors import ConversionError

if TYPE_CHECKING:
    import onnx


def same_opset(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Give the model without local functions and in this default opset.

    Raises
    ------
    ConversionError
        If its operators have no form in this opset.
    """
    import onnx

    if len(model.functions):
        model = onnx.inliner.inline_local_functions(model)
    version = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), opset)
    if version == opset:
        return model
    try:
        return onnx.version_converter.convert_version(model, opset)
    except Exception as error:  # the converter raises whatever its C++ part throws
        raise ConversionError(
            f"Got a model of opset {version}, needed {opset}: {error}. Convert it with opset {opset}."
        ) from error


def copy_of(message: Any) -> Any:
    """Copy a protobuf message."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def rename_node(node: onnx.NodeProto, rename: Callable[[str], str]) -> None:
    """Rename a node and all that it reads and writes, in place."""
    node.name = rename(node.name)
    node.input[:] = [rename(name) for name in node.input]
    node.output[:] = [rename(name) for name in node.output]
    # The bodies of If, Loop and Scan see the names outside, so they follow the same rule.
    for graph in _subgraphs(node):
        for entry in (*graph.input, *graph.output, *graph.initializer):
            entry.name = rename(entry.name)
        del graph.value_info[:]
        for inner in graph.node:
            rename_node(inner, rename)


def _subgraphs(node: onnx.NodeProto) -> Iterable[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def reads(node: onnx.NodeProto) -> Iterable[str]:
    """Give the names that a node reads, those in its bodies included."""
    yield from node.input
    for graph in _subgraphs(node):
        yield from (entry.name for entry in graph.output)
        for inner in graph.node:
            yield from reads(inner)


def needed_nodes(nodes: list[onnx.NodeProto], outputs: list[str]) -> list[onnx.NodeProto]:
    """Leave out the nodes that no output needs."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):  # nodes stand in the order of computation
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(reads(node))
    return kept[::-1]
