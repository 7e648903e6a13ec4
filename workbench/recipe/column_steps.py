"""What each column step does: the columns that it makes, as Polars expressions and as graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.errors import RecipeError
from workbench.recipe.columns import Change, Made
from workbench.recipe.spec import DropColumns, FlagMissing, Rename, Step
from workbench.recipe.values import Content, is_present


@dataclass(frozen=True)
class Place:
    """Where a step stands and what it finds."""

    names: tuple[str, ...]  # of its columns, those that are there
    contents: Mapping[str, Content]
    where: str  # "Step 3 (rename)"
    lenient: bool

    def new(self, name: str, taken: Sequence[str] = ()) -> str:
        """Give the name of a new column.

        Raises
        ------
        RecipeError
            If there is a column of that name.
        """
        if name in self.contents or name in taken:
            raise RecipeError(
                f"{self.where}: got the new name {name!r}, which a column already has; needed an unused one. "
                "Choose another name, or rename or drop that column first."
            )
        return name


def change_of(
    step: Step, names: tuple[str, ...], contents: Mapping[str, Content], *, number: int = 0, lenient: bool = False
) -> Change:
    """Give what a column step does to columns of these contents.

    Raises
    ------
    RecipeError
        If a new name is taken, or an expression can't be computed.
    """
    where = f"Step {number} ({step.step})" if number else step.step
    return _CHANGES[step.step](step, Place(names, contents, where, lenient))


def _drop(step: DropColumns, place: Place) -> Change:
    return Change(gone=place.names)


def _rename(step: Rename, place: Place) -> Change:
    renamed = {name: step.names[name] for name in place.names if step.names[name] != name}
    new = list(renamed.values())
    staying = [name for name in place.contents if name not in renamed]
    for position, name in enumerate(new):
        if name in staying or name in new[:position]:
            raise RecipeError(
                f"{place.where}: got the new name {name!r} twice, needed each column's own. "
                "Choose another name, or rename or drop the column that has it."
            )
    return Change(renamed=renamed)


def _flag_missing(step: FlagMissing, place: Place) -> Change:
    made = []
    for name in place.names:
        content = place.contents[name]
        flag = (~is_present(name, content.kind)).cast(pl.Int8)
        made.append(Made(place.new(f"{name}_missing"), Content("number", content.sources), flag, None, name))
    return Change(tuple(made))


_CHANGES: dict[str, Callable[[Any, Place], Change]] = {
    "drop_columns": _drop,
    "rename": _rename,
    "flag_missing": _flag_missing,
}
