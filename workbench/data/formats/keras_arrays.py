"""Arrays of images as Keras lays them out (``x_train, y_train, x_test, y_test`` in one ``.npz``), read as streams."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import polars as pl

from workbench.data.formats.archives import ZipArchive
from workbench.data.formats.opened import Reading, shown
from workbench.data.image_heads import MAX_IMAGE_PIXELS
from workbench.data.images import pack_pixels
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

_PARTS = {"train": "train", "test": "test", "val": "validation", "valid": "validation", "validation": "validation"}
_BATCH_BYTES = 32 * 1024 * 1024
_MAX_HEADER_BYTES = 10_000


@dataclass(frozen=True)
class _Head:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_keras_arrays(archive: ZipArchive, *, options: ReaderOptions, n_rows: int | None = None) -> Reading:
    """Read images and labels, with a column that says which part each belongs to.

    Headers are read first, so that an array that claims more than the limit is refused before a byte of it is read.
    No object is ever unpickled.

    Raises
    ------
    ReadError
        If the arrays have other names, shapes or types, hold objects, or claim or unpack to too much.
    """
    name = archive.path.name
    members = {member.removesuffix(".npy"): member for member in archive.members if member.endswith(".npy")}
    parts = [part for part in _PARTS if f"x_{part}" in members and f"y_{part}" in members]
    if not parts:
        raise ReadError(
            f"Got {name} with the arrays {shown(sorted(members))}, needed x_train and y_train (and x_test and y_test) "
            "as Keras names them. Save them under these names with np.savez_compressed."
        )
    heads = {key: _head(archive, members[key]) for part in parts for key in (f"x_{part}", f"y_{part}")}
    for part in parts:
        _check_shapes(name, part, heads[f"x_{part}"], heads[f"y_{part}"])
    if len({heads[f"x_{part}"].shape[1:] for part in parts}) > 1:
        raise ReadError(f"Got {name} with images of another shape in each part, needed one. Save them alike.")
    left_out = sorted(set(members) - {f"{letter}_{part}" for part in parts for letter in "xy"})
    height, width = heads[f"x_{parts[0]}"].shape[1:3]
    notes = [f"All images are {width} x {height} pixels."]
    if left_out:
        notes.append(f"The arrays {shown(left_out)} were passed over.")
    report: dict[str, Any] = {"notes": notes}
    batches = _batches(archive, members, heads, parts, notes, n_rows)
    return Reading("npz", batches, report, options, at_end=[archive.close])


def _head(archive: ZipArchive, member: str) -> _Head:
    with archive.open(member) as stream, _array_errors(f"{archive.path.name}/{member}"):
        head = _read_head(stream)
    limit = archive.settings.max_unpacked_mib * 2**20
    name = f"{archive.path.name}/{member}"
    if head.dtype.hasobject:
        raise ReadError(
            f"Got {name}, an array of Python objects (pickled), needed numbers. Save it as an array of numbers: "
            "objects are never unpickled, since that can run anything."
        )
    if head.n_bytes > limit:
        raise ReadError(
            f"Got {name}, which claims {head.n_bytes / 2**20:,.0f} MiB (shape {head.shape}), needed at most "
            f"{limit // 2**20:,} MiB unpacked. Give a part of it, or raise WORKBENCH_MAX_UNPACKED_MIB."
        )
    return head


def _read_head(stream: IO[bytes]) -> _Head:
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format {version[0]}.{version[1]} isn't known")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream, max_header_size=_MAX_HEADER_BYTES)
    return _Head(tuple(int(side) for side in shape), dtype, bool(fortran))


def _check_shapes(name: str, part: str, x: _Head, y: _Head) -> None:
    channels = x.shape[3] if len(x.shape) == 4 else 1
    is_image = len(x.shape) in (3, 4) and channels in (1, 3) and min(x.shape[1:3]) > 0
    if not is_image or x.shape[1] * x.shape[2] > MAX_IMAGE_PIXELS:
        raise ReadError(
            f"Got {name} with x_{part} of shape {x.shape}, needed (images, height, width), or with 1 or 3 channels "
            "behind. Save the images so; for other numbers use CSV or Parquet."
        )
    if x.fortran or x.dtype.kind not in "uif" or y.dtype.kind not in "uifbUS":
        order = " in Fortran order" if x.fortran else ""
        raise ReadError(
            f"Got {name} with x_{part} of {x.dtype}{order} and y_{part} of {y.dtype}, needed numbers in C order and "
            "labels that are numbers or text. Save np.ascontiguousarray of the images."
        )
    is_one_hot = len(y.shape) == 2 and y.shape[1] > 1
    if (
        not x.shape[0]
        or not y.shape
        or y.shape[0] != x.shape[0]
        or (len(y.shape) > 1 and not is_one_hot and y.shape[1:] != (1,))
    ):
        raise ReadError(
            f"Got {name} with {x.shape[0]:,} images and labels of shape {y.shape} in {part}, needed one label for each "
            "image. Save them in pairs."
        )


def _batches(
    archive: ZipArchive,
    members: dict[str, str],
    heads: dict[str, _Head],
    parts: list[str],
    notes: list[str],
    n_rows: int | None,
) -> Iterator[pl.DataFrame]:
    left = n_rows if n_rows is not None else 2**62
    labels = {part: _labels(archive, members[f"y_{part}"], part, notes) for part in parts}
    if len({values.dtype for values in labels.values()}) > 1:
        labels = {part: values.cast(pl.String) for part, values in labels.items()}
    scale = _Scale(notes)
    for part in parts:
        place = 0
        for pixels in _images(archive, members[f"x_{part}"], heads[f"x_{part}"]):
            if left <= 0:
                return
            pixels = scale.to_bytes(pixels[:left], archive.path.name)
            yield pl.DataFrame(
                [
                    pl.Series("image", pack_pixels(pixels), dtype=pl.Binary),
                    labels[part].slice(place, len(pixels)).alias("label"),
                    pl.Series("split", [_PARTS[part]], dtype=pl.String).new_from_index(0, len(pixels)),
                ]
            )
            place += len(pixels)
            left -= len(pixels)


def _images(archive: ZipArchive, member: str, head: _Head) -> Iterator[np.ndarray]:
    n_image = math.prod(head.shape[1:])
    n_at_once = max(1, _BATCH_BYTES // max(n_image * head.dtype.itemsize, n_image))
    name = f"{archive.path.name}/{member}"
    with archive.open(member) as stream:
        with _array_errors(name):
            _read_head(stream)
        for start in range(0, head.shape[0], n_at_once):
            n_images = min(n_at_once, head.shape[0] - start)
            wanted = n_images * n_image * head.dtype.itemsize
            content = stream.read(wanted)
            if len(content) < wanted:
                raise ReadError(
                    f"Got {name}, which is cut short ({start:,} of {head.shape[0]:,} images are whole). Needed a "
                    "complete file; save or download it again."
                )
            yield np.frombuffer(content, dtype=head.dtype).reshape(n_images, *head.shape[1:])


class _Scale:
    """Brings pixels to 0 to 255, in the same way for all batches."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._factor: float | None = None

    def to_bytes(self, pixels: np.ndarray, name: str) -> np.ndarray:
        """Give whole numbers of 8 bits; fractions from 0 to 1 are multiplied by 255."""
        if pixels.dtype == np.uint8:
            return pixels
        low, high = float(pixels.min()), float(pixels.max())
        if self._factor is None:
            self._factor = 255.0 if pixels.dtype.kind == "f" and high <= 1 else 1.0
            if self._factor > 1:
                self._notes.append("The pixels from 0 to 1 were brought to 0 to 255, in steps of one.")
            elif pixels.dtype.kind == "f":
                self._notes.append("The pixels were rounded to whole numbers.")
        if not (low >= 0 and high * self._factor <= 255):  # NaN neither
            raise ReadError(
                f"Got {name} with pixels from {low:g} to {high:g}, needed 0 to 255, or 0 to 1 throughout. "
                "Scale them and save them again."
            )
        return np.rint(pixels * self._factor).astype(np.uint8)


