"""How each kind of estimator learns while someone watches; all report through one narrow `Live`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.training.loops.material import Material

if TYPE_CHECKING:
    from workbench.estimators.native import NativeModel
    from workbench.training.live import Live

__all__ = ["Material", "fit"]


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
    model = _fit(material, live)
    return model if material.training.calibration == "none" else calibrate(model, material, live)


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
