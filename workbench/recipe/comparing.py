"""Where two recipes differ, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

import polars as pl

from workbench.recipe.sharing import step_document
from workbench.recipe.spec import Step

_SCHEMA = {
    "change": pl.String,
    "step": pl.String,
    "place_first": pl.Int64,
    "place_second": pl.Int64,
    "first": pl.String,
    "second": pl.String,
}
_Pair = tuple[int | None, int | None]


def compare_steps(first: Sequence[Step], second: Sequence[Step]) -> pl.DataFrame:
    """Align two recipes and say what each step of one is in the other.

    Returns
    -------
    DataFrame
        One row a step: ``change`` (``same``, ``changed``, ``only in the first``, ``only in the second``), ``step``,
        its places counted from 1, and the parts that differ.
    """
    left, right = [step_document(step) for step in first], [step_document(step) for step in second]
    rows: list[tuple[Any, ...]] = []
    for i, j in _aligned(left, right):
        if i is not None and j is not None:
            change = "same" if left[i] == right[j] else "changed"
            parts = _differing(left[i], right[j])
            rows.append((change, left[i]["step"], i + 1, j + 1, *parts))
        elif i is not None:
            rows.append(("only in the first", left[i]["step"], i + 1, None, _written(left[i]), ""))
        elif j is not None:
            rows.append(("only in the second", right[j]["step"], None, j + 1, "", _written(right[j])))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _aligned(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> Iterator[_Pair]:
    """Pair equal steps first, then, between them, steps of the same kind."""
    exact = SequenceMatcher(None, [_written(entry) for entry in left], [_written(entry) for entry in right], False)
    for tag, i1, i2, j1, j2 in exact.get_opcodes():
        if tag == "equal":
            yield from zip(range(i1, i2), range(j1, j2), strict=True)
        else:
            yield from _aligned_by_kind(left, right, (i1, i2), (j1, j2))


def _aligned_by_kind(
    left: list[dict[str, Any]], right: list[dict[str, Any]], of_left: tuple[int, int], of_right: tuple[int, int]
) -> Iterator[_Pair]:
    kinds_left = [str(entry["step"]) for entry in left[slice(*of_left)]]
    kinds_right = [str(entry["step"]) for entry in right[slice(*of_right)]]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, kinds_left, kinds_right, False).get_opcodes():
        there = range(of_left[0] + i1, of_left[0] + i2)
        here = range(of_right[0] + j1, of_right[0] + j2)
        if tag == "equal":
            yield from zip(there, here, strict=True)
        else:
            yield from ((i, None) for i in there)
            yield from ((None, j) for j in here)


def _differing(one: dict[str, Any], other: dict[str, Any]) -> tuple[str, str]:
    names = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    only = [{name: entry[name] for name in names if name in entry} for entry in (one, other)]
    return _written(only[0]), _written(only[1])


def _written(document: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {_value(value)}" for name, value in document.items())


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} → {entry}" for key, entry in value.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
