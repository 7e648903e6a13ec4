"""What is known of a column while a recipe is checked, and the words of a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.errors import RecipeError
from workbench.recipe.spec import Step


@dataclass
class State:
    """What is known of a column after the steps so far.

    Parameters
    ----------
    name : str
    type : {"number", "string", "datetime", "image"}
    described : str
        For messages: ``"text (category)"``, ``"dates"``.
    n_missing : int
    n_unique : int, optional
        None where it wasn't counted.
    encoded : str
        The learned step that replaced its values.
    learned_by : int
        Place of the first learned step that took it; a column step can't take it any more.
    joined : int
        Place of the step that made it part of joint features, as pca does; no other step can take it any more.
    inexact : str
        The step whose results graph and NumPy compute to the last bit but one; nothing may compare them for
        equality any more.
    filled : bool
        Imputed or encoded: nothing is missing any more.
    dropped_by : int
        Place of the step that left it out.
    """

    name: str
    type: Literal["number", "string", "datetime", "image"]
    described: str
    n_missing: int = 0
    n_unique: int | None = None
    encoded: str = ""
    learned_by: int = 0
    joined: int = 0
    inexact: str = ""
    filled: bool = False
    dropped_by: int = 0


def refusal(number: int, step: Step, state: State, needed: str, remedy: str) -> RecipeError:
    """Give the error for a column that a step can't take."""
    got = f"a {state.encoded} column" if state.encoded else state.described
    return RecipeError(f"Step {number} ({step.step}): column {state.name!r} holds {got}, needed {needed}. {remedy}")