def _labels(archive: ZipArchive, member: str, part: str, notes: list[str]) -> pl.Series:
    name = f"{archive.path.name}/{member}"
    with archive.open(member) as stream, _array_errors(name):
        head = _read_head(stream)
        content = stream.read(head.n_bytes)
        values = np.frombuffer(content, dtype=head.dtype).reshape(head.shape, order="F" if head.fortran else "C")
    if values.ndim == 2 and values.shape[1] > 1:
        notes.append(f"y_{part} has one column a class; the class of each image is the column of its largest value.")
        values = values.argmax(axis=1)
    values = values.reshape(-1)
    if values.dtype.kind == "S":
        values = values.astype("U")
    if values.dtype.kind == "U":
        return pl.Series("label", values.tolist(), dtype=pl.String)
    if values.dtype.kind == "f":
        whole = bool((values == np.floor(values)).all())
        return pl.Series("label", values.astype(np.int64 if whole else np.float64))
    return pl.Series("label", values.astype(bool if values.dtype.kind == "b" else np.int64))


@contextmanager
def _array_errors(name: str) -> Iterator[None]:
    try:
        yield
    except ReadError:
        raise
    except (ValueError, SyntaxError, TypeError, EOFError, OverflowError, MemoryError, UnicodeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ReadError(
            f"Got {name}, a damaged NumPy array ({said}). Needed a complete one; save or download it again."
        ) from error
