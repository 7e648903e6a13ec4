"""Images of a request, in any of the forms that people have them in, turned into the pixels that the graph takes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.data.image_heads import IMAGE_ENDINGS, MAX_IMAGE_BYTES
from workbench.data.images import Mode, decode_images, pack_pixels
from workbench.errors import DataError, InputError

if TYPE_CHECKING:
    from workbench.recipe.image_steps import ImageMode
    from workbench.recipe.images import FittedImages

MODES: dict[ImageMode, Mode] = {"grey": "L", "rgb": "RGB"}
FORMS = "PNG, JPEG, GIF, BMP, WebP or PNM in base64, or lists of pixels from 0 to 255"
_DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
_LARGEST_PIXEL = 255.0
_MAX_SIDE = 16_384
_CACHED_ROWS = 64 * 1024 * 1024  # bytes that the widest layers of a network may take for the rows of a chunk
_BYTES_A_PIXEL = 64 * 4  # 64 filters in float32


@dataclass(frozen=True)
class ImageForm:
    """To what every image is brought before it enters the graph.

    Parameters
    ----------
    height, width : int
    mode : {"grey", "rgb"}
    """

    height: int
    width: int
    mode: ImageMode

    @property
    def n_channels(self) -> int:
        """1 for grey, 3 for colours."""
        return 3 if self.mode == "rgb" else 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.n_channels

    @property
    def rows_at_once(self) -> int:
        """Images that one call of the graph may take, so that memory stays bounded."""
        return max(1, _CACHED_ROWS // (self.height * self.width * _BYTES_A_PIXEL))

    @property
    def words(self) -> str:
        """For a reader: ``28 x 28 pixels in grey``."""
        return f"{self.width} x {self.height} pixels in {'colours' if self.mode == 'rgb' else 'grey'}"

    @classmethod
    def of(cls, recipe: FittedImages) -> ImageForm:
        """Give the form that a recipe learned."""
        return cls(recipe.height, recipe.width, recipe.mode)


def are_images(rows: Any) -> bool:
    """Whether this is an image or several, or a path of them, and no rows of columns."""
    if isinstance(rows, np.ndarray | bytes | Path | str) or _is_pillow(rows):
        return True
    if not isinstance(rows, Sequence) or not rows:
        return False
    first = rows[0]
    return isinstance(first, np.ndarray | bytes | Path | str) or _is_pillow(first)


def gathered(rows: Any) -> Any:
    """Give images that Python code passes without a column: files are read, a folder is taken in the order of names.

    Text is a path here, and nowhere else: what comes over HTTP never reads a file.

    Raises
    ------
    InputError
        If a file isn't there or can't be read.
    """
    if isinstance(rows, str | Path):
        path = Path(rows).expanduser()
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.name.lower().endswith(IMAGE_ENDINGS))
            if not found:
                raise InputError(f"Got the folder {path} without images, needed some. Name another folder.")
            return [read_file(file) for file in found]
        return [read_file(path)]
    if isinstance(rows, bytes) or _is_pillow(rows):
        return [rows]
    if isinstance(rows, np.ndarray):
        return rows
    return [read_file(Path(image)) if isinstance(image, str | Path) else image for image in rows]


def read_file(path: Path) -> bytes:
    """Read an image file.

    Raises
    ------
    InputError
        If it isn't there, can't be read, or is larger than an image may be.
    """
    try:
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise InputError(f"Got {path}, needed an image of at most {MAX_IMAGE_BYTES // 2**20} MiB. Scale it down.")
        return path.expanduser().read_bytes()
    except OSError as error:
        raise InputError(
            f"Got the image {str(path)!r}, which can't be read ({error.strerror or error}). Correct the path."
        ) from error


def images_to_array(name: str, values: Any, form: ImageForm) -> np.ndarray:
    """Turn the images of a column into pixels.

    Parameters
    ----------
    name : str
        The column, for messages.
    values : ndarray, Series or list
        An array of (n, height, width) or with channels behind; or for each image: the bytes of a file, base64 text of
        them (also as a data URL), an array, lists of pixels, or a Pillow image. Pixels are 0 to 255; fractions from 0
        to 1 are taken as shares of 255.
    form : ImageForm

    Returns
    -------
    ndarray of uint8, of shape (n, height, width, n_channels)

    Raises
    ------
    InputError
        For the first image that can't be read; the message names its row, counted from 1.
    """
    if isinstance(values, np.ndarray) and values.dtype != object:
        return _from_array(name, values, form)
    if isinstance(values, pl.Series) and values.dtype == pl.Binary:
        cells = values
    else:
        each = values.to_list() if isinstance(values, pl.Series) else list(values)
        cells = pl.Series(
            name, [image_bytes(name, value, row, len(each)) for row, value in enumerate(each)], dtype=pl.Binary
        )
    try:
        return decode_images(cells, size=(form.height, form.width), mode=MODES[form.mode])
    except DataError as error:
        raise InputError(str(error)) from error


def image_bytes(name: str, value: Any, row: int, n_rows: int) -> bytes:
    """Give one image, in any form, as the bytes of a file.

    Parameters
    ----------
    name : str
        The column, for messages.
    value : bytes, str, Path, ndarray, list or Pillow image
        Text is base64 of a file's bytes; see `images_to_array`.
    row, n_rows : int
        Its place among others, for messages.

    Raises
    ------
    InputError
        If it is none.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    where = f"column {name!r}, row {row + 1} of {n_rows}"
    if isinstance(value, str):
        return _decoded(value, where)
    if isinstance(value, Path):
        return read_file(value)
    if _is_pillow(value):
        colour = value.mode not in ("1", "L", "LA", "I", "F", "I;16")
        return pack_pixels(_whole(np.asarray(value.convert("RGB" if colour else "L")), where)[None])[0]
    if isinstance(value, np.ndarray | list | tuple):
        return pack_pixels(_one(value, where)[None])[0]
    came = "no image" if value is None else f"{str(value)[:40]!r} ({type(value).__name__})"
    raise InputError(f"Got {came} in {where}, needed an image: {FORMS}. Send one in each row.")


