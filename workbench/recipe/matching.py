"""Does a recipe fit another table? The difference of the columns, and the recipe without what isn't there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.recipe.spec import Step, columns_of

if TYPE_CHECKING:
    from workbench.data.table import Column

_SCHEMA = {"column": pl.String, "change": pl.String, "then": pl.String, "now": pl.String, "steps": pl.String}


def type_of(column: Column) -> str:
    """Say which of the kinds that steps take a column is: number, text, boolean, datetime or image."""
    if column.kind == "image":
        return "image"
    if column.dtype.startswith("Boolean"):
        return "boolean"
    if column.dtype.startswith(("Int", "UInt", "Float", "Decimal")):
        return "number"
    return "datetime" if column.dtype.startswith(("Date", "Datetime", "Time", "Duration")) else "text"


def types_of(columns: Iterable[Column]) -> dict[str, str]:
    """Give the type of each column by its name."""
    return {column.name: type_of(column) for column in columns}


@dataclass(frozen=True)
class SchemaDiff:
    """How a table differs from what a recipe was made for.

    Parameters
    ----------
    steps : tuple of Step
        The recipe as it is.
    then, now : mapping of str to str
        Columns and their types when the recipe was made (empty when nobody knows), and of the table now.
    missing : tuple of str
        Columns that a step names and the table doesn't have.
    refused : tuple of str
        Columns that a step names and whose type it doesn't take.
    changes : tuple of str
        A sentence for each step that `adapted` changes or leaves out.
    """

    steps: tuple[Step, ...]
    then: Mapping[str, str]
    now: Mapping[str, str]
    missing: tuple[str, ...]
    refused: tuple[str, ...]
    changes: tuple[str, ...]
    _adapted: tuple[Step, ...] = field(repr=False)
    _named: Mapping[str, tuple[int, ...]] = field(repr=False)

    @property
    def blocking(self) -> tuple[str, ...]:
        """Columns without which the recipe can't be applied as it is."""
        return tuple(dict.fromkeys([*self.missing, *self.refused]))

    def adapted(self) -> tuple[Step, ...]:
        """Give the steps without the columns that aren't there or have a type they don't take."""
        return self._adapted

    def frame(self) -> pl.DataFrame:
        """Give one row a column: ``column``, ``change``, ``then``, ``now``, ``steps`` (places of those that name it).

        `change` is ``missing``, ``other type``, ``new`` or ``same``; what must be looked at comes first. Without the
        columns of then, only those that a step names are listed.
        """
        names = [*self._named, *self.then, *(self.now if self.then else ())]
        rows = []
        for name in dict.fromkeys(names):
            then, now = self.then.get(name), self.now.get(name)
            rows.append(
                (name, self._change(then, now, name), then, now, ", ".join(map(str, self._named.get(name, ()))))
            )
        order = ("missing", "other type", "new", "same")
        rows.sort(key=lambda row: order.index(row[1]))
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def _change(self, then: str | None, now: str | None, name: str) -> str:
        if now is None:
            return "missing"
        if name in self.refused or (then is not None and then != now):
            return "other type"
        return "new" if then is None and self.then else "same"


def match(
    steps: Sequence[Step],
    columns_now: Sequence[Column],
    columns_then: Sequence[Column] | Mapping[str, str] | None = None,
) -> SchemaDiff:
    """Compare the columns of a table with those that a recipe names.

    Parameters
    ----------
    steps : sequence of Step
    columns_now : sequence of Column
        Of the table that it is to be applied to.
    columns_then : sequence of Column, or mapping of name to type, optional
        Of the table that it was made for.

    Examples
    --------
    >>> from workbench.data.table import Column
    >>> from workbench.recipe.spec import Impute
    >>> found = match([Impute(columns=("age", "fare"))], [Column("age", "number", "Float64", 3, 70)])
    >>> found.blocking, found.adapted()[0].columns
    (('fare',), ('age',))
    """
    if columns_then is None or isinstance(columns_then, Mapping):
        then = dict(columns_then or {})
    else:
        then = types_of(columns_then)
    walk = _Walk(types_of(columns_now), then)
    for number, step in enumerate(steps, start=1):
        walk.take(number, step)
    return SchemaDiff(
        steps=tuple(steps),
        then=then,
        now=types_of(columns_now),
        missing=tuple(walk.missing),
        refused=tuple(walk.refused),
        changes=tuple(walk.changes),
        _adapted=tuple(walk.kept),
        _named={name: tuple(numbers) for name, numbers in walk.named.items()},
    )


