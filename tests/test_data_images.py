"""Images: from folders, zips, .npz and Parquet to cells, and from cells to pixels and thumbnails."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from PIL import Image

from workbench.data import read_table, store_frame
from workbench.data.image_heads import MAX_IMAGE_PIXELS, read_head
from workbench.data.images import are_images, decode_images, pack_pixels, thumbnails
from workbench.data.spec import ReaderOptions
from workbench.errors import DataError, ReadError

RNG = np.random.default_rng(0)


def picture(format: str = "PNG", size: tuple[int, int] = (6, 4), mode: str = "RGB", seed: int = 0) -> bytes:
    """Draw noise of width x height."""
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path, settings):
    def read_(content, name="pets.zip", limits=None, **options):
        path = tmp_path / name
        path.write_bytes(content)
        return read_table(path, options=ReaderOptions(**options), settings=replace(settings, **(limits or {})))

    return read_


PETS = {f"pets/{label}/{n}.png": picture(seed=n) for label in ("cat", "dog") for n in range(3)}


def test_a_zip_with_one_folder_a_class_gives_images_labels_and_files(read):
    table = read(zipped(PETS))
    frame = table.frame()
    assert frame.columns == ["image", "label", "file"]
    assert frame["label"].to_list() == ["cat"] * 3 + ["dog"] * 3
    assert frame["image"].to_list() == list(PETS.values())
    assert table.column("image").kind == "image"
    assert "All images are 6 x 4 pixels." in table.origin["reader"]["notes"]


def test_a_folder_gives_the_same_table(read, tmp_path, settings):
    for name, content in PETS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "pets" / "cat" / "link.png").symlink_to("/etc/passwd")
    (tmp_path / "pets" / ".hidden").mkdir()
    frame = read_table(tmp_path / "pets", settings=settings).frame()
    assert frame["label"].to_list() == ["cat"] * 3 + ["dog"] * 3
    assert frame["file"].to_list()[0] == "cat/0.png"


@pytest.mark.parametrize("top", ["", "data/"])
def test_train_and_test_folders_above_the_classes_become_the_split(read, top):
    files = {
        f"{top}{part}/{label}/{n}.jpg": picture("JPEG", seed=n)
        for part in ("Train", "test", "val")
        for label in ("a", "b")
        for n in range(2)
    }
    frame = read(zipped(files)).frame()
    assert frame.columns == ["image", "label", "split", "file"]
    counts = frame.group_by("split", "label").len().sort("split", "label").rows()
    assert counts == [(part, label, 2) for part in ("test", "train", "validation") for label in ("a", "b")]


def test_other_files_damaged_and_huge_images_are_passed_over_and_named(read):
    huge = picture()[:16] + struct.pack(">II", 60_000, 60_000) + picture()[24:]
    files = PETS | {
        "pets/labels.csv": b"x",
        "pets/cat/cut.png": picture()[:-30],
        "pets/cat/fake.png": b"not an image at all",
        "pets/cat/huge.png": huge,
        "pets/cat/cut.jpg": picture("JPEG", (40, 40))[:-20],
    }
    table = read(zipped(files))
    assert table.n_rows == 6
    notes = " ".join(table.origin["reader"]["notes"])
    assert "2 files were passed over, cut short: pets/cat/cut.jpg, pets/cat/cut.png." in notes
    assert "none that can be read: pets/cat/fake.png" in notes and "since they are no images: pets/labels.csv" in notes
    assert f"with more than {MAX_IMAGE_PIXELS:,} pixels: pets/cat/huge.png" in notes


def test_images_without_class_folders_have_no_label(read):
    table = read(zipped({"a.png": picture(), "b.png": picture(seed=1)}))
    assert table.frame().columns == ["image", "file"]
    assert any("no labels" in note for note in table.origin["reader"]["notes"])


def test_a_zip_of_damaged_images_or_of_sounds_is_refused(read):
    with pytest.raises(ReadError, match=r"without an image that can be read"):
        read(zipped({"a/1.png": b"x", "b/2.png": b"y"}))
    with pytest.raises(ReadError, match=r"3 sound files \(such as r/0.wav\).*Sound isn't read yet"):
        read(zipped({f"r/{n}.wav": b"RIFF" for n in range(3)} | {"README.md": b"x"}))


def test_an_image_zip_that_unpacks_to_too_much_is_refused(read):
    bitmaps = {f"c/{n}.bmp": _black_bitmap(2_000) for n in range(4)}
    with pytest.raises(ReadError, match=r"more than 20 MiB"):
        read(zipped(bitmaps), limits={"max_unpacked_mib": 20, "max_archive_ratio": 10**6})


def _black_bitmap(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side)).save(buffer, "BMP")
    return buffer.getvalue()


# Keras arrays


def arrays(**members: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **members)
    return buffer.getvalue()


def digits(n: int, shape: tuple[int, ...] = (5, 4)) -> np.ndarray:
    return RNG.integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3)])
def test_keras_arrays_give_images_labels_and_the_split(read, shape):
    x_train, x_test = digits(7, shape), digits(3, shape)
    table = read(
        arrays(x_train=x_train, y_train=np.arange(7) % 3, x_test=x_test, y_test=np.array([[0], [1], [2]])), "d.npz"
    )
    frame = table.frame()
    assert frame["label"].to_list() == [0, 1, 2, 0, 1, 2, 0, 0, 1, 2]
    assert frame["split"].to_list() == ["train"] * 7 + ["test"] * 3
    pixels = decode_images(frame["image"])
    expected = np.concatenate([x_train, x_test])
    assert np.array_equal(pixels, expected if len(shape) == 3 else expected[..., None])
    assert table.column("image").kind == "image"


def test_fractions_and_other_whole_numbers_become_bytes(read):
    x = digits(4)
    for given in (x / 255.0, (x / 255.0).astype(np.float32), x.astype(np.int64), x.astype(">i2"), x.astype(float)):
        frame = read(arrays(x_train=given, y_train=np.array(["a", "b", "a", "b"])), "d.npz").frame()
        assert np.array_equal(decode_images(frame["image"])[..., 0], x)
        assert frame["label"].to_list() == ["a", "b", "a", "b"]


def test_one_column_a_class_becomes_the_class(read):
    table = read(arrays(x_train=digits(3), y_train=np.eye(3)[[2, 0, 1]]), "d.npz")
    assert table.frame()["label"].to_list() == [2, 0, 1]
    assert any("largest value" in note for note in table.origin["reader"]["notes"])


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


GOOD_Y = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", b"\0\1")


@pytest.mark.parametrize(
    ("x_train", "words"),
    [
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 1000, 1000), }"), r"claims .* MiB"),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 5, 4), }", bytes(39)), r"cut short"),
        (
            npy("{'descr': '|O', 'fortran_order': False, 'shape': (2, 5, 4), }", bytes(40)),
            r"Python objects \(pickled\)",
        ),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 5, 4), }", bytes(40)), r"shape|damaged"),
        (npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 5, 4), }", bytes(40)), r"Fortran order"),
        (
            npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 9000, 9000), }", b""),
            r"of shape \(2, 9000, 9000\)",
        ),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 5), }", bytes(10)), r"of shape \(2, 5\)"),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 5, 4), }", bytes(60)), r"3 images and labels"),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1, 1), }", struct.pack("<2d", -1, 3)),
            r"from -1 to 3",
        ),
        (npy("__import__('os').system('touch /tmp/owned')"), r"damaged NumPy array"),
        (npy("{'descr': '|u1', " + " " * 20_000 + "}"), r"damaged NumPy array"),
        (b"nothing", r"damaged NumPy array"),
        (b"", r"damaged NumPy array"),
    ],
)
def test_arrays_that_lie_or_hold_anything_else_are_refused(read, x_train, words):
    with pytest.raises(ReadError, match=words):
        read(zipped({"x_train.npy": x_train, "y_train.npy": GOOD_Y}), "d.npz")


def test_other_names_of_arrays_are_named(read):
    with pytest.raises(ReadError, match=r"with the arrays data, labels, needed x_train and y_train"):
        read(arrays(data=digits(2), labels=np.arange(2)), "d.npz")


def test_a_bomb_of_arrays_and_a_truncated_file_are_refused(read):
    zeros = np.zeros((60, 1_000, 1_000), dtype=np.uint8)
    content = arrays(x_train=zeros, y_train=np.zeros(60))
    with pytest.raises(ReadError, match=r"as a bomb does"):
        read(content, "d.npz")
    with pytest.raises(ReadError, match=r"at most 10 MiB"):
        read(content, "d.npz", limits={"max_unpacked_mib": 10})
    with pytest.raises(ReadError, match=r"damaged"):
        read(arrays(x_train=digits(90), y_train=np.zeros(90))[:500], "d.npz")


# Cells


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_heads_say_what_the_decoder_finds(format, mode):
    content = picture(format, (37, 21), mode)
    head = read_head(content)
    assert (head.format, head.width, head.height, head.complete) == (format, 37, 21, True)
    short = content[: len(content) * 2 // 3]
    assert not (read_head(short) or head).complete or read_head(short) is None


def test_no_head_crashes_on_any_bytes():
    starts = [picture(format)[:40] for format in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM")]
    for start in starts:
        for length in range(len(start)):
            read_head(start[:length])
        for _ in range(200):
            read_head(start[:12] + RNG.bytes(30))


def test_lossless_images_come_back_pixel_for_pixel():
    pixels = digits(3, (4, 6, 3))
    for format in ("PNG", "BMP", "PPM"):
        cells = []
        for image in pixels:
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, format)
            cells.append(buffer.getvalue())
        assert np.array_equal(decode_images(pl.Series("image", cells)), pixels)


def test_size_and_mode_may_be_chosen():
    cells = pl.Series(
        "image", [picture(size=(6, 4)), picture(size=(8, 8), mode="L"), picture(size=(3, 9), mode="RGBA")]
    )
    assert decode_images(cells, size=(5, 7)).shape == (3, 5, 7, 3)
    assert decode_images(cells, size=(5, 7), mode="L").shape == (3, 5, 7, 1)
    assert decode_images(cells, size=(5, 7), mode="RGBA").shape == (3, 5, 7, 4)
    bare = pl.Series("image", pack_pixels(digits(2)))
    assert decode_images(bare).shape == (2, 5, 4, 1)
    assert decode_images(bare, mode="RGB").shape == (2, 5, 4, 3)
    assert decode_images(bare, size=(2, 2)).shape == (2, 2, 2, 1)
    assert decode_images(bare.clear()).shape[0] == 0


def test_grey_and_coloured_images_of_one_size_become_coloured():
    cells = [picture(mode="L"), picture(mode="RGB"), picture(mode="L", seed=1)]
    pixels = decode_images(pl.Series("image", cells))
    assert pixels.shape == (3, 4, 6, 3)
    assert np.array_equal(pixels[0][..., 0], np.asarray(Image.open(io.BytesIO(cells[0]))))
    assert np.array_equal(pixels[2][..., 0], pixels[2][..., 2])


def test_sixteen_bits_are_scaled_not_cut():
    deep = np.array([[0, 257 * 100], [257 * 200, 65_535]], dtype=np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(deep).save(buffer, "PNG")
    assert decode_images(pl.Series("image", [buffer.getvalue()]))[0, ..., 0].tolist() == [[0, 100], [200, 255]]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (None, r"no image in row 2 of 'image'"),
        (b"text", r"no image that can be read in row 2"),
        (picture()[:-40], r"damaged PNG image in row 2"),
        (picture(size=(9, 9)), r"several sizes.*6 x 4 in the first row, 9 x 9 in row 2"),
        (picture()[:16] + struct.pack(">II", 50_000, 50_000) + picture()[24:], r"50,000 x 50,000 pixels in row 2"),
    ],
)
def test_a_cell_that_cant_be_decoded_is_named_by_its_row(cell, words):
    with pytest.raises(DataError, match=words):
        decode_images(pl.Series("image", [picture(), cell]))


def test_a_png_that_unpacks_to_more_than_its_head_says_is_refused():
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 10, 10, 8, 0, 0, 0, 0))
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(100_000_000)))
    bomb = b"\x89PNG\r\n\x1a\n" + head + text + chunk(b"IDAT", zlib.compress(bytes(110))) + chunk(b"IEND", b"")
    with pytest.raises(DataError, match=r"damaged PNG image"):
        decode_images(pl.Series("image", [bomb]))


def test_thumbnails_are_small_and_a_damaged_image_gives_a_grey_one():
    cells = pl.Series("image", [picture(size=(300, 200)), None, b"nothing", pack_pixels(digits(1))[0], picture("GIF")])
    drawn = [Image.open(io.BytesIO(content), formats=["PNG"]) for content in thumbnails(cells, 50)]
    assert [image.size for image in drawn] == [(50, 33), (50, 50), (50, 50), (4, 5), (6, 4)]
    assert set(np.asarray(drawn[1]).ravel()) == {200}


def test_image_columns_are_stored_digested_and_profiled(settings):
    frame = pl.DataFrame({"image": [picture(seed=n) for n in range(30)], "label": ["a", "b"] * 15})
    table = store_frame(frame, name="pets", settings=settings)
    assert store_frame(frame, name="pets", settings=settings).digest == table.digest
    changed = frame.with_columns(pl.Series("image", [picture(seed=n + 1) for n in range(30)]))
    assert store_frame(changed, name="pets", settings=settings).digest != table.digest
    assert table.profile() is not None
    assert [column.kind for column in table.columns] == ["image", "category"]
    assert table.frame().equals(frame)


def test_bytes_that_are_no_images_are_refused_and_an_empty_batch_isnt(settings):
    assert are_images(pl.Series([None, picture()])) and not are_images(pl.Series([b"x", picture()]))
    with pytest.raises(ReadError, match=r"'raw' \(Binary\)"):
        store_frame(pl.DataFrame({"raw": [b"x", b"y"], "n": [1, 2]}), name="raw", settings=settings)


@pytest.mark.large
def test_the_public_image_sets_have_the_rows_of_their_description(large_data, settings):
    digits_table = read_table(large_data / "mnist.npz", settings=settings)
    assert digits_table.n_rows == 70_000 and digits_table.column("image").kind == "image"
    frame = digits_table.frame()
    assert frame.filter(pl.col("split") == "test").height == 10_000
    assert frame["label"].head(10).to_list() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    pixels = decode_images(frame["image"].head(60_000))
    assert pixels.shape == (60_000, 28, 28, 1) and abs(pixels.mean() / 255 - 0.13066) < 1e-4
    photos = read_table(large_data / "cifar10_jpeg.parquet", settings=settings)
    assert photos.n_rows == 60_000 and photos.column("image").kind == "image"
    assert decode_images(photos.frame()["image"].head(200)).shape == (200, 32, 32, 3)
    with pytest.raises(ReadError, match=r"3,000 sound files"):
        read_table(large_data / "fsdd_wavs.zip", settings=settings)