def _decoded(text: str, where: str) -> bytes:
    match = _DATA_URL.match(text)
    try:
        return base64.b64decode(text[match.end() :] if match else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(
            f"Got the text {text[:40]!r} in {where}, needed the bytes of an image file in base64. Encode the file, or "
            "send its pixels as lists."
        ) from error


def _one(value: Any, where: str) -> np.ndarray:
    """Give one image of arrays or lists, as (height, width) or with 3 channels behind."""
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of several lengths
        raise InputError(
            f"Got lists of several lengths in {where}, needed rows of pixels that are all as long. Correct them."
        ) from error
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if not fits or not array.size or max(array.shape[:2]) > _MAX_SIDE or array.dtype.kind not in "uifb":
        kind = f"shape {array.shape}" if array.dtype.kind in "uifb" else f"{array.dtype} values"
        raise InputError(
            f"Got pixels of {kind} in {where}, needed numbers of shape (height, width), or with 1 or 3 channels "
            "behind. Send the image so."
        )
    return _whole(array, where)


def _whole(array: np.ndarray, where: str) -> np.ndarray:
    """Give pixels as whole numbers of 8 bits."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    low, high = float(array.min()), float(array.max())
    factor = _LARGEST_PIXEL if array.dtype.kind == "f" and high <= 1.0 else 1.0
    if not (low >= 0 and high * factor <= _LARGEST_PIXEL):  # NaN neither
        raise InputError(
            f"Got pixels from {low:g} to {high:g} in {where}, needed 0 to 255, or fractions from 0 to 1. Scale them."
        )
    return np.rint(array * factor).astype(np.uint8)


def _from_array(name: str, array: np.ndarray, form: ImageForm) -> np.ndarray:
    """Give the pixels of one array of images; of one image, where it has the shape of one."""
    where = f"column {name!r}"
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3) and array.shape[1:] != form.shape[:2]):
        array = array[None]
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or array.dtype.kind not in "uifb" or 0 in array.shape[1:]:
        raise InputError(
            f"Got an array of {array.dtype} and shape {array.shape} for {where}, needed images of shape (n, height, "
            "width), or with 1 or 3 channels behind. Reshape it."
        )
    if not len(array):
        raise InputError("Got 0 images, needed at least 1. Send the images to predict.")
    pixels = _whole(array, where)
    cells = pl.Series(name, pack_pixels(pixels[..., 0] if pixels.shape[3] == 1 else pixels), dtype=pl.Binary)
    return decode_images(cells, size=(form.height, form.width), mode=MODES[form.mode])


def _is_pillow(value: Any) -> bool:
    return type(value).__module__.startswith("PIL.")
