"""Images as cells: pixels for training, thumbnails for the pages.

An image is kept as the file that it came as, since a JPEG is a third of its pixels. Bare pixels (an ``.npz``) are kept
as PNM: a short head and the pixels themselves. On MNIST that is packed 200 times and unpacked 40 times as fast as PNG
and, compressed by Parquet, takes a quarter less room.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench.data.image_heads import (
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    STARTS,
    ImageHead,
    pixels_start,
    read_head,
)
from workbench.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

Mode = Literal["L", "RGB", "RGBA"]
_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM")  # the only decoders of Pillow that foreign bytes reach
_DRAFT = 3  # times the wanted size: scaled down from there, an image differs by less than a grey level on average
_IMAGES_AT_ONCE = 1_024
_GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B")


def are_images(values: pl.Series) -> bool:
    """Whether every cell that isn't missing begins as an image does."""
    present = values.drop_nulls()
    begins = pl.DataFrame([present.bin.starts_with(start).alias(str(place)) for place, start in enumerate(STARTS)])
    return bool(begins.max_horizontal().all()) if len(present) else True


def pack_pixels(pixels: np.ndarray) -> list[bytes]:
    r"""Pack uint8 pixels of shape (n, height, width), or with 1 or 3 channels behind, as one PNM image each.

    Examples
    --------
    >>> pack_pixels(np.zeros((1, 1, 2), dtype=np.uint8))
    [b'P5 2 1 255\n\x00\x00']
    """
    n_channels = pixels.shape[3] if pixels.ndim == 4 else 1
    start = f"P{6 if n_channels == 3 else 5} {pixels.shape[2]} {pixels.shape[1]} 255\n".encode()
    return [start + image.tobytes() for image in np.ascontiguousarray(pixels)]


def decode_images(
    values: pl.Series,
    *,
    size: tuple[int, int] | None = None,
    mode: Mode | None = None,
    rows: Sequence[int] | np.ndarray | None = None,
) -> np.ndarray:
    """Unpack images to pixels.

    Parameters
    ----------
    values : Series of Binary
        Without missing cells.
    size : tuple of int, optional
        Height and width to scale to; without it all images must have one size.
    mode : {"L", "RGB", "RGBA"}, optional
        Grey, colours, or colours with opacity; when absent, grey where all images are, else colours.
    rows : sequence of int, optional
        Places of the cells in the table, from 0 on, for messages.

    Returns
    -------
    ndarray of uint8, of shape (n, height, width, n_channels)

    Raises
    ------
    DataError
        If an image is missing, damaged, too large or of another size than the first; the message names its row.
    """
    cells = values.to_list()
    quick = _bare_pixels(cells)
    if quick is not None and size in (None, quick.shape[1:3]) and mode != "RGBA":
        return _recoloured(quick, mode)
    pixels: np.ndarray | None = None
    for place, cell in enumerate(cells):
        row = place if rows is None else int(rows[place])
        image = _open(cell, values.name, row, size)
        if size is not None and image.size != (size[1], size[0]):
            image = _scaled(image, size)
        chosen = mode or ("L" if image.mode in _GREY else "RGB")
        one = np.asarray(_converted(image, chosen)).reshape(image.height, image.width, _CHANNELS[chosen])
        pixels = _put(pixels, place, one, len(cells), values.name)
    return pixels if pixels is not None else np.zeros((0, *(size or (0, 0)), _CHANNELS[mode or "L"]), dtype=np.uint8)


def _put(pixels: np.ndarray | None, row: int, one: np.ndarray, n_rows: int, column: str) -> np.ndarray:
    if pixels is None:
        pixels = np.empty((n_rows, *one.shape), dtype=np.uint8)
    if one.shape[:2] != pixels.shape[1:3]:
        raise DataError(
            f"Got images of several sizes in {column!r}: {pixels.shape[2]} x {pixels.shape[1]} in the first row, "
            f"{one.shape[1]} x {one.shape[0]} in row {row + 1:,}. Needed one size; give a size to scale all to."
        )
    if one.shape[2] > pixels.shape[3]:  # grey ones first, then one in colours: grey is red, green and blue alike
        pixels = np.repeat(pixels, one.shape[2], axis=3)
    pixels[row] = one
    return pixels


def _recoloured(pixels: np.ndarray, mode: Mode | None) -> np.ndarray:
    """Give bare pixels in grey or in colours."""
    n_channels = pixels.shape[3] if mode is None else _CHANNELS[mode]
    if n_channels == pixels.shape[3]:
        return pixels
    if n_channels == 3:
        return np.repeat(pixels, 3, axis=3)
    grey = np.empty((*pixels.shape[:3], 1), dtype=np.uint8)
    weights = np.array([19_595, 38_470, 7_471], dtype=np.uint32)  # as Pillow: ITU-R 601-2 in 16 bits
    for start in range(0, len(pixels), _IMAGES_AT_ONCE):
        part = pixels[start : start + _IMAGES_AT_ONCE].astype(np.uint32)
        grey[start : start + _IMAGES_AT_ONCE, ..., 0] = (part @ weights + 0x8000) >> 16
    return grey


