"""The grammar of expressions: from text to a tree, with the place of every part for messages.

Nothing is ever evaluated here, and there is no attribute, index, assignment or call but of the functions in
`expression_functions`::

    expression = and-expressions joined by "or"
    and        = not-expressions joined by "and"
    not        = "not" not | comparison
    comparison = sum (("==" | "!=" | "<" | "<=" | ">" | ">=") sum)*
               | sum ["not"] "in" "(" sum ("," sum)* ")" | sum "is" ["not"] "missing"
    sum        = product (("+" | "-") product)*
    product    = sign (("*" | "/" | "//" | "%") sign)*
    sign       = ("-" | "+") sign | atom ["**" sign]
    atom       = number | 'text' | "text" | true | false | missing | column | `column`
               | function "(" [expression ("," expression)*] ")" | "(" expression ")"

A quote within quoted text is written twice, as is a backtick within a column's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NoReturn

from workbench.recipe.expression_words import REMEDIES, Token, refuse, tokens_of

MAX_DEPTH = 60
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
Op = Literal[
    "number", "text", "boolean", "missing", "column", "call", "and", "or", "not", "in", "is missing", "negative",
    "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=",
]  # fmt: skip


@dataclass(frozen=True)
class Node:
    """A part of an expression with its parts; `value` is a literal's value, or a column's or function's name."""

    op: Op
    place: int
    value: int | float | str | bool | None = None
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """Give this part and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse_tree(expression: str) -> Node:
    """Read an expression as a tree.

    Raises
    ------
    RecipeError
        If it isn't one, with the place and the remedy.
    """
    return _Parser(tokens_of(expression)).whole()


class _Parser:
    """Recursive descent, one method a line of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def whole(self) -> Node:
        tree = self._or()
        if self.next.kind != "end":
            self._refuse_next("an operator such as + or ==, or the end")
        return tree

    def _take(self, *values: str) -> Token | None:
        token = self.next
        if token.kind in ("sign", "keyword") and token.value in values:
            self.at += 1
            return token
        return None

    def _demand(self, value: str) -> Token:
        token = self._take(value)
        if token is None:
            self._refuse_next(repr(value))
        return token

    def _refuse_next(self, needed: str) -> NoReturn:
        token = self.next
        if token.kind == "end":
            refuse(token.place, "the end of the expression", needed, "Complete it.")
        remedy = REMEDIES.get(token.value) if token.kind == "sign" else None
        if remedy is None and token.kind in ("word", "column", "number"):
            remedy = "A column whose name isn't one plain word stands in backticks."
        if remedy is None and token.kind == "keyword":
            remedy = f"A column called {token.value} stands in backticks."
        refuse(token.place, repr(token.value), needed, remedy or "Remove it.")

    def _deeper(self, place: int, step: int) -> None:
        self.depth += step
        if self.depth > MAX_DEPTH:
            refuse(place, f"more than {MAX_DEPTH} parts within one another", "fewer", "Divide it into several steps.")

    def _or(self) -> Node:
        return self._joined("or")

    def _and(self) -> Node:
        return self._joined("and")

    def _joined(self, word: Literal["and", "or"]) -> Node:
        read = self._and if word == "or" else self._not
        first = read()
        parts = [first]
        place = 0
        while token := self._take(word):
            place = place or token.place
            parts.append(read())
        return Node(word, place, None, tuple(parts)) if place else first

    def _not(self) -> Node:
        if token := self._take("not"):
            self._deeper(token.place, 1)
            node = Node("not", token.place, None, (self._not(),))
            self._deeper(token.place, -1)
            return node
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._sum()
        if token := self._take("is"):
            negated = self._take("not")
            self._demand("missing")
            return self._maybe_not(negated, Node("is missing", token.place, None, (left,)))
        negated = self._take("not")
        if token := self._take("in"):
            return self._maybe_not(negated, Node("in", token.place, None, (left, *self._arguments())))
        if negated:
            self._refuse_next("'in' after not")
        parts: list[Node] = []
        while token := self._take(*COMPARISONS):
            right = self._sum()
            parts.append(Node(token.value, token.place, None, (left, right)))  # type: ignore[arg-type]
            left = right
        if not parts:
            return left
        return parts[0] if len(parts) == 1 else Node("and", parts[0].place, None, tuple(parts))

    def _maybe_not(self, negated: Token | None, node: Node) -> Node:
        return Node("not", negated.place, None, (node,)) if negated else node

    def _arguments(self) -> list[Node]:
        opening = self._demand("(")
        self._deeper(opening.place, 1)
        found = [self._or()]
        while self._take(","):
            found.append(self._or())
        self._demand(")")
        self._deeper(opening.place, -1)
        return found

    def _sum(self) -> Node:
        return self._chain(("+", "-"))

    def _product(self) -> Node:
        return self._chain(("*", "/", "//", "%"))

    def _chain(self, signs: tuple[str, ...]) -> Node:
        read = self._product if "+" in signs else self._sign
        left = read()
        n_parts = 0
        while token := self._take(*signs):
            n_parts += 1
            if n_parts > MAX_DEPTH:
                refuse(token.place, f"more than {MAX_DEPTH} parts in a row", "fewer", "Divide it into several steps.")
            left = Node(token.value, token.place, None, (left, read()))  # type: ignore[arg-type]
        return left

    def _sign(self) -> Node:
        if token := self._take("-", "+"):
            self._deeper(token.place, 1)
            node = self._sign()
            self._deeper(token.place, -1)
            return Node("negative", token.place, None, (node,)) if token.value == "-" else node
        base = self._atom()
        if token := self._take("**"):
            self._deeper(token.place, 1)
            base = Node("**", token.place, None, (base, self._sign()))
            self._deeper(token.place, -1)
        return base

    def _atom(self) -> Node:
        token = self.next
        if token.kind == "sign" and token.value == "(":
            (node, *more) = self._arguments()
            if more:
                refuse(token.place, "a list", "one value", "A list stands behind `in` only.")
            return node
        if token.kind == "keyword" and token.value in ("true", "false", "missing"):
            self.at += 1
            if token.value == "missing":
                return Node("missing", token.place)
            return Node("boolean", token.place, token.value == "true")
        if token.kind not in ("number", "text", "column", "word"):
            self._refuse_next("a column, a number or a quoted word")
        self.at += 1
        if token.kind == "number":
            return Node("number", token.place, self._number(token))
        if token.kind == "text":
            return Node("text", token.place, token.value)
        following = self.next
        if token.kind == "word" and following.kind == "sign" and following.value == "(":
            return Node("call", token.place, token.value, tuple(self._call()))
        return Node("column", token.place, token.value)

    def _number(self, token: Token) -> float:
        value = int(token.value) if token.value.isdecimal() else float(token.value)  # whole numbers keep all digits
        if not abs(value) <= 3.4e38:
            refuse(token.place, token.value, "a number of at most 3.4e38", "Write a smaller number.")
        return value

    def _call(self) -> list[Node]:
        after = self.tokens[self.at + 1]
        if after.kind == "sign" and after.value == ")":
            self.at += 2
            return []
        return self._arguments()
