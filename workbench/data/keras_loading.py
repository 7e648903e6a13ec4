"""The process that loads one of Keras' data sets: ``python -m workbench.data.keras_loading NAME FILE.npz``."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np


def main(name: str, path: Path) -> int:
    """Load a data set through Keras and write it as ``.npz`` with x_train, y_train, x_test and y_test.

    Returns
    -------
    int
        Exit status: 0, or 1 with the reason as the last line of stderr.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        loader = importlib.import_module(f"keras.datasets.{name}")
        (x_train, y_train), (x_test, y_test) = loader.load_data()
        np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    except Exception as error:  # whatever Keras or the network raises is told in one line
        words = " ".join(str(error).split()) or type(error).__name__
        print(words, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("Usage: python -m workbench.data.keras_loading NAME FILE.npz")
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
