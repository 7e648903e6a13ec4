"""What a reader of one format hands on: batches of rows, and what it recognised."""

from __future__ import annotations

import secrets
import shutil
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from workbench.data.spec import ReaderOptions
from workbench.data.table import nearest
from workbench.errors import ReadError
from workbench.settings import Settings
from workbench.storage import disk_errors

BATCH_ROWS = 262_144


@dataclass
class Reading:
    """An opened file or query, its rows not read yet.

    Parameters
    ----------
    format : str
        ``parquet``, ``excel``, ``sqlite`` and so on.
    batches : iterable of DataFrame
        All rows in order, each batch with the same columns and types. To be gone through once.
    report : dict
        What was recognised, with ``notes`` for the reader. Complete only when the batches are gone through.
    options : ReaderOptions
        As given, with what was recognised filled in.
    choices : dict of str to list of str
        What else could have been chosen: ``{"sheet": [...]}``, ``{"table": [...]}`` or ``{"member": [...]}``.
    at_end : list of callable
        Called by `close`.
    """

    format: str
    batches: Iterable[pl.DataFrame]
    report: dict[str, Any]
    options: ReaderOptions
    choices: dict[str, list[str]] = field(default_factory=dict)
    at_end: list[Callable[[], object]] = field(default_factory=list)

    def __enter__(self) -> Reading:
        """Use it in a ``with``, so that nothing unpacked stays behind when the batches aren't gone through."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Close files and delete what was unpacked."""
        close = getattr(self.batches, "close", None)
        if close is not None:
            close()
        while self.at_end:
            self.at_end.pop()()

    @property
    def notes(self) -> list[str]:
        """The notes of the report, to be added to."""
        notes: list[str] = self.report.setdefault("notes", [])
        return notes


class Scratch:
    """A folder for what is unpacked on the way; it goes when nothing refers to it any more.

    It lies beside the stored tables under a name that is cleared away there if a kill leaves it behind.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.tables / f".reading.{secrets.token_hex(6)}.tmp"
        with disk_errors(self.folder / "rows"):
            self.folder.mkdir(parents=True)
        self._end = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def remove(self) -> None:
        """Delete the folder now."""
        self._end()


def pick(kind: str, asked: str | None, names: list[str], *, name: str, first: bool) -> str:
    """Choose a sheet, table or member: the one asked for, or the only one.

    Parameters
    ----------
    kind : str
        The reader option's name.
    asked : str or None
    names : list of str
    name : str
        Of the file, for messages.
    first : bool
        Whether the first will do where there are several.

    Raises
    ------
    ReadError
        If there is none of that name, or several and none is asked for.
    """
    if asked is not None:
        if asked in names:
            return asked
        raise ReadError(
            f"Got {kind} {asked!r}, needed one of the {len(names)} in {name}: {shown(names)}."
            f"{nearest(asked, names) or ' Choose one of them.'}"
        )
    if len(names) == 1 or (first and names):
        return names[0]
    raise ReadError(
        f"Got {name} with {len(names)} tables ({shown(names)}), needed to know which. Choose one with {kind}=..."
    )


def shown(names: list[str], n: int = 8) -> str:
    """Write the first names, and how many more there are."""
    return ", ".join(names[:n]) + (f" and {len(names) - n:,} more" if len(names) > n else "")


def limited(batches: Iterable[pl.DataFrame], n_rows: int | None) -> Iterable[pl.DataFrame]:
    """Stop after `n_rows` rows, where only a look is wanted."""
    if n_rows is None:
        yield from batches
        return
    left = n_rows
    for batch in batches:
        yield batch.head(left)
        left -= batch.height
        if left <= 0:
            return
