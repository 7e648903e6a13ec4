"""Trained models of both libraries behind one interface: wrap after training, store, load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.spec import Task
from workbench.errors import PackageError
from workbench.estimators.catalogue import EstimatorEntry
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.classical import SklearnModel, build_sklearn, keep_rounds
from workbench.estimators.native import (
    DESCRIPTION,
    FORMAT,
    FORMAT_WITH_SCALING,
    NativeModel,
    missing_fill,
    pick_class,
)
from workbench.estimators.network import KerasModel, TargetScale, build_network
from workbench.estimators.scaling import Scaling
from workbench.storage import read_json

__all__ = [
    "KerasModel",
    "NativeModel",
    "SklearnModel",
    "TargetScale",
    "build_network",
    "build_sklearn",
    "keep_rounds",
    "load_model",
    "missing_fill",
    "pick_class",
    "wrap_model",
]


def wrap_model(
    trained: Any,
    estimator: EstimatorEntry | str,
    X_train: np.ndarray,
    *,
    task: Task,
    classes: list[str | int] | None,
    target_scale: TargetScale | None = None,
) -> NativeModel:
    """Put a trained estimator or network behind the common interface.

    Parameters
    ----------
    trained : object
        Fitted scikit-learn estimator or Keras network.
    estimator : EstimatorEntry or str
        Its entry in the catalogue.
    X_train : ndarray of shape (n_rows, n_features)
        Training rows as the recipe gave them. Where the estimator takes no missing values, their medians stand for
        gaps in later requests.
    task : {"classification", "regression"}
    classes : list of str or int, optional
        The labels behind the class indices.
    target_scale : TargetScale, optional
        For a network that learned a standardised target.
    """
    found = find_entry(estimator) if isinstance(estimator, str) else estimator
    fill = None if found.handles_missing else missing_fill(X_train)
    n_features = X_train.shape[1]
    if found.engine == "sklearn":
        return SklearnModel(trained, task=task, classes=classes, n_features=n_features, fill=fill)
    return KerasModel(trained, task=task, classes=classes, n_features=n_features, fill=fill, target_scale=target_scale)


def load_model(folder: Path) -> NativeModel:
    """Load a model that `NativeModel.save` stored.

    Raises
    ------
    PackageError
        If the folder holds no readable model.
    IntegrityError
        If a file holds types beyond our allow-list.
    """
    document = read_json(folder / DESCRIPTION)
    from workbench.estimators.calibrated import CalibratedModel
    from workbench.estimators.combined import CombinedModel
    from workbench.estimators.groups import GROUP_MODELS
    from workbench.estimators.image_model import ImageModel

    kinds: dict[str, Any] = {"sklearn": SklearnModel, "keras": KerasModel, "keras_image": ImageModel, **GROUP_MODELS}
    kinds |= {"combined": CombinedModel, "calibrated": CalibratedModel}
    formats = (FORMAT, FORMAT_WITH_SCALING)
    if not isinstance(document, dict) or document.get("format") not in formats or document.get("engine") not in kinds:
        raise PackageError(
            f"Got {folder} without a {DESCRIPTION} of format {FORMAT}, needed a stored model. Build the package again."
        )
    common = {key: document[key] for key in ("task", "classes", "n_features", "fill")}
    loaded: NativeModel = kinds[document["engine"]]._load(folder, common, document)
    if document.get("scaling") is not None:
        loaded.scaling = Scaling.from_dict(document["scaling"])
    return loaded
