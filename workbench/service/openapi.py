"""The OpenAPI document of the service, written by hand: the hot paths aren't FastAPI's own."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Json = dict[str, Any]

_ROW = {"sex": "female", "age": 31, "pclass": 2}
# A PNG of one black pixel.
_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
_TENSORS = [
    {"name": "sex", "shape": [1], "datatype": "BYTES", "data": ["female"]},
    {"name": "age", "shape": [1], "datatype": "FP64", "data": [31]},
]


def openapi_document(version: str) -> Json:
    """Describe every path, with schemas that don't depend on a model and examples of each body."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Workbench: prediction service",
            "version": version,
            "description": (
                "Ask a published model. `/predict/{model}` takes plain rows; `/v2` is the Open Inference Protocol. "
                "A bare model name means its champion; promotions and rollbacks are followed at once. "
                "The columns that a model takes stand in its metadata: `GET /v2/models/{model}`."
            ),
        },
        "servers": [{"url": "."}],  # relative to this document, wherever a proxy has put it
        "paths": _paths(),
        "components": {
            "schemas": deepcopy(_SCHEMAS),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],  # the token is needed where WORKBENCH_TOKEN is set
    }


def _paths() -> Json:
    model = [_in_path("model", "The name of a published model.", "titanic")]
    version = [*model, _in_path("version", "A version's number, or an alias.", "1")]
    query = {
        "name": "version",
        "in": "query",
        "description": "A version's number, or an alias; the champion when absent.",
        "required": False,
        "schema": {"type": "string"},
    }
    paths: Json = {
        "/models": {"get": _operation("List the models", "listModels", answer="Models")},
        "/predict/{model}": {
            "post": _operation(
                "Predict plain rows",
                "predict",
                parameters=[*model, query],
                body=("Rows", {"rows": [_ROW]}),
                answer="Predictions",
                description=(
                    "Takes one object, a list of objects, or an object with `rows`. Missing values are null. Dates "
                    "and times are ISO text (2024-12-31, 2024-12-31T23:59Z, 2024-12-31T23:59+01:00) or seconds since "
                    "1970-01-01 UTC; text without an offset is read in the column's own time zone, which the "
                    "model's description names, and as UTC where it has none. "
                    "An image is the base64 of a PNG or JPEG file, of any size, or lists of pixels from 0 to 255: "
                    f'`{{"rows": [{{"image": "{_DOT}"}}]}}`.'
                ),
            )
        },
        "/v2": {"get": _operation("Describe the server", "serverMetadata", answer="Server")},
        "/v2/health/live": {"get": _operation("Is the server alive?", "serverLive", answer="Live")},
        "/v2/health/ready": {"get": _operation("Can the server answer?", "serverReady", answer="Ready")},
    }
    for path, parameters, suffix in (
        ("/v2/models/{model}", model, ""),
        ("/v2/models/{model}/versions/{version}", version, "Version"),
    ):
        paths[path] = {
            "get": _operation(
                "Describe a model", f"modelMetadata{suffix}", parameters=parameters, answer="ModelMetadata"
            )
        }
        paths[f"{path}/ready"] = {
            "get": _operation(
                "Can this model answer?", f"modelReady{suffix}", parameters=parameters, answer="ModelReady"
            )
        }
        paths[f"{path}/infer"] = {
            "post": _operation(
                "Predict tensors",
                f"modelInfer{suffix}",
                parameters=parameters,
                body=("InferenceRequest", {"id": "42", "inputs": _TENSORS}),
                answer="InferenceAnswer",
                description=(
                    "One tensor for each column, by name, of shape [N] or [N, 1]. Missing values are null. Dates and "
                    "times are BYTES with ISO text (without an offset in the column's own time zone, which the model's "
                    "`parameters` name), or FP64 with seconds since 1970-01-01 UTC. Images are UINT8 of "
                    "shape [N, height, width, channels], or BYTES with the base64 of image files."
                ),
            )
        }
    return paths


