"""The tables that ship with the workbench."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from workbench.data.spec import Task
from workbench.data.table import Column, Table, nearest
from workbench.errors import TableNotFoundError
from workbench.settings import Settings

FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class SampleInfo:
    """One sample, and where it comes from.

    Parameters
    ----------
    name, title, description : str
    target : str
        Column that it is usually asked to predict.
    task : {"classification", "regression"}
    n_rows, n_columns : int
    source, licence : str
    """

    name: str
    title: str
    description: str
    target: str
    task: Task
    n_rows: int
    n_columns: int
    source: str
    licence: str


@cache
def _documents() -> dict[str, dict[str, Any]]:
    documents: dict[str, dict[str, Any]] = json.loads((FOLDER / "sources.json").read_text(encoding="utf-8"))
    return documents


def samples() -> list[SampleInfo]:
    """List the samples, the best known first."""
    names = [field.name for field in fields(SampleInfo)]
    return [SampleInfo(**{name: document[name] for name in names}) for document in _documents().values()]


def is_sample(name: str) -> bool:
    """Say whether there is a sample of that name."""
    return name in _documents()


def sample(name: str, *, target: str | None = None, settings: Settings | None = None) -> Table:
    """Open a sample.

    Parameters
    ----------
    name : str
        As listed by `samples`.
    target : str, optional
        Column to predict; by default the one that the sample is known for.
    settings : Settings, optional
        Not needed, since samples are read from the package; taken for likeness with `read_table`.

    Raises
    ------
    TableNotFoundError
        If there is no such sample.
    TargetError
        If there is no such target.

    Examples
    --------
    >>> sample("titanic").n_rows
    1309
    """
    documents = _documents()
    if name not in documents:
        hint = nearest(name, documents) or f" Choose one of {', '.join(documents)}."
        raise TableNotFoundError(f"Got sample {name!r}, needed one of the {len(documents)} that ship.{hint}")
    document = documents[name]
    shown = ("title", "description", "source", "licence")
    return Table(
        digest=document["digest"],
        name=name,
        target=target or document["target"],
        origin={"kind": "sample", "sample": name, **{key: document[key] for key in shown}},
        columns=[Column(**column) for column in document["columns"]],
        n_rows=document["n_rows"],
        path=FOLDER / f"{name}.parquet",
    )


def sample_of_digest(digest: str) -> Table | None:
    """Give the sample whose digest begins with these digits, if there is one."""
    for name, document in _documents().items():
        if len(digest) >= 6 and document["digest"].startswith(digest.lower()):
            return sample(name)
    return None
