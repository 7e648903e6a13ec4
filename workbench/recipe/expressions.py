"""The expressions of filter and calculate: `parse` gives Polars, `check` the kind; nothing is evaluated as code.

The grammar stands in `expression_syntax`, the functions in `expression_functions.FUNCTIONS`. What is missing makes a
result missing, except where it doesn't matter: `false and missing` is false, `true or missing` is true, and `min`,
`max`, `join` and `coalesce` pass over it. A number that can't be computed (divided by zero, the root of a negative
number, too large) is missing. All this holds in Polars and in the graph alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from workbench.data.zones import zone_of
from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe import expression_graph as nodes
from workbench.recipe.columns import Emit
from workbench.recipe.expression_calls import called
from workbench.recipe.expression_conditions import among, compared, is_missing, joined, negated
from workbench.recipe.expression_functions import FUNCTIONS, Function
from workbench.recipe.expression_syntax import COMPARISONS, Node, parse_tree
from workbench.recipe.expression_values import (
    Value,
    as_condition,
    as_number,
    column_value,
    literal_value,
    made,
)  # fmt: skip
from workbench.recipe.expression_words import refuse
from workbench.recipe.spec import TakenKind
from workbench.recipe.values import Content, contents_of, finite

__all__ = ["FUNCTIONS", "Compiled", "Function", "check", "columns_in", "compiled", "is_inexact", "parse"]


@dataclass(frozen=True)
class Compiled:
    """An expression for columns of certain kinds.

    Parameters
    ----------
    kind : {"number", "text", "boolean", "datetime"}
        Of its values.
    values : Expr
    emit : callable, optional
        Adds the graph of the same values; None where there is none.
    columns : tuple of str
        Columns that it names, in the order of their first use.
    zone : str, optional
        Time zone of dates, which are moments in UTC.
    """

    kind: TakenKind
    values: pl.Expr
    emit: Emit | None
    columns: tuple[str, ...]
    zone: str | None = None


def parse(expression: str, columns: Mapping[str, Any] | Sequence[str]) -> pl.Expr:
    """Turn an expression into Polars.

    Parameters
    ----------
    expression : str
    columns : mapping of str to kind or Polars type, or schema
        The columns that there are.

    Raises
    ------
    RecipeError
        If it can't be read or computed, with the place in the text and the remedy.

    Examples
    --------
    >>> frame = pl.DataFrame({"age": [17, 30, None], "port": ["S", "S", "C"]})
    >>> frame.filter(parse("age >= 18 and port == 'S'", frame.schema)).rows()
    [(30, 'S')]
    """
    return compiled(expression, _contents(columns)).values


def columns_in(expression: str) -> tuple[str, ...]:
    """Name the columns of an expression, in the order of their first use.

    Raises
    ------
    RecipeError
        If it can't be read.

    Examples
    --------
    >>> columns_in("log1p(fare) / (`family size` + 1) > 2 and fare is not missing")
    ('fare', 'family size')
    """
    return _columns(parse_tree(expression))


def is_inexact(expression: str, columns: Collection[str] = ()) -> bool:
    """Say whether graph and Polars may differ in the last bit: after a logarithm, exp or a power, unless it is rounded.

    Parameters
    ----------
    expression : str
    columns : collection of str
        Columns of which that is known already.

    Examples
    --------
    >>> is_inexact("log(fare) + 1"), is_inexact("round(log(fare), 6)"), is_inexact("fare * 2")
    (True, False, False)
    """
    return _inexact(parse_tree(expression), columns)


def _inexact(node: Node, columns: Collection[str]) -> bool:
    if node.op == "column":
        return node.value in columns
    if node.op in _DECIDED or (node.op == "call" and str(node.value).lower() in _WHOLE):
        return False
    own = node.op == "**" or (node.op == "call" and str(node.value).lower() in _INEXACT)
    return own or any(_inexact(child, columns) for child in node.children)


def check(expression: str, columns: Mapping[str, Any], *, where: str = "", condition: bool = False) -> TakenKind:
    """Check an expression and say what kind of values it gives.

    Parameters
    ----------
    expression : str
    columns : mapping of str to kind or Polars type
    where : str
        Begins the message, as in ``"Step 3 (filter)"``.
    condition : bool, default False
        Whether it must say yes or no.

    Raises
    ------
    RecipeError
        If it can't be read or computed, with the place in the text and the remedy.

    Examples
    --------
    >>> check("fare / 2", {"fare": "number"})
    'number'
    >>> check("fare > 'x'", {"fare": "number"}, where="Step 1 (filter)")
    Traceback (most recent call last):
    ...
    workbench.errors.RecipeError: Step 1 (filter), character 6: got column 'fare', which holds numbers > the text 'x',
    needed two of one kind. Write the number without quotes, or convert the column to text first.
    """
    return compiled(expression, _contents(columns), where=where, condition=condition).kind


def compiled(expression: str, contents: Mapping[str, Content], *, where: str = "", condition: bool = False) -> Compiled:
    """Compile an expression; see `check` for the parameters and the refusals."""
    try:
        tree = parse_tree(expression)
        value = _evaluated(tree, contents)
        columns = _columns(tree)
        if not columns:
            refuse(1, "an expression without a column", "at least one column", "Name a column.")
        if condition:
            value = as_condition(value, tree.place)
        if value.kind == "missing":
            refuse(tree.place, "missing in every row", "a value", "Compute it from columns.")
    except RecipeError as error:
        raise RecipeError(str(error).replace("Expression", where, 1) if where else str(error)) from None
    values = value.values if value.exact is None else value.exact
    values = pl.when(values != "").then(values) if value.kind == "text" else values
    return Compiled(value.kind, values, value.emit, columns, value.zone)


def _columns(tree: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(node.value) for node in tree.walk() if node.op == "column"))


def _contents(columns: Mapping[str, Any] | Sequence[str]) -> dict[str, Content]:
    from workbench.recipe.values import WORDS, kind_of_dtype

    if not isinstance(columns, Mapping):
        columns = dict.fromkeys(columns, "number")
    kinds: dict[str, TakenKind] = {}
    zones: dict[str, str] = {}
    for name, kind in columns.items():
        if isinstance(kind, Content):
            kinds[name] = kind.kind
        else:
            kinds[name] = kind if isinstance(kind, str) and kind in WORDS else kind_of_dtype(kind)
        if zone := kind.zone if isinstance(kind, Content) else zone_of(kind):
            zones[name] = zone
    return contents_of(kinds, zones)


def _evaluated(node: Node, contents: Mapping[str, Content]) -> Value:
    if node.op in ("number", "text", "boolean", "missing"):
        return literal_value(node)
    if node.op == "column":
        return column_value(node, contents)
    parts = [_evaluated(child, contents) for child in node.children]
    places = [child.place for child in node.children]
    if node.op == "call":
        return called(node, parts, places)
    if node.op in ("and", "or"):
        return joined(node, [as_condition(part, place) for part, place in zip(parts, places, strict=True)])
    if node.op == "not":
        return negated(as_condition(parts[0], places[0]))
    if node.op == "is missing":
        return is_missing(node, parts[0])
    if node.op in COMPARISONS:
        return compared(node, node.op, *parts)
    if node.op == "in":
        return among(node, parts)
    return _computed(node, [as_number(part, place) for part, place in zip(parts, places, strict=True)])


def _computed(node: Node, parts: Sequence[Value]) -> Value:
    if node.op == "negative":
        result = made(parts, lambda one: -one[0], lambda graph, one: str(graph.node("Neg", one[0])))
        number = node.children[0].value
        if node.children[0].op == "number" and isinstance(number, int) and number < 2**63:
            return replace(result, exact=pl.lit(-number, dtype=pl.Int64))
        return result
    build, graph_of = _ARITHMETIC[node.op]
    return made(
        parts,
        lambda two: finite(build(two[0], two[1])),
        lambda graph, two: nodes.finite(graph, graph_of(graph, two[0], two[1])),
    )


def _floor_divided(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return finite(left / right).floor()


def _remainder(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return left - right * _floor_divided(left, right)


def _pair(op_type: str) -> Callable[[GraphBuilder, str, str], str]:
    return lambda graph, left, right: str(graph.node(op_type, left, right))


def _floor_divided_graph(graph: GraphBuilder, left: str, right: str) -> str:
    return str(graph.node("Floor", nodes.finite(graph, str(graph.node("Div", left, right)))))


def _remainder_graph(graph: GraphBuilder, left: str, right: str) -> str:
    whole = _floor_divided_graph(graph, left, right)
    return str(graph.node("Sub", left, graph.node("Mul", right, whole)))


_DECIDED = (*COMPARISONS, "and", "or", "not", "in", "is missing")
_WHOLE = ("round", "floor", "ceil", "sign")
_INEXACT = ("exp", "log", "log1p", "log10")
_ARITHMETIC: dict[
    str, tuple[Callable[[pl.Expr, pl.Expr], pl.Expr], Callable[[GraphBuilder, str, str], str]]
] = {
    "+": (lambda left, right: left + right, _pair("Add")),
    "-": (lambda left, right: left - right, _pair("Sub")),
    "*": (lambda left, right: left * right, _pair("Mul")),
    "/": (lambda left, right: left / right, _pair("Div")),
    "//": (_floor_divided, _floor_divided_graph),
    "%": (_remainder, _remainder_graph),
    "**": (lambda left, right: left.pow(right), _pair("Pow")),
}  # fmt: skip
