"""Estimators of your own: registered in a Python file that ``WORKBENCH_ESTIMATORS`` names.

::

    from workbench.estimators import own

    own.sklearn("bayesian_ridge", "sklearn.linear_model.BayesianRidge", tasks=["regression"],
                parameters=[own.number("alpha_1", 1e-6, low=1e-9, high=1.0, scale="log", help="Prior of the noise.")])
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from workbench.data.spec import AnyTask
from workbench.errors import EstimatorError
from workbench.estimators.entry import EstimatorEntry
from workbench.estimators.own_network import build as build
from workbench.estimators.own_network import network as network
from workbench.estimators.parameters import Parameter

Scale = Literal["linear", "log"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_SUPERVISED = ("classification", "regression")


@dataclass(frozen=True)
class OwnEstimator:
    """An entry of a user's file, and how it is built.

    Parameters
    ----------
    entry : EstimatorEntry
    classes : mapping of str to str or type
        For scikit-learn: the class, or its dotted name, for each task.
    build_function : callable, optional
        For Keras: ``build_function(input_shape, n_outputs, params)`` gives a network that isn't compiled.
    trusted : tuple of str
        Types that a stored model may hold beside those that we always allow.
    """

    entry: EstimatorEntry
    classes: Mapping[str, Any] = field(default_factory=dict)
    build_function: Callable[..., Any] | None = None
    trusted: tuple[str, ...] = ()


collected: list[OwnEstimator] = []  # what the file under way has registered; the loader empties it before


def sklearn(
    name: str,
    estimator: str | type | Mapping[str, str | type],
    *,
    tasks: Iterable[AnyTask],
    parameters: Iterable[Parameter] = (),
    title: str = "",
    summary: str = "",
    strengths: str = "",
    cost: str = "",
    formula: str = "",
    handles_missing: bool = False,
    needs_scaling: bool = True,
    converts: bool = True,
    sensible: bool = False,
    max_rows: int | None = None,
    trusted: Iterable[str] = (),
) -> None:
    """Register a class that keeps scikit-learn's conventions.

    Parameters
    ----------
    name : str
        The name in a RunSpec: lower-case letters, digits and underscores.
    estimator : str, type, or dict of task to one of them
        The class, or its dotted name, which is imported when it is first needed.
    tasks : iterable of {"classification", "regression"}
        Classifiers need `predict_proba`.
    parameters : iterable of Parameter
        As `number`, `whole_number`, `choice` and `yes_no` make them; each goes to the class under its own name.
    title, summary, strengths, cost, formula : str
        What the card on the Train page says; the formula in LaTeX.
    handles_missing, needs_scaling : bool
        Whether missing numbers may reach it, and whether columns should have similar scales.
    converts : bool
        Whether to try an ONNX graph (by skl2onnx); the native model answers where that fails or differs.
    sensible : bool
        Whether "try everything sensible" tries it.
    max_rows : int, optional
        Training rows beyond which a run warns.
    trusted : iterable of str
        Types within a stored model that it may hold, where those of the class's own module aren't enough.

    Raises
    ------
    EstimatorError
        If the entry isn't complete or its name is taken.
    """
    wanted = _tasks(name, tasks, _SUPERVISED)
    classes: dict[Any, Any] = dict(estimator) if isinstance(estimator, Mapping) else dict.fromkeys(wanted, estimator)
    for task in wanted:
        found = classes.get(task)
        if not isinstance(found, type) and not (isinstance(found, str) and "." in found):
            raise EstimatorError(
                f"Got {found!r} as the class of {name!r} for {task}, needed a class or its dotted name. "
                "Write it as 'package.module.Class'."
            )
    entry = _entry(
        name,
        wanted,
        parameters,
        (title, summary or "An estimator of your own.", strengths, cost, formula),
        engine="sklearn",
        progress="single",
        handles_missing=handles_missing,
        needs_scaling=needs_scaling,
        converts=converts,
        sensible=sensible,
        max_rows=max_rows,
    )
    _register(OwnEstimator(entry, classes=classes, trusted=tuple(trusted)))


def keras(
    name: str,
    build_function: Callable[..., Any],
    *,
    tasks: Iterable[AnyTask],
    takes: Literal["table", "image"] = "table",
    parameters: Iterable[Parameter] = (),
    title: str = "",
    summary: str = "",
    strengths: str = "",
    cost: str = "",
    formula: str = "",
    sensible: bool = False,
    max_rows: int | None = None,
) -> None:
    """Register a function that builds a Keras network.

    Parameters
    ----------
    name : str
        The name in a RunSpec: lower-case letters, digits and underscores.
    build_function : callable
        ``build_function(input_shape, n_outputs, params)`` gives a `keras.Model` that isn't compiled. `input_shape` is
        ``(n_features,)`` for tables and ``(height, width, channels)`` for images. It ends in `n_outputs` units without
        an activation: 1 for numbers and for two classes, else one a class; the sigmoid or softmax is added to it.
    tasks : iterable of {"classification", "regression"}
    takes : {"table", "image"}
    parameters : iterable of Parameter
        Their checked values arrive as the dict `params`.
    title, summary, strengths, cost, formula, sensible, max_rows
        As for `sklearn`.

    Raises
    ------
    EstimatorError
        If the entry isn't complete or its name is taken.
    """
    if not callable(build_function):
        raise EstimatorError(
            f"Got {build_function!r} to build {name!r} with, needed a function of input_shape, n_outputs and params. "
            "Pass the function itself, without calling it."
        )
    if takes not in ("table", "image"):
        raise EstimatorError(f"Got takes={takes!r} for {name!r}, needed 'table' or 'image'. Choose one.")
    entry = _entry(
        name,
        _tasks(name, tasks, _SUPERVISED),
        parameters,
        (title, summary or "A network of your own.", strengths, cost, formula),
        engine="keras",
        progress="epochs",
        handles_missing=False,
        needs_scaling=True,
        takes=takes,
        sensible=sensible,
        max_rows=max_rows,
    )
    _register(OwnEstimator(entry, build_function=build_function))


def number(
    name: str,
    default: float | None,
    *,
    low: float,
    high: float,
    help: str,
    scale: Scale = "linear",
    search: tuple[float, float] | None = None,
    optional: bool = False,
) -> Parameter:
    """Describe a parameter that is a number within a range."""
    return Parameter(name, "float", default, _sentence(help), low, high, scale, optional=optional, search=search)


def whole_number(
    name: str,
    default: int | None,
    *,
    low: int,
    high: int,
    help: str,
    scale: Scale = "linear",
    search: tuple[int, int] | None = None,
    optional: bool = False,
) -> Parameter:
    """Describe a parameter that is a whole number within a range."""
    return Parameter(name, "int", default, _sentence(help), low, high, scale, optional=optional, search=search)


def choice(name: str, default: str, *, choices: Iterable[str], help: str) -> Parameter:
    """Describe a parameter that is one of some words."""
    return Parameter(name, "choice", default, _sentence(help), choices=tuple(choices))


def yes_no(name: str, default: bool, *, help: str) -> Parameter:
    """Describe a parameter that is true or false."""
    return Parameter(name, "bool", default, _sentence(help))


def _entry(
    name: str,
    tasks: tuple[AnyTask, ...],
    parameters: Iterable[Parameter],
    words: tuple[str, str, str, str, str],
    **facts: Any,
) -> EstimatorEntry:
    title, summary, strengths, cost, formula = words
    return EstimatorEntry(
        name=_checked_name(name),
        title=title or name.replace("_", " ").capitalize(),
        summary=summary,
        strengths=strengths or "As its author says.",
        cost=cost or "Unknown.",
        tasks=tasks,
        parameters=_parameters(name, parameters),
        family="own",
        formula=formula,
        **facts,
    )


def _checked_name(name: str) -> str:
    from workbench.estimators.catalogue import is_built_in

    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise EstimatorError(
            f"Got {name!r} as the name of an estimator, needed lower-case letters, digits and underscores, a letter "
            "first. Rename it."
        )
    if is_built_in(name):
        raise EstimatorError(f"Got {name!r}, which the catalogue has already, needed a name of its own. Rename it.")
    return name


def _tasks(name: str, tasks: Iterable[AnyTask], allowed: tuple[str, ...]) -> tuple[AnyTask, ...]:
    given = (tasks,) if isinstance(tasks, str) else tuple(tasks)
    wrong = [task for task in given if task not in allowed or task not in get_args(AnyTask)]
    if wrong or not given:
        raise EstimatorError(
            f"Got the tasks {list(given)} for {name!r}, needed some of {', '.join(allowed)}. Correct them."
        )
    return given  # type: ignore[return-value]


def _parameters(name: str, parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    given = tuple(parameters)
    for found in given:
        if not isinstance(found, Parameter):
            raise EstimatorError(
                f"Got {found!r} as a parameter of {name!r}, needed one made with own.number, own.whole_number, "
                "own.choice or own.yes_no. Correct it."
            )
        found.check(found.default, estimator=name)
    names = [found.name for found in given]
    if twice := [one for one in names if names.count(one) > 1]:
        raise EstimatorError(f"Got the parameter {twice[0]!r} of {name!r} twice, needed it once. Remove one.")
    return given


def _sentence(help: str) -> str:
    if not help.strip():
        raise EstimatorError("Got a parameter without help, needed one sentence that says what it does. Write it.")
    return help if help.rstrip().endswith(".") else f"{help.rstrip()}."


def _register(found: OwnEstimator) -> None:
    if any(other.entry.name == found.entry.name for other in collected):
        raise EstimatorError(f"Got {found.entry.name!r} registered twice, needed one entry of that name. Rename one.")
    collected.append(found)
