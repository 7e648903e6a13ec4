"""What is searched of one estimator."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.recipe.spec import Step
from workbench.training.searching.space import Config, Space


@dataclass(frozen=True)
class Plan:
    """What is searched of one estimator, and with how much.

    Parameters
    ----------
    space : Space
    estimator : str
    fixed : dict
        Parameters that the RunSpec sets.
    n_trials : int
    prune : bool
    recipe, ending : tuple of Step
        As of `Arm`.
    """

    space: Space
    estimator: str
    n_trials: int
    prune: bool = True
    fixed: Config = field(default_factory=dict)
    recipe: tuple[Step, ...] | None = None
    ending: tuple[Step, ...] = ()
