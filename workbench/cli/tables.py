"""Commands about tables: read, profile, check, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.output import Json, moment, note, show, table
from workbench.errors import SpecError

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.looking import FileLook
    from workbench.data.spec import ReaderOptions

Source = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A file, a folder of images, a database's connection string, a sample's name or a stored table's digest.",
        show_default=False,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="NAME=VALUE",
        help="Read the file otherwise than recognised: -o decimal=, -o header_line=3 -o missing=unknown "
        "-o types.zip=text -o sheet=2024 -o query='select ...'. Repeat it for more.",
        show_default=False,
    ),
]
ModelOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="Read the file otherwise than the training table was, with the names of `workbench read`: "
        "--option decimal=, --option sheet=2024. Repeat it for more.",
        show_default=False,
    ),
]
_DELIMITERS = {"tab": "\t", "\\t": "\t", "spaces": " "}
Target = Annotated[str | None, typer.Option(help="The column to predict.", show_default=False)]


def read(
    file: Source,
    option: Options = None,
    target: Target = None,
    name: Annotated[str | None, typer.Option(help="Name of the table; the file's by default.")] = None,
    look: Annotated[bool, typer.Option("--look", help="Only show how the file would be read; store nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Read a file or a database's query and store it as a table.

    Says what was recognised: encoding, delimiter, header, decimal mark, missing-value words, dates.
    """
    from workbench.api.opening import look_at, read_table

    options = parse_options(option)
    if look:
        seen = look_at(file, options=options)
        show(_look_document(seen), as_json, lambda: _look_text(seen))
        return
    found = read_table(file, target=target, name=name, options=options)
    document = {
        "digest": found.digest,
        "name": found.name,
        "n_rows": found.n_rows,
        "n_columns": found.n_columns,
        "columns": [{"name": column.name, "kind": column.kind, "dtype": column.dtype} for column in found.columns],
        "origin": found.origin,
    }
    show(document, as_json, lambda: _table_text(found))


