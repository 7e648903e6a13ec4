"""What a learned step learned differently from all rows than from the training rows alone, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.recipe import FittedRecipe
    from workbench.recipe.features import Stage

_Words = Callable[[dict[str, Any], dict[str, Any], list[str]], str]

_SAME = "it learned the same from all rows."


def differences(train: FittedRecipe, whole: FittedRecipe, target: str) -> list[str]:
    """Say for each learned step what moved when it saw the held-out rows, too.

    Parameters
    ----------
    train, whole : FittedRecipe
        The same recipe, fitted on the training rows and on all rows.
    target : str
    """
    from workbench.recipe.features import Features

    by_place = {(stage.step_index, tuple(stage.columns)): stage for stage in whole.stages}
    features = Features(list(train.entry.inner_types))
    found = []
    for stage in train.stages:
        names = features.names(stage.columns)
        features.stage(stage.step_index, stage.columns, stage.fitted)
        other = by_place.get((stage.step_index, tuple(stage.columns)))
        if stage.step_index >= 0 and other is not None:
            sentence = _difference(stage, other, names, target)
            found.append(f"Step {stage.step_index + 1} ({step_name(stage)}): {sentence}")
    return found


def step_name(stage: Stage) -> str:
    """Give the step's name in a recipe; some steps have a second class for one of their ways."""
    return {"impute_nearest_neighbors": "impute", "one_hot_capped": "one_hot"}.get(stage.fitted.name, stage.fitted.name)


def _difference(stage: Stage, other: Stage, names: list[str], target: str) -> str:
    a, b = stage.fitted.to_dict(), other.fitted.to_dict()
    if stage.fitted.name == "target_encode":
        return _target_encoding(a, b, names, target)
    if stage.fitted.name in _WORDS:
        return _WORDS[stage.fitted.name](a, b, names)
    return _SAME if a == b else "it learned from the held-out rows, too."


def _moved(what: str, a: Sequence[Any], b: Sequence[Any], columns: list[str]) -> tuple[str, int] | None:
    """Give the largest move among columns, relative to its size, in words, and the number of columns that moved."""
    moves = []
    for place, (x, y) in enumerate(zip(a, b, strict=False)):
        if x == y or place >= len(columns):
            continue
        if isinstance(x, (int, float)) and isinstance(y, (int, float)):
            size = abs(y - x) / max(abs(x), abs(y), 1e-12)
            moves.append((size, f"{what} of {columns[place]} moved from {x:.4g} to {y:.4g}"))
        else:
            moves.append((1.0, f"{what} of {columns[place]} changed from {x!r} to {y!r}"))
    if not moves:
        return None
    return max(moves, key=lambda move: move[0])[1], len(moves)


def _numbers(*keys: tuple[str, str]) -> _Words:
    """Give the words for steps that learn some numbers a column."""

    def words(a: dict[str, Any], b: dict[str, Any], columns: list[str]) -> str:
        told = [found for key, what in keys if (found := _moved(what, a[key], b[key], columns))]
        if not told:
            return _SAME
        n_moved = max(n for _, n in told)
        more = f" ({n_moved} columns moved)" if n_moved > 1 else ""
        return "; ".join(sentence for sentence, _ in told) + f"{more}."

    return words


def _impute(a: dict[str, Any], b: dict[str, Any], columns: list[str]) -> str:
    what = {"most_frequent": "the most frequent value"}.get(a["strategy"], f"the {a['strategy']}")
    if a["strategy"] == "constant":
        return "a constant is learned from no row."
    return _numbers(("statistics", what))(a, b, columns)


def _words_learned(key: str, told: str) -> _Words:
    """Give the words for steps that learn words a column."""

    def words(a: dict[str, Any], b: dict[str, Any], columns: list[str]) -> str:
        new = [
            (column, [word for word in there if word not in set(here)])
            for column, here, there in zip(columns, a[key], b[key], strict=False)
        ]
        new = [(column, found) for column, found in new if found]
        if not new:
            return _SAME if a[key] == b[key] else "it learned from the held-out rows."
        column, found = max(new, key=lambda pair: len(pair[1]))
        examples = ", ".join(repr(word) for word in found[:3])
        n_words = sum(len(entry) for _, entry in new)
        return f"{n_words:,} {told} only from the held-out rows, such as {examples} of {column}."

    return words


