"""Conditions in expressions: comparisons, in, is missing, and, or, not."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from workbench.recipe import expression_graph as nodes
from workbench.recipe.columns import Emit
from workbench.recipe.expression_syntax import Node
from workbench.recipe.expression_values import Value, alike, all_have_graphs
from workbench.recipe.expression_words import refuse

_COMPARE: dict[str, Callable[[Any, Any], pl.Expr]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def joined(node: Node, parts: Sequence[Value]) -> Value:
    """Join conditions by and or or."""
    together = pl.all_horizontal if node.op == "and" else pl.any_horizontal
    pair = nodes.both if node.op == "and" else nodes.either

    def emit(graph: Any, tensors: Mapping[str, str]) -> str:
        made = [part.emit(graph, tensors) for part in parts if part.emit]
        result = made[0]
        for tensor in made[1:]:
            result = pair(graph, result, tensor)
        return result

    return Value("boolean", together([part.values for part in parts]), emit if all_have_graphs(parts) else None)


def negated(part: Value) -> Value:
    """Turn yes into no and no into yes."""
    inner = part.emit

    def emit(graph: Any, tensors: Mapping[str, str]) -> str:
        assert inner is not None  # noqa: S101
        return str(graph.node("Sub", nodes.number(graph, 1.0), inner(graph, tensors)))

    return Value("boolean", ~part.values, emit if inner else None)


def is_missing(node: Node, part: Value) -> Value:
    """Say whether a value is missing."""
    if part.kind == "missing":
        refuse(node.place, "missing is missing", "a column or value", "Write a column in front of it.")
    inner = part.emit

    def emit(graph: Any, tensors: Mapping[str, str]) -> str:
        assert inner is not None  # noqa: S101
        tensor = inner(graph, tensors)
        test = nodes.is_empty if part.kind == "text" else nodes.is_missing
        return nodes.as_double(graph, test(graph, tensor))

    return Value("boolean", part.values.is_null(), emit if inner else None)


def compared(node: Node, sign: str, left: Value, right: Value) -> Value:
    """Compare two values of one kind."""
    for value in (left, right):
        if value.kind == "missing":
            word = "is missing" if sign == "==" else "is not missing"
            refuse(node.place, f"{sign} missing", "a value to compare with", f"Write {word} instead.")
        if value.literal == "":
            refuse(node.place, f"{sign} ''", "text with something in it", "Empty text is missing: write is missing.")
    left, right = alike(node, left, right)
    if left.exact is not None and right.exact is not None:
        values = _COMPARE[sign](left.exact, right.exact)
    else:
        values = _COMPARE[sign](left.values, right.values)
    if left.kind == "text":
        return Value("boolean", values, _words_compared(sign, left, right))

    def emit(graph: Any, tensors: Mapping[str, str]) -> str:
        assert left.emit is not None and right.emit is not None  # noqa: S101
        return nodes.compare(graph, sign, left.emit(graph, tensors), right.emit(graph, tensors))

    return Value("boolean", values, emit if all_have_graphs((left, right)) else None)


def _words_compared(sign: str, left: Value, right: Value) -> Emit | None:
    column, word = (left, right) if right.literal is not None else (right, left)
    inner = column.emit
    if sign not in ("==", "!=") or word.literal is None or column.literal is not None or inner is None:
        return None

    def emit(graph: Any, tensors: Mapping[str, str]) -> str:
        equal = nodes.among(graph, inner(graph, tensors), [str(word.literal)])
        return equal if sign == "==" else str(graph.node("Sub", nodes.number(graph, 1.0), equal))

    return emit


def among(node: Node, parts: Sequence[Value]) -> Value:
    """Say whether a value is one of several."""
    value, *choices = parts
    pairs = [compared(node, "==", value, choice) for choice in choices]
    words = [choice.literal for choice in choices]
    if value.kind == "text" and all(isinstance(word, str) for word in words):
        inner = value.emit

        def emit(graph: Any, tensors: Mapping[str, str]) -> str:
            assert inner is not None  # noqa: S101
            return nodes.among(graph, inner(graph, tensors), [str(word) for word in words])

        return Value("boolean", value.values.is_in([str(word) for word in words]), emit if inner else None)
    return joined(Node("or", node.place), pairs)
