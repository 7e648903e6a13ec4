"""Functions in expressions: arguments counted and their kinds checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from workbench.graph import GraphBuilder
from workbench.recipe import expression_graph as nodes
from workbench.recipe.expression_functions import FUNCTIONS, Function, Graph, ValueKind
from workbench.recipe.expression_syntax import Node
from workbench.recipe.expression_values import Value, alike, as_condition, as_date, as_number, made, shown, zoned
from workbench.recipe.expression_words import refuse
from workbench.recipe.values import DATETIME

_DTYPES: dict[ValueKind, pl.DataType | type[pl.DataType]] = {
    "number": pl.Float64, "text": pl.String, "boolean": pl.Boolean, "datetime": DATETIME,
}  # fmt: skip

_CHOOSING = ("min", "max", "if_else", "coalesce")  # give one of their numbers as it is


def called(node: Node, parts: Sequence[Value], places: Sequence[int]) -> Value:
    """Compile the call of a function.

    Raises
    ------
    RecipeError
        If there is no such function, or an argument is of a kind that it doesn't take.
    """
    function = _found(node, len(parts))
    takes = [function.takes[min(place, len(function.takes) - 1)] for place in range(len(parts))]
    for place in function.literal:
        if parts[place].literal is None:
            refuse(places[place], parts[place].described, "a quoted word", f"Write it out in {function.name}.")
    zone = next((part.zone for part in parts if part.zone), None)
    arguments = [_argument(node, *each, zone) for each in zip(parts, takes, places, strict=True)]
    free = [argument for argument, kind in zip(arguments, takes, strict=True) if kind == "any"]
    kind: ValueKind = function.gives if function.gives != "any" else "missing"  # type: ignore[assignment]
    if free:
        unified = iter(_of_one_kind(node, function, free))
        arguments = [
            next(unified) if kind_taken == "any" else argument
            for argument, kind_taken in zip(arguments, takes, strict=True)
        ]
        kind = next(argument.kind for argument, taken in zip(arguments, takes, strict=True) if taken == "any")
    if function.of_clock:
        arguments = [shown(argument) for argument in arguments]
    graph = _coalesced(kind) if function.name == "coalesce" else function.graph
    result = made(arguments, function.build, graph, kind, zone if kind == "datetime" else None)
    if kind == "number" and function.name in _CHOOSING and any(argument.exact is not None for argument in arguments):
        whole = [argument.values if argument.exact is None else argument.exact for argument in arguments]
        return replace(result, exact=function.build(whole))
    return result


def _found(node: Node, n_arguments: int) -> Function:
    from workbench.data.table import nearest

    name = str(node.value)
    function = FUNCTIONS.get(name) or FUNCTIONS.get(name.lower())
    if function is None:
        hint = nearest(name, FUNCTIONS).strip() or f"There are {', '.join(FUNCTIONS)}."
        refuse(node.place, f"function {name!r}", "one of the functions of expressions", hint)
    if not function.least <= n_arguments <= function.most:
        needed = f"{function.least}" if function.least == function.most else f"{function.least} to {function.most}"
        written = f"Write {function.name}{function.arguments}."
        refuse(node.place, f"{function.name} with {n_arguments} arguments", needed, written)
    return function


def _argument(node: Node, value: Value, kind: str, place: int, zone: str | None) -> Value:
    if kind == "number":
        return as_number(value, place)
    if kind == "condition":
        return as_condition(value, place)
    if kind == "any":
        return value
    if value.kind == "missing":
        return _missing("text" if kind == "text" else "datetime")
    if kind == "datetime" and value.kind == "text" and value.literal is not None:
        return as_date(node, value, zone)
    if value.kind != kind:
        needed = "text" if kind == "text" else "a date"
        remedy = "Use another column." if kind == "text" else "Put the step parse_dates in front."
        if kind == "text" and value.kind == "number":
            remedy = "Convert the column to text first (step convert)."
        refuse(place, value.described, f"{needed} for {node.value}", remedy)
    return zoned(value, zone)


def _missing(kind: ValueKind) -> Value:
    def emit(graph: GraphBuilder, _: object) -> str:
        return nodes.text(graph, "") if kind == "text" else nodes.number(graph, float("nan"))

    return Value(kind, pl.lit(None, dtype=_DTYPES[kind]), emit)


def _of_one_kind(node: Node, function: Function, values: Sequence[Value]) -> list[Value]:
    known = [value for value in values if value.kind != "missing"]
    if not known:
        refuse(node.place, f"{function.name} of missing values only", "a column among them", "Name a column.")
    first = known[0]
    for value in known[1:]:
        first, _ = alike(node, first, value)
    if function.name in ("min", "max"):
        if first.kind == "text":
            refuse(node.place, first.described, f"numbers or dates for {function.name}", "Use other columns.")
        first = as_number(first, node.place) if first.kind == "boolean" else first
    return [_missing(first.kind) if value.kind == "missing" else alike(node, first, value)[1] for value in values]


def _coalesced(kind: ValueKind) -> Graph:
    test = nodes.is_empty if kind == "text" else nodes.is_missing

    def tensor(graph: GraphBuilder, parts: Sequence[str]) -> str:
        result = parts[-1]
        for part in reversed(parts[:-1]):
            result = nodes.where(graph, test(graph, part), result, part)
        return result

    return tensor
