"""The words of an expression, and the refusal that names a place in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from workbench.errors import RecipeError

MAX_LENGTH = 2_000
KEYWORDS = ("and", "or", "not", "in", "is", "missing", "true", "false")

TokenKind = Literal["number", "text", "column", "word", "keyword", "sign", "end"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<column>`(?:[^`]|``)*`)
      | (?P<word>[^\W\d]\w*(?:\.\w+)*)
      | (?P<sign>\*\*|//|==|!=|<=|>=|<>|&&|\|\||[-+*/%<>(),=!&|^~])
    """,
    re.VERBOSE,
)
REMEDIES = {
    "=": "Write == to compare.",
    "<>": "Write != for unequal.",
    "!": "Write not, or != for unequal.",
    "&": "Write and.",
    "&&": "Write and.",
    "|": "Write or.",
    "||": "Write or.",
    "^": "Write ** for a power.",
    "~": "Write not.",
}


@dataclass(frozen=True)
class Token:
    """A word of an expression; `place` is its character, counted from 1."""

    kind: TokenKind
    value: str
    place: int


def refuse(place: int, got: str, needed: str, remedy: str) -> NoReturn:
    """Raise the refusal of an expression at a place.

    Raises
    ------
    RecipeError
        Always.
    """
    raise RecipeError(f"Expression, character {place}: got {got}, needed {needed}. {remedy}")


def tokens_of(expression: str) -> list[Token]:
    """Cut an expression into words.

    Raises
    ------
    RecipeError
        If it is empty or too long, or holds something that belongs to no expression.
    """
    if len(expression) > MAX_LENGTH:
        refuse(1, f"{len(expression):,} characters", f"at most {MAX_LENGTH:,}", "Divide it into several steps.")
    found: list[Token] = []
    place = 0
    while place < len(expression):
        match = _TOKEN.match(expression, place)
        if match is None:
            _refuse_character(expression, place)
        kind, value = str(match.lastgroup), match.group()
        if kind != "space":
            found.append(_token(kind, value, place + 1))
        place = match.end()
    if not found:
        refuse(1, "an empty expression", "one such as age >= 18", "Write an expression.")
    return [*found, Token("end", "", len(expression) + 1)]


def _token(kind: str, value: str, place: int) -> Token:
    if kind == "number":
        return Token("number", value.replace("_", ""), place)
    if kind in ("text", "column"):
        return Token("text" if kind == "text" else "column", value[1:-1].replace(value[0] * 2, value[0]), place)
    if kind == "word":
        lower = value.lower()
        if lower in KEYWORDS and value in (lower, lower.upper(), lower.capitalize()):
            return Token("keyword", lower, place)
        return Token("word", value, place)
    return Token("sign", value, place)


def _refuse_character(expression: str, place: int) -> NoReturn:
    character = expression[place]
    if character in "'\"`":
        refuse(place + 1, f"{character} without its end", "a pair of them", f"Close it with another {character}.")
    remedy = "Put a column's name in backticks, and text in quotes."
    refuse(place + 1, repr(character), "columns, numbers, quoted words and operators", remedy)
