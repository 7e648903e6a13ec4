"""Steps for images: what they refuse, what is learned from training images, and what is suggested."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from image_samples import as_png, drawn, table_frame
from PIL import Image

from workbench.data import store_frame
from workbench.data.images import decode_images, pack_pixels
from workbench.data.table import Column
from workbench.errors import DataError, PackageError, RecipeError, TargetError
from workbench.estimators.catalogue import entry, estimators_for
from workbench.estimators.image_forms import image_entry
from workbench.recipe import check_recipe, preview, suggest
from workbench.recipe.checking_images import check_image_recipe, image_columns, label_column
from workbench.recipe.images import FittedImages, count_sizes, fit_images, proposed_size, scaled_by
from workbench.recipe.spec import Augment, DropColumns, DropMissing, Impute, Resize, ScalePixels, Standardize
from workbench.recipe.suggesting import suggest_for
from workbench.training.spec import RunSpec

IMAGE = Column("image", "image", "Binary", 0, 30)
LABEL = Column("label", "category", "String", 0, 3)
FILE = Column("file", "identifier", "String", 0, 30)


def series(pixels: np.ndarray) -> pl.Series:
    return pl.Series("image", pack_pixels(pixels), dtype=pl.Binary)


def test_the_steps_stand_in_a_run_spec_and_come_back():
    text = """
