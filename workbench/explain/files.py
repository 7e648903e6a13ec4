"""An explanation as two files: ``values.parquet`` (rows and SHAP values) and ``explanation.json``, which comes last."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl

from workbench import storage
from workbench.errors import ExplainError
from workbench.explain.result import Explanation

FORMAT_VERSION = 1
VALUES, RESULT = "values.parquet", "explanation.json"


def write_explanation(folder: Path, explanation: Explanation) -> None:
    """Store an explanation; see `Explanation.save`."""
    n, m, k = explanation.shap_values.shape
    wide = {f"data:{name}": explanation.data[name] for name in explanation.column_names}
    wide |= {f"shap:{c}:{j}": pl.Series(explanation.shap_values[:, c, j]) for c in range(m) for j in range(k)}
    wide |= {f"output:{j}": pl.Series(explanation.outputs[:, j]) for j in range(k)}
    buffer = io.BytesIO()
    pl.DataFrame(wide).write_parquet(buffer)
    storage.write_atomic(folder / VALUES, buffer.getvalue())
    document = {"format_version": FORMAT_VERSION, "shape": [n, m, k], **explanation.describe()}
    storage.write_json(folder / RESULT, document)


def read_explanation(folder: Path) -> Explanation:
    """Open a stored explanation; see `Explanation.load`."""
    document = storage.read_json(folder / RESULT)
    if document is None or document.pop("format_version", None) != FORMAT_VERSION:
        raise ExplainError(f"Got {folder} without an explanation of format {FORMAT_VERSION}. Compute it again.")
    n, m, k = document.pop("shape")
    names = document.pop("column_names")
    base_values = np.array(document.pop("base_values"), dtype=np.float64)
    try:
        wide = pl.read_parquet(folder / VALUES)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ExplainError(f"{folder / VALUES} can't be read ({error}). Compute the explanation again.") from error
    values = wide.select([f"shap:{c}:{j}" for c in range(m) for j in range(k)]).to_numpy().reshape(n, m, k)
    return Explanation(
        shap_values=values,
        base_values=base_values,
        outputs=wide.select([f"output:{j}" for j in range(k)]).to_numpy(),
        data=wide.select([pl.col(f"data:{name}").alias(name) for name in names]),
        **document,
    )
