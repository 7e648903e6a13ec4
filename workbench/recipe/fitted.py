"""A recipe fitted on training rows: from raw columns to features, in NumPy and as a graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from workbench.data.encoding import InputType as RawType
from workbench.errors import PackageError
from workbench.graph import GraphBuilder
from workbench.recipe.blocks import ArrayEngine, Blocks, Engine, GraphEngine
from workbench.recipe.entering import Entry
from workbench.recipe.families import FITTED_STEPS
from workbench.recipe.features import Features, Stage, distinct
from workbench.recipe.fitted_step import InputType
from workbench.recipe.spec import Step, TakenKind
from workbench.storage import read_json, write_json

FILE_NAME = "recipe.json"
FILE_FORMAT = 1
FORMAT_WITH_COLUMN_STEPS = 2

T = TypeVar("T")


class FittedRecipe:
    """What `fit_recipe` learned; knows nothing of rows that it wasn't fitted on.

    Parameters
    ----------
    steps : tuple of Step
    entry : Entry
        The column steps; its `kinds` are the raw columns that a request must give.
    stages : list of Stage
        The learned steps in order, each fitted; `stage.fitted.transformer` is the scikit-learn transformer.
    feature_names, feature_sources : list of str
        Name of each feature, and the first raw column that it came from.
    """

    def __init__(self, *, steps: tuple[Step, ...], entry: Entry, stages: list[Stage]) -> None:
        self.steps = steps
        self.entry = entry
        self.stages = stages
        features = Features(list(entry.inner_types))
        for stage in stages:
            features.stage(stage.step_index, stage.columns, stage.fitted)
        self.outputs = list(features.of)
        self.feature_names = distinct([feature.name for feature in features.all()])
        sources = [
            tuple(dict.fromkeys(raw for column in feature.columns for raw in entry.sources(column)))
            for feature in features.all()
        ]
        self.feature_sources = [raw[0] for raw in sources]
        self.joint = any(len(raw) > 1 for raw in sources)

    def __repr__(self) -> str:
        return f"FittedRecipe({len(self.input_columns)} columns -> {self.n_features} features, {len(self.steps)} steps)"

    @property
    def input_columns(self) -> list[str]:
        """Raw columns that a request must give, in the table's order."""
        return list(self.entry.kinds)

    @property
    def input_types(self) -> dict[str, RawType]:
        """What each of them is to a model: "number", "string" or "datetime"."""
        return self.entry.input_types

    @property
    def inner_columns(self) -> list[str]:
        """Columns that the learned steps take: the raw ones as the column steps leave them."""
        return list(self.entry.inner_types)

    @property
    def inner_types(self) -> dict[str, InputType]:
        """What each of them is: "number" or "string"."""
        return self.entry.inner_types

    @property
    def needs_frame(self) -> bool:
        """Whether a column step has no graph form: `enter` then runs in front of the graph."""
        return self.entry.needs_frame

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.feature_names)

    def transform(self, frame: pl.DataFrame) -> np.ndarray:
        """Turn raw rows into features.

        Missing, unseen, infinite and huge values give an answer, never an error.

        Parameters
        ----------
        frame : DataFrame
            With at least `input_columns`; others are ignored.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64

        Raises
        ------
        DataError
            If a column is absent.
        """
        if not frame.height:
            return np.empty((0, self.n_features))
        return np.ascontiguousarray(self._run(ArrayEngine(self.enter(frame)), self.outputs))

    def enter(self, frame: pl.DataFrame) -> dict[str, np.ndarray]:
        """Apply the column steps to raw rows: what a graph takes where `needs_frame`; see `Entry.enter`."""
        return self.entry.enter(frame)

    def emit(self, graph: GraphBuilder, inputs: dict[str, str]) -> str:
        """Add the graph that computes `transform` in double.

        Parameters
        ----------
        graph : GraphBuilder
        inputs : dict of str to str
            For each of `input_columns`, or of `inner_columns` where `needs_frame`, its tensor of shape [N, 1]: double
            with NaN, or string with "", for missing.

        Returns
        -------
        str
            Tensor of shape [N, n_features], double.
        """
        inner = dict(inputs) if self.needs_frame else self.entry.emit(graph, inputs)
        return self._run(GraphEngine(graph, inner), self.outputs)

    def _run(self, engine: Engine[T], outputs: list[str]) -> T:
        blocks = Blocks(engine, self.inner_types)
        for stage in self.stages:
            blocks.put(engine.apply(stage.fitted, blocks.take(stage.columns)), stage.outputs, stage.widths)
        return blocks.take(outputs)

    def save(self, folder: Path) -> None:
        """Write ``recipe.json``: plain values only, from which `load` rebuilds the transformers.

        Raises
        ------
        StorageError
            If the disk is full or refuses.
        """
        write_json(Path(folder) / FILE_NAME, self.to_dict())

    @classmethod
    def load(cls, folder: Path) -> FittedRecipe:
        """Read what `save` wrote. Nothing in the file is executed, so an untrusted one can't do harm.

        Raises
        ------
        PackageError
            If the file is absent, of a later format, or damaged.
        """
        path = Path(folder) / FILE_NAME
        document = read_json(path)
        try:
            if document["format"] not in (FILE_FORMAT, FORMAT_WITH_COLUMN_STEPS):
                raise PackageError(
                    f"Got {path} of format {document['format']}, needed {FILE_FORMAT} or {FORMAT_WITH_COLUMN_STEPS}. "
                    "Update the workbench."
                )
            return cls.from_dict(document)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise PackageError(
                f"Got {path} without a usable recipe ({error!r}), needed what save wrote. Build the package again."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        document: dict[str, Any] = {
            "format": FILE_FORMAT,
            "steps": [step.model_dump(mode="json") for step in self.steps],
            "input_columns": self.input_columns,
            "input_types": self.input_types,
            "stages": [
                {
                    "step_index": stage.step_index,
                    "columns": stage.columns,
                    "widths": stage.widths,
                    "name": stage.fitted.name,
                    "fitted": stage.fitted.to_dict(),
                }
                for stage in self.stages
            ],
        }
        if self.entry.changes:
            document |= {"format": FORMAT_WITH_COLUMN_STEPS, "entry": self.entry.to_dict()}
        return document

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedRecipe:
        """Rebuild from `to_dict`."""
        if "members" in document:
            from workbench.recipe.joined import JoinedRecipe

            return JoinedRecipe([FittedRecipe.from_dict(member) for member in document["members"]])
        if "entry" in document:
            entry = Entry.from_dict(document["entry"])
        else:
            kinds = {str(name): _KINDS[document["input_types"][name]] for name in document["input_columns"]}
            entry = Entry(kinds, ())
        features = Features(list(entry.inner_types))
        stages = [
            features.stage(
                int(stage["step_index"]),
                [str(column) for column in stage["columns"]],
                FITTED_STEPS[stage["name"]].from_dict(stage["fitted"]),
            )
            for stage in document["stages"]
        ]
        steps = TypeAdapter(tuple[Step, ...]).validate_python(document["steps"])
        return cls(steps=steps, entry=entry, stages=stages)


_KINDS: dict[str, TakenKind] = {"number": "number", "string": "text"}
