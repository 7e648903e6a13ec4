"""Images in a request: base64 of files or pixels as lists, bounded before anything is unpacked."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.data.image_heads import read_head
from workbench.errors import InputError, RequestError
from workbench.package.image_inputs import image_bytes

MAX_REQUEST_PIXELS = 100_000_000  # unpacked one after the other: about two seconds of one core
_MAX_SIDE = 16_384
_WHOLE = {"UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64"}
_FLOATS = {"FP16", "FP32", "FP64"}


def unpacked(values: list[Any], name: str) -> list[bytes]:
    """Give the images of a column as bytes of files, and refuse more pixels than one request may have unpacked.

    Raises
    ------
    InputError
        If a value is no image; the message names its row.
    RequestError
        With status 413 for too many pixels.
    """
    images = [image_bytes(name, value, row, len(values)) for row, value in enumerate(values)]
    n_pixels = sum(head.n_pixels for head in map(read_head, images) if head is not None)
    if n_pixels > MAX_REQUEST_PIXELS:
        raise RequestError(
            f"Got images of {n_pixels:,} pixels together, needed at most {MAX_REQUEST_PIXELS:,} in one request. Scale "
            "them down, or send them in several requests.",
            status=413,
        )
    return images


def tensor_pixels(name: str, datatype: str, shape: Any, data: list[Any]) -> np.ndarray:
    """Give a tensor of pixels as an array of (n, height, width) or with channels behind.

    Raises
    ------
    RequestError
        If shape and data don't fit each other, or a value isn't a number.
    InputError
        If the datatype or the shape isn't one of images.
    """
    if datatype not in _WHOLE | _FLOATS:
        raise InputError(
            f"Got datatype {datatype} for the images {name!r}, needed UINT8 pixels of shape [N, height, width, "
            "channels], or BYTES with base64 of image files. Correct it."
        )
    sizes = shape if isinstance(shape, list) and all(type(size) is int for size in shape) else []
    if len(sizes) not in (3, 4) or min(sizes, default=0) < 1 or max(sizes[1:3], default=0) > _MAX_SIDE:
        raise InputError(
            f"Got shape {shape} for the images {name!r}, needed [N, height, width, channels] with 1 or 3 channels. "
            "Correct it."
        )
    try:
        values = np.array(data)
    except ValueError as error:
        raise RequestError(f"Got lists of several lengths for {name!r}, needed them even. Correct `data`.") from error
    if values.dtype.kind not in "iuf" or values.size != int(np.prod([float(size) for size in sizes])):
        found = f"{values.size:,} values" if values.dtype.kind in "iuf" else "values that aren't numbers"
        raise RequestError(
            f"Got {found} for {name!r} of shape {shape}, needed as many numbers as the shape says. Correct one of them."
        )
    if datatype in _WHOLE and values.dtype.kind == "f":
        raise RequestError(f"Got fractions for {name!r} of datatype {datatype}, needed whole numbers. Send FP32.")
    return values.reshape(sizes)