def profile(
    file: Source,
    option: Options = None,
    target: Target = None,
    associations: Annotated[
        bool, typer.Option("--associations", help="Also say which columns go together, and how closely.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Describe the columns of a table.

    Kind, missing and different values of each column, and what to look at before training.
    """
    from workbench.api import open_source

    found = open_source(file, target=target, options=parse_options(option))
    summary = found.profile()
    document = summary.to_dict()
    pairs = found.associations() if associations else None
    if pairs is not None:
        document["associations"] = pairs.frame().to_dicts()
    show(document, as_json, lambda: _profile_text(found, summary, pairs))


def check(
    file: Source,
    target: Target = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="A saved recipe's name, or a file with a recipe or RunSpec.", show_default=False),
    ] = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Look for leaks, identifiers, duplicates and odd columns.

    Exit status 1 if a check of severity error fails.
    """
    from workbench.api import check_data, open_source
    from workbench.cli.recipes import find_recipe

    found = open_source(file, options=parse_options(option))  # the target may be what a step of the recipe makes
    checks = check_data(found, target=target, recipe=find_recipe(recipe) if recipe else ())
    show(checks.to_dict(), as_json, lambda: _checks_text(checks))
    if any(entry.severity == "error" for entry in checks):
        raise typer.Exit(1)


def tables(
    delete: Annotated[
        str | None, typer.Option(help="Delete the table whose digest begins so; runs keep their results.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the stored tables, the one read last first."""
    from workbench.data import delete_table
    from workbench.data import tables as stored

    if delete:
        delete_table(delete)
        note(f"Deleted table {delete}.")
    found = stored()
    document = [
        {
            "digest": info.digest,
            "name": info.name,
            "n_rows": info.n_rows,
            "n_columns": info.n_columns,
            "read": info.read,
            "source": info.source,
            "size_bytes": info.size_bytes,
        }
        for info in found
    ]
    rows = [(info.short_digest, info.name, info.n_rows, info.n_columns, moment(info.read)) for info in found]
    show(document, as_json, lambda: table(["digest", "name", "rows", "columns", "read"], rows))


def parse_options(given: list[str] | None) -> ReaderOptions | None:
    """Turn ``NAME=VALUE`` texts into reader options.

    Raises
    ------
    SpecError
        If one has no equals sign, or the option is unknown or malformed.

    Examples
    --------
    >>> parse_options(["decimal=,", "missing=unknown,-", "types.zip=text"]).types
    {'zip': 'text'}
    """
    from workbench.api.opening import reader_options

    if not given:
        return None
    document: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise SpecError(f"Got the option {text!r}, needed NAME=VALUE, such as decimal=, or sheet=2024.")
        if name.startswith("types."):
            document.setdefault("types", {})[name.removeprefix("types.")] = value
        elif name in ("missing", "missing_marks"):
            document[name] = [*document.get(name, ()), *(value.split(",") if value else ())]
        else:
            document[name] = _DELIMITERS.get(value, value) if name == "delimiter" else value
    return reader_options(document)


def _look_document(seen: FileLook) -> dict[str, Any]:
    return {
        "format": seen.format,
        "n_bytes": seen.n_bytes,
        "options": seen.options.model_dump(mode="json", exclude_none=True),
        "choices": seen.choices,
        "proposals": [
            {"option": proposal.option, "value": proposal.value, "reason": proposal.reason}
            for proposal in seen.proposals
        ],
        "notes": seen.notes,
        "columns": {name: str(dtype) for name, dtype in seen.frame.schema.items()},
        "rows": [[None if value is None else str(value) for value in row] for row in seen.frame.head(10).rows()],
    }


def _look_text(seen: FileLook) -> str:
    options = seen.options.model_dump(exclude_defaults=True, exclude_none=True)
    lines = [f"{seen.format}: " + ", ".join(f"{name} {value!r}" for name, value in options.items())]
    lines += [f"{name}: {', '.join(values)}" for name, values in seen.choices.items() if values]
    lines += [*seen.notes, *(f"{proposal.reason} Proposed: {proposal.option}." for proposal in seen.proposals), ""]
    shown = seen.frame.head(8)
    rows = [["" if value is None else str(value) for value in row] for row in shown.rows()]
    return "\n".join([*lines, table(shown.columns, rows)])


def _table_text(found: Table) -> str:
    notes = dict(found.origin.get("reader") or {}).get("notes", [])
    head = f"{found.name}: {found.n_rows:,} rows, {found.n_columns:,} columns, digest {found.short_digest}"
    rows = [(column.name, column.kind, column.dtype, column.n_missing, column.n_unique) for column in found.columns]
    return "\n".join(
        [head, "", table(["column", "kind", "type", "missing", "unique"], rows), *(["", *notes] * bool(notes))]
    )


def _profile_text(found: Table, summary: Any, pairs: Any) -> str:
    rows = [(c.name, c.kind, c.dtype, c.n_missing, c.n_unique) for c in found.columns]
    head = (
        f"{found.name}: {summary.n_rows:,} rows, {summary.n_columns:,} columns, {summary.n_duplicates:,} duplicate rows"
    )
    lines = [head, "", table(["column", "kind", "type", "missing", "unique"], rows)]
    if pairs is not None:
        closest = pairs.frame().sort("value", descending=True).head(20)
        lines += ["", table(closest.columns, closest.rows())]
    return "\n".join([*lines, "", *(f"- {finding}" for finding in summary.findings)] if summary.findings else lines)


def _checks_text(checks: Any) -> str:
    if not len(checks):
        return "Nothing found."
    lines = []
    for entry in checks:
        lines.append(f"{entry.code} {entry.severity}: {entry.message}")
        lines += [f"    remedy: {remedy.label}" for remedy in entry.remedies]
    return "\n".join(lines)


commands = (read, profile, check, tables)
