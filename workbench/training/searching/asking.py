"""From what a RunSpec asks for to the space that is searched; whatever can't be is refused with what there is."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

from workbench.data.spec import Task
from workbench.errors import EstimatorError, SpecError
from workbench.estimators.entry import EstimatorEntry
from workbench.estimators.parameters import Parameter
from workbench.training.search_spec import SearchRange, SearchSpec
from workbench.training.searching.options import PREFIX, TRAINING_OPTIONS, training_option
from workbench.training.searching.space import MAX_LISTED, Dimension, Space, in_order

_STEPS = 5  # values of a range beside no limit
_PLACES = 12  # where a range of trees or rounds is measured on the way to its end

# What grows tree by tree or round by round: a fit that goes to the largest number has passed all smaller ones.
NESTED = {
    "random_forest": "n_estimators",
    "extra_trees": "n_estimators",
    "gradient_boosting": "n_estimators",
    "hist_gradient_boosting": "max_iter",
}


def make_space(
    entry: EstimatorEntry, search: SearchSpec, *, fixed: Mapping[str, Any] | None = None, task: Task | None = None
) -> Space:
    """Give the space of a search.

    Parameters
    ----------
    entry : EstimatorEntry
    search : SearchSpec
        Its `space`, or the catalogue's ranges of what isn't fixed where it names none.
    fixed : mapping of str to object, optional
        Parameters that the RunSpec sets, which the catalogue's ranges then leave alone.
    task : {"classification", "regression"}, optional
        Parameters that do nothing in it are left alone, too.

    Raises
    ------
    SpecError, EstimatorError
        If a name is unknown or a range isn't possible; the message names what there is.
    """
    if search.space:
        found = [_given(entry, name, wanted) for name, wanted in search.space.items()]
    else:
        idle = {each.name for each in entry.parameters if task is not None and each.task not in (None, task)}
        found = _of_catalogue(entry, idle.union(fixed or {}), is_grid=search.method == "grid")
    if not found:
        raise SpecError(
            f"Got a search of {entry.name}, which has no parameter left to search; needed one at least. "
            "Leave a parameter out of `estimator.params`, choose another estimator, or remove `search`."
        )
    nested = next((each for each in found if each.name == NESTED.get(entry.name)), None)
    return Space(tuple(each for each in found if each is not nested), nested)


def searchable(entry: EstimatorEntry) -> dict[str, Parameter]:
    """Give everything that a search of an estimator may move, by its name in a space."""
    own = {each.name: each for each in entry.parameters if each.type != "names"}
    options = {PREFIX + each.name: each for each in TRAINING_OPTIONS} if entry.progress == "epochs" else {}
    return own | options


def catalogue_range(parameter: Parameter, name: str | None = None, *, listed: bool = False) -> Dimension | None:
    """Give the dimension that the catalogue proposes for a parameter; None where it has none.

    Parameters
    ----------
    parameter : Parameter
    name : str, optional
    listed : bool
        Whether a list of values is wanted where the catalogue has both a list and a range.
    """
    name = name or parameter.name
    is_number = parameter.type in ("int", "float") and not parameter.optional
    if parameter.search_values and (listed or not is_number or parameter.search is None):
        return Dimension(name, parameter, values=in_order(parameter.search_values))
    if parameter.type == "choice":
        return Dimension(name, parameter, values=parameter.choices)
    if parameter.type == "bool":
        return Dimension(name, parameter, values=(False, True))
    if parameter.type not in ("int", "float") or parameter.low is None or parameter.high is None:
        return None
    low, high = parameter.search or (parameter.low, parameter.high)
    log = parameter.scale == "log" and low > 0
    ranged = Dimension(name, parameter, low=float(low), high=float(high), log=log)
    if parameter.optional:  # no limit is one value more, so the others are listed
        return Dimension(name, parameter, values=in_order((*ranged.spaced(_STEPS), None)))
    return ranged


def stages_of(nested: Dimension | None) -> tuple[Any, ...]:
    """Give the numbers of trees or rounds at which a fit is measured; of a range twelve at equal distances."""
    return () if nested is None else nested.spaced(_PLACES)


def _of_catalogue(entry: EstimatorEntry, fixed: set[str], *, is_grid: bool) -> list[Dimension]:
    found = []
    for name, parameter in searchable(entry).items():
        if parameter.searched and name not in fixed:
            # One fit tries a list of trees as a whole, each a trial of its own; rounds have a best number to be found.
            listed = is_grid or (name == NESTED.get(entry.name) and entry.progress == "trees")
            dimension = catalogue_range(parameter, name, listed=listed)
            if dimension is not None and dimension.size > 1:
                found.append(dimension)
    return found


def _given(entry: EstimatorEntry, name: str, wanted: SearchRange) -> Dimension:
    parameter = _known(entry, name)
    if wanted.values is not None:
        values = in_order([parameter.check(value, estimator=entry.name) for value in wanted.values])
        if len(values) > MAX_LISTED:
            raise SpecError(
                f"Got {len(values)} values of {name} to search, needed at most {MAX_LISTED}. "
                "Give a range instead: low, high and scale."
            )
        return Dimension(name, parameter, values=values)
    if parameter.type not in ("int", "float"):
        raise SpecError(
            f"Got a range of {name} to search, needed a list: it is {parameter.range_text}. Write {name}: [...] "
            "with the values to try."
        )
    low, high = _bounds(entry, parameter, wanted)
    scaled = "scale" in wanted.model_fields_set
    log = (wanted.scale if scaled else parameter.scale) == "log" and low > 0
    return Dimension(name, parameter, low=low, high=high, log=log)


def _bounds(entry: EstimatorEntry, parameter: Parameter, wanted: SearchRange) -> tuple[float, float]:
    low, high = float(wanted.low or 0.0), float(wanted.high or 0.0)
    for end in (low, high):
        least = -math.inf if parameter.low is None else parameter.low
        most = math.inf if parameter.high is None else parameter.high
        if not least <= end <= most:
            raise EstimatorError(
                f"Got {end:g} as an end of the range of {parameter.name} to search, needed {parameter.range_text} "
                f"for {entry.name}. Correct `search.space`."
            )
    if parameter.type == "int" and math.ceil(low) > math.floor(high):
        raise SpecError(
            f"Got {low:g} to {high:g} as the range of {parameter.name} to search, which holds no whole number. "
            "Give a wider one in `search.space`."
        )
    return low, high


def _known(entry: EstimatorEntry, name: str) -> Parameter:
    there = searchable(entry)
    if name in there:
        return there[name]
    if name.startswith(PREFIX) and training_option(name) is not None:
        raise SpecError(
            f"Got {name!r} to search, which {entry.name} doesn't use: training options are for networks. "
            f"Search some of {', '.join(there)}."
        )
    near = difflib.get_close_matches(name, there, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"Search some of {', '.join(there) or 'nothing: it has none'}."
    raise SpecError(f"Got the parameter {name!r} to search, which {entry.name} doesn't have. {advice}")
