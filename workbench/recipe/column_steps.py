"""What each column step does: the columns that it makes, as Polars expressions and as graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import available_timezones

import polars as pl

from workbench.data.table import nearest
from workbench.data.zones import is_zone, moment_of, wall_clock
from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe import date_parts as dates
from workbench.recipe import expression_graph as nodes
from workbench.recipe.cleaning import cleaned
from workbench.recipe.clocks import emit_moment, emit_wall_clock
from workbench.recipe.columns import Change, Emit, Made
from workbench.recipe.converting import converted, dates_in, emit_converted, is_date_format
from workbench.recipe.expressions import columns_in, compiled
from workbench.recipe.spec import (
    Calculate,
    CleanText,
    Convert,
    DatePart,
    DateParts,
    DropColumns,
    FlagMissing,
    ParseDates,
    Rename,
    Step,
    TakenKind,
)  # fmt: skip
from workbench.recipe.values import WORDS, Content, is_present, read


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
    for name in names:
        kind = contents[name].kind
        if kind not in step.takes or (kind == "image" and step.step == "flag_missing"):
            taken = " or ".join(WORDS[each] for each in WORDS if each in step.takes and each != "image")
            raise RecipeError(
                f"{where}: column {name!r} holds {WORDS[kind]}, needed {taken}. {_remedy(step.step, kind)}"
            )
    return _CHANGES[step.step](step, Place(names, contents, where, lenient))


def _remedy(step: str, kind: TakenKind) -> str:
    if step == "date_parts" and kind == "text":
        return "Put the step parse_dates in front of this one."
    if step == "clean_text" and kind in ("number", "boolean"):
        return "Put the step convert (to text) in front of this one, or remove the column."
    if kind == "datetime" and step in ("convert", "parse_dates"):
        return "Take its parts with date_parts, or remove the column."
    return "Remove the column from the step."


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
    made: list[Made] = []
    for name in place.names:
        content = place.contents[name]
        new = place.new(f"{name}_missing", [other.name for other in made])
        flag = (~is_present(name, content.kind)).cast(pl.Int8)
        made.append(Made(new, Content("number", content.sources), flag, _emit_flag(name, content.kind), name))
    return Change(tuple(made))


def _emit_flag(name: str, kind: TakenKind) -> Emit | None:
    if kind == "image":
        return None
    if kind == "text":
        return lambda graph, tensors: nodes.as_double(graph, nodes.is_empty(graph, tensors[name]))
    return lambda graph, tensors: nodes.as_double(
        graph, nodes.is_missing(graph, nodes.within(graph, tensors[name]) if kind == "number" else tensors[name])
    )


def _convert(step: Convert, place: Place) -> Change:
    made = []
    for name in place.names:
        content = place.contents[name]
        values = converted(
            read(name, content.kind),
            content.kind,
            step.to,
            decimal=step.decimal,
            units=step.units,
            digits=pl.col(name),
        )
        made.append(Made(name, Content(step.to, content.sources), values, _emit_convert(name, content.kind, step.to)))
    return Change(tuple(made))


def _emit_convert(name: str, kind: TakenKind, to: TakenKind) -> Emit | None:
    if kind == to == "text":
        return lambda _, tensors: tensors[name]
    if "text" in (kind, to):
        return None
    return lambda graph, tensors: emit_converted(graph, tensors[name], kind, to)


def _parse_dates(step: ParseDates, place: Place) -> Change:
    if step.format and not is_date_format(step.format):
        raise RecipeError(
            f"{place.where}: got the format {step.format!r}, needed one that reads a date, such as %d.%m.%Y %H:%M. "
            "Correct it, or leave it empty for ISO dates."
        )
    if step.zone and not is_zone(step.zone):
        hint = nearest(step.zone, available_timezones()) or " Write it as Europe/Berlin."
        raise RecipeError(f"{place.where}: there is no time zone {step.zone!r}.{hint}")
    return Change(tuple(_parsed(name, step, place) for name in place.names))


def _parsed(name: str, step: ParseDates, place: Place) -> Made:
    content, zone = place.contents[name], step.zone
    if content.kind == "text":
        made = Content("datetime", content.sources, zone)
        return Made(name, made, dates_in(read(name, "text"), step.format, zone))
    if not zone:
        raise RecipeError(
            f"{place.where}: column {name!r} holds dates already. Take its parts with date_parts, set a time zone, or "
            "remove the column."
        )
    moments, is_placed = read(name, "datetime"), content.zone is not None
    values = moments if is_placed else moment_of(moments, zone)

    def emit(graph: GraphBuilder, tensors: Mapping[str, str]) -> str:
        return tensors[name] if is_placed else emit_moment(graph, tensors[name], zone)

    return Made(name, replace(content, zone=zone), values, emit)


def _date_parts(step: DateParts, place: Place) -> Change:
    made: list[Made] = []
    for name in place.names:
        content, zone = Content("number", place.contents[name].sources), place.contents[name].zone
        behind = name
        for part in dict.fromkeys(step.parts):
            new = place.new(f"{name}_{part}", [other.name for other in made])
            made.append(Made(new, content, _part_of(name, part, zone), _emit_part(name, part, zone), behind))
    return Change(tuple(made), place.names if step.drop else ())


def _part_of(name: str, part: DatePart, zone: str | None) -> pl.Expr:
    moment = read(name, "datetime")
    return dates.part_of(wall_clock(moment, zone) if zone and part != "seconds_since_1970" else moment, part)


def _emit_part(name: str, part: DatePart, zone: str | None) -> Emit:
    if not zone or part == "seconds_since_1970":
        return lambda graph, tensors: dates.emit_part(graph, tensors[name], part)
    return lambda graph, tensors: dates.emit_part(graph, emit_wall_clock(graph, tensors[name], zone), part)


def _calculate(step: Calculate, place: Place) -> Change:
    if place.lenient and not set(columns_in(step.expression)).issubset(place.contents):
        return Change()
    made = compiled(step.expression, place.contents, where=place.where)
    sources = dict.fromkeys(source for name in made.columns for source in place.contents[name].sources)
    content = Content(made.kind, tuple(sources), made.zone)
    return Change((Made(place.new(step.name), content, made.values, made.emit),))


def _clean_text(step: CleanText, place: Place) -> Change:
    made = [
        Made(name, _cleaned_content(place.contents[name], step), cleaned(read(name, "text"), step.operations))
        for name in place.names
    ]
    return Change(tuple(made))


def _cleaned_content(content: Content, step: CleanText) -> Content:
    """Clean the words of an ordered category as its values are."""
    if not content.order:
        return content
    words = pl.DataFrame({"word": content.order}).select(cleaned(read("word", "text"), step.operations)).to_series()
    return replace(content, order=tuple(word for word in words.unique(maintain_order=True).to_list() if word))


_CHANGES: dict[str, Callable[[Any, Place], Change]] = {
    "drop_columns": _drop,
    "rename": _rename,
    "convert": _convert,
    "parse_dates": _parse_dates,
    "date_parts": _date_parts,
    "calculate": _calculate,
    "flag_missing": _flag_missing,
    "clean_text": _clean_text,
}
