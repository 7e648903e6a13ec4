"""Where each column's numbers are while steps are applied: in blocks of many columns, never one by one.

Ten thousand columns that share a step cost one operation, in memory and in the graph alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import polars as pl

from workbench.data.encoding import to_array, to_arrays
from workbench.graph import GraphBuilder
from workbench.recipe.fitted_step import FittedStep, InputType
from workbench.recipe.values import LARGEST_NUMBER

MANY_ROWS = 10_000

T = TypeVar("T")


def read_columns(frame: pl.DataFrame, types: dict[str, InputType]) -> dict[str, np.ndarray]:
    """Give `to_arrays` of these columns, with one Polars expression for all numbers instead of one for each.

    The type is the recipe's, not the frame's: a column of only missing values has no type of its own.
    """
    if not set(types).issubset(frame.columns):
        return to_arrays(frame, list(types))  # raises, with the nearest name
    numbers = [name for name, kind in types.items() if kind == "number"]
    texts = [name for name, kind in types.items() if kind == "string"]
    cast = frame.select(pl.col(numbers).cast(pl.Float64).fill_null(float("nan")))
    arrays = {series.name: series.to_numpy() for series in cast}
    return arrays | {series.name: _text_array(series.cast(pl.String)) for series in frame.select(texts)}


def _text_array(texts: pl.Series) -> np.ndarray:
    """Give `to_array` of text; of many rows with few words each word is one object, not one a row."""
    if len(texts) < MANY_ROWS:
        return to_array(texts)
    words = texts.drop_nulls().unique()
    if len(words) > len(texts) // 4:
        return to_array(texts)
    codes = texts.cast(pl.Enum(words)).to_physical().cast(pl.Int64).fill_null(len(words)).to_numpy()
    return np.asarray(np.array([*words.to_list(), ""], dtype=object)[codes])


class Engine(Protocol[T]):
    """The few operations that applying a recipe needs, on arrays or on tensors of a graph."""

    def load(self, columns: list[str], kind: InputType) -> T:
        """Give raw columns as a block; numbers that are infinite or too large become NaN."""

    def join(self, blocks: list[T]) -> T:
        """Put blocks side by side."""

    def gather(self, block: T, places: list[int]) -> T:
        """Take columns of a block."""

    def apply(self, fitted: FittedStep, block: T) -> T:
        """Apply a fitted step."""


class ArrayEngine:
    """Blocks are NumPy arrays."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays

    def load(self, columns: list[str], kind: InputType) -> np.ndarray:
        """See `Engine.load`."""
        block = np.column_stack([self.arrays[name] for name in columns])
        if kind == "string":
            return block
        block = block.astype(np.float64, copy=False)
        return np.where(np.abs(block) <= LARGEST_NUMBER, block, np.nan)

    def join(self, blocks: list[np.ndarray]) -> np.ndarray:
        """See `Engine.join`."""
        return np.hstack(blocks)

    def join_views(self, runs: Sequence[tuple[np.ndarray, int, int]]) -> np.ndarray:
        """Put ranges of columns side by side, with one copy at most."""
        views = [block if (start, stop) == (0, block.shape[1]) else block[:, start:stop] for block, start, stop in runs]
        return views[0] if len(views) == 1 else np.hstack(views)

    def gather(self, block: np.ndarray, places: list[int]) -> np.ndarray:
        """See `Engine.gather`."""
        return block[:, places]

    def apply(self, fitted: FittedStep, block: np.ndarray) -> np.ndarray:
        """See `Engine.apply`."""
        return fitted.transform(block)


class GraphEngine:
    """Blocks are tensors of a graph."""

    def __init__(self, graph: GraphBuilder, inputs: dict[str, str]) -> None:
        self.graph = graph
        self.inputs = inputs

    def load(self, columns: list[str], kind: InputType) -> str:
        """See `Engine.load`."""
        block = self.graph.hstack([self.inputs[name] for name in columns])
        if kind == "string":
            return block
        usable = self.graph.node(
            "LessOrEqual", self.graph.node("Abs", block), self.graph.constant(np.array(LARGEST_NUMBER))
        )
        return str(self.graph.node("Where", usable, block, self.graph.constant(np.array(np.nan))))

    def join(self, blocks: list[str]) -> str:
        """See `Engine.join`."""
        return self.graph.hstack(blocks)

    def gather(self, block: str, places: list[int]) -> str:
        """See `Engine.gather`."""
        return self.graph.gather(block, places)

    def apply(self, fitted: FittedStep, block: str) -> str:
        """See `Engine.apply`."""
        return fitted.emit(self.graph, block)


