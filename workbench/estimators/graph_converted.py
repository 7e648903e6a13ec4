"""Any other estimator of scikit-learn as a graph: by skl2onnx, in double where its converter can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.spec import Task
from workbench.errors import ConversionError

if TYPE_CHECKING:
    from workbench.graph import GraphBuilder

_OPSETS = {"": 15, "ai.onnx.ml": 3}


def emit_converted(graph: GraphBuilder, features: str, model: Any, wide: bool, task: Task) -> str:
    """Add what `converted` gave; give values [N, 1] or probabilities [N, k]."""
    name = model.graph.input[0].name
    outputs = graph.append(model, {name: features if wide else graph.cast(features, "float")})
    answer = graph.cast(outputs[1 if task == "classification" else 0], "double")
    if task == "classification":
        return answer
    return str(graph.node("Reshape", answer, graph.constant(np.array([-1, 1], dtype=np.int64))))


def converted(estimator: Any) -> tuple[Any, bool]:
    """Convert a fitted estimator in double, else in single precision; tell which.

    Raises
    ------
    ConversionError
        If skl2onnx can't convert it.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    problem: Exception | None = None
    for kind, wide in ((DoubleTensorType, True), (FloatTensorType, False)):
        types = [("features", kind([None, int(estimator.n_features_in_)]))]
        try:
            return convert_sklearn(estimator, initial_types=types, options=options, target_opset=_OPSETS), wide
        except Exception as error:  # converters raise anything
            problem = error
    raise ConversionError(
        f"Got {type(estimator).__name__}, which skl2onnx can't convert ({problem}). The native model is used."
    )
