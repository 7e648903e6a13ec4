"""The catalogue of estimators, and trained models of scikit-learn and Keras behind one interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

# Not lazily: the function `catalogue` must stand before the module of the same name. It imports nothing heavy.
from workbench.estimators.catalogue import EstimatorEntry, catalogue, check_params, entry, estimators_for
from workbench.lazily import lazily

if TYPE_CHECKING:
    from workbench.estimators.classical import build_sklearn as build_sklearn
    from workbench.estimators.classical import keep_rounds as keep_rounds
    from workbench.estimators.models import load_model as load_model
    from workbench.estimators.models import wrap_model as wrap_model
    from workbench.estimators.native import NativeModel as NativeModel
    from workbench.estimators.native import missing_fill as missing_fill
    from workbench.estimators.native import pick_class as pick_class
    from workbench.estimators.network import TargetScale as TargetScale
    from workbench.estimators.network import build_network as build_network
    from workbench.estimators.parameters import Parameter as Parameter

# A RunSpec imports this package for its spec alone, and must not pay for the rest.
_HOMES = {
    "NativeModel": "native",
    "Parameter": "parameters",
    "TargetScale": "network",
    "build_network": "network",
    "build_sklearn": "classical",
    "keep_rounds": "classical",
    "load_model": "models",
    "missing_fill": "native",
    "pick_class": "native",
    "wrap_model": "models",
}

__all__ = ["EstimatorEntry", "catalogue", "check_params", "entry", "estimators_for", *_HOMES]

__getattr__ = lazily(__name__, _HOMES)