def _bare_pixels(cells: list[bytes | None]) -> np.ndarray | None:
    """Unpack all at once, where all are bare pixels of one size."""
    first = cells[0] if cells else None
    start = pixels_start(first) if first is not None else None
    head = read_head(first) if first is not None else None
    if first is None or start is None or head is None or not head.complete:
        return None
    n_channels = 3 if first.startswith(b"P6") else 1
    if len(first) != start + head.n_pixels * n_channels:
        return None
    begin = first[:start]
    if any(cell is None or len(cell) != len(first) or not cell.startswith(begin) for cell in cells):
        return None
    joined = np.frombuffer(b"".join(cell for cell in cells if cell is not None), dtype=np.uint8)
    pixels = joined.reshape(len(cells), -1)[:, start:]
    return np.ascontiguousarray(pixels).reshape(len(cells), head.height, head.width, n_channels)


def check_image(cell: bytes | None, column: str, row: int) -> ImageHead:
    """Give what an image's first bytes say.

    Parameters
    ----------
    cell : bytes or None
    column : str
    row : int
        Its place in the table, from 0 on, for messages.

    Raises
    ------
    DataError
        If it is missing, no image that we read, or larger than we unpack.
    """
    where = f"row {row + 1:,} of {column!r}"
    if cell is None:
        raise DataError(f"Got no image in {where}, needed one in each row. Drop the rows with missing values.")
    head = read_head(cell)
    if head is None:
        raise DataError(
            f"Got no image that can be read in {where}, needed PNG, JPEG, GIF, BMP, WebP or PNM. Leave that row out."
        )
    if head.n_pixels > MAX_IMAGE_PIXELS or len(cell) > MAX_IMAGE_BYTES:
        raise DataError(
            f"Got an image of {head.width:,} x {head.height:,} pixels in {where}, needed at most "
            f"{MAX_IMAGE_PIXELS:,} pixels. Scale it down, or leave that row out."
        )
    return head


def _open(cell: bytes | None, column: str, row: int, size: tuple[int, int] | None = None) -> Image:
    from PIL import Image, ImageOps

    head = check_image(cell, column, row)
    assert cell is not None  # noqa: S101 - check_image refuses a missing one
    try:
        image = Image.open(BytesIO(cell), formats=_FORMATS)
        if size is not None and image.format == "JPEG" and image.mode in ("L", "RGB"):
            # A photograph is unpacked at an eighth of its size in a fifth of the time, where that is enough.
            image.draft(image.mode, (_DRAFT * size[1], _DRAFT * size[0]))
        image.load()
        # A telephone stores how it was held beside the picture.
        return ImageOps.exif_transpose(image) if "exif" in image.info else image
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(
            f"Got a damaged {head.format} image in row {row + 1:,} of {column!r} ({error}), needed a whole one. "
            "Leave that row out."
        ) from error


def _scaled(image: Image, size: tuple[int, int]) -> Image:
    from PIL import Image

    if image.mode in ("P", "1"):
        image = image.convert("RGB" if image.mode == "P" else "L")
    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def _converted(image: Image, mode: str) -> Any:
    if image.mode == mode:
        return image
    if image.mode.startswith("I") and mode != "RGBA":  # 16 bits a pixel: Pillow would cut, not scale
        grey = np.asarray(image).astype(np.float64)
        scaled = np.clip(grey / (257.0 if grey.max() > 255 else 1.0), 0, 255).round().astype(np.uint8)
        return scaled if mode == "L" else np.repeat(scaled[:, :, None], 3, axis=2)
    return image.convert("RGBA").convert(mode) if image.mode == "P" else image.convert(mode)


def thumbnails(values: pl.Series, size: int = 64) -> list[bytes]:
    """Draw a small PNG for each image, its longer side at most `size` pixels.

    A cell that is missing or damaged gives a grey square, so that a page can show the others.
    """
    from PIL import Image

    drawn = []
    for row, cell in enumerate(values.to_list()):
        try:
            image = _open(cell, values.name, row)
            shown = image if image.mode in ("L", "RGB", "RGBA") else Image.fromarray(_converted_array(image))
        except DataError:
            shown = Image.new("L", (size, size), 200)
        shown.thumbnail((size, size))
        buffer = BytesIO()
        shown.save(buffer, "PNG")
        drawn.append(buffer.getvalue())
    return drawn


def _converted_array(image: Image) -> np.ndarray:
    return np.asarray(_converted(image, "L" if image.mode in _GREY else "RGB"))
