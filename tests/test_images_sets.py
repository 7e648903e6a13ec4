"""Keras' data sets by name: local files first, Keras' loaders in a process of their own."""

from __future__ import annotations

import subprocess
import sys
import types
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from image_samples import drawn

from workbench.data import keras_loading, open_table, resolve, tables
from workbench.data.images import decode_images, pack_pixels
from workbench.data.keras_sets import CLOTHES, keras_set
from workbench.data.spec import DataSpec
from workbench.errors import ReadError

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def data(tmp_path, settings):
    """Settings whose data folder may be filled."""
    folder = tmp_path / "data"
    folder.mkdir()
    return replace(settings, data=folder)


def save(path, n_train=20, n_test=10):
    pixels, kinds = drawn(n_train + n_test)
    np.savez(
        path, x_train=pixels[:n_train], y_train=kinds[:n_train], x_test=pixels[n_train:], y_test=kinds[n_train:]
    )  # fmt: skip
    return pixels, kinds


def test_a_local_file_is_read_and_stored_with_the_given_parts(data):
    pixels, kinds = save(data.data / "mnist.npz")
    table = resolve(DataSpec(source="mnist"), settings=data)
    frame = table.frame()
    assert (table.name, table.target, table.source) == ("mnist", "label", "mnist")
    assert frame.columns == ["image", "label", "split"]
    assert frame["split"].to_list() == ["train"] * 20 + ["test"] * 10
    assert frame["label"].to_list() == kinds.tolist()
    assert (decode_images(frame["image"])[..., 0] == pixels).all()
    assert table.origin["licence"] and table.origin["title"] == "MNIST digits"


def test_what_is_stored_is_opened_without_the_file(data):
    save(data.data / "mnist.npz")
    first = keras_set("mnist", settings=data)
    without = replace(data, data=None)
    assert keras_set("mnist", settings=without) == first == open_table("mnist", settings=without)
    assert len(tables(settings=data)) == 1


def test_another_local_file_is_read_anew(data):
    save(data.data / "mnist.npz")
    first = keras_set("mnist", settings=data)
    save(data.data / "mnist.npz", n_train=40)
    assert keras_set("mnist", settings=data).n_rows == 50 != first.n_rows


def test_labels_become_the_names_of_the_classes(data):
    _, kinds = save(data.data / "fashion-mnist.npz")
    frame = keras_set("fashion_mnist", settings=data).frame()
    assert frame["label"].to_list() == [CLOTHES[kind] for kind in kinds]


def test_a_parquet_file_with_names_of_labels_is_read(data):
    pixels, kinds = drawn(12)
    pl.DataFrame(
        {
            "image": pack_pixels(pixels),
            "label": kinds,
            "label_name": ["cat" if kind else "dog" for kind in kinds],
            "split": ["train"] * 8 + ["test"] * 4,
            "file": [f"{n}.jpg" for n in range(12)],
        }
    ).write_parquet(data.data / "cifar10_jpeg.parquet")
    frame = keras_set("cifar10", settings=data).frame()
    assert frame.columns == ["image", "label", "split"] and set(frame["label"]) == {"cat", "dog"}


def test_a_wrong_local_file_is_refused_with_what_is_absent(data):
    pl.DataFrame({"a": [1, 2]}).write_parquet(data.data / "cifar10.parquet")
    with pytest.raises(ReadError, match=r"Got cifar10.parquet without image, label, split.*Remove that file"):
        keras_set("cifar10", settings=data)


def test_without_a_file_keras_loads_it_in_a_process_of_its_own(settings, monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command)
        save(command[-1])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    table = keras_set("mnist", settings=settings)
    assert asked[0][:4] == [sys.executable, "-m", "workbench.data.keras_loading", "mnist"]
    assert table.n_rows == 30 and table.origin["path"] == "keras.datasets.mnist"


def test_without_a_network_the_message_says_what_to_do(settings, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "noise\nURL fetch failure: Name or service not known")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ReadError, match=r"(?s)'cifar10', which isn't on this machine.*URL fetch failure.*cifar10.npz"):
        resolve(DataSpec(source="cifar10"), settings=settings)


def test_the_loading_process_writes_arrays_or_one_line_of_reason(tmp_path, monkeypatch, capsys):
    pixels, kinds = drawn(6)
    fake = types.ModuleType("keras.datasets.mnist")
    fake.load_data = lambda: ((pixels[:4], kinds[:4]), (pixels[4:], kinds[4:]))
    monkeypatch.setitem(sys.modules, "keras.datasets.mnist", fake)
    monkeypatch.setattr("importlib.import_module", lambda name: sys.modules[name])
    path = tmp_path / "mnist.npz"
    assert keras_loading.main("mnist", path) == 0
    assert np.load(path)["x_test"].shape == (2, 12, 12)

    def fail():
        raise OSError("no\nnetwork")

    fake.load_data = fail
    assert keras_loading.main("mnist", path) == 1
    assert capsys.readouterr().err == "no network\n"
