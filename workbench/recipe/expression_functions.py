"""The functions of expressions: one table that the compiler, the forms and the documentation read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from workbench.graph import GraphBuilder
from workbench.recipe import date_parts as dates
from workbench.recipe import expression_graph as nodes
from workbench.recipe.spec import DatePart
from workbench.recipe.values import finite

ValueKind = Literal["number", "text", "boolean", "datetime", "missing"]
Build = Callable[[Sequence[pl.Expr]], pl.Expr]
Graph = Callable[[GraphBuilder, Sequence[str]], str]


@dataclass(frozen=True)
class Function:
    """A function of expressions.

    Parameters
    ----------
    name : str
    arguments : str
        As they are written, for forms and documentation.
    meaning : str
        One sentence.
    takes : tuple of {"number", "text", "datetime", "condition", "any"}
        Kind of each argument; the last one repeats where there may be more. All of kind ``any`` must be of one kind.
    gives : {"number", "text", "boolean", "any"}
        Kind of the result; ``any`` is that of the arguments.
    least, most : int
        Number of arguments.
    literal : tuple of int
        Places of arguments that must be written out, as a number or in quotes.
    of_clock : bool
        Whether dates are taken as the clocks of their zone show them, not as moments.
    build, graph : callable
        The Polars expression, and the graph of the same values where there is one.
    """

    name: str
    arguments: str
    meaning: str
    takes: tuple[str, ...]
    gives: str
    build: Build
    graph: Graph | None = None
    least: int = 1
    most: int = 1
    literal: tuple[int, ...] = ()
    of_clock: bool = False


def _number(
    name: str,
    meaning: str,
    build: Callable[[pl.Expr], pl.Expr],
    graph: Callable[[GraphBuilder, str], str],
    *,
    guarded: bool = True,
) -> Function:
    def values(parts: Sequence[pl.Expr]) -> pl.Expr:
        return finite(build(parts[0])) if guarded else build(parts[0])

    def tensor(builder: GraphBuilder, parts: Sequence[str]) -> str:
        result = graph(builder, parts[0])
        return nodes.finite(builder, result) if guarded else result

    return Function(name, "(number)", meaning, ("number",), "number", values, tensor)


def _operator(op_type: str) -> Callable[[GraphBuilder, str], str]:
    return lambda graph, tensor: str(graph.node(op_type, tensor))


def _log1p(graph: GraphBuilder, tensor: str) -> str:
    # W. Kahan's form: exact also where 1 + x rounds to 1, for which there is no operator.
    one = nodes.number(graph, 1.0)
    sum_ = str(graph.node("Add", one, tensor))
    rounded = graph.node("Sub", sum_, one)
    is_one = str(graph.node("Equal", rounded, nodes.number(graph, 0.0)))
    safe = nodes.where(graph, is_one, one, str(rounded))
    scaled = str(graph.node("Mul", graph.node("Log", sum_), graph.node("Div", tensor, safe)))
    return nodes.where(graph, is_one, tensor, scaled)


def _log10(graph: GraphBuilder, tensor: str) -> str:
    return str(graph.node("Div", graph.node("Log", tensor), nodes.number(graph, float(np.log(10.0)))))


def _rounded(parts: Sequence[pl.Expr]) -> pl.Expr:
    if len(parts) == 1:
        return parts[0].round(0, mode="half_to_even")
    power = pl.lit(10.0).pow(parts[1].round(0, mode="half_to_even"))
    return finite((parts[0] * power).round(0, mode="half_to_even") / power)


def _rounded_graph(graph: GraphBuilder, parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return str(graph.node("Round", parts[0]))
    power = graph.node("Pow", nodes.number(graph, 10.0), graph.node("Round", parts[1]))
    return nodes.finite(graph, str(graph.node("Div", graph.node("Round", graph.node("Mul", parts[0], power)), power)))


def _extreme(op_type: str) -> Graph:
    def tensor(graph: GraphBuilder, parts: Sequence[str]) -> str:
        result = parts[0]
        for part in parts[1:]:
            larger = str(graph.node(op_type, result, part))
            present = nodes.where(graph, nodes.is_missing(graph, part), result, larger)
            result = nodes.where(graph, nodes.is_missing(graph, result), part, present)
        return result

    return tensor


def _date_part(part: DatePart, name: str, meaning: str) -> Function:
    def values(parts: Sequence[pl.Expr]) -> pl.Expr:
        return dates.part_of(parts[0], part)

    def tensor(graph: GraphBuilder, parts: Sequence[str]) -> str:
        return dates.emit_part(graph, parts[0], part)

    of_clock = part != "seconds_since_1970"
    return Function(name, "(date)", meaning, ("datetime",), "number", values, tensor, of_clock=of_clock)


def _days_between(graph: GraphBuilder, parts: Sequence[str]) -> str:
    return str(graph.node("Div", graph.node("Sub", parts[0], parts[1]), nodes.number(graph, 86_400.0)))


def _text(
    name: str, meaning: str, build: Build, *, takes: tuple[str, ...] = ("text",), arguments: str = "(text)",
    gives: str = "text", literal: tuple[int, ...] = (),
) -> Function:  # fmt: skip
    n_parts = len(takes)
    return Function(name, arguments, meaning, takes, gives, build, None, n_parts, n_parts, literal)


def _nothing_is_missing(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _joined(parts: Sequence[pl.Expr]) -> pl.Expr:
    return pl.concat_str(list(parts), ignore_nulls=True).replace("", None)


_TABLE = (
    _number("abs", "The size of a number, without its sign.", pl.Expr.abs, _operator("Abs"), guarded=False),
    _number("sign", "1, 0 or -1.", pl.Expr.sign, _operator("Sign"), guarded=False),
    _number("floor", "The next smaller whole number.", pl.Expr.floor, _operator("Floor"), guarded=False),
    _number("ceil", "The next larger whole number.", pl.Expr.ceil, _operator("Ceil"), guarded=False),
    _number("sqrt", "The square root; missing below 0.", pl.Expr.sqrt, _operator("Sqrt")),
    _number("exp", "e to the power of a number.", pl.Expr.exp, _operator("Exp")),
    _number("log", "The natural logarithm; missing at 0 and below.", pl.Expr.log, _operator("Log")),
    _number("log1p", "log(1 + number), exact near 0; missing at -1 and below.", pl.Expr.log1p, _log1p),
    _number("log10", "The logarithm to base 10; missing at 0 and below.", pl.Expr.log10, _log10),
    Function(
        "round", "(number, digits)", "Rounded to whole numbers, or to digits behind the point; halves go to the even "
        "neighbour.", ("number", "number"), "number", _rounded, _rounded_graph, 1, 2,
    ),
    Function(
        "min", "(a, b, ...)", "The smallest number or earliest date that isn't missing.", ("any",), "any",
        lambda parts: pl.min_horizontal(list(parts)), _extreme("Min"), 2, 50,
    ),
    Function(
        "max", "(a, b, ...)", "The largest number or latest date that isn't missing.", ("any",), "any",
        lambda parts: pl.max_horizontal(list(parts)), _extreme("Max"), 2, 50,
    ),
    Function(
        "if_else", "(condition, a, b)", "a where the condition holds, b where it doesn't or can't be decided.",
        ("condition", "any", "any"), "any", lambda parts: pl.when(parts[0]).then(parts[1]).otherwise(parts[2]),
        lambda graph, parts: nodes.where(
            graph, str(graph.node("Equal", parts[0], nodes.number(graph, 1.0))), parts[1], parts[2]
        ), 3, 3,
    ),
    Function(
        "coalesce", "(a, b, ...)", "The first value that isn't missing.", ("any",), "any",
        lambda parts: pl.coalesce(list(parts)), None, 2, 50,
    ),
    _text("length", "Number of characters.", lambda parts: parts[0].str.len_chars().cast(pl.Float64), gives="number"),
    _text("lower", "All letters small.", lambda parts: parts[0].str.to_lowercase()),
    _text("upper", "All letters large.", lambda parts: parts[0].str.to_uppercase()),
    _text("strip", "Without spaces at both ends.", lambda parts: _nothing_is_missing(parts[0].str.strip_chars())),
    _text(
        "contains", "Whether a text holds another.", lambda parts: parts[0].str.contains(parts[1], literal=True),
        takes=("text", "text"), arguments="(text, part)", gives="boolean",
    ),
    _text(
        "starts_with", "Whether a text begins with another.", lambda parts: parts[0].str.starts_with(parts[1]),
        takes=("text", "text"), arguments="(text, start)", gives="boolean",
    ),
    _text(
        "ends_with", "Whether a text ends with another.", lambda parts: parts[0].str.ends_with(parts[1]),
        takes=("text", "text"), arguments="(text, end)", gives="boolean",
    ),
    _text(
        "replace", "A text with every occurrence of a part replaced.",
        lambda parts: _nothing_is_missing(parts[0].str.replace_all(parts[1], parts[2], literal=True)),
        takes=("text", "text", "text"), arguments="(text, 'part', by)", literal=(1,),
    ),
    _text(
        "number", "Text such as '12.5' as a number; missing where it is none.",
        lambda parts: finite(parts[0].str.strip_chars().cast(pl.Float64, strict=False)), gives="number",
    ),
    Function(
        "join", "(text, text, ...)", "Texts one behind the other, without those that are missing.", ("text",), "text",
        _joined, None, 2, 50,
    ),
    _date_part("year", "year", "The year of a date."),
    _date_part("quarter", "quarter", "The quarter, 1 to 4."),
    _date_part("month", "month", "The month, 1 to 12."),
    _date_part("week", "week", "The ISO week, 1 to 53."),
    _date_part("day", "day", "The day of the month, 1 to 31."),
    _date_part("weekday", "weekday", "1 for Monday to 7 for Sunday."),
    _date_part("day_of_year", "day_of_year", "The day of the year, 1 to 366."),
    _date_part("hour", "hour", "The hour, 0 to 23."),
    _date_part("minute", "minute", "The minute, 0 to 59."),
    _date_part("second", "second", "The second, 0 to 59."),
    _date_part("is_weekend", "is_weekend", "1 on Saturday and Sunday, else 0."),
    _date_part("seconds_since_1970", "seconds_since_1970", "Seconds since the beginning of 1970, UTC."),
    Function(
        "days_between", "(later, earlier)", "Days from the second date to the first, with fractions.",
        ("datetime", "datetime"), "number",
        lambda parts: (dates.seconds(parts[0]) - dates.seconds(parts[1])) / 86_400.0, _days_between, 2, 2,
    ),
)  # fmt: skip

FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}
