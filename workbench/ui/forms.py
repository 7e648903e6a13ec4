"""Widgets whose value lives in the draft on disk: what the form shows is what is stored, in every browser.

Streamlit forgets a widget when another page is drawn, so the widget is only a view: before it is drawn its state is set
from the draft, and its callback, which runs before the next draw, stores the change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import EstimatorError, WorkbenchError
from workbench.ui import messages

if TYPE_CHECKING:
    from workbench.estimators.parameters import Parameter

PROBLEM = "forms.problem"


def bound(key: str, value: Any, save: Callable[[Any], object]) -> dict[str, Any]:
    """Give the arguments that tie a widget to a stored value.

    Parameters
    ----------
    key : str
    value : object
        What is stored now.
    save : callable
        Stores the new value; a `WorkbenchError` of it is shown by `show_problem`, and the widget goes back.
    """
    st.session_state[key] = value

    def changed() -> None:
        try:
            save(st.session_state[key])
            st.session_state.pop(PROBLEM, None)
        except WorkbenchError as problem:
            st.session_state[PROBLEM] = str(problem)

    return {"key": key, "on_change": changed}


def show_problem() -> None:
    """Show, once, why the last change wasn't taken."""
    if problem := st.session_state.pop(PROBLEM, None):
        messages.error(problem)


def parameter(entry: Parameter, value: Any, save: Callable[[Any], object], *, estimator: str) -> None:
    """Draw the widget for one parameter of an estimator, with its range and its sentence."""
    label = entry.name.replace("_", " ")
    key = f"train.param.{estimator}.{entry.name}"
    default = entry.none_means if entry.default is None else _written(entry.default)
    text = f"{entry.help} {entry.range_text.capitalize()}; default {default}."

    def checked(new: Any) -> None:
        save(entry.check(new, estimator=estimator))

    if entry.optional:
        with_limit = _start_of(entry)
        st.toggle(
            f"{label}: {entry.none_means}",
            help=text,
            **bound(f"{key}.none", value is None, lambda none: checked(None if none else with_limit)),
        )
        if value is None:
            return
    if entry.type == "bool":
        st.toggle(label, help=text, **bound(key, bool(value), checked))
    elif entry.type == "choice" and len(entry.choices) <= 4:
        st.segmented_control(label, entry.choices, help=text, required=True, wrap=True, **bound(key, value, checked))
    elif entry.type == "choice":
        st.selectbox(label, entry.choices, help=text, **bound(key, value, checked))
    elif entry.type == "names":
        _names(entry, label, text, bound(key, list(value), checked))
    elif entry.type == "int_list":
        st.text_input(
            label,
            help=f"{text} Separate them by commas.",
            **bound(key, _written(value), lambda new: checked(_numbers(new, entry))),
        )
    else:
        _number(entry, label, text, bound(key, int(value) if entry.type == "int" else float(value), checked))


def _start_of(entry: Parameter) -> Any:
    """Give a value to begin with where a limit is switched on: the default, or the middle of what is usual."""
    if entry.default is not None:
        return entry.default
    low, high = entry.search or (entry.low or 1.0, entry.high or 100.0)
    middle = math.sqrt(low * high) if entry.scale == "log" and low > 0 else (low + high) / 2
    return round(middle) if entry.type == "int" else middle


def _names(entry: Parameter, label: str, text: str, tie: dict[str, Any]) -> None:
    """Ask for finished runs by their ids."""
    from workbench.training.listing import runs

    known = [run.id for run in runs()[:200] if run.package_folder.is_dir()]
    chosen = st.session_state[tie["key"]]
    st.multiselect(label, [*known, *(name for name in chosen if name not in known)], help=text, **tie)


def _number(entry: Parameter, label: str, text: str, tie: dict[str, Any]) -> None:
    if entry.low is None or entry.high is None:
        st.number_input(label, help=text, **tie)
    elif entry.type == "int":
        usual = abs(int(_start_of(entry)))
        step = 1 if entry.scale == "linear" else max(1, 10 ** int(math.log10(max(usual, 1))) // 2)
        st.number_input(label, int(entry.low), int(entry.high), step=step, help=text, **tie)
    else:
        st.number_input(label, float(entry.low), float(entry.high), step=_step(entry), format="%g", help=text, **tie)


def _step(entry: Parameter) -> float:
    default = abs(float(entry.default if entry.default is not None else _start_of(entry)))
    if entry.scale == "log" and default > 0:
        return float(10 ** math.floor(math.log10(default) - 0.5))
    return 0.05 if (entry.high or 1.0) <= 1.0 else 0.5


def _written(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _numbers(text: str, entry: Parameter) -> list[int]:
    try:
        return [int(part) for part in text.replace(";", ",").replace(" ", ",").split(",") if part.strip()]
    except ValueError:
        raise EstimatorError(
            f"Got {text!r} for {entry.name}, needed whole numbers separated by commas. "
            f"Write it like {_written(entry.default)}."
        ) from None
