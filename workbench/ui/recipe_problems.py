"""What is wrong with single steps, so that each problem stands on its own card, and what one click can do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.recipe import check_recipe
from workbench.recipe.matching import names_in, without_columns
from workbench.recipe.spec import Impute
from workbench.ui import recipe_changes
from workbench.ui.recipe_columns import columns_at, likely

if TYPE_CHECKING:
    from workbench.data import Table

_STEP = re.compile(r"\b[Ss]tep (\d+) \((\w+)\)")
MOST_TRIED = 200  # columns that are looked at one by one
WHOLE = -1  # place of a problem that no single step has


@dataclass(frozen=True)
class Remedy:
    """One click that mends a step: what the button says, and the recipe afterwards."""

    label: str
    steps: tuple[Any, ...]


@dataclass
class Found:
    """Problems by the place of their step, and what of such a step still works."""

    by_step: dict[int, WorkbenchError] = field(default_factory=dict)
    instead: dict[int, Any] = field(default_factory=dict)

    @property
    def whole(self) -> WorkbenchError | None:
        """What is wrong with the recipe and with none of its steps."""
        return self.by_step.get(WHOLE)

    def without(self, steps: Sequence[Any]) -> tuple[Any, ...]:
        """Leave out of the steps that have a problem what they can't take, or switch them off."""
        return tuple(
            self.instead.get(index) or step.model_copy(update={"enabled": False}) if index in self.by_step else step
            for index, step in enumerate(steps)
        )


def look(table: Table, steps: Sequence[Any], target: str) -> Found:
    """Check a recipe; what fails is passed over, so that the steps after it are looked at, too."""
    found = Found()
    tried: set[int] = set()
    for _ in range(2 * len(steps) + 1):
        problem = check(table, found.without(steps), target)
        if problem is None:
            break
        if not note(found, problem, steps):
            break
        place = _place(problem, steps)
        if place in tried:
            continue
        tried.add(place)
        before = found.without(steps[:place])
        kept = without_columns(steps[place], _unfit(table, before, steps[place], target))
        if kept is not None and not _fails(table, before, kept, target):
            found.instead[place] = kept
    return found


def note(found: Found, problem: WorkbenchError, steps: Sequence[Any]) -> bool:
    """Put a problem to its step; False when nothing more can be passed over for it."""
    place = _place(problem, steps)
    known = place in found.by_step
    found.by_step.setdefault(place, problem)
    reduced = found.instead.pop(place, None)
    return place != WHOLE and (not known or reduced is not None)


def check(table: Table, steps: Sequence[Any], target: str) -> WorkbenchError | None:
    """Give the first problem of a recipe that is still being written."""
    try:
        check_recipe(steps, table.columns, target, finished=False)
    except WorkbenchError as problem:
        return problem
    return None


def _place(problem: WorkbenchError, steps: Sequence[Any]) -> int:
    for number, name in _STEP.findall(str(problem)):
        place = int(number) - 1
        if place < len(steps) and steps[place].step == name and steps[place].enabled:
            return place
    return WHOLE


def remedies(table: Table, steps: Sequence[Any], place: int, target: str) -> list[Remedy]:
    """Give what would mend a step: leave out the columns that it can't take, or move it up."""
    before = look(table, steps[:place], target).without(steps[:place])
    step = steps[place]
    found = []
    unfit = _unfit(table, before, step, target)
    if unfit:
        kept = without_columns(step, unfit)
        if kept is not None and not _fails(table, before, kept, target):
            found.append(Remedy(f"Leave out {_listed(unfit)}", (*steps[:place], kept, *steps[place + 1 :])))
    earlier = recipe_changes.place_for(steps[:place], step.step)
    for target_place in dict.fromkeys((earlier, 0)):
        if target_place < place and not _fails(table, before[:target_place], step, target):
            moved = (*steps[:target_place], step, *steps[target_place:place], *steps[place + 1 :])
            found.append(Remedy(f"Move it up to place {target_place + 1}", moved))
            break
    if "without missing values" in str(check(table, (*before, step), target)):
        filled = _imputed(table, steps, place, target)
        if filled is not None and not _fails(table, (*before, filled), step, target):
            found.insert(0, Remedy("Impute first", (*steps[:place], filled, *steps[place:])))
    if not found:
        found.append(Remedy("Remove the step", (*steps[:place], *steps[place + 1 :])))
    return found


def _unfit(table: Table, before: Sequence[Any], step: Any, target: str) -> list[str]:
    """Find the columns that a step can't take, by looking at each alone."""
    names = names_in(step) if hasattr(step, "columns") else ()
    return [name for name in names[:MOST_TRIED] if _fails(table, before, _only(step, name), target)]


def _imputed(table: Table, steps: Sequence[Any], place: int, target: str) -> Any:
    known = columns_at(table, steps, place)
    gaps = likely(Impute, known, target)
    named = names_in(steps[place])
    names = tuple(name for name in gaps if not named or name in named)
    return Impute(columns=names) if names else None


def _only(step: Any, name: str) -> Any:
    others = [other for other in names_in(step) if other != name]
    return without_columns(step, others) or step


def _fails(table: Table, before: Sequence[Any], step: Any, target: str) -> bool:
    problem = check(table, (*before, step), target)
    return problem is not None and _place(problem, (*before, step)) == len(before)


def _listed(names: list[str], limit: int = 3) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
