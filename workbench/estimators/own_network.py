"""Networks of the user's own file: built, checked, and given the ending that their task needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.data.spec import Task
from workbench.errors import EstimatorError
from workbench.estimators.own_file import own_estimators


def build(name: str) -> Callable[..., Any] | None:
    """Give the build function of a network of your own; None where no entry of that name has one.

    Its signature is ``build_function(input_shape, n_outputs, params) -> keras.Model``; see `network`, which calls it.
    """
    found = own_estimators().get(name)
    return found.build_function if found else None


def network(name: str, input_shape: tuple[int, ...], *, task: Task, n_classes: int, params: Mapping[str, Any]) -> Any:
    """Build a network of your own, with the activation that its task needs at its end; it isn't compiled.

    Parameters
    ----------
    name : str
    input_shape : tuple of int
    task : {"classification", "regression"}
    n_classes : int
        Ignored for regression.
    params : mapping
        Checked.

    Raises
    ------
    EstimatorError
        If the function fails, or what it gives isn't a network with so many units at its end.
    """
    import keras as library

    function = build(name)
    if function is None:
        raise EstimatorError(f"Got {name!r}, needed a network of your own file. Register it with own.keras.")
    n_outputs = n_classes if task == "classification" and n_classes > 2 else 1
    try:
        body = function(input_shape, n_outputs, dict(params))
    except Exception as error:  # whatever a user's function does
        raise EstimatorError(
            f"Got {type(error).__name__} from the build function of {name!r}: {error}. It was called with the shape "
            f"{input_shape}, {n_outputs} outputs and {dict(params)}. Correct it in the file of own estimators."
        ) from error
    shape = getattr(body, "output_shape", None)
    if not isinstance(body, library.Model) or shape != (None, n_outputs):
        raise EstimatorError(
            f"Got {type(body).__name__} with the output {shape} from the build function of {name!r}, needed a "
            f"keras.Model whose last layer has {n_outputs} units. Return one."
        )
    last = getattr(getattr(body.layers[-1], "activation", None), "__name__", "linear")
    if last != "linear":
        raise EstimatorError(
            f"Got {name!r} with the activation {last} in its last layer, needed none: the sigmoid or softmax "
            "is added to it. Leave it out."
        )
    if task == "regression":
        return body
    ending = "sigmoid" if n_outputs == 1 else "softmax"
    return library.Model(body.inputs[0], library.layers.Activation(ending, name="probabilities")(body.outputs[0]))
