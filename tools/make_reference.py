"""Write docs/reference.md from the code: settings, recipe steps, estimators, commands and HTTP routes.

Run it after a change of one of them: ``python tools/make_reference.py``. A test fails when the page is out of step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference.md"


def reference() -> str:
    """Give the text of the reference page."""
    sections = [
        "# Reference\n\nMade from the code by `python tools/make_reference.py`; a test keeps it in step.",
        "## Settings\n\nEach is an environment variable. What isn't set has the default.\n\n" + "\n".join(_settings()),
        "## Recipe steps\n\nIn a RunSpec: `{step: NAME, ...}`. Every step also takes `enabled: false`.\n\n"
        + "\n".join(_steps()),
        "## Functions in expressions\n\nIn `filter` and `calculate`; see [recipes](recipes.md#expressions).\n\n"
        + "\n".join(_functions()),
        "## Checks\n\nAs `workbench check FILE`, `wb.check_data(table)`, and on the Data page.\n\n"
        + "\n".join(_checks()),
        "## Estimators\n\nIn a RunSpec: `estimator: {name: NAME, params: {...}}`.\n\n" + "\n\n".join(_estimators()),
        "## Commands\n\n`workbench COMMAND --help` lists the options.\n\n" + "\n".join(_commands()),
        "## HTTP routes\n\nUnder `/api` in the app, under `/` in `workbench serve`.\n\n" + "\n".join(_routes()),
    ]
    return "\n\n".join(sections) + "\n"


def _settings() -> Iterator[str]:
    from workbench.settings import Settings

    yield "| variable | default | meaning |"
    yield "| --- | --- | --- |"
    for entry in fields(Settings):
        default = "" if entry.default in (None, "") else f"`{entry.default}`"
        yield f"| `WORKBENCH_{entry.name.upper()}` | {default} | {entry.metadata['meaning']} |"


def _steps() -> Iterator[str]:
    from workbench.recipe.spec import Step

    yield "| step | family | takes | what it does | options |"
    yield "| --- | --- | --- | --- | --- |"
    for step in get_args(get_args(Step)[0]):
        options = "; ".join(
            _option(name, field) for name, field in step.model_fields.items() if name not in ("step", "enabled")
        )
        takes = "any" if len(step.takes) == 5 else ", ".join(sorted(step.takes))
        name = step.model_fields["step"].default
        yield f"| `{name}` | {step.family} | {takes} | {_cell(step.summary)} | {_cell(options)} |"


def _option(name: str, field: FieldInfo) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    if choices:
        return f"`{name}`: " + ", ".join(f"`{choice}`" for choice in choices)
    if field.is_required() or field.default in (None, ()):
        return f"`{name}`"
    return f"`{name}` ({field.default})" if not isinstance(field.default, tuple) else f"`{name}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _functions() -> Iterator[str]:
    from workbench.recipe.expressions import FUNCTIONS

    yield "| function | meaning |"
    yield "| --- | --- |"
    for function in FUNCTIONS.values():
        yield f"| `{function.name}{function.arguments}` | {_cell(function.meaning)} |"


def _checks() -> Iterator[str]:
    from workbench.recipe.checks import CHECKS

    yield "| code | severity | what it looks for | why it matters |"
    yield "| --- | --- | --- | --- |"
    for check in CHECKS:
        yield f"| {check.code} | {check.severity} | {_cell(check.name)} | {_cell(check.explanation)} |"


def _estimators() -> Iterator[str]:
    from workbench.estimators.catalogue import catalogue

    for entry in catalogue().values():
        lines = [f"### `{entry.name}`\n", f"{entry.title}: {entry.summary} For {' and '.join(entry.tasks)}.", ""]
        if entry.parameters:
            lines += ["| parameter | default | range | meaning |", "| --- | --- | --- | --- |"]
        for parameter in entry.parameters:
            bounds = ", ".join(f"`{choice}`" for choice in parameter.choices or ())
            if not bounds and parameter.low is not None:
                bounds = f"{parameter.low:g} to {parameter.high:g}"
            lines.append(f"| `{parameter.name}` | `{parameter.default}` | {bounds} | {parameter.help} |")
        yield "\n".join(lines).rstrip()


def _commands() -> Iterator[str]:
    import typer.main

    from workbench.cli import app

    group = typer.main.get_command(app)
    yield "| command | what it does |"
    yield "| --- | --- |"
    for name, command in sorted(group.commands.items()):  # type: ignore[attr-defined]
        yield f"| `workbench {name}` | {(command.help or '').strip().splitlines()[0]} |"
        for verb, inner in sorted(getattr(command, "commands", {}).items()):
            yield f"| `workbench {name} {verb}` | {(inner.help or '').strip().splitlines()[0]} |"


def _routes() -> Iterator[str]:
    from workbench.service import create_app

    yield "| method | path | what it does |"
    yield "| --- | --- | --- |"
    for path, methods in sorted(create_app().openapi()["paths"].items()):
        for method, operation in methods.items():
            yield f"| {method.upper()} | `{path}` | {operation.get('summary', '')} |"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    print(f"Wrote {PAGE}.")
