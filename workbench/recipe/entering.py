"""The way in of a fitted recipe: from the raw columns of a request to the columns that its learned steps take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from workbench.data.encoding import InputType as RawType
from workbench.data.encoding import to_arrays
from workbench.data.orders import Orders, orders_of
from workbench.data.zones import moment_of, zone_of, zones_of
from workbench.errors import ConversionError
from workbench.graph import GraphBuilder
from workbench.recipe.blocks import read_columns
from workbench.recipe.columns import Columns, run_columns
from workbench.recipe.fitted_step import InputType
from workbench.recipe.spec import Step, TakenKind
from workbench.recipe.values import contents_of, input_type_of, is_rounded, read

_STEPS: TypeAdapter[tuple[Step, ...]] = TypeAdapter(tuple[Step, ...])
_RAW_TYPES: dict[TakenKind, RawType] = {
    "number": "number", "boolean": "number", "text": "string", "datetime": "datetime",
}  # fmt: skip


class Entry:
    """The column steps of a fitted recipe. It knows plain values only, and nothing of scikit-learn.

    Parameters
    ----------
    kinds : mapping of str to {"number", "text", "boolean", "datetime"}
        Raw columns that a request must give, with what they hold.
    steps : sequence of Step
        Others than column steps are passed over.
    columns : sequence of str, optional
        Columns to give, of those after the steps; all numbers and text by default.
    zones : mapping of str to str, optional
        Time zones of raw columns that have one.
    orders : mapping of str to sequence of str, optional
        Words of raw columns that are ordered categories; of use while a recipe is fitted only.
    """

    def __init__(
        self,
        kinds: Mapping[str, TakenKind],
        steps: Sequence[Step],
        columns: Sequence[str] | None = None,
        zones: Mapping[str, str] | None = None,
        orders: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.kinds = dict(kinds)
        self.zones = {name: zone for name, zone in (zones or {}).items() if name in self.kinds}
        self.steps = tuple(step for step in steps if step.enabled and step.family == "column")
        self.plan = Columns(contents_of(self.kinds, self.zones, orders), lenient=True).apply_all(self.steps)
        types = {name: input_type_of(content.kind) for name, content in self.plan.contents.items()}
        names = list(types) if columns is None else columns
        self.inner_types: dict[str, InputType] = {name: kind for name in names if (kind := types[name]) is not None}
        self.input_types: dict[str, RawType] = {name: _RAW_TYPES[kind] for name, kind in self.kinds.items()}

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        steps: Sequence[Step],
        target: str,
        orders: Mapping[str, Sequence[str]] | None = None,
    ) -> Entry:
        """Find the raw columns that are needed for the columns that the steps leave."""
        kinds = {
            name: content.kind for name, content in contents_of(frame).items()
            if name != target and content.kind != "image"
        }  # fmt: skip
        zones = zones_of(frame.schema)
        whole = cls(kinds, steps, zones=zones)
        inner = [name for name in whole.inner_types if name != target]  # a step may make it
        needed = set(whole.plan.sources(inner))
        left = [step for step in steps if not (step.step == "calculate" and step.name == target)]
        known = orders_of(frame.schema) | dict(orders or {})
        return cls({name: kind for name, kind in kinds.items() if name in needed}, left, inner, zones, known)

    @property
    def orders(self) -> Orders:
        """Words of the ordered categories among the columns that learned steps take."""
        return {name: order for name in self.inner_types if (order := self.plan.contents[name].order)}

    @property
    def changes(self) -> bool:
        """Whether any column is changed at all on the way in."""
        return any(change.made or change.renamed for change in self.plan.changes)

    @property
    def needs_frame(self) -> bool:
        """Whether a step has no graph form, so that `enter` has to run in front of the graph."""
        return not self.plan.has_graph

    def sources(self, column: str) -> tuple[str, ...]:
        """Give the raw columns behind one of the columns that learned steps take."""
        return self.plan.contents[column].sources

    def rounded(self, frame: pl.DataFrame) -> list[str]:
        """Name the raw columns whose whole numbers learned steps and models can't tell apart: those beyond 2**53."""
        taken = {
            source
            for name, kind in self.inner_types.items()
            if kind == "number"
            for source in self.plan.contents[name].sources
        }
        return [name for name in self.kinds if name in taken and is_rounded(frame[name])]

    def enter(self, frame: pl.DataFrame) -> dict[str, np.ndarray]:
        """Turn raw rows into what learned steps, or the graph behind them, take.

        Cells that don't fit become missing. Dates and times without a zone are read in the column's own.

        Returns
        -------
        dict of str to ndarray of shape (n_rows,)
            float64 with NaN for missing, or objects (str) with ``""`` for missing.

        Raises
        ------
        DataError
            If a column is absent.
        """
        if not self.changes:
            return read_columns(frame, self.inner_types)
        return read_columns(self.run(frame), self.inner_types)

    def run(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the columns that learned steps take as a frame."""
        if not set(self.kinds).issubset(frame.columns):
            to_arrays(frame, list(self.kinds))  # raises, with the nearest name
        # A column of only missing values, or of JSON's numbers, has another type than in training.
        raw = frame.lazy().select(list(self.kinds))
        raw = raw.with_columns([read(name, kind) for name, kind in self.kinds.items() if kind in ("boolean", "text")])
        words = [name for name, kind in self.kinds.items() if kind == "number" and not frame.schema[name].is_numeric()]
        raw = raw.with_columns(pl.col(words).cast(pl.Float64, strict=False)) if words else raw
        shown = [
            moment_of(read(name, "datetime"), zone)
            for name, zone in self.zones.items()
            if frame.schema[name] in (pl.Date, pl.Datetime) and not zone_of(frame.schema[name])
        ]
        raw = raw.with_columns(shown) if shown else raw
        columns = Columns(contents_of(self.kinds, self.zones), lenient=True)
        return run_columns(raw, columns, self.steps).select(list(self.inner_types)).collect()

    def emit(self, graph: GraphBuilder, inputs: Mapping[str, str]) -> dict[str, str]:
        """Add the graph from raw columns to those that learned steps take.

        Parameters
        ----------
        graph : GraphBuilder
        inputs : mapping of str to str
            For each raw column its tensor of shape [N, 1].

        Raises
        ------
        ConversionError
            If a step has no graph form.
        """
        if self.needs_frame:
            raise ConversionError("Got a recipe with a column step that has no graph, needed `enter` in front of it.")
        return self.plan.emit(graph, inputs)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        document = {
            "kinds": self.kinds,
            "steps": [step.model_dump(mode="json") for step in self.steps],
            "columns": list(self.inner_types),
        }
        return document | ({"zones": self.zones} if self.zones else {})

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Entry:
        """Rebuild from `to_dict`."""
        kinds = {str(name): kind for name, kind in document["kinds"].items()}
        zones = {str(name): str(zone) for name, zone in document.get("zones", {}).items()}
        return cls(kinds, _STEPS.validate_python(document["steps"]), [str(name) for name in document["columns"]], zones)
