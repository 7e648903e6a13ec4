"""Several fitted recipes side by side, as a model that combines others needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from workbench.data.encoding import InputType as RawType
from workbench.errors import ConversionError, RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe.entering import Entry
from workbench.recipe.fitted import FILE_FORMAT, FittedRecipe
from workbench.recipe.spec import TakenKind


class JoinedRecipe(FittedRecipe):
    """Recipes fitted on the same table; the features of each stand behind those of the one before.

    Parameters
    ----------
    members : sequence of FittedRecipe

    Raises
    ------
    RecipeError
        If they take a column as different kinds.
    """

    def __init__(self, members: Sequence[FittedRecipe]) -> None:
        self.members = list(members)
        kinds: dict[str, TakenKind] = {}
        for member in self.members:
            for name, kind in member.entry.kinds.items():
                if kinds.setdefault(name, kind) != kind:
                    raise RecipeError(
                        f"Got {name!r} as {kinds[name]} in one run and as {kind} in another, needed one kind. "
                        "Combine runs on the same table."
                    )
        super().__init__(steps=(), entry=Entry(kinds, ()), stages=[])
        self.feature_names = [
            f"{number}: {name}" for number, member in enumerate(self.members, start=1) for name in member.feature_names
        ]
        self.feature_sources = [source for member in self.members for source in member.feature_sources]
        self.joint = any(member.joint for member in self.members)

    @property
    def widths(self) -> list[int]:
        """Number of features of each member."""
        return [member.n_features for member in self.members]

    @property
    def input_types(self) -> dict[str, RawType]:
        """What each raw column is to the models: "number", "string" or "datetime"."""
        return {name: kind for member in self.members for name, kind in member.input_types.items()}

    @property
    def needs_frame(self) -> bool:
        """Never: members whose column steps have no graph form have no joined graph at all."""
        return False

    def transform(self, frame: pl.DataFrame) -> np.ndarray:
        """Turn raw rows into the features of all members, side by side."""
        return np.hstack([member.transform(frame) for member in self.members])

    def emit(self, graph: GraphBuilder, inputs: dict[str, str]) -> str:
        """Add the graphs of all members.

        Raises
        ------
        ConversionError
            If column steps of a member have no graph form.
        """
        if any(member.needs_frame for member in self.members):
            raise ConversionError(
                "A combined run parses dates or cleans text, which has no graph form inside a combination. "
                "The native models answer instead."
            )
        return graph.hstack([_emit(graph, member, inputs) for member in self.members])

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {"format": FILE_FORMAT, "members": [member.to_dict() for member in self.members]}


def _emit(graph: GraphBuilder, member: FittedRecipe, inputs: dict[str, str]) -> str:
    own = {name: inputs[name] for name in member.input_columns}
    if member.entry.changes:
        for name, kind in member.entry.kinds.items():
            if kind == "boolean":  # any number but 0 is a yes, as column steps read it
                yes = graph.node("Not", graph.node("Equal", own[name], graph.constant(np.array(0.0))))
                own[name] = graph.node(
                    "Where", graph.node("IsNaN", own[name]), own[name], graph.cast(str(yes), "double")
                )
    return member.emit(graph, own)