data: {source: mnist}
recipe:
- {step: resize, height: 28, width: 28, mode: grey}
- {step: scale_pixels}
- {step: augment, flip: true, shift: 0.1, rotate: 10}
estimator: {name: small_convnet}
"""
    spec = RunSpec.from_yaml(text)
    assert [step.family for step in spec.recipe] == ["image"] * 3 and spec.data.target == ""
    assert RunSpec.from_yaml(spec.to_yaml()) == spec


@pytest.mark.parametrize(
    "step", [{"height": 0}, {"height": 5000}, {"mode": "blue"}, {"step": "augment", "shift": 0.7}, {"to": "nine"}]
)
def test_values_out_of_range_are_refused(step):
    with pytest.raises(ValueError, match=r"Input should be|less than|greater than|Extra inputs"):
        {"augment": Augment}.get(step.get("step", ""), Resize).model_validate(step)


@pytest.mark.parametrize(
    ("steps", "columns", "message"),
    [
        ([], [LABEL], r"leaves no image column.*Choose an estimator for tables"),
        ([DropColumns(columns=("image",))], [IMAGE, LABEL], r"leaves no image column"),
        ([], [IMAGE, Column("back", "image", "Binary", 0, 3), LABEL], r"image columns.*Leave the others out"),
        ([Standardize(columns=("age",))], [IMAGE, LABEL], r"Step 1 \(standardize\): got a step for columns.*Remove it"),
        ([Resize(), Resize()], [IMAGE, LABEL], r"Step 2 \(resize\): got it for a second time"),
    ],
)
def test_a_recipe_that_a_run_on_images_cannot_follow_is_refused(steps, columns, message):
    with pytest.raises(RecipeError, match=message):
        check_image_recipe(steps, columns, "label")


def test_images_as_target_are_refused():
    with pytest.raises(RecipeError, match=r"images in 'image' as target"):
        check_image_recipe([], [IMAGE, LABEL], "image")


def test_a_table_estimator_refuses_steps_for_images_by_their_place():
    columns = [IMAGE, LABEL, Column("age", "number", "Float64", 0, 9)]
    with pytest.raises(RecipeError, match=r"Step 2 \(resize\): got columns without images"):
        check_recipe([DropColumns(columns=("image",)), Resize()], columns, "label")
    with pytest.raises(RecipeError, match=r"holds images at the end.*Choose an estimator for images"):
        check_recipe([Resize()], columns, "label")
    check_recipe([Resize(), Augment(flip=True)], columns, "label", takes="image")
    check_recipe([Resize()], columns, "label", finished=False)


def test_column_steps_of_a_run_on_images_are_checked_too():
    with pytest.raises(RecipeError, match=r"Step 1 \(drop_columns\): got column 'flie'"):
        check_recipe([DropColumns(columns=("flie",))], [IMAGE, LABEL, FILE], "label", takes="image")


def test_labels_are_found_by_name_or_as_the_only_column_of_few_values():
    other = Column("kind", "category", "String", 0, 3)
    assert label_column([IMAGE, FILE, other]) == "kind"
    assert label_column([IMAGE, other, LABEL]) == "label"
    parts = Column("split", "category", "String", 0, 2)
    assert label_column([IMAGE, parts, other]) == "kind"
    with pytest.raises(TargetError, match=r"'kind', 'size' might be meant"):
        label_column([IMAGE, other, Column("size", "number", "Int64", 0, 4)])
    with pytest.raises(TargetError, match=r"no column holds labels.*names of the folders"):
        label_column([IMAGE, FILE])


def test_a_dense_network_takes_tables_and_images():
    on_images = image_entry("dense_network")
    assert entry("dense_network").takes == "table" and on_images.takes == "image"
    assert on_images.parameter("layers").default == (128,)
    assert on_images in estimators_for("classification", takes="image")
    assert on_images not in estimators_for("classification")
    assert image_entry("random_forest") is None
    table_form = {parameter.name for parameter in entry("dense_network").parameters}
    assert {parameter.name for parameter in on_images.parameters} <= table_form


def test_the_scale_is_that_of_the_training_images():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 5, 6, 3), dtype=np.uint8)
    scale = scaled_by(pixels, [])
    scaled = pixels * np.array(scale.factor) + np.array(scale.offset)
    assert np.allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-9) and np.allclose(scaled.std(axis=(0, 1, 2)), 1)
    low_high = scaled_by(pixels, [ScalePixels(to="minus_one_one")])
    assert 255 * low_high.factor[0] + low_high.offset[0] == pytest.approx(1.0)
    black = scaled_by(np.zeros((2, 3, 3, 1), dtype=np.uint8), [])
    assert np.isfinite([*black.factor, *black.offset]).all()


def test_images_of_several_sizes_without_resize_propose_one():
    images = pl.concat([series(drawn(3, 12)[0]), series(drawn(2, 40)[0])])
    sizes = count_sizes(images)
    assert sizes == {(12, 12): 3, (40, 40): 2}
    with pytest.raises(RecipeError, match=r"2 sizes in 'image' \(12 x 12, 40 x 40\).*resize with height 12 and width"):
        fit_images([], "image", images, sizes)
    recipe, X = fit_images([Resize(height=8, width=10)], "image", images, sizes)
    assert X.shape == (5, 8, 10, 1) and X.dtype == np.uint8 and recipe.shape == (8, 10, 1)


def test_the_proposed_size_is_square_affordable_and_not_larger_than_most():
    assert proposed_size({(28, 28): 1}) == (28, 28)
    assert proposed_size({(600, 800): 5, (50, 50): 1}) == (128, 128)
    assert proposed_size({(5, 9): 5}) == (5, 5)
    assert proposed_size({}) == (32, 32)


@pytest.mark.parametrize(("mode", "n_channels"), [("as_is", 3), ("grey", 1), ("rgb", 3)])
def test_colours_are_as_the_step_says(mode, n_channels):
    colours = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
    recipe, X = fit_images([Resize(height=6, width=6, mode=mode)], "image", series(colours), {(6, 6): 4})
    assert X.shape[3] == n_channels == recipe.n_channels
    as_files = pl.Series("image", [as_png(image) for image in colours])
    assert (recipe.transform(as_files.to_frame()) == X).all()  # files and bare pixels give the same


def test_a_missing_or_damaged_image_is_named_by_its_row_in_the_table():
    images = series(drawn(2)[0]).extend(pl.Series("image", [None], dtype=pl.Binary))
    with pytest.raises(DataError, match=r"no image in row 42 of 'image'"):
        count_sizes(images, rows=[7, 8, 41])
    broken = pl.Series("image", [as_png(drawn(1)[0][0])[:60]], dtype=pl.Binary)
    with pytest.raises(DataError, match=r"damaged PNG image in row 42"):
        fit_images([Resize()], "image", broken, {(12, 12): 1}, rows=[41])


def test_what_was_learned_is_stored_and_read(tmp_path):
    steps = [Resize(height=8, width=8), Augment(flip=True)]
    recipe, _ = fit_images(steps, "image", series(drawn(9)[0]), {(12, 12): 9})
    recipe.save(tmp_path)
    assert FittedImages.load(tmp_path) == recipe and recipe.augment == steps[1]
    (tmp_path / "recipe.json").write_text('{"format": 3}')
    with pytest.raises(PackageError, match=r"without a usable recipe.json"):
        FittedImages.load(tmp_path)


def test_suggestions_for_images_name_size_and_scale(settings):
    small = store_frame(table_frame(30), name="small", settings=settings)
    assert [step.step for step, _ in suggest_for(small, "label")] == ["scale_pixels"]
    images = pl.concat([series(drawn(20, 40)[0]), series(drawn(10, 50)[0])])
    frame = pl.DataFrame({"image": images, "label": ["a", "b", None] * 10})
    mixed = store_frame(frame, name="mixed", settings=settings)
    steps = [step for step, _ in suggest_for(mixed, "label")]
    assert steps[:2] == [DropMissing(columns=("label",)), Resize(height=32, width=32)]
    check_recipe(steps, mixed.columns, "label", takes="image")


def test_images_beside_other_columns_are_still_left_out_for_tables():
    columns = [IMAGE, LABEL, Column("age", "number", "Float64", 3, 40)]
    steps = [step for step, _ in suggest(columns, "label")]
    assert DropColumns(columns=("image",)) in steps and any(isinstance(step, Impute) for step in steps)
    assert image_columns(columns, steps) == []


def test_a_preview_of_images_passes_over_their_steps():
    seen = preview([Resize(), ScalePixels(), Augment(flip=True)], table_frame(6), target="label")
    assert [(effect.rows_after, effect.n_changed_cells) for effect in seen.effects] == [(6, 0)] * 3


def test_a_photo_is_turned_as_it_was_held_and_scaled_as_if_unpacked_whole():
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((640, 480))
    held = Image.Exif()
    held[0x0112] = 6  # turned by 90 degrees
    upright, turned = io.BytesIO(), io.BytesIO()
    photo.save(upright, "JPEG", quality=95)
    photo.save(turned, "JPEG", quality=95, exif=held)
    assert decode_images(pl.Series("image", [turned.getvalue()])).shape == (1, 640, 480, 3)
    small = decode_images(pl.Series("image", [upright.getvalue()]), size=(24, 32))[0]
    whole = np.asarray(Image.open(upright).resize((32, 24), Image.Resampling.BILINEAR))
    assert np.abs(small.astype(int) - whole).mean() < 2
