"""The graph of an expression: numbers, dates and yes or no as double with NaN for missing, text with ""."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.graph import GraphBuilder
from workbench.recipe.values import LARGEST_NUMBER

_LARGEST_DOUBLE = float(np.finfo(np.float64).max)


def number(graph: GraphBuilder, value: float) -> str:
    """Store a number that stands beside columns of shape [N, 1]."""
    return graph.constant(np.array([[value]], dtype=np.float64))


def text(graph: GraphBuilder, value: str) -> str:
    """Store text that stands beside columns of shape [N, 1]."""
    return graph.constant(np.array([[value]], dtype=object))


def within(graph: GraphBuilder, tensor: str, largest: float = LARGEST_NUMBER) -> str:
    """Let numbers larger than a bound be missing."""
    usable = graph.node("LessOrEqual", graph.node("Abs", tensor), number(graph, largest))
    return where(graph, usable, tensor, number(graph, np.nan))


def finite(graph: GraphBuilder, tensor: str) -> str:
    """Let numbers that are infinite be missing."""
    return within(graph, tensor, _LARGEST_DOUBLE)


def where(graph: GraphBuilder, condition: str, first: str, second: str) -> str:
    """Choose by a tensor of booleans."""
    return str(graph.node("Where", condition, first, second))


def is_missing(graph: GraphBuilder, tensor: str) -> str:
    """Say which numbers are missing, as booleans."""
    return str(graph.node("IsNaN", tensor))


def is_empty(graph: GraphBuilder, tensor: str) -> str:
    """Say which text is missing, as booleans; Equal takes no strings before opset 19."""
    return graph.cast(graph.lookup(tensor, np.array([""], dtype=object), [1], default=0), "bool")


def as_double(graph: GraphBuilder, tensor: str) -> str:
    """Turn booleans into 1 and 0."""
    return graph.cast(tensor, "double")


def unless_missing(graph: GraphBuilder, operands: Sequence[str], tensor: str) -> str:
    """Let a result be missing where an operand is."""
    missing = is_missing(graph, operands[0])
    for operand in operands[1:]:
        missing = str(graph.node("Or", missing, is_missing(graph, operand)))
    return where(graph, missing, number(graph, np.nan), tensor)


def truth(graph: GraphBuilder, tensor: str) -> str:
    """Turn numbers into yes (1) and no (0); missing stays missing."""
    unequal = graph.node("Not", graph.node("Equal", tensor, number(graph, 0.0)))
    return unless_missing(graph, [tensor], as_double(graph, unequal))


def compare(graph: GraphBuilder, sign: str, left: str, right: str) -> str:
    """Compare numbers; missing where one of both is."""
    operators = {"<": "Less", "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual", "==": "Equal", "!=": "Equal"}
    held = str(graph.node(operators[sign], left, right))
    if sign == "!=":
        held = str(graph.node("Not", held))
    return unless_missing(graph, [left, right], as_double(graph, held))


def among(graph: GraphBuilder, tensor: str, words: Sequence[str]) -> str:
    """Say whether text is one of some words; missing where it is."""
    keys = list(dict.fromkeys(["", *words]))
    found = graph.lookup(tensor, np.array(keys, dtype=object), [2] + [1] * (len(keys) - 1), default=0)
    code = as_double(graph, found)
    return where(graph, str(graph.node("Equal", code, number(graph, 2.0))), number(graph, np.nan), code)


def both(graph: GraphBuilder, left: str, right: str) -> str:
    """Say yes where both are; no where one is no, whatever the other."""
    return _decided(graph, left, right, 0.0, "Mul")


def either(graph: GraphBuilder, left: str, right: str) -> str:
    """Say yes where one is, whatever the other; no where both are no."""
    return _decided(graph, left, right, 1.0, "Add")


def _decided(graph: GraphBuilder, left: str, right: str, by: float, otherwise: str) -> str:
    decided = graph.node(
        "Or", graph.node("Equal", left, number(graph, by)), graph.node("Equal", right, number(graph, by))
    )
    # Elsewhere both are the opposite or one is missing, and the product (or sum) says so: NaN is catching.
    return where(graph, decided, number(graph, by), str(graph.node(otherwise, left, right)))
