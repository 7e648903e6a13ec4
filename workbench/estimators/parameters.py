"""One parameter of an estimator: its type, range and meaning, read by forms, checks and documentation alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workbench.errors import EstimatorError

ParameterType = Literal["int", "float", "choice", "bool", "int_list", "names"]

MAX_LIST_LENGTH = 20


@dataclass(frozen=True)
class Parameter:
    """What a form needs to ask for a value, and a check to refuse one.

    Parameters
    ----------
    name : str
    type : {"int", "float", "choice", "bool", "int_list", "names"}
        ``names`` is a list of words: the ids of finished runs.
    default : object
    help : str
        One sentence for a reader who meets the word for the first time.
    low, high : float, optional
        Smallest and largest value, both allowed; of each entry for an ``int_list``.
    scale : {"linear", "log"}
        How a slider or a search should move.
    choices : tuple of str
        Allowed values of a ``choice``.
    optional : bool
        Whether None is allowed, too, written ``none``; `none_means` then says what it does.
    none_means : str
        For example "no limit".
    search : tuple of float, optional
        Range that a search moves in, where that is narrower than what is allowed.
    search_values : tuple, optional
        What a search tries of a parameter that isn't a number, or of a grid; all choices when absent.
    searched : bool
        Whether a search moves it unless told otherwise.
    task : {"classification", "regression"}, optional
        The only task in which it does anything; a form offers it there alone.
    """

    name: str
    type: ParameterType
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log"] = "linear"
    choices: tuple[str, ...] = ()
    optional: bool = False
    none_means: str = "no limit"
    search: tuple[float, float] | None = None
    search_values: tuple[Any, ...] = ()
    searched: bool = True
    task: Literal["classification", "regression"] | None = None

    @property
    def range_text(self) -> str:
        """The allowed values in words."""
        if self.type == "choice":
            return "one of " + ", ".join(self.choices)
        if self.type == "bool":
            return "true or false"
        if self.type == "names":
            return "a list of names"
        kind = {"int": "a whole number", "float": "a number", "int_list": "a list of whole numbers, each"}[self.type]
        ending = f", or none for {self.none_means}" if self.optional else ""
        return f"{kind} from {self.low:g} to {self.high:g}{ending}"

    def check(self, value: Any, *, estimator: str) -> Any:
        """Give the value in the parameter's own type.

        Raises
        ------
        EstimatorError
            If it isn't of that type or out of range.
        """
        if self.optional and (value is None or value == "none"):
            return None
        converted = _CONVERTERS[self.type](self, value)
        if converted is None:
            raise EstimatorError(
                f"Got {self.name}={value!r} for {estimator}, needed {self.range_text}. "
                f"Correct it or leave it out to use {self.default!r}."
            )
        return converted


def check_all(parameters: tuple[Parameter, ...], values: Mapping[str, Any], *, estimator: str) -> dict[str, Any]:
    """Check given values and fill in defaults.

    Raises
    ------
    EstimatorError
        If a name is unknown or a value out of range.
    """
    known = {parameter.name: parameter for parameter in parameters}
    unknown = [name for name in values if name not in known]
    if unknown:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise EstimatorError(
            f"Got the parameter {unknown[0]!r}, which {estimator} doesn't have; {has}. Remove or rename it."
        )
    return {
        name: parameter.check(values.get(name, parameter.default), estimator=estimator)
        for name, parameter in known.items()
    }


def _to_int(parameter: Parameter, value: Any) -> int | None:
    number = _to_float(parameter, value)
    return int(number) if number is not None and number == int(number) else None


def _to_float(parameter: Parameter, value: Any) -> float | None:
    # A bool is an int to Python, but `n_estimators: true` in a YAML file is a mistake.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value)
    inside = math.isfinite(number) and _low(parameter) <= number <= _high(parameter)
    return number if inside else None


def _to_choice(parameter: Parameter, value: Any) -> str | None:
    text = "none" if value is None else str(value)  # YAML reads a bare `null` where a reader means "none"
    return text if text in parameter.choices else None


def _to_bool(parameter: Parameter, value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _to_int_list(parameter: Parameter, value: Any) -> list[int] | None:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= MAX_LIST_LENGTH:
        return None
    entries = [_to_int(parameter, entry) for entry in value]
    return [entry for entry in entries if entry is not None] if None not in entries else None


def _to_names(_parameter: Parameter, value: Any) -> list[str] | None:
    if not isinstance(value, list | tuple) or len(value) > MAX_LIST_LENGTH:
        return None
    return [str(entry) for entry in value]


def _low(parameter: Parameter) -> float:
    return -math.inf if parameter.low is None else parameter.low


def _high(parameter: Parameter) -> float:
    return math.inf if parameter.high is None else parameter.high


_CONVERTERS = {
    "int": _to_int,
    "float": _to_float,
    "choice": _to_choice,
    "bool": _to_bool,
    "int_list": _to_int_list,
    "names": _to_names,
}
