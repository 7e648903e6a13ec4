"""The Open Inference Protocol, version 2: tensors by column name in, tensors out.

Source: https://github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from workbench.errors import InputError, RequestError
from workbench.service.answers import Question, check_row_count, parse_json, predict
from workbench.service.images import tensor_pixels, unpacked
from workbench.service.loaded import Loaded

if TYPE_CHECKING:
    from workbench.package import InputColumn, Signature

_RANGES: dict[str, tuple[float, float]] = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "FP16": (-65_504.0, 65_504.0),
    "FP32": (float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)),
}
_FLOATS = {"FP16", "FP32", "FP64"}
_INTEGERS = set(_RANGES) - _FLOATS
_NUMBERS = _INTEGERS | _FLOATS | {"BOOL"}
_NOTHING = type(None)
_TYPES: dict[str, set[type]] = {
    **dict.fromkeys(_INTEGERS, {int, _NOTHING}),
    **dict.fromkeys(_FLOATS, {float, int, _NOTHING}),
    "BOOL": {bool, _NOTHING},
    "BYTES": {str, _NOTHING},
}


_TAKEN = {
    "number": _NUMBERS - {"BOOL"},
    "yes or no": _NUMBERS,
    "string": {"BYTES"},
    "datetime": (_NUMBERS - {"BOOL"}) | {"BYTES"},
}
_REMEDIES = {
    "number": "FP64 or INT64",
    "yes or no": "BOOL, INT64 or FP64",
    "string": "BYTES",
    "datetime": "BYTES with ISO text, or FP64 with seconds since 1970-01-01 UTC",
}


def read_tensors(body: bytes, signature: Signature, max_rows: int) -> Question:
    """Read an inference request into columns.

    Raises
    ------
    RequestError
        If the body isn't JSON or breaks the protocol.
    InputError
        If a tensor's datatype doesn't fit its column, or there are no rows.
    """
    document = parse_json(body)
    inputs = document.get("inputs") if isinstance(document, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise RequestError(
            "Got no list `inputs`, needed one tensor for each column: "
            '{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [31]}]}. Add it.'
        )
    types = {column.name: "yes or no" if column.is_yes_or_no else column.type for column in signature.columns}
    columns: dict[str, Any] = {}
    passed_over = set()
    for position, tensor in enumerate(inputs):
        name = _read_name(tensor, position)
        if name not in types:
            passed_over.add(name)
            continue
        values = _read_tensor(tensor, name, types[name])
        if name in columns:
            raise RequestError(f"Got the tensor {name!r} twice, needed each name once. Remove one of them.")
        columns[name] = values
    lengths = {name: len(values) for name, values in columns.items()}
    n_rows = next(iter(lengths.values()), 1)  # without a known tensor, the signature says which are absent
    if len(set(lengths.values())) > 1:
        raise RequestError(
            f"Got tensors of different length ({lengths}), needed one value for each row in all of them."
        )
    check_row_count(n_rows, max_rows)
    columns |= {name: [None] * n_rows for name in passed_over}  # named in the answer, whatever they hold
    return Question(columns, n_rows, id=_read_id(document), outputs=_read_outputs(document, signature))


def _read_name(tensor: Any, position: int) -> str:
    name = tensor.get("name") if isinstance(tensor, dict) else None
    if not isinstance(name, str):
        raise RequestError(f"Got no name in inputs[{position}], needed the name of a column. Add it.")
    return name


def _read_tensor(tensor: dict[str, Any], name: str, wanted: str) -> Any:
    datatype, shape, data = (tensor.get(key) for key in ("datatype", "shape", "data"))
    if not isinstance(datatype, str) or datatype not in _TYPES:
        raise RequestError(
            f"Got datatype {datatype!r} for {name!r}, needed one of {', '.join(sorted(_TYPES))}. Correct it."
        )
    if not isinstance(data, list):
        raise RequestError(
            f"Got no list `data` for {name!r}, needed its values as JSON. Binary tensors aren't supported."
        )
    if wanted == "image" and datatype != "BYTES":
        return tensor_pixels(name, datatype, shape, data)
    values = _flatten(data)
    if not _fits(shape, len(values)):
        raise RequestError(
            f"Got shape {shape} and {len(values)} values for {name!r}, needed shape [N] or [N, 1] with N values. "
            "Send each column as a tensor of its own."
        )
    _check_values(name, datatype, values)
    if wanted == "image":
        return unpacked(values, name)
    if datatype not in _TAKEN[wanted]:
        kind = "yes or no" if wanted == "yes or no" else f"a {wanted}"
        raise InputError(
            f"Got datatype {datatype} for column {name!r}, which is {kind}; needed {_REMEDIES[wanted]}. Correct it."
        )
    return values


def _check_values(name: str, datatype: str, values: list[Any]) -> None:
    allowed = _TYPES[datatype]
    if not set(map(type, values)) <= allowed:
        position = next(i for i, value in enumerate(values) if type(value) not in allowed)
        raise RequestError(
            f"Got {str(values[position])[:40]!r} at position {position} of {name!r}, needed a value of datatype "
            f"{datatype} or null. Correct the value or the datatype."
        )
    limits = _RANGES.get(datatype)
    if limits is None:
        return
    low, high = limits
    beyond = next((i for i, value in enumerate(values) if value is not None and not low <= value <= high), None)
    if beyond is not None:
        raise RequestError(
            f"Got {values[beyond]} at position {beyond} of {name!r}, needed a value that {datatype} can hold "
            f"({low:,} to {high:,}). Correct the value, or send it as {'FP64' if datatype in _FLOATS else 'INT64'}."
        )


def _fits(shape: Any, n_values: int) -> bool:
    if not isinstance(shape, list) or len(shape) not in (1, 2) or any(type(size) is not int for size in shape):
        return False
    return shape[0] == n_values and (len(shape) == 1 or shape[1] == 1)


def _flatten(data: list[Any]) -> list[Any]:
    if not any(isinstance(entry, list) for entry in data):
        return data
    return [value for entry in data for value in (entry if isinstance(entry, list) else [entry])]


def _read_id(document: dict[str, Any]) -> str | None:
    value = document.get("id")
    return None if value is None else str(value)


def _read_outputs(document: dict[str, Any], signature: Signature) -> tuple[str, ...]:
    wanted = document.get("outputs") or []
    known = [output["name"] for output in output_tensors(signature)]
    entries = wanted if isinstance(wanted, list) else [wanted]
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries]
    for name in names:
        if name not in known:
            raise RequestError(
                f"Got the output {name!r}, needed one of {', '.join(known)}. Correct `outputs` or leave it out."
            )
    return tuple(str(name) for name in names)


def tensor_answer(loaded: Loaded, question: Question) -> bytes:
    """Answer an inference request."""
    signature = loaded.predictor.signature
    result = predict(loaded, question)
    arrays: dict[str, np.ndarray] = {}
    if result.probabilities is None:
        arrays["prediction"] = result.values
    else:
        arrays = {"label": result.values, "probabilities": result.probabilities}
    outputs = [
        {
            "name": tensor["name"],
            "datatype": tensor["datatype"],
            "shape": list(arrays[tensor["name"]].shape),
            "data": arrays[tensor["name"]].ravel().tolist(),
        }
        for tensor in output_tensors(signature)
        if not question.outputs or tensor["name"] in question.outputs
    ]
    answer: dict[str, Any] = {"model_name": loaded.name, "model_version": str(loaded.number)}
    if question.id is not None:
        answer["id"] = question.id
    answer["parameters"] = {"engine": loaded.predictor.engine, "ignored_columns": ", ".join(result.ignored)}
    answer["outputs"] = outputs
    return orjson.dumps(answer)


def output_tensors(signature: Signature) -> list[dict[str, Any]]:
    """Describe what a model gives back, as in the protocol's metadata."""
    if signature.task == "regression":
        return [{"name": "prediction", "datatype": "FP64", "shape": [-1]}]
    classes = signature.classes or []
    whole = all(isinstance(label, int) for label in classes)
    return [
        {"name": "label", "datatype": "INT64" if whole else "BYTES", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]},
    ]


def datatype(column: InputColumn) -> str:
    """Give the datatype of a column's tensor; moments come as ISO text, and may come as FP64 seconds, too."""
    if column.type == "image":
        return "UINT8"
    return "FP64" if column.type == "number" else "BYTES"


def input_shape(column: InputColumn) -> list[int]:
    """Give the shape of a column's tensor, -1 for the number of rows."""
    return [-1] if column.image is None else [-1, *column.image.shape]


def metadata(loaded: Loaded, numbers: list[int]) -> dict[str, Any]:
    """Describe a model: its versions, inputs and outputs."""
    signature = loaded.predictor.signature
    return {
        "name": loaded.name,
        "versions": [str(number) for number in numbers],
        "platform": "onnx_onnxv1" if loaded.predictor.engine == "onnx" else "python",
        "inputs": [
            {"name": column.name, "datatype": datatype(column), "shape": input_shape(column)}
            for column in signature.columns
        ],
        "outputs": output_tensors(signature),
        "parameters": {
            "version": loaded.number,
            "engine": loaded.predictor.engine,
            "task": signature.task,
            "target": signature.target,
            "classes": signature.classes,
            **({"zones": signature.zones} if signature.zones else {}),
        },
    }
