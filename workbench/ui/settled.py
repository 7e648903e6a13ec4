"""Keeping what the app has loaded out of the way of the garbage collector."""

from __future__ import annotations

import gc
import sys

_NEW_MODULES = 50
_settled = 0


def settle() -> None:
    """Spare the collector what libraries have made, once they are loaded.

    Streamlit collects all garbage after each run of the script. With Plotly, Polars and scikit-learn in memory that
    took 0.1 s of a processor at each click; libraries stay for good and needn't be looked through.
    """
    global _settled
    loaded = len(sys.modules)
    if loaded - _settled >= _NEW_MODULES:
        gc.collect()
        gc.freeze()
        _settled = loaded
