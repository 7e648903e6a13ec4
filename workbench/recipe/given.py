"""Steps as a person gives them: objects, mappings, or whatever holds some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from workbench.errors import SpecError
from workbench.recipe.spec import Step

_STEPS: TypeAdapter[tuple[Step, ...]] = TypeAdapter(tuple[Step, ...])


class HasSteps(Protocol):
    """A recipe under a name, a suggested one, or a RunSpec's part: whatever holds steps."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""


Recipe = Sequence[Step | dict[str, Any]] | HasSteps


def parsed_steps(recipe: Recipe) -> tuple[Step, ...]:
    """Check steps that were given as objects, dicts, or with what holds them.

    Raises
    ------
    SpecError
        With the step that is wrong.
    """
    steps = recipe if isinstance(recipe, Sequence) else recipe.steps
    try:
        return _STEPS.validate_python(list(steps))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SpecError(f"Got a step that can't be used ({where}: {first['msg']}). Correct it.") from error
