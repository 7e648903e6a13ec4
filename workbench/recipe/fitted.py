"""A recipe fitted on training rows: from raw columns to features, in NumPy and as a graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from workbench.errors import PackageError
from workbench.graph import GraphBuilder
from workbench.recipe.blocks import ArrayEngine, Blocks, Engine, GraphEngine, read_columns
from workbench.recipe.families import FITTED_STEPS
from workbench.recipe.fitted_step import FittedStep, InputType
from workbench.recipe.spec import Step
from workbench.storage import read_json, write_json

FILE_NAME = "recipe.json"
FILE_FORMAT = 1

T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """One learned step on its columns of one type.

    Parameters
    ----------
    step_index : int
        Its place in the recipe; -1 for the filling that `fit_recipe` adds by itself.
    columns : list of str
        Raw columns whose features it takes.
    widths : list of int
        Features that stand for each of them afterwards.
    fitted : FittedStep
    """

    step_index: int
    columns: list[str]
    widths: list[int]
    fitted: FittedStep


class FittedRecipe:
    """What `fit_recipe` learned; knows nothing of rows that it wasn't fitted on.

    Parameters
    ----------
    steps : tuple of Step
    input_columns : list of str
        Raw columns that the model needs, in the table's order.
    input_types : dict of str to {"number", "string"}
    stages : list of Stage
        The learned steps in order, each fitted; `stage.fitted.transformer` is the scikit-learn transformer.
    feature_names, feature_sources : list of str
        Name of each feature, and the raw column that it came from.
    """

    def __init__(
        self,
        *,
        steps: tuple[Step, ...],
        input_columns: list[str],
        input_types: dict[str, InputType],
        stages: list[Stage],
    ) -> None:
        self.steps = steps
        self.input_columns = input_columns
        self.input_types = input_types
        self.stages = stages
        self.feature_names, self.feature_sources = _name_features(input_columns, stages)

    def __repr__(self) -> str:
        return f"FittedRecipe({len(self.input_columns)} columns -> {self.n_features} features, {len(self.steps)} steps)"

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
        return np.ascontiguousarray(self._run(ArrayEngine(read_columns(frame, self.input_types))))

    def emit(self, graph: GraphBuilder, inputs: dict[str, str]) -> str:
        """Add the graph that computes `transform` in double.

        Parameters
        ----------
        graph : GraphBuilder
        inputs : dict of str to str
            For each of `input_columns` its tensor of shape [N, 1]: double with NaN, or string with "", for missing.

        Returns
        -------
        str
            Tensor of shape [N, n_features], double.
        """
        return self._run(GraphEngine(graph, inputs))

    def _run(self, engine: Engine[T]) -> T:
        blocks = Blocks(engine, self.input_types)
        for stage in self.stages:
            blocks.put(engine.apply(stage.fitted, blocks.take(stage.columns)), stage.columns, stage.widths)
        return blocks.take(self.input_columns)

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
            if document["format"] != FILE_FORMAT:
                raise PackageError(
                    f"Got {path} of format {document['format']}, needed {FILE_FORMAT}. Update the workbench."
                )
            return cls.from_dict(document)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise PackageError(
                f"Got {path} without a usable recipe ({error!r}), needed what save wrote. Build the package again."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {
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
                }
                | {"fitted": stage.fitted.to_dict()}
                for stage in self.stages
            ],
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedRecipe:
        """Rebuild from `to_dict`."""
        stages = [
            Stage(
                step_index=int(entry["step_index"]),
                columns=[str(column) for column in entry["columns"]],
                widths=[int(width) for width in entry["widths"]],
                fitted=FITTED_STEPS[entry["name"]].from_dict(entry["fitted"]),
            )
            for entry in document["stages"]
        ]
        types: dict[str, InputType] = {str(column): kind for column, kind in document["input_types"].items()}
        return cls(
            steps=tuple(TypeAdapter(tuple[Step, ...]).validate_python(document["steps"])),
            input_columns=[str(column) for column in document["input_columns"]],
            input_types=types,
            stages=stages,
        )


def children_of(stages: list[Stage]) -> dict[str, list[str]]:
    """Give the names of the features that replace each encoded column."""
    children: dict[str, list[str]] = {}
    for stage in stages:
        for column, labels in zip(stage.columns, stage.fitted.labels() or (), strict=False):
            children[column] = [f"{column}={label}" for label in labels]
    return children


def _name_features(input_columns: list[str], stages: list[Stage]) -> tuple[list[str], list[str]]:
    children = {column: [column] for column in input_columns} | children_of(stages)
    names: list[str] = []
    sources: list[str] = []
    for column in input_columns:
        names.extend(children[column])
        sources.extend([column] * len(children[column]))
    return distinct(names), sources


def distinct(names: list[str]) -> list[str]:
    """Add numbers to the later of equal names: a column may be called like another's category."""
    taken = set(names)
    if len(taken) == len(names):
        return names
    seen: set[str] = set()
    result = []
    for name in names:
        unique, number = name, 2
        while unique in seen or (unique != name and unique in taken):
            unique, number = f"{name} ({number})", number + 1
        seen.add(unique)
        result.append(unique)
    return result
