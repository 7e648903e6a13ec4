"""Which estimators there are, what each is good for, and what can be set. Imports no machine-learning library."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from workbench.data.spec import AnyTask
from workbench.errors import EstimatorError
from workbench.estimators import (
    catalogue_groups,
    catalogue_images,
    catalogue_linear,
    catalogue_neighbors,
    catalogue_networks,
    catalogue_trees,
)
from workbench.estimators.entry import EstimatorEntry as EstimatorEntry
from workbench.estimators.entry import Takes
from workbench.estimators.own_file import own_estimators, own_problem
from workbench.estimators.parameters import check_all
from workbench.settings import Settings


def catalogue(settings: Settings | None = None) -> dict[str, EstimatorEntry]:
    """Give every estimator by its name, simplest first, those of the user's own file last.

    Parameters
    ----------
    settings : Settings, optional
        Where the own file is named; the environment's settings when absent.
    """
    return _BUILT_IN | {name: found.entry for name, found in own_estimators(settings).items()}


def is_built_in(name: str) -> bool:
    """Tell whether an estimator of that name comes with the workbench."""
    return name in _BUILT_IN


def entry(name: str, settings: Settings | None = None) -> EstimatorEntry:
    """Look an estimator up.

    Raises
    ------
    EstimatorError
        If there is none of that name; the message offers the nearest, and says why the user's own file can't be used
        where it can't.

    Examples
    --------
    >>> entry("random_forest").title
    'Random forest'
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    known = catalogue(settings)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(known)}."
    problem = own_problem(settings)
    reason = f" {problem}" if problem else ""
    raise EstimatorError(f"Got the estimator {name!r}, needed one of the catalogue. {advice}{reason}")


def estimators_for(
    task: AnyTask, *, takes: Takes | None = "table", settings: Settings | None = None
) -> list[EstimatorEntry]:
    """Give the estimators that can learn a task from tables (or from images, or finished runs), simplest first."""
    known = [*(catalogue_images.IMAGE_FORMS.values() if takes == "image" else ()), *catalogue(settings).values()]
    return [found for found in known if task in found.tasks and (takes is None or found.takes == takes)]


def check_params(estimator: EstimatorEntry | str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Check the given parameters of an estimator and fill in the defaults of the others.

    Raises
    ------
    EstimatorError
        If the estimator or a parameter is unknown, or a value is out of range; the message names the range.

    Examples
    --------
    >>> check_params("logistic_regression", {"C": 0.5})["C"]
    0.5
    """
    found = entry(estimator) if isinstance(estimator, str) else estimator
    return check_all(found.parameters, params, estimator=found.name)


_BUILT_IN: dict[str, EstimatorEntry] = {
    found.name: found
    for part in (
        catalogue_linear,
        catalogue_neighbors,
        catalogue_trees,
        catalogue_networks,
        catalogue_images,
        catalogue_groups,
    )
    for found in part.ENTRIES
}
