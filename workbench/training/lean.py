"""Leaving pandas out of workers, where libraries load it only to look whether they were given something of it.

scikit-learn, Keras and TensorFlow import pandas where it is installed, and do without it where it isn't. Nothing here
hands them any of its objects, and it takes half a second and 80 MB with what it loads. Whoever needs it still gets it.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_ONLY_LOOKING = {
    "sklearn.utils.fixes",
    "sklearn.utils._missing",
    "sklearn.utils._mask",
    "keras.src.trainers.data_adapters.array_slicing",
    "tensorflow.python.keras.engine.data_adapter",
}


def leave_out_pandas() -> None:
    """Tell modules that only look for pandas, from now on, that it isn't there."""
    if not any(isinstance(finder, _Refusing) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Refusing())


class _Refusing(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "pandas" and _asker() in _ONLY_LOOKING:
            raise ModuleNotFoundError("pandas is left out of this process", name="pandas")
        return None


def _asker() -> str:
    """Give the name of the module whose import statement runs."""
    frame = sys._getframe(2)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("importlib"):
        frame = frame.f_back  # type: ignore[assignment]
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))