def _operation(
    summary: str,
    name: str,
    *,
    answer: str,
    parameters: list[Json] | None = None,
    body: tuple[str, Json] | None = None,
    description: str = "",
) -> Json:
    responses: Json = {"200": {"description": "Done", "content": _content(answer)}}
    if parameters:
        responses["404"] = _error("No such model, version or alias")
        responses["503"] = _error("The model's package is broken; the reason is given")
    operation: Json = {"summary": summary, "operationId": name, "responses": responses}
    if description:
        operation["description"] = description
    if parameters:
        operation["parameters"] = parameters
    if body:
        schema, example = body
        operation["requestBody"] = {"required": True, "content": _content(schema, example)}
        responses["400"] = _error("The body isn't JSON, or not of the form that is needed")
        responses["413"] = _error("Too many rows, or too large a body")
        responses["422"] = _error("The rows don't fit the model's columns")
    return operation


def _content(schema: str, example: Json | None = None) -> Json:
    media: Json = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    if example is not None:
        media["example"] = example
    return {"application/json": media}


def _error(description: str) -> Json:
    return {"description": description, "content": _content("Error")}


def _in_path(name: str, description: str, example: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


def _object(required: list[str] | None = None, /, **properties: Any) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def _list(items: Any) -> Json:
    return {"type": "array", "items": items}


_TEXT: Json = {"type": "string"}
_WHOLE: Json = {"type": "integer"}
_FLAG: Json = {"type": "boolean"}
_VALUE: Json = {
    "type": ["number", "string", "boolean", "null", "array"],
    "description": "An image is text, the base64 of a PNG or JPEG file, or lists of pixels from 0 to 255.",
}
_ROW_SCHEMA: Json = {
    "type": "object",
    "description": "Values by column name; columns that the model doesn't take are ignored and listed.",
    "additionalProperties": _VALUE,
    "example": _ROW,
}
_DATATYPE: Json = {
    "type": "string",
    "enum": [
        "BOOL",
        "INT8",
        "INT16",
        "INT32",
        "INT64",
        "UINT8",
        "UINT16",
        "UINT32",
        "UINT64",
        "FP16",
        "FP32",
        "FP64",
        "BYTES",
    ],
}
_TENSOR = _object(name=_TEXT, shape=_list(_WHOLE), datatype=_DATATYPE, data=_list({}))
_TENSOR_KIND = _object(name=_TEXT, datatype=_DATATYPE, shape=_list(_WHOLE))
_SCHEMAS: Json = {
    "Error": _object(error=_TEXT),
    "Rows": {"oneOf": [_object(rows=_list(_ROW_SCHEMA)), _list(_ROW_SCHEMA), _ROW_SCHEMA]},
    "Predictions": _object(
        model=_TEXT,
        version=_WHOLE,
        engine={"type": "string", "enum": ["onnx", "native"]},
        predictions=_list(
            _object(
                ["prediction"],
                prediction={"type": ["number", "string"]},
                probability={"type": "object", "additionalProperties": {"type": "number"}},
            )
        ),
        ignored_columns=_list(_TEXT),
    ),
    "Models": _object(
        models=_list(
            _object(
                name=_TEXT,
                champion={"type": ["integer", "null"]},
                aliases={"type": "object", "additionalProperties": _WHOLE},
                versions=_list(_WHOLE),
            )
        )
    ),
    "Server": _object(name=_TEXT, version=_TEXT, extensions=_list(_TEXT)),
    "Live": _object(live=_FLAG),
    "Ready": _object(ready=_FLAG),
    "ModelReady": _object(name=_TEXT, version=_TEXT, ready=_FLAG),
    "ModelMetadata": _object(
        name=_TEXT,
        versions=_list(_TEXT),
        platform=_TEXT,
        inputs=_list(_TENSOR_KIND),
        outputs=_list(_TENSOR_KIND),
        parameters={"type": "object"},
    ),
    "InferenceRequest": _object(
        ["inputs"],
        id=_TEXT,
        parameters={"type": "object"},
        inputs=_list(_TENSOR),
        outputs=_list(_object(name=_TEXT)),
    ),
    "InferenceAnswer": _object(
        ["model_name", "model_version", "outputs"],
        model_name=_TEXT,
        model_version=_TEXT,
        id=_TEXT,
        parameters={"type": "object"},
        outputs=_list(_TENSOR),
    ),
}
