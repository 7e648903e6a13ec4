"""How each kind of estimator learns while someone watches; all report through one narrow `Live`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.training.loops.material import Material

if TYPE_CHECKING:
    from workbench.estimators.native import NativeModel
    from workbench.training.live import Live

__all__ = ["Material", "fit"]

_ASKED_ROWS = 200
_SAME = 1e-4  # of the target's spread


def fit(material: Material, live: Live) -> NativeModel:
    """Train the estimator of a run on its prepared rows.

    Raises
    ------
    RunError
        If the loss stops being a number.
    StorageError
        If the history can't be written.
    """
    from workbench.training.loops.calibrating import calibrate, check_calibration

    check_calibration(material)
    model = _fit(material.scaled, live)
    _tell(material.scaled, live)
    _tell_same_answer(model, material, live)
    return model if material.training.calibration == "none" else calibrate(model, material, live)


def _tell(material: Material, live: Live) -> None:
    """Say in the log what was moved, so that nobody wonders about the estimator inside the package."""
    if material.scaling is None:
        return
    n_moved = len(material.scaling.moved_features)
    if n_moved:
        words = "1 feature lies" if n_moved == 1 else f"{n_moved:,} features lie"
        live.log(
            f"{words} far from 0, or closely together, for the digits that {material.entry.title} computes with: "
            "learned from their distance to the middle."
        )
    if material.scaling.moves_target:
        live.log(
            f"The target is too small, too large or too far from 0 for the digits that {material.entry.title} computes "
            "with: learned in standard deviations from its mean, answered in its own unit."
        )


def _tell_same_answer(model: NativeModel, material: Material, live: Live) -> None:
    """Say so where a model learned nothing: a metric alone may be taken for bad luck."""
    X, y = (part[:_ASKED_ROWS] for part in material.measured_rows)
    if material.entry.name in ("baseline", "lasso", "elastic_net") or X.ndim != 2 or len(y) < 2:
        return
    y_spread = 1.0 if material.task == "classification" else float(np.std(y))
    if np.ptp(y) > 0 and float(np.std(model.scores(X), axis=0).max()) < _SAME * y_spread:
        live.note(
            "The model gives each row practically the same answer: it learned nothing from these features. Are they in "
            "very small or very large units? Then put the step standardize in the recipe."
        )


def _fit(material: Material, live: Live) -> NativeModel:
    if material.entry.progress == "epochs":
        from workbench.training.loops.network import fit_network

        return fit_network(material, live)
    if material.entry.progress == "trees":
        from workbench.training.loops.forest import fit_forest

        return fit_forest(material, live)
    if material.entry.name == "gradient_boosting":
        from workbench.training.loops.classic_boosting import fit_classic_boosting

        return fit_classic_boosting(material, live)
    if material.entry.progress == "rounds":
        from workbench.training.loops.boosting import fit_boosting

        return fit_boosting(material, live)
    from workbench.training.loops.single import fit_single

    return fit_single(material, live)
