"""What a warm worker loads before there is a run: the libraries, and their first use, which costs as much again."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench import storage
from workbench.settings import Settings

_CALM_SECONDS = 20.0  # a run that has just begun gets the cores for itself
_MODULES = (
    *("psutil", "workbench.training.executing", "workbench.training.table_pipeline", "workbench.training.loops"),
    *("workbench.data", "workbench.recipe", "workbench.evaluation", "workbench.package", "workbench.data.targets"),
    *("sklearn.ensemble", "sklearn.linear_model", "sklearn.tree", "sklearn.svm", "sklearn.neighbors"),
    *("sklearn.preprocessing", "sklearn.impute", "sklearn.compose", "sklearn.feature_selection"),
)
_DATA = {"source": "iris", "target": "species"}
_RECIPE = [{"step": "standardize", "columns": ["sepal_length"]}]
_SPECS: tuple[dict[str, Any], ...] = (
    {"data": _DATA, "recipe": _RECIPE, "estimator": {"name": "random_forest", "params": {"n_estimators": 2}}},
    {"data": _DATA, "estimator": {"name": "hist_gradient_boosting", "params": {"max_iter": 2}}},
    {"data": _DATA, "recipe": _RECIPE, "estimator": {"name": "dense_network"}, "training": {"epochs": 1}},
)


def warm_up(is_over: Callable[[], bool], *, settings: Settings) -> None:
    """Load what runs need, step by step; end as soon as there is a run, which loads the rest itself.

    The first `fit` of a library costs far more than later ones (tables of native libraries, TensorFlow's compiler), so
    tiny runs go the whole way. Where there is a GPU, none of TensorFlow's: which one it will be isn't known yet.

    Parameters
    ----------
    is_over : callable
        Tells whether there is a run.
    settings : Settings
    """
    while not is_over() and _is_busy(settings):
        time.sleep(0.5)
    for name in _MODULES:
        if is_over():
            return
        importlib.import_module(name)
    from workbench.training.devices import usable_gpus

    for spec in _SPECS:
        if is_over():
            return
        if spec["estimator"]["name"] == "dense_network":
            importlib.import_module("keras")
            if usable_gpus() or is_over():
                return
        _train(spec, is_over)


def _is_busy(settings: Settings) -> bool:
    """Tell whether a run of this machine has begun a moment ago."""
    from workbench.training.queueing import Line
    from workbench.training.tickets import GPU, Need

    now = time.time()
    lines = (Line(settings, Need()), Line(settings, Need(GPU)))
    return any(now - since < _CALM_SECONDS for line in lines for _, since in line.holders())


def _train(document: dict[str, Any], is_over: Callable[[], bool]) -> None:
    """Go the way of a run, in a folder that nobody sees."""
    import logging

    from workbench.training.pipeline import run_pipeline
    from workbench.training.progress import Progress
    from workbench.training.spec import RunSpec
    from workbench.training.state import SPEC, Phase, RunState, write_state

    class Rehearsal(Progress):
        def stop_requested(self) -> bool:
            self._check()
            return False

        def enter(self, phase: Phase) -> None:
            self._check()
            super().enter(phase)

        def _check(self) -> None:
            if is_over():
                raise _OverError

    logger = logging.getLogger("workbench.training")
    with tempfile.TemporaryDirectory(prefix="workbench-warm-") as name:
        home = Path(name)
        folder = home / "runs" / "warm"
        folder.mkdir(parents=True)
        spec = RunSpec.parse(document)
        storage.write_json(folder / SPEC, spec.to_dict())
        write_state(folder, RunState(status="queued", created=time.time()))
        logger.disabled = True
        try:
            run_pipeline(spec, folder, progress=Rehearsal(folder), settings=Settings(home=home))
        except _OverError:
            pass
        finally:
            logger.disabled = False
            _forget()


class _OverError(Exception):
    """There is a run: the rehearsal ends where it is."""


def _forget() -> None:
    """Leave nothing behind that a run could notice."""
    import sys

    if "keras" in sys.modules:
        import keras

        keras.utils.clear_session()
