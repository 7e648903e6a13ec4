"""Column steps that no graph can compute, run in front of it: ``entry.json`` beside ``model.onnx``.

The steps are plain values and Polars expressions; nothing of scikit-learn is loaded. One row must cost little, so the
expressions are compiled once, and run eagerly: planning a lazy query takes Polars longer than five steps on one row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from workbench.data.encoding import from_arrays
from workbench.errors import PackageError, RecipeError
from workbench.package.signature import Signature
from workbench.recipe.columns import Change
from workbench.recipe.entering import Entry
from workbench.storage import read_json, write_json

FILE = "entry.json"
FORMAT = 1
NOTE = (
    "model.onnx starts after the column steps listed here: compute them on the raw columns first, and give it the "
    "columns named in `columns`. The workbench does so by itself."
)

Arrays = dict[str, np.ndarray]


class CompiledEntry:
    """The column steps of a recipe, ready to run on arrays. Safe to use from several threads at once.

    Parameters
    ----------
    entry : Entry
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._yes_no = [name for name, kind in entry.kinds.items() if kind == "boolean"]
        self._changes: list[_Compiled] = []
        for change in entry.plan.changes:
            compiled = _Compiled(change)
            if not (self._changes and self._changes[-1].joined(compiled)):
                self._changes.append(compiled)

    def __call__(self, arrays: Arrays) -> Arrays:
        """Turn raw columns into those that the graph takes."""
        frame = from_arrays(arrays, self.entry.input_types)
        for name in self._yes_no:
            frame = frame.with_columns(_yes_no(frame[name]))
        for change in self._changes:
            frame = change.apply(frame)
        return {name: _array(frame[name], kind) for name, kind in self.entry.inner_types.items()}


class _Compiled:
    """One change or several that can be made at once, their expressions named once and for all."""

    def __init__(self, change: Change) -> None:
        self.made = [made.values.alias(made.name) for made in change.made]
        self.gone = change.gone
        self.renamed = dict(change.renamed)

    def joined(self, later: _Compiled) -> bool:
        """Take a later change in, where it reads and writes nothing that this one writes."""
        names = {expression.meta.output_name() for expression in self.made}
        if self.gone or self.renamed or not names.isdisjoint(later.touched()):
            return False
        self.made += later.made
        self.gone, self.renamed = later.gone, later.renamed
        return True

    def touched(self) -> set[str]:
        """Name all columns that are read, written, dropped or renamed."""
        made = {name for each in self.made for name in (each.meta.output_name(), *each.meta.root_names())}
        return made.union(self.gone, self.renamed, self.renamed.values())

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Change the columns."""
        if self.made:
            frame = frame.with_columns(self.made)
        if self.gone:
            frame = frame.drop(self.gone)
        return frame.rename(self.renamed) if self.renamed else frame


def _yes_no(numbers: pl.Series) -> pl.Series:
    values = [None if number is None else number != 0 for number in numbers.to_list()]
    return pl.Series(numbers.name, values, dtype=pl.Boolean)


def _array(series: pl.Series, kind: str) -> np.ndarray:
    """Give a column as the graph takes it; without expressions, which cost more than all else on one row."""
    if kind == "number":
        series = series.cast(pl.Int8) if series.dtype == pl.Boolean else series
        return series.to_numpy().astype(np.float64, copy=False)  # missing becomes NaN on the way
    texts = np.empty(len(series), dtype=object)
    texts[:] = [text or "" for text in series.to_list()]
    return texts


def write_entry(folder: Path, entry: Entry) -> None:
    """Store the column steps as plain values.

    Raises
    ------
    StorageError
        If the disk is full or refuses.
    """
    write_json(folder / FILE, {"format": FORMAT, "note": NOTE, **entry.to_dict()})


def read_entry(folder: Path, signature: Signature) -> CompiledEntry | None:
    """Open the column steps of a package; None where its graph takes the raw columns.

    Raises
    ------
    PackageError
        If the file is absent though the signature asks for it, of another format, or damaged.
    """
    if signature.graph_inputs is None:
        return None
    document: Any = read_json(folder / FILE)
    try:
        if document["format"] != FORMAT:
            raise PackageError(f"Got {FILE} of format {document['format']}, needed {FORMAT}. Update the workbench.")
        return CompiledEntry(Entry.from_dict(document))
    except (KeyError, TypeError, ValueError, AttributeError, RecipeError) as error:
        raise PackageError(
            f"Got {folder} without a usable {FILE} ({error!r}), needed the steps in front of its graph. "
            "Build the package again."
        ) from error
