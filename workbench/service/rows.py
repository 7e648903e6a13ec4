"""Requests of plain rows: one object, a list of objects, or ``{"rows": [...]}``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from workbench.errors import InputError, RequestError
from workbench.service.answers import Question, check_row_count, parse_json


def read_rows(
    body: bytes, max_rows: int, *, columns: Collection[str] | None = None, images: str | None = None
) -> Question:
    """Read the rows of a request to ``/predict/{model}``.

    Parameters
    ----------
    body : bytes
    max_rows : int
    columns : collection of str, optional
        What the model takes; others may hold anything. All columns by default.
    images : str, optional
        The image column of a model for images: base64 of files, or lists of pixels.

    Raises
    ------
    RequestError
        If the body isn't JSON of one of the three forms, or has too many rows.
    InputError
        If there are no rows, or one isn't an object of plain values.
    """
    document = parse_json(body)
    rows = _rows(document)
    check_row_count(len(rows), max_rows)
    for position, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise InputError(
                f'Got {_shown(row)} as row {position} of {len(rows)}, needed an object such as {{"age": 31}}. '
                "Send every row as an object of column names and values."
            )
        for column, value in row.items():
            if not isinstance(value, (dict, list)) or (columns is not None and column not in columns):
                continue
            if not (column == images and isinstance(value, list)):
                raise InputError(
                    f"Got {_shown(value)} for column {column!r} in row {position} of {len(rows)}, needed one number, "
                    "text or null. Send one value for each column."
                )
    if images is not None and all(images in row for row in rows):  # else the signature says what is absent
        from workbench.service.images import unpacked

        for row, image in zip(rows, unpacked([row[images] for row in rows], images), strict=True):
            row[images] = image
    return Question(rows, len(rows))


def _rows(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        rows = document.get("rows")
        if isinstance(rows, list):
            return rows
        if isinstance(rows, dict):
            return [rows]
        return [document]
    raise RequestError(
        f'Got {_shown(document)}, needed rows. Send {{"rows": [{{...}}]}}, a list of objects, or one object.'
    )


def _shown(value: Any) -> str:
    kind = {dict: "an object", list: "a list", str: "the text", type(None): "null"}.get(type(value), "the value")
    return kind if isinstance(value, (dict, list, type(None))) else f"{kind} {str(value)[:40]!r}"
