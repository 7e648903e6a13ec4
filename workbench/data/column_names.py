"""Columns that are meant though they are written otherwise: ``Pclass`` for ``pclass``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence


def match_names(have: Sequence[str], want: Sequence[str]) -> dict[str, str]:
    """Find columns that differ from a wanted one only in capitals, blanks and marks.

    Parameters
    ----------
    have, want : sequence of str

    Returns
    -------
    dict of str to str
        From a column of `have` to the one of `want` that it is; without those that are equal, and without those that
        could be several.

    Examples
    --------
    >>> match_names(["Pclass", "Sib Sp", "age"], ["pclass", "sib_sp", "age", "fare"])
    {'Pclass': 'pclass', 'Sib Sp': 'sib_sp'}
    """
    found: dict[str, str] = {}
    for fold in (_without_case, _letters):
        left = [name for name in have if name not in want and name not in found]
        open_ = [name for name in want if name not in have and name not in found.values()]
        ours, theirs = _grouped(left, fold), _grouped(open_, fold)
        for key, names in theirs.items():
            if key and len(names) == 1 and len(ours.get(key, ())) == 1:
                found[ours[key][0]] = names[0]
    return found


def _grouped(names: Sequence[str], fold: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(fold(name), []).append(name)
    return groups


def _without_case(name: str) -> str:
    return " ".join(name.split()).casefold()


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
