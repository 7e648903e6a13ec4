"""What is wrong with data and recipe before anything is trained, and what a recipe would have leaked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.api.preparing import Recipe, parsed_split, parsed_steps, target_of
from workbench.data.spec import SplitSpec, Task
from workbench.settings import Settings
from workbench.training.spec import RunSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.data import Table
    from workbench.recipe.checks import Check
    from workbench.recipe.matching import SchemaDiff
    from workbench.recipe.spec import Step
    from workbench.training.leaking import LeakComparison

_SCHEMA = {
    "code": pl.String,
    "severity": pl.String,
    "columns": pl.String,
    "message": pl.String,
    "remedy": pl.String,
}


@dataclass(frozen=True)
class Checks:
    """What the coded checks found, the gravest first."""

    found: tuple[Check, ...]

    def __iter__(self) -> Iterator[Check]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, place: int) -> Check:
        return self.found[place]

    def frame(self) -> pl.DataFrame:
        """Give one row a check: ``code``, ``severity``, ``columns``, ``message``, ``remedy``."""
        rows = [
            {
                "code": check.code,
                "severity": check.severity,
                "columns": ", ".join(check.columns),
                "message": check.message,
                "remedy": "; ".join(remedy.label for remedy in check.remedies),
            }
            for check in self.found
        ]
        return pl.DataFrame(rows, schema=_SCHEMA)

    def to_dict(self) -> list[dict[str, Any]]:
        """Give what ``workbench check --json`` prints."""
        return [
            {
                "code": check.code,
                "name": check.name,
                "severity": check.severity,
                "columns": list(check.columns),
                "message": check.message,
                "explanation": check.explanation,
                "remedies": [
                    {
                        "label": remedy.label,
                        "steps": [
                            step.model_dump(mode="json", exclude_defaults=True) | {"step": step.step}
                            for step in remedy.steps or ()
                        ],
                        "split": None if remedy.split is None else remedy.split.model_dump(exclude_defaults=True),
                    }
                    for remedy in check.remedies
                ],
            }
            for check in self.found
        ]


def check_data(
    table: Table,
    *,
    target: str | None = None,
    task: Task | None = None,
    recipe: Recipe = (),
    split: SplitSpec | dict[str, Any] | None = None,
    seed: int = 0,
    settings: Settings | None = None,
) -> Checks:
    """Look for what makes a model worse than its score: leaks, identifiers, duplicates, odd columns.

    Each check has a code and, where there is one, a remedy: steps that `apply_remedy` adds to the recipe.

    Parameters
    ----------
    table : Table
    target, task : str, optional
        The table's own target and the task that suits it when absent.
    recipe : sequence of steps
        What it mends isn't reported.
    split : SplitSpec or dict, optional
    seed : int
        Of the split.

    Raises
    ------
    TargetError
        If there is no target.
    SpecError
        If a step or the split is malformed.
    """
    from workbench.recipe.checks import check_data as look

    steps = parsed_steps(recipe)
    found = look(
        table,
        target=target_of(table, target, steps),
        task=task,
        steps=steps,
        split=parsed_split(split),
        seed=seed,
        settings=settings,
    )
    return Checks(tuple(found))


def apply_remedy(recipe: Recipe, remedy: Any) -> tuple[Step, ...]:
    """Give the recipe with a check's remedy in its place."""
    from workbench.recipe.checks import apply_remedy as apply

    return tuple(apply(parsed_steps(recipe), remedy))


def match_recipe(recipe: Recipe, table: Table) -> SchemaDiff:
    """Show how a table's columns differ from those that a recipe names.

    A recipe that was saved with its table also knows which kinds its columns had.
    """
    from workbench.recipe.matching import match

    return match(parsed_steps(recipe), table.columns, getattr(recipe, "columns", None))


def leak_comparison(
    spec: RunSpec | dict[str, Any], *, n_rows: int = 20_000, settings: Settings | None = None
) -> LeakComparison:
    """Show what a recipe would have leaked: learned steps fitted on training rows, and once on all rows.

    Parameters
    ----------
    spec : RunSpec or dict
    n_rows : int
        Size of the sample that both are fitted and measured on.

    Raises
    ------
    WorkbenchError
        As a run of the spec.
    """
    from workbench.training.leaking import leak_comparison as compare

    return compare(RunSpec.parse(spec), n_rows=n_rows, settings=settings)
