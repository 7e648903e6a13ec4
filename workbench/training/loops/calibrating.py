"""Calibration: a trained classifier's probabilities, corrected on the validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import EstimatorError
from workbench.recipe.fitted_step import listed
from workbench.training.live import Live
from workbench.training.loops.material import Material

if TYPE_CHECKING:
    from workbench.estimators.native import NativeModel

_FEW_ROWS = 1_000  # below which a staircase follows single rows


def calibrate(model: NativeModel, material: Material, live: Live) -> NativeModel:
    """Wrap a trained classifier so that its probabilities fit what the validation rows show.

    Raises
    ------
    EstimatorError
        If there are no classes, or no validation rows.
    """
    from workbench.estimators.calibrated import CalibratedModel

    check_calibration(material)
    method, n_rows = material.training.calibration, len(material.y_validation)
    calibrated = CalibratedModel.learn(model, material.X_validation, material.y_validation, method=method)
    live.note(
        f"The probabilities were calibrated ({method}) on the {n_rows:,} validation rows, so their validation metrics "
        "are optimistic: compare test metrics."
    )
    absent = sorted(set(range(model.n_classes)) - set(material.y_validation.tolist()))
    if absent:
        live.note(
            f"No validation row is of class {listed([str((material.classes or [])[label]) for label in absent])}: "
            "its probability was left uncalibrated. Choose a split whose validation rows hold every class."
        )
    if method == "isotonic" and n_rows < _FEW_ROWS:
        live.note(f"Isotonic calibration follows chance with so few rows ({n_rows:,}): sigmoid is steadier.")
    return calibrated


def check_calibration(material: Material) -> None:
    """Refuse calibration where it can't be done, before anything is trained.

    Raises
    ------
    EstimatorError
        If there are no classes, or no validation rows.
    """
    method = material.training.calibration
    if method == "none":
        return
    if material.task != "classification":
        raise EstimatorError(
            f"Got calibration: {method} for a {material.task}, needed classes, whose probabilities it corrects. Set "
            "calibration: none."
        )
    if not material.has_validation:
        raise EstimatorError(
            f"Got calibration: {method} without validation rows, needed some to calibrate on. Set `validation` of the "
            "split above 0, or calibration: none."
        )
