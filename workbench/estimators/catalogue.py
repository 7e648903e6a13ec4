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
    catalogue_networks,
    catalogue_trees,
)
from workbench.estimators.entry import EstimatorEntry as EstimatorEntry
from workbench.estimators.entry import Takes
from workbench.estimators.parameters import check_all


def catalogue() -> dict[str, EstimatorEntry]:
    """Give every estimator by its name, simplest first."""
    return dict(_CATALOGUE)


def entry(name: str) -> EstimatorEntry:
    """Look an estimator up.

    Raises
    ------
    EstimatorError
        If there is none of that name; the message offers the nearest.

    Examples
    --------
    >>> entry("random_forest").title
    'Random forest'
    """
    if name in _CATALOGUE:
        return _CATALOGUE[name]
    near = difflib.get_close_matches(name, _CATALOGUE, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(_CATALOGUE)}."
    raise EstimatorError(f"Got the estimator {name!r}, needed one of the catalogue. {advice}")


def estimators_for(task: AnyTask, *, takes: Takes | None = "table") -> list[EstimatorEntry]:
    """Give the estimators that can learn a task from tables (or from images, or finished runs), simplest first."""
    return [found for found in _CATALOGUE.values() if task in found.tasks and (takes is None or found.takes == takes)]


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


_CATALOGUE: dict[str, EstimatorEntry] = {
    found.name: found
    for part in (catalogue_linear, catalogue_trees, catalogue_networks, catalogue_images, catalogue_groups)
    for found in part.ENTRIES
}
