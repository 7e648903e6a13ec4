"""The command about estimators: which there are, and what can be set."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, get_args

import typer

from workbench.cli.output import Json, note, show, table
from workbench.data.spec import AnyTask
from workbench.errors import EstimatorError


def estimators(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One estimator, with its parameters.", show_default=False)
    ] = None,
    task: Annotated[str | None, typer.Option(help="Only those for this task.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """List the estimators, or the parameters of one.

    Those of your own file are among them.
    """
    from workbench.estimators import catalogue, entry
    from workbench.estimators.own_file import own_problem

    if task is not None and task not in get_args(AnyTask):
        raise EstimatorError(f"Got the task {task!r}, needed one of {', '.join(get_args(AnyTask))}. Choose one.")
    if problem := own_problem():
        note(problem)
    if name is not None:
        found = entry(name)
        show(_document(found), as_json, lambda: _one(found))
        return
    listed = [found for found in catalogue().values() if task is None or task in found.tasks]
    show([_document(found) for found in listed], as_json, lambda: _table(listed))


def _document(found: Any) -> dict[str, Any]:
    return dataclasses.asdict(found)


def _table(listed: list[Any]) -> str:
    rows = [(found.name, found.title, found.family, ", ".join(found.tasks), found.takes) for found in listed]
    return table(["name", "title", "family", "tasks", "learns from"], rows)


def _one(found: Any) -> str:
    lines = [f"{found.name}: {found.title}. {found.summary}", f"Good at: {found.strengths}", f"Costs: {found.cost}"]
    if found.formula:
        lines.append(f"Formula: {found.formula}")
    rows = [
        (parameter.name, "none" if parameter.default is None else parameter.default, parameter.range_text,
         parameter.help)
        for parameter in found.parameters
    ]  # fmt: skip
    return "\n".join([*lines, "", table(["parameter", "default", "range", "meaning"], rows)] if rows else lines)


commands = (estimators,)
