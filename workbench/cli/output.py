"""How results and progress are written: results to stdout, the rest to stderr."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.storage import disk_errors, to_json

if TYPE_CHECKING:
    import polars as pl

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]


def show(value: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Print a result as JSON, or as text for people."""
    typer.echo(to_json(value, indent=2) if as_json else text())


def note(message: str) -> None:
    """Say something beside the result."""
    typer.echo(message, err=True)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Align columns; numbers to the right.

    Examples
    --------
    >>> print(table(["name", "rows"], [["iris", 150]]))
    name  rows
    iris   150
    """
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    right = [len(cells) > 1 and all(_is_number(row[i]) for row in cells[1:]) for i in range(len(head))]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    )


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write rows to a Parquet or CSV file, complete or not at all; folders on the way are made.

    Raises
    ------
    StorageError
        If the disk is full or refuses; a file that was there before stays.
    """
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            (frame.write_parquet if is_parquet else frame.write_csv)(partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def moment(seconds: float | None) -> str:
    """Write a time since 1970 as local date and time."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S") if seconds else ""


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).replace("-", "").replace("e", "").replace("+", "").isdigit()