def _target_encoding(a: dict[str, Any], b: dict[str, Any], columns: list[str], target: str) -> str:
    worst: tuple[float, str] = (0.0, "")
    n_new = 0
    for place, column in enumerate(columns):
        known, there = _means(a, place), _means(b, place)
        n_new += len(there.keys() - known.keys())
        for word in there.keys() & known.keys():
            gap = abs(there[word] - known[word])
            if gap > worst[0]:
                shown = repr(word) if word not in ("", None) else "(missing)"
                mean = f"the mean {target}" if not a["classes"] else f"the share of {a['classes'][-1]!r}"
                told = f"{mean} of {column} {shown} moved from {known[word]:.3g} to {there[word]:.3g}"
                worst = (gap, told)
    new = f"{n_new:,} categories got a mean from held-out rows only" if n_new else ""
    told = "; ".join(part for part in (worst[1], new) if part)
    if not told:
        return _SAME
    return f"{told}. The held-out rows' own answers are in it, and without cross-fitting the training rows' own, too."


def _means(document: dict[str, Any], place: int) -> dict[Any, float]:
    """Give the mean of each category of a column; of several classes the last one's."""
    found = np.asarray(document["encodings"][place], dtype=np.float64)[:-1, -1]
    return dict(zip(document["categories"][place], found.tolist(), strict=True))


def _terms(a: dict[str, Any], b: dict[str, Any], columns: list[str]) -> str:
    here = {(place, " ".join(term)) for place, entry in enumerate(a["columns"]) for term in entry["terms"]}
    there = {(place, " ".join(term)) for place, entry in enumerate(b["columns"]) for term in entry["terms"]}
    new = sorted(term for _, term in there - here)
    if not new:
        return "the terms are the same; their weights were counted on the held-out rows, too."
    return f"{len(new):,} terms were chosen with the held-out rows, such as {_quoted(new[:3])}."


def _selected(a: dict[str, Any], b: dict[str, Any], columns: list[str]) -> str:
    new = sorted(set(b["places"]) - set(a["places"]))
    if not new:
        return "the same features were chosen."
    return f"{len(new)} of {len(b['places'])} features were chosen because they suit the held-out rows' answers."


def _pca(a: dict[str, Any], b: dict[str, Any], columns: list[str]) -> str:
    first, second = np.asarray(a["components"], dtype=float), np.asarray(b["components"], dtype=float)
    if not first.size or not second.size:
        return _SAME
    cosine = min(1.0, abs(float(first[0] @ second[0])))
    turned = np.degrees(np.arccos(cosine))
    return f"the first component turned by {turned:.2g}°, and {len(second)} instead of {len(first)} were kept."


def _nothing(a: dict[str, Any], b: dict[str, Any], columns: list[str]) -> str:
    return "it learns nothing from rows, so there is nothing to leak."


def _edges(a: dict[str, Any], b: dict[str, Any], columns: list[str]) -> str:
    moved = [name for name, x, y in zip(columns, a["edges"], b["edges"], strict=False) if x != y]
    shown = ", ".join(moved[:3]) + (f" and {len(moved) - 3} more" if len(moved) > 3 else "")
    return f"the edges of {shown} moved." if moved else _SAME


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(repr(word) for word in words)


_WORDS: dict[str, _Words] = {
    "impute": _impute,
    "standardize": _numbers(("mean", "the mean"), ("scale", "the standard deviation")),
    "min_max": _numbers(("data_min", "the minimum"), ("data_max", "the maximum")),
    "robust": _numbers(("center", "the median"), ("scale", "the distance of the quartiles")),
    "clip": _numbers(("lower", "the lower bound"), ("upper", "the upper bound")),
    "power": _numbers(("powers", "the power")),
    "bins": _edges,
    "one_hot": _words_learned("categories", "categories were learned"),
    "ordinal": _words_learned("categories", "categories were learned"),
    "one_hot_capped": _words_learned("frequent", "categories became frequent"),
    "merge_rare": _words_learned("kept", "categories became frequent"),
    "tf_idf": _terms,
    "select_best": _selected,
    "pca": _pca,
    "log": _nothing,
    "hashing": _nothing,
}
