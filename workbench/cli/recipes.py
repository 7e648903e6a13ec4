"""Commands about recipes: ``workbench recipe VERB``, split and leaked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.output import Json, moment, note, show, table
from workbench.cli.tables import Options, Source, Target, parse_options

if TYPE_CHECKING:
    from workbench.api.preparing import Recipe
    from workbench.recipe.spec import Step

app = typer.Typer(help="Suggest, look at, save, compare and share recipes.", no_args_is_help=True)
Which = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE", help="A saved recipe's name, or a YAML or JSON file with a recipe.", show_default=False
    ),
]


def find_recipe(reference: str) -> Recipe:
    """Open a recipe by its name, or read it from a file.

    Raises
    ------
    RecipeError
        If there is neither, or the file holds no recipe.
    """
    from workbench.recipe.saved import open_recipe, read_recipe

    if Path(reference).suffix.lower() in (".yaml", ".yml", ".json") or Path(reference).is_file():
        return read_recipe(Path(reference))
    return open_recipe(reference)


@app.command()
def suggest(
    file: Source,
    target: Target = None,
    estimator: Annotated[str | None, typer.Option(help="The estimator that the recipe is for.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="A saved recipe or a file whose steps make the target.", show_default=False),
    ] = None,
    option: Options = None,
    save: Annotated[str | None, typer.Option(help="Save the recipe under this name.")] = None,
    as_json: Json = False,
) -> None:
    """Suggest a recipe for a table, each step with its reason."""
    from workbench.api import open_source, suggest_recipe
    from workbench.recipe.saved import save_recipe

    found = open_source(file, options=parse_options(option))
    made = find_recipe(recipe) if recipe else ()
    suggested = suggest_recipe(found, target=target, estimator=estimator, recipe=made)
    if save:
        save_recipe(save, suggested.steps, table=found, target=target)
        note(f"Saved as {save}.")
    document = [
        _document(step) | {"reason": reason} for step, reason in zip(suggested.steps, suggested.reasons, strict=True)
    ]
    show(document, as_json, lambda: _commented(suggested.steps, suggested.reasons))


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the saved recipes."""
    from workbench.recipe.saved import recipes

    found = recipes()
    rows = [(entry.name, len(entry.steps), entry.note, moment(entry.saved)) for entry in found]
    document = [
        {
            "name": entry.name,
            "note": entry.note,
            "saved": entry.saved,
            "steps": [_document(step) for step in entry.steps],
        }
        for entry in found
    ]
    show(document, as_json, lambda: table(["name", "steps", "note", "saved"], rows))


@app.command(name="show")
def show_(recipe: Which, as_json: Json = False) -> None:
    """Write a recipe as YAML, ready to share."""
    from workbench.api.preparing import parsed_steps
    from workbench.recipe.saved import recipe_to_yaml

    steps = parsed_steps(find_recipe(recipe))
    show([_document(step) for step in steps], as_json, lambda: recipe_to_yaml(steps).rstrip())


@app.command()
def save(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    file: Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML or JSON file with a recipe or RunSpec.")],
    why: Annotated[str, typer.Option("--note", help="What the recipe is for.")] = "",
) -> None:
    """Save a recipe under a name."""
    from workbench.api.preparing import parsed_steps
    from workbench.recipe.saved import save_recipe

    save_recipe(name, parsed_steps(find_recipe(file)), note=why)
    note(f"Saved as {name}.")


@app.command()
def delete(name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)]) -> None:
    """Delete a saved recipe; runs that used it keep theirs."""
    from workbench.recipe.saved import delete_recipe

    delete_recipe(name)
    note(f"Deleted {name}.")


@app.command()
def compare(left: Which, right: Which, as_json: Json = False) -> None:
    """Show where two recipes differ, step by step."""
    from workbench.api.preparing import parsed_steps
    from workbench.recipe.saved import compare_recipes

    frame = compare_recipes(parsed_steps(find_recipe(left)), parsed_steps(find_recipe(right)))
    show(frame.to_dicts(), as_json, lambda: table(frame.columns, frame.rows()))


@app.command()
def match(recipe: Which, file: Source, option: Options = None, as_json: Json = False) -> None:
    """Show how a table's columns differ from those that a recipe names.

    Exit status 1 if a column that it needs is missing or of another type.
    """
    from workbench.api import match_recipe, open_source

    found = open_source(file, options=parse_options(option))
    difference = match_recipe(find_recipe(recipe), found)
    frame = difference.frame()
    show(frame.to_dicts(), as_json, lambda: table(frame.columns, frame.rows()))
    if difference.blocking:
        raise typer.Exit(1)


@app.command()
def preview(recipe: Which, file: Source, target: Target = None, option: Options = None, as_json: Json = False) -> None:
    """Show what each step of a recipe changes, on a sample of a table's rows."""
    from workbench.api import open_source, preview_recipe

    found = open_source(file, options=parse_options(option))
    seen = preview_recipe(found, find_recipe(recipe), target=target)
    frame = seen.frame()
    note(f"On {seen.n_rows:,} of {seen.n_rows_total:,} rows.")
    show(frame.to_dicts(), as_json, lambda: table(frame.columns, frame.rows()))


@app.command()
def apply(
    recipe: Which,
    file: Source,
    output: Annotated[Path, typer.Option("--output", "-O", help="File for the rows: .parquet or .csv.")],
    target: Target = None,
    option: Options = None,
) -> None:
    """Write the rows of a table as the row and column steps of a recipe leave them.

    Learned steps are passed over: what they learn belongs to a model and its training rows.
    """
    from workbench.api import apply_recipe, open_source
    from workbench.cli.output import write_frame

    found = open_source(file, options=parse_options(option))
    frame = apply_recipe(found, find_recipe(recipe), target=target)
    write_frame(frame, output)
    note(f"Wrote {frame.height:,} of {found.n_rows:,} rows with {frame.width} columns to {output}.")


def split(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A RunSpec file, YAML or JSON.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show how many rows would train, validate and test."""
    from workbench.api import open_source
    from workbench.api import split as divide
    from workbench.training.spec import RunSpec

    chosen = RunSpec.read(spec)
    frame = divide(
        open_source(chosen.opened_data),
        chosen.split,
        recipe=chosen.recipe,
        target=chosen.data.target or None,
        task=chosen.data.supervised_task,
        seed=chosen.seed,
    ).frame()
    show(frame.to_dicts(), as_json, lambda: table(frame.columns, frame.rows()))


def leaked(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A RunSpec file, YAML or JSON.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show what a recipe would have leaked.

    The learned steps are fitted on the training rows, and once on all rows; both scores stand side by side.
    """
    from workbench.api import leak_comparison
    from workbench.training.spec import RunSpec

    found = leak_comparison(RunSpec.read(spec))
    frame = found.frame()
    document = {"scores": frame.to_dicts(), "findings": list(found.findings)}
    show(document, as_json, lambda: "\n".join([table(frame.columns, frame.rows()), "", *found.findings]))


def _document(step: Step) -> dict[str, Any]:
    return {"step": step.step, **step.model_dump(mode="json", exclude_defaults=True)}


def _commented(steps: tuple[Step, ...], reasons: tuple[str, ...]) -> str:
    from workbench.recipe.saved import recipe_to_yaml

    lines = []
    for step, reason in zip(steps, reasons, strict=True):
        lines += [f"# {reason}", recipe_to_yaml((step,)).rstrip()]
    return "\n".join(lines) or "# Nothing is needed: all columns are numbers that the estimator takes."


commands = (split, leaked)
