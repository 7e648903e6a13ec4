"""The ``MLmodel`` file that makes a package a model folder of MLflow, without importing MLflow."""

from __future__ import annotations

import json
import platform
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from workbench.package.signature import GRAPH_NOTE, ZONE_NOTE
from workbench.storage import write_atomic

if TYPE_CHECKING:
    from workbench.package.signature import Signature

FILE = "MLmodel"
REQUIREMENTS = "requirements.txt"
GRAPH_FILE = "model.onnx"


def write_mlmodel(folder: Path, signature: Signature, versions: dict[str, str]) -> None:
    """Describe the graph as MLflow's flavours ``onnx`` and ``python_function``.

    The inputs stand there as tensors, not as columns: given columns, MLflow 3.17 flattens every output and fails on
    probabilities of two classes.
    """
    taken = signature.types if signature.graph_inputs is None else signature.graph_inputs
    document: dict[str, Any] = {
        "flavors": {
            "onnx": {
                "code": None,
                "data": GRAPH_FILE,
                "onnx_version": versions["onnx"],
                "providers": ["CPUExecutionProvider"],
            },
            "python_function": {
                "data": GRAPH_FILE,
                "env": {"virtualenv": REQUIREMENTS},
                "loader_module": "mlflow.onnx",
                "python_version": platform.python_version(),
            },
        },
        "model_uuid": uuid.uuid4().hex,
        "signature": {
            "inputs": json.dumps(
                _images(signature) or [_tensor(name, _INPUT_TYPES[kind]) for name, kind in taken.items()]
            ),
            "outputs": json.dumps(_outputs(signature)),
            "params": None,
        },
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    metadata: dict[str, Any] = {}
    notes = [] if signature.graph_inputs is None else [GRAPH_NOTE]
    if signature.kept_words:
        notes.append(
            f"Training saw categories that ONNX Runtime also writes for a missing text ({signature.kept_words}): give "
            'an empty text ("") for a missing one there.'
        )
    if notes:
        metadata["note"] = " ".join(notes)
    if signature.zones:
        metadata |= {"zones": signature.zones, "zone_note": ZONE_NOTE}
    if metadata:
        document["metadata"] = metadata
    write_atomic(folder / FILE, yaml.safe_dump(document, sort_keys=True, allow_unicode=True))
    write_atomic(folder / REQUIREMENTS, "".join(f"{name}>={versions[name]}\n" for name in ("onnx", "onnxruntime")))


_INPUT_TYPES = {"number": "float64", "string": "object", "datetime": "float64"}


def _images(signature: Signature) -> list[dict[str, Any]]:
    column = signature.image
    return [] if column is None or column.image is None else [_tensor(column.name, "uint8", [-1, *column.image.shape])]


def _outputs(signature: Signature) -> list[dict[str, Any]]:
    if signature.task == "regression":
        return [_tensor("prediction", "float64")]
    whole = all(isinstance(label, int) for label in signature.classes or ())
    n_classes = len(signature.classes or ())
    return [
        _tensor("label", "int64" if whole else "object"),
        _tensor("probabilities", "float64", [-1, n_classes]),
    ]


def _tensor(name: str, dtype: str, shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape or [-1]}}
