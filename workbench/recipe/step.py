"""What every step of a recipe has: its words for a menu, its family, and whether it is switched on."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Family = Literal["row", "column", "learned", "image", "training"]
TakenKind = Literal["number", "text", "boolean", "datetime", "image"]


class BaseStep(BaseModel):
    """A step as it stands in a RunSpec; see `workbench.recipe.spec`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: ClassVar[str]  # as it stands on a card
    purpose: ClassVar[str]  # group in the "Add step" menu
    summary: ClassVar[str]  # one sentence for the menu
    family: ClassVar[Family] = "learned"
    takes: ClassVar[frozenset[TakenKind]] = frozenset({"number", "text", "boolean", "datetime", "image"})
    step: str
    enabled: bool = True