class Blocks(Generic[T]):
    """The current state of every column: a slot (a range of places) in a block; raw until a step first takes it."""

    def __init__(self, engine: Engine[T], types: dict[str, InputType]) -> None:
        self.engine = engine
        self.types = types
        self._blocks: list[tuple[T, int]] = []  # with the number of columns
        self._slots: dict[str, tuple[int, int, int]] = {}

    def incomplete(self, columns: Sequence[str]) -> list[bool]:
        """Say for each feature of number columns whether it is missing somewhere; for arrays only."""
        missing: dict[int, np.ndarray] = {}
        found: list[bool] = []
        for column in columns:
            number, start, stop = self._slots[column]
            if number not in missing:
                missing[number] = np.isnan(self._blocks[number][0]).any(axis=0)  # type: ignore[call-overload]
            found.extend(missing[number][start:stop].tolist())
        return found

    def is_loaded(self, column: str) -> bool:
        """Say whether a column is in a block already, or still raw."""
        return column in self._slots

    def width(self, column: str) -> int:
        """Count the features that stand for a column now."""
        _, start, stop = self._slots.get(column, (0, 0, 1))
        return stop - start

    def put(self, block: T, columns: Sequence[str], widths: Sequence[int]) -> None:
        """Let a block hold these columns from now on."""
        start = 0
        for column, width in zip(columns, widths, strict=True):
            self._slots[column] = (len(self._blocks), start, start + width)
            start += width
        self._blocks.append((block, start))

    def take(self, columns: Sequence[str]) -> T:
        """Give the columns, as the steps before left them, as one block."""
        raw = [column for column in columns if column not in self._slots]
        if raw:
            self.put(self.engine.load(raw, self.types[raw[0]]), raw, [1] * len(raw))
        engine: Any = self.engine
        if isinstance(engine, ArrayEngine):  # a graph gathers instead, where each part would be a node
            return engine.join_views(self._runs(columns))  # type: ignore[return-value, arg-type]
        wanted: dict[int, list[int]] = {}  # block -> places, in order of use
        for column in columns:
            number, start, stop = self._slots[column]
            wanted.setdefault(number, []).extend(range(start, stop))
        parts = [self._part(number, places) for number, places in wanted.items()]
        joined = parts[0] if len(parts) == 1 else self.engine.join(parts)
        order = self._order(columns, wanted)
        return joined if order == sorted(order) else self.engine.gather(joined, order)

    def _runs(self, columns: Sequence[str]) -> list[tuple[T, int, int]]:
        """Give the parts of blocks that lie side by side, in the order of the columns."""
        runs: list[tuple[int, int, int]] = []
        for column in columns:
            number, start, stop = self._slots[column]
            if runs and runs[-1][0] == number and runs[-1][2] == start:
                runs[-1] = (number, runs[-1][1], stop)
            else:
                runs.append((number, start, stop))
        return [(self._blocks[number][0], start, stop) for number, start, stop in runs]

    def _part(self, number: int, places: list[int]) -> T:
        block, width = self._blocks[number]
        return block if places == list(range(width)) else self.engine.gather(block, places)

    def _order(self, columns: Sequence[str], wanted: dict[int, list[int]]) -> list[int]:
        """Say where each wanted feature lies once the parts are side by side."""
        next_place, offset = {}, 0
        for number, places in wanted.items():
            next_place[number] = offset
            offset += len(places)
        order: list[int] = []
        for column in columns:
            number, start, stop = self._slots[column]
            order.extend(range(next_place[number], next_place[number] + stop - start))
            next_place[number] += stop - start
        return order
