"""Which features stand for each column after each learned step, and where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.recipe.fitted_step import FittedStep


@dataclass(frozen=True)
class Stage:
    """One learned step on its columns of one type.

    Parameters
    ----------
    step_index : int
        Its place in the recipe; -1 for the filling that `fit_recipe` adds by itself.
    columns : list of str
        Columns whose features it takes.
    outputs : list of str
        Columns that its features stand for: the same ones, unless the step joins them to new features.
    widths : list of int
        Features that stand for each of `outputs` afterwards.
    fitted : FittedStep
    """

    step_index: int
    columns: list[str]
    outputs: list[str]
    widths: list[int]
    fitted: FittedStep


@dataclass(frozen=True)
class Feature:
    """A feature's name, and the columns that it came from."""

    name: str
    columns: tuple[str, ...]


class Features:
    """The features that stand for each column, in order, as the stages so far left them."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.of: dict[str, list[Feature]] = {name: [Feature(name, (name,))] for name in columns}

    def all(self) -> list[Feature]:
        """Give the features of all columns."""
        return [feature for features in self.of.values() for feature in features]

    def names(self, columns: Sequence[str]) -> list[str]:
        """Name the features of some columns."""
        return [feature.name for column in columns for feature in self.of[column]]

    def stage(self, step_index: int, columns: Sequence[str], fitted: FittedStep) -> Stage:
        """Let a step that was fitted on the features of `columns` replace them."""
        replaced = self._joined(step_index, columns, fitted) if fitted.joins else self._relabelled(columns, fitted)
        for column in columns:
            if column not in replaced:
                del self.of[column]
        self.of |= replaced
        widths = [len(features) for features in replaced.values()]
        return Stage(step_index, list(columns), list(replaced), widths, fitted)

    def _relabelled(self, columns: Sequence[str], fitted: FittedStep) -> dict[str, list[Feature]]:
        labels = fitted.labels()
        if labels is None:
            return {column: self.of[column] for column in columns}
        following = iter(labels)
        return {
            column: [Feature(f"{column}={label}", (column,)) for _ in self.of[column] for label in next(following)]
            for column in columns
        }

    def _joined(self, step_index: int, columns: Sequence[str], fitted: FittedStep) -> dict[str, list[Feature]]:
        features = [(column, feature) for column in columns for feature in self.of[column]]
        # A column may be called like another's category, and each of both features has to be told apart.
        earlier = dict(zip(distinct([feature.name for _, feature in features]), features, strict=True))
        everything = tuple(dict.fromkeys(name for _, feature in earlier.values() for name in feature.columns))
        result: dict[str, list[Feature]] = {}
        for name in fitted.feature_names(list(earlier)):
            column, feature = earlier.get(name, (f"\x1f{step_index}", Feature(name, everything)))
            result.setdefault(column, []).append(feature)
        return result


def distinct(names: list[str]) -> list[str]:
    """Add numbers to the later of equal names: a column may be called like another's category."""
    taken = set(names)
    if len(taken) == len(names):
        return names
    seen: set[str] = set()
    result = []
    for name in names:
        unique, number = name, 2
        while unique in seen or (unique != name and unique in taken):
            unique, number = f"{name} ({number})", number + 1
        seen.add(unique)
        result.append(unique)
    return result
