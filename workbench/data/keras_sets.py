"""Keras' data sets of images by name: from a local file where there is one, else through Keras' own loaders.

The loaders run in a process of their own, since Keras takes seconds and hundreds of MiB that the app mustn't pay for.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.files import sha256_of
from workbench.data.formats import open_format
from workbench.data.shelf import open_stored, tables
from workbench.data.spec import ReaderOptions
from workbench.data.store import store_batches
from workbench.data.table import Table
from workbench.errors import ReadError
from workbench.settings import Settings, current

_LOADING_SECONDS = 1_800.0
_KEPT = ("image", "label", "split")

CLOTHES = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class KerasSet:
    """A data set that Keras can load.

    Parameters
    ----------
    name, title, description : str
    classes : tuple of str
        Names behind the labels 0, 1, 2, ...; none where the labels speak for themselves.
    files : tuple of str
        Names under which it may lie in the folder that ``WORKBENCH_DATA`` names.
    source, licence : str
    """

    name: str
    title: str
    description: str
    classes: tuple[str, ...]
    files: tuple[str, ...]
    source: str
    licence: str


_SETS = {
    known.name: known
    for known in (
        KerasSet(
            "mnist",
            "MNIST digits",
            "70,000 handwritten digits, 28 x 28 pixels in grey.",
            (),
            ("mnist.npz",),
            "LeCun, Cortes and Burges, 1998",
            "CC BY-SA 3.0",
        ),
        KerasSet(
            "fashion_mnist",
            "Fashion-MNIST",
            "70,000 pictures of clothes in ten kinds, 28 x 28 pixels in grey.",
            CLOTHES,
            ("fashion_mnist.npz", "fashion-mnist.npz"),
            "Xiao, Rasul and Vollgraf (Zalando), 2017",
            "MIT",
        ),
        KerasSet(
            "cifar10",
            "CIFAR-10",
            "60,000 photographs of animals and vehicles in ten kinds, 32 x 32 pixels in colours.",
            THINGS,
            ("cifar10.npz", "cifar-10.npz", "cifar10.parquet", "cifar10_jpeg.parquet"),
            "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
            "research only",
        ),
    )
}


def keras_sets() -> list[KerasSet]:
    """List Keras' data sets of images."""
    return list(_SETS.values())


def is_keras_set(name: str) -> bool:
    """Say whether Keras has a data set of images of that name."""
    return name in _SETS


def keras_set(name: str, *, target: str | None = None, settings: Settings | None = None) -> Table:
    """Open one of Keras' data sets, stored as a table with the columns ``image``, ``label`` and ``split``.

    What is stored already is opened at once. Otherwise a file of the data set below ``WORKBENCH_DATA`` is read
    (``mnist.npz``, ``fashion_mnist.npz``, ``cifar10.npz`` or ``cifar10_jpeg.parquet``), and without one Keras loads it.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10"}
    target : str, optional
        ``label`` by default.
    settings : Settings, optional

    Raises
    ------
    ReadError
        If Keras can't load it, most often for want of a network; or the local file is damaged.
    StorageError
        If it can't be stored.
    """
    settings, known = settings or current(), _SETS[name]
    local = _local_file(known, settings)
    stored = _stored(known, local, settings)
    if stored is not None:
        return stored.with_target(target or "label")
    if local is not None:
        return _store(known, local, {"path": str(local.resolve())}, target, settings)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.npz"
        _load(known, path)
        return _store(known, path, {"path": f"keras.datasets.{name}"}, target, settings)


def _local_file(known: KerasSet, settings: Settings) -> Path | None:
    if settings.data is None:
        return None
    places = [settings.data / file for file in known.files]
    return next((place for place in places if place.is_file()), None)


def _stored(known: KerasSet, local: Path | None, settings: Settings) -> Table | None:
    """Give the table that was stored before, unless another local file has come since."""
    for info in tables(settings=settings):
        origin = info.origin
        if origin.get("keras") == known.name:
            same = local is None or (origin.get("path"), origin.get("n_bytes")) == _stamp(local)
            if same:
                return open_stored(info.digest, settings=settings)
    return None


def _stamp(path: Path) -> tuple[str, int]:
    return str(path.resolve()), path.stat().st_size


def _load(known: KerasSet, path: Path) -> None:
    command = [sys.executable, "-m", "workbench.data.keras_loading", known.name, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LOADING_SECONDS, check=False)
        failed, said = done.returncode != 0, (done.stderr.strip().splitlines() or [""])[-1]
    except subprocess.TimeoutExpired:
        failed, said = True, f"nothing after {_LOADING_SECONDS / 60:.0f} minutes"
    if failed or not path.is_file():
        raise ReadError(
            f"Got the data set {known.name!r}, which isn't on this machine, and Keras couldn't load it "
            f"({said[:300]}). Needed a network the first time, or a file {known.files[0]} with x_train, y_train, "
            "x_test and y_test in the folder that WORKBENCH_DATA names. Connect, or put the file there."
        )


def _store(known: KerasSet, path: Path, origin: dict[str, Any], target: str | None, settings: Settings) -> Table:
    document = {
        "kind": "keras",
        "keras": known.name,
        "title": known.title,
        "description": known.description,
        "source": known.source,
        "licence": known.licence,
        **origin,
        "n_bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }
    reading = open_format(path, options=ReaderOptions(), settings=settings)
    if reading is None:
        raise ReadError(f"Got {path.name}, which is text, needed arrays or Parquet with images. Remove that file.")
    with reading:
        return store_batches(
            _named(reading.batches, known, path.name),
            name=known.name,
            target=target or "label",
            origin=lambda: {**document, "reader": {**reading.report, "format": reading.format}},
            settings=settings,
        )


def _named(batches: Iterable[pl.DataFrame], known: KerasSet, file: str) -> Iterator[pl.DataFrame]:
    """Give images, labels by their names, and parts."""
    for batch in batches:
        if "label_name" in batch.columns:
            batch = batch.drop("label").rename({"label_name": "label"})
        absent = [name for name in _KEPT if name not in batch.columns]
        if absent:
            raise ReadError(
                f"Got {file} without {', '.join(absent)}, needed the data set {known.name!r} with image, label and "
                "split. Remove that file, or put the right one there."
            )
        if known.classes and batch["label"].dtype.is_integer():
            names = pl.Series(known.classes)
            batch = batch.with_columns(names.gather(batch["label"].cast(pl.Int64)).alias("label"))
        yield batch.select(_KEPT)
