"""The command line: one command a verb, thin over `workbench.api`.

Results go to stdout, everything else to stderr. Exit status 0: done; 1: the work failed; 2: wrong usage.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from workbench.cli import estimators, models, recipes, runs, search, start, tables
from workbench.errors import WorkbenchError

app = typer.Typer(
    name="workbench",
    help="Prepare data, train live, explain, predict and serve: in the browser, in notebooks, and here.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help: importing rich would double the time that --help takes
    context_settings={"help_option_names": ["-h", "--help"]},
)
_ROOMS = (start, tables, recipes, estimators, runs, search, models)
for commands in (room.commands for room in _ROOMS):
    for function in commands:
        app.command()(function)
app.add_typer(recipes.app, name="recipe")


def _show_version(asked: bool) -> None:
    if asked:
        from workbench import __version__

        typer.echo(f"workbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line of this process."""
    try:
        app(prog_name="workbench")
    except WorkbenchError as error:
        typer.echo(f"workbench: {error}", err=True)
        sys.exit(1)


__all__ = ["app", "main"]
