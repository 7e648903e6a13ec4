"""The words of suggestions: reasons that agree with one column or with several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """A reason as it is said of one column, and of several; None where it can only be said of one."""

    one: str
    several: str | None = None


def shown(names: Sequence[str], limit: int = 8) -> str:
    """List names, the first ones only.

    Examples
    --------
    >>> shown(["a", "b", "c"]), shown(["a", "b", "c"], limit=2)
    ('a, b and c', 'a, b and 1 more')
    """
    if len(names) > limit:
        return f"{', '.join(names[:limit])} and {len(names) - limit} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def sentence(reasons: Mapping[str, Reason]) -> str:
    """Say the reason of each column; columns with the same one together.

    Examples
    --------
    >>> same = Reason("is empty", "are empty")
    >>> sentence({"a": same, "b": Reason("names the row"), "c": same})
    'a and c: are empty; b: names the row.'
    """
    groups: dict[tuple[str, str | None], list[str]] = {}
    for name, reason in reasons.items():
        # What can be said of one column only is told apart by its name.
        groups.setdefault((reason.one, reason.several or name), []).append(name)
    parts = []
    for (one, several), names in groups.items():
        parts.append(f"{shown(names)}: {one if len(names) == 1 else several}")
    return "; ".join(parts) + "."
