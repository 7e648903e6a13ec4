"""What a part of an expression is once it is compiled: kind, Polars expression, and graph where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import polars as pl

from workbench.data.zones import moment_of, moment_second, wall_clock
from workbench.recipe import clocks
from workbench.recipe import expression_graph as nodes
from workbench.recipe.columns import Emit
from workbench.recipe.expression_functions import FUNCTIONS, ValueKind
from workbench.recipe.expression_syntax import Node
from workbench.recipe.expression_words import refuse
from workbench.recipe.values import DATETIME, WORDS, Content, exact, read

_SINGULAR = {"number": "a number", "text": "text", "boolean": "yes or no", "datetime": "a date", "missing": "missing"}


@dataclass(frozen=True)
class Value:
    """A part of an expression, compiled.

    Parameters
    ----------
    kind : {"number", "text", "boolean", "datetime", "missing"}
    values : Expr
    emit : callable, optional
        None where there is no graph of the same values.
    literal : float, str or bool, optional
        What is written, where it is no column and nothing is computed.
    name : str
        Of a column, for messages.
    zone : str, optional
        Time zone of dates; the values are moments in UTC.
    exact : Expr, optional
        Of numbers: the same values in their own type, where whole ones beyond 2**53 keep their last digits.
    """

    kind: ValueKind
    values: pl.Expr
    emit: Emit | None
    literal: float | str | bool | None = None
    name: str = ""
    zone: str | None = None
    exact: pl.Expr | None = None

    @property
    def described(self) -> str:
        """The words for it in a message."""
        if self.name:
            return f"column {self.name!r}, which holds {WORDS[self.kind]}"  # type: ignore[index]
        if self.kind == "text" and self.literal is not None:
            return f"the text {self.literal!r}"
        return "the number " + format(self.literal, "g") if isinstance(self.literal, float) else _SINGULAR[self.kind]


def literal_value(node: Node) -> Value:
    """Compile what is written out: a number, quoted words, true, false or missing."""
    value = node.value
    if node.op == "missing":
        return Value("missing", pl.lit(None), None)
    if isinstance(value, str):
        return Value("text", pl.lit(value), lambda graph, _: nodes.text(graph, value), value)
    number = float(value or 0.0)
    if node.op == "boolean":
        return Value("boolean", pl.lit(bool(value)), lambda graph, _: nodes.number(graph, number), bool(value))
    written = pl.lit(number)
    if isinstance(value, int) and value < 2**64:  # a sign in front is an operation of its own
        written = pl.lit(value, dtype=pl.Int64 if value < 2**63 else pl.UInt64)
    return Value("number", pl.lit(number), lambda graph, _: nodes.number(graph, number), number, exact=written)


def column_value(node: Node, contents: Mapping[str, Content]) -> Value:
    """Compile a column.

    Raises
    ------
    RecipeError
        If there is none of that name, or it holds images.
    """
    name = str(node.value)
    content = contents.get(name)
    if content is None:
        _refuse_unknown(node, name, contents)
    kind = content.kind
    if kind == "image":
        refuse(node.place, f"column {name!r}, which holds images", "numbers, text or dates", "Use another column.")
    emit: dict[str, Emit] = {
        "number": lambda graph, tensors: nodes.within(graph, tensors[name]),
        "boolean": lambda graph, tensors: nodes.truth(graph, nodes.within(graph, tensors[name])),
    }
    tensor = emit.get(kind, lambda _, tensors: tensors[name])
    digits = exact(name) if kind == "number" else None
    return Value(kind, read(name, kind), tensor, None, name, content.zone, digits)


def _refuse_unknown(node: Node, name: str, contents: Mapping[str, Content]) -> NoReturn:
    from workbench.data.table import nearest

    longer = [column for column in contents if column.startswith(name) and not column.isidentifier()]
    hint = nearest(name, contents).strip()
    if longer:
        hint = f"A name that isn't one plain word stands in backticks: `{longer[0]}`."
    elif name in FUNCTIONS:
        hint = f"As a function it takes arguments: {name}{FUNCTIONS[name].arguments}."
    shown = ", ".join(list(contents)[:8]) + (", ..." if len(contents) > 8 else "")
    refuse(node.place, f"column {name!r}", f"one of {shown}", hint or "Text stands in quotes.")


def as_condition(value: Value, place: int) -> Value:
    """Give a value that says yes or no.

    Raises
    ------
    RecipeError
        If it is no such value.
    """
    if value.kind == "missing":
        return Value("boolean", pl.lit(None, dtype=pl.Boolean), lambda graph, _: nodes.number(graph, float("nan")))
    if value.kind != "boolean":
        refuse(place, value.described, "a condition, which says yes or no", "Write a comparison such as fare > 10.")
    return value


def as_number(value: Value, place: int) -> Value:
    """Give a value as a number; yes and no are 1 and 0.

    Raises
    ------
    RecipeError
        If it is none.
    """
    if value.kind == "missing":
        return Value("number", pl.lit(None, dtype=pl.Float64), lambda graph, _: nodes.number(graph, float("nan")))
    if value.kind == "boolean":
        return Value("number", value.values.cast(pl.Float64), value.emit, None, value.name)
    if value.kind != "number":
        remedy = "Write days_between(later, earlier) for the time between dates, or year(date) for a part of one."
        if value.kind == "text":
            remedy = "Convert it to numbers first, write number(text), or join(a, b) to put texts together."
        refuse(place, value.described, "a number", remedy)
    return value


def alike(node: Node, left: Value, right: Value) -> tuple[Value, Value]:
    """Bring two values to one kind: yes and no count as 1 and 0 beside numbers, quoted dates as dates beside dates.

    A date without a zone beside one with a zone is a wall-clock time there.
    """
    if left.kind == right.kind:
        return zoned(left, right.zone), zoned(right, left.zone)
    if left.kind == "datetime" and right.literal is not None:
        return left, as_date(node, right, left.zone)
    if right.kind == "datetime" and left.literal is not None:
        return as_date(node, left, right.zone), right
    if {left.kind, right.kind} == {"number", "boolean"}:
        return as_number(left, node.place), as_number(right, node.place)
    remedy = "Compare like with like."
    if {left.kind, right.kind} == {"number", "text"}:
        remedy = "Put the number in quotes, or convert the column first (step convert, or number(text))."
        if right.literal is not None and right.kind == "text" and left.kind == "number":
            remedy = "Write the number without quotes, or convert the column to text first."
    elif "boolean" in (left.kind, right.kind) and "text" in (left.kind, right.kind):
        remedy = "Write true or false without quotes for yes and no."
    refuse(node.place, f"{left.described} {node.op} {right.described}", "two of one kind", remedy)


def zoned(value: Value, zone: str | None) -> Value:
    """Take a date without a zone for a wall-clock time of one."""
    if value.kind != "datetime" or value.zone or not zone:
        return value
    inner = value.emit

    def emit(graph: Any, tensors: Mapping[str, str]) -> str:
        assert inner is not None  # noqa: S101
        return clocks.emit_moment(graph, inner(graph, tensors), zone)

    return replace(value, values=moment_of(value.values, zone), emit=emit if inner else None, zone=zone)


def shown(value: Value) -> Value:
    """Give a date as the clocks of its zone show it, from which its parts are read."""
    zone, inner = value.zone, value.emit
    if value.kind != "datetime" or not zone:
        return value

    def emit(graph: Any, tensors: Mapping[str, str]) -> str:
        assert inner is not None  # noqa: S101
        return clocks.emit_wall_clock(graph, inner(graph, tensors), zone)

    return replace(value, values=wall_clock(value.values, zone), emit=emit if inner else None, zone=None)


def as_date(node: Node, value: Value, zone: str | None = None) -> Value:
    """Read a quoted date: by the clocks of a zone, where it doesn't say its own.

    Raises
    ------
    RecipeError
        If it is none.
    """
    try:
        when = datetime.fromisoformat(str(value.literal))
    except ValueError:
        remedy = "Write it as '2024-12-31' or '2024-12-31 23:59'."
        refuse(node.place, f"{value.described} beside a date", "a date in quotes", remedy)
    if when.tzinfo is not None:
        when = when.astimezone(UTC).replace(tzinfo=None)
    elif zone:
        ahead = (when - datetime(1970, 1, 1)).total_seconds()
        when -= timedelta(seconds=ahead - moment_second(ahead, zone))
    seconds = (when - datetime(1970, 1, 1)).total_seconds()
    values = pl.lit(when, dtype=DATETIME)
    return Value("datetime", values, lambda graph, _: nodes.number(graph, seconds), value.literal, zone=zone)


def made(
    parts: Sequence[Value],
    build: Callable[[Sequence[pl.Expr]], pl.Expr],
    graph_of: Callable[[Any, Sequence[str]], str] | None,
    kind: ValueKind = "number",
    zone: str | None = None,
) -> Value:
    """Put parts together; the graph is there where each part has one."""

    def emit(graph: Any, tensors: Mapping[str, str]) -> str:
        assert graph_of is not None  # noqa: S101
        return graph_of(graph, [part.emit(graph, tensors) for part in parts if part.emit])

    has_graph = graph_of is not None and all_have_graphs(parts)
    return Value(kind, build([part.values for part in parts]), emit if has_graph else None, zone=zone)


def all_have_graphs(parts: Sequence[Value]) -> bool:
    """Say whether each part has a graph."""
    return all(part.emit is not None for part in parts)
