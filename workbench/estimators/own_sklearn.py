"""Classes of scikit-learn's kind from the user's own file: imported, built, and what of them may be stored."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

from workbench.data.spec import Task
from workbench.errors import ConversionError, EstimatorError, PackageError
from workbench.estimators.own import OwnEstimator
from workbench.estimators.own_file import own_estimators
from workbench.estimators.trusted import TRUSTED_TYPES


def build_own(name: str, params: dict[str, Any], *, task: Task, seed: int, n_jobs: int | None) -> Any:
    """Build an unfitted estimator of the user's file.

    Raises
    ------
    EstimatorError
        If its class can't be imported, refuses the parameters, or doesn't give what its task needs.
    """
    found = own_estimators().get(name)
    if found is None or task not in found.classes:
        raise EstimatorError(f"Got {name!r} for {task}, needed an estimator of scikit-learn's kind. Choose another.")
    kind = _imported(found.classes[task], name)
    takes = inspect.signature(kind).parameters
    ours = {"random_state": seed, "n_jobs": n_jobs}
    given = {key: value for key, value in ours.items() if key in takes} | params
    try:
        built = kind(**given)
    except (TypeError, ValueError) as error:
        raise EstimatorError(
            f"Got {error} from {kind.__name__} of {name!r} with {given}, needed parameters that it takes. Correct them "
            "in the file of own estimators."
        ) from error
    needed = ("fit", "predict_proba") if task == "classification" else ("fit", "predict")
    if lacking := [method for method in needed if not hasattr(built, method)]:
        raise EstimatorError(
            f"Got {kind.__name__} of {name!r}, which has no {lacking[0]}, needed it for {task}. Choose another class, "
            "or wrap it into one that has it."
        )
    return built


def own_class_names() -> tuple[str, ...]:
    """Give the names of the classes that the user's file registers."""
    return tuple(
        kind.__name__ if isinstance(kind, type) else kind.rpartition(".")[2]
        for found in own_estimators().values()
        for kind in found.classes.values()
    )


def own_types(types: list[str]) -> frozenset[str]:
    """Give those of some types that the user's file lets a stored model hold: never what a model's own file says."""
    own = own_estimators()
    modules = {_imported(kind, name).__module__ for name, found in own.items() for kind in found.classes.values()}
    named = {name for found in own.values() for name in found.trusted}
    return frozenset(name for name in types if name in named or name.rpartition(".")[0] in modules)


def check_converts(estimator: Any) -> None:
    """Refuse to write a graph of an estimator whose entry in the user's file says ``converts=False``.

    Raises
    ------
    ConversionError
        If it says so.
    """
    name = type(estimator).__name__
    for found in own_estimators().values():
        names = [
            kind.__name__ if isinstance(kind, type) else kind.rpartition(".")[2] for kind in found.classes.values()
        ]
        if name in names and not found.entry.converts:
            raise ConversionError(
                f"{found.entry.title} is registered with converts=False, so no graph is written. The trained model "
                "itself predicts."
            )


def check_storable(path: Path, estimator: Any) -> None:
    """Refuse a model that couldn't be read again.

    Raises
    ------
    PackageError
        If it holds types that the user's file doesn't name.
    """
    import skops.io

    unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - TRUSTED_TYPES)
    unknown = sorted(set(unknown) - own_types(unknown))
    if unknown:
        raise PackageError(
            f"Got a {type(estimator).__name__} that holds the types {', '.join(unknown)}, needed types that may be "
            f"read again. Add trusted={unknown} to its entry in the file of own estimators, if you trust them."
        )


def _imported(kind: Any, name: str) -> type:
    if isinstance(kind, type):
        return kind
    module, _, attribute = str(kind).rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise EstimatorError(
            f"Got the class {kind!r} for {name!r}, which can't be imported ({error}); needed an installed one. "
            "Install its library, or correct the name."
        ) from error
    if not isinstance(found, type):
        raise EstimatorError(f"Got {kind!r} for {name!r}, needed a class. Correct its name.")
    return found


__all__ = ["OwnEstimator", "build_own", "check_converts", "check_storable", "own_class_names", "own_types"]