class _Walk:
    """The columns that are there, step by step; a column that a step makes is there from then on."""

    def __init__(self, now: Mapping[str, str], then: Mapping[str, str]) -> None:
        self.there: dict[str, str] = dict(now)
        self.made: set[str] = set()  # by some step, whether or not it could be kept
        self.then = then
        self.named: dict[str, list[int]] = {}
        self.missing: dict[str, None] = {}
        self.refused: dict[str, None] = {}
        self.kept: list[Step] = []
        self.changes: list[str] = []

    def take(self, number: int, step: Step) -> None:
        """Look at one step and keep what of it fits."""
        absent, unfit = [], []
        named = names_in(step)
        for name in named:
            if name in self.there:
                if self.there[name] not in (*step.takes, ""):
                    if name not in self.made:
                        self.refused[name] = None
                    unfit.append(name)
            else:
                absent.append(name)
                if name not in self.made:
                    self.missing[name] = None
            if name not in self.made:
                self.named.setdefault(name, []).append(number)
        kept = _without(step, {*absent, *unfit})
        self._tell(number, step, kept, absent, unfit)
        if kept is not None:
            self.kept.append(kept)
            self._add(kept)
        self.made.update(made_by(step))

    def _tell(self, number: int, step: Step, kept: Step | None, absent: list[str], unfit: list[str]) -> None:
        if kept is step:
            return
        why = []
        if absent:
            why.append(f"{_listed(absent)} {'is' if len(absent) == 1 else 'are'} not there")
        if unfit:
            why.append(f"it doesn't take {_listed(f'{name} ({self.there[name]})' for name in unfit)}")
        what = "left out" if kept is None else "goes on with its other columns"
        self.changes.append(f"Step {number} ({step.title}) {what}: {' and '.join(why)}.")

    def _add(self, step: Step) -> None:
        if not step.enabled:
            return
        if step.step == "rename":
            for old, new in step.names.items():
                self.there[new] = self.there.pop(old, "")
        elif step.step == "convert":
            self.there.update(dict.fromkeys(step.columns, step.to))
        elif step.step == "parse_dates":
            self.there.update(dict.fromkeys(step.columns, "datetime"))
        elif step.step in ("calculate", "date_parts", "flag_missing"):
            type_ = "" if step.step == "calculate" else "number"  # what an expression gives isn't known here
            self.there.update(dict.fromkeys(made_by(step), type_))
        elif step.family == "learned" and step.step not in ("impute", "merge_rare"):
            self.there.update({name: "number" for name in columns_of(step) if name in self.there})


def names_in(step: Step) -> tuple[str, ...]:
    """Give the columns that a step reads, also those in its expression; none where an expression is malformed."""
    expression = getattr(step, "expression", None)
    if expression is None:
        return columns_of(step)
    from workbench.errors import WorkbenchError
    from workbench.recipe.expressions import columns_in

    try:
        return tuple(columns_in(expression))
    except WorkbenchError:
        return ()


def made_by(step: Step) -> tuple[str, ...]:
    """Give the columns that a column step adds."""
    if step.step == "calculate":
        return (step.name,)
    if step.step == "rename":
        return tuple(step.names.values())
    if step.step == "flag_missing":
        return tuple(f"{name}_missing" for name in step.columns)
    if step.step == "date_parts":
        return tuple(f"{name}_{part}" for name in step.columns for part in step.parts)
    return ()


def without_columns(step: Step, names: Iterable[str]) -> Step | None:
    """Give a step without some of its columns; None where nothing is left of it."""
    return _without(step, set(names))


def _without(step: Step, gone: set[str]) -> Step | None:
    named = names_in(step)
    if not gone.intersection(named):
        return step
    if getattr(step, "expression", None) is not None:
        return None
    rest = tuple(name for name in named if name not in gone)
    if not rest:
        return None
    update: dict[str, Any] = {"columns": rest}
    if step.step == "rename":
        update = {"names": {old: new for old, new in step.names.items() if old not in gone}}
    return step.model_copy(update=update)


def _listed(names: Iterable[str], limit: int = 6) -> str:
    found = list(names)
    return ", ".join(found[:limit]) + (f" and {len(found) - limit} more" if len(found) > limit else "")
