"""Images from a folder or zip with one folder a class, and from an ``.npz`` as Keras lays it out."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from workbench.data.formats.archives import ZipArchive
from workbench.data.formats.opened import Reading, shown
from workbench.data.image_heads import IMAGE_ENDINGS, MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, read_head
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

_BATCH_BYTES = 64 * 1024 * 1024
_BATCH_IMAGES = 20_000
_MAX_FILES = 5_000_000
_MOST_LOOKED_AT = 5_000
_PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
}


@dataclass
class _Sorted:
    """Names of image files, sorted into split, label and file."""

    names: list[str]
    splits: list[str | None]
    labels: list[str | None]
    has_split: bool
    has_label: bool


@dataclass
class _Passed:
    """Files that were passed over, by reason."""

    reasons: dict[str, list[str]] = field(default_factory=dict)
    sizes: set[tuple[int, int]] = field(default_factory=set)

    def add(self, reason: str, name: str) -> None:
        self.reasons.setdefault(reason, []).append(name)

    def notes(self) -> list[str]:
        notes = []
        for reason, names in self.reasons.items():
            were = "file was" if len(names) == 1 else "files were"
            notes.append(f"{len(names):,} {were} passed over, {reason}: {shown(names, 5)}.")
        if len(self.sizes) == 1:
            height, width = next(iter(self.sizes))
            notes.append(f"All images are {width} x {height} pixels.")
        elif self.sizes:
            small, large = min(self.sizes), max(self.sizes)
            notes.append(
                f"The images have {len(self.sizes):,} sizes, from {small[1]} x {small[0]} to {large[1]} x {large[0]}."
            )
        return notes


def is_image_name(name: str) -> bool:
    """Whether a file's name ends as an image's."""
    return name.lower().endswith(IMAGE_ENDINGS)


def holds_images(folder: Path) -> bool:
    """Whether there is an image among the first thousands of files in a folder and those below it."""
    n_looked_at = 0
    for _, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if any(is_image_name(name) for name in files):
            return True
        n_looked_at += len(files) + 1
        if n_looked_at > _MOST_LOOKED_AT:
            break
    return False


def read_image_zip(archive: ZipArchive, *, options: ReaderOptions, n_rows: int | None = None) -> Reading:
    """Read the images in a zip.

    Raises
    ------
    ReadError
        If none can be read, or it is a bomb.
    """
    sizes = {name: archive.size(name) for name in archive.members}
    reading = _read(archive.path.name, list(sizes), archive.read, sizes.__getitem__, options, n_rows)
    reading.notes[:0] = archive.notes
    reading.at_end.append(archive.close)
    return reading


def read_image_folder(folder: Path, *, options: ReaderOptions, n_rows: int | None = None) -> Reading:
    """Read the images in a folder; links are passed over.

    Raises
    ------
    ReadError
        If there are none.
    """
    names: list[str] = []
    for where, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inner = Path(where).relative_to(folder)
        names += [
            (inner / name).as_posix()
            for name in files
            if not name.startswith(".") and stat.S_ISREG(os.lstat(Path(where, name)).st_mode)
        ]
        if len(names) > _MAX_FILES:
            raise ReadError(f"Got {folder} with more than {_MAX_FILES:,} files, needed images in class folders.")
    return _read(
        folder.name or str(folder),
        names,
        lambda name: (folder / name).read_bytes(),
        lambda name: (folder / name).stat().st_size,
        options,
        n_rows,
    )


def _read(
    name: str,
    files: list[str],
    load: Callable[[str], bytes],
    size: Callable[[str], int],
    options: ReaderOptions,
    n_rows: int | None,
) -> Reading:
    images = sorted(file for file in files if is_image_name(file))
    if not images:
        raise ReadError(
            f"Got {name} with no images among its {len(files):,} files, needed PNG, JPEG, GIF, BMP, WebP or PNM files "
            "with one folder for each class. Check the folder."
        )
    passed = _Passed()
    for other in files:
        if not is_image_name(other):
            passed.add("since they are no images", other)
    report: dict[str, Any] = {"notes": []}
    return Reading("images", _batches(name, _sort(images), load, size, passed, report, n_rows), report, options)


def _sort(images: list[str]) -> _Sorted:
    """Take the folders above the files as split and label; folders that all share say nothing."""
    folders = [PurePosixPath(name).parts[:-1] for name in images]
    shared = 0
    while all(len(parts) > shared for parts in folders) and len({parts[shared] for parts in folders}) == 1:
        shared += 1
    inner = [parts[shared:] for parts in folders]
    has_split = all(parts and parts[0].lower() in _PARTS for parts in inner)
    if not has_split and shared and all(len(parts) <= shared for parts in folders):
        inner = [parts[-1:] for parts in folders]  # one class only: its folder is the label all the same
    splits = [_PARTS[parts[0].lower()] if has_split else None for parts in inner]
    rest = [parts[1:] if has_split else parts for parts in inner]
    labels = [parts[0] if parts else None for parts in rest]
    return _Sorted(images, splits, labels, has_split, any(label is not None for label in labels))


def _batches(
    name: str,
    found: _Sorted,
    load: Callable[[str], bytes],
    size: Callable[[str], int],
    passed: _Passed,
    report: dict[str, Any],
    n_rows: int | None,
) -> Iterator[pl.DataFrame]:
    cells: list[bytes] = []
    places: list[int] = []
    n_bytes = n_images = 0
    for place, file in enumerate(found.names):
        if n_rows is not None and n_images >= n_rows:
            break
        content = _load_image(file, load, size, passed)
        if content is None:
            continue
        cells.append(content)
        places.append(place)
        n_bytes += len(content)
        n_images += 1
        if n_bytes > _BATCH_BYTES or len(cells) >= _BATCH_IMAGES:
            yield _frame(found, cells, places)
            cells, places, n_bytes = [], [], 0
    if not n_images:
        raise ReadError(f"Got {name} without an image that can be read. {' '.join(passed.notes())} Check the files.")
    if cells:
        yield _frame(found, cells, places)
    notes: list[str] = report["notes"]
    notes += passed.notes()
    if not found.has_label:
        notes.append("There are no folders for classes, so the images have no labels.")


def _load_image(file: str, load: Callable[[str], bytes], size: Callable[[str], int], passed: _Passed) -> bytes | None:
    if size(file) > MAX_IMAGE_BYTES:
        passed.add(f"larger than {MAX_IMAGE_BYTES // 2**20} MiB", file)
        return None
    content = load(file)
    head = read_head(content)
    if head is None:
        passed.add("named as an image but none that can be read", file)
    elif head.n_pixels > MAX_IMAGE_PIXELS:
        passed.add(f"with more than {MAX_IMAGE_PIXELS:,} pixels", file)
    elif not head.complete:
        passed.add("cut short", file)
    elif not head.n_pixels:
        passed.add("without pixels", file)
    else:
        if len(passed.sizes) < 10_000:
            passed.sizes.add((head.height, head.width))
        return content
    return None


def _frame(found: _Sorted, cells: list[bytes], places: list[int]) -> pl.DataFrame:
    columns = [pl.Series("image", cells, dtype=pl.Binary)]
    if found.has_label:
        columns.append(pl.Series("label", [found.labels[place] for place in places], dtype=pl.String))
    if found.has_split:
        columns.append(pl.Series("split", [found.splits[place] for place in places], dtype=pl.String))
    columns.append(pl.Series("file", [found.names[place] for place in places], dtype=pl.String))
    return pl.DataFrame(columns)
