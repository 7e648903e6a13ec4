"""Networks for images: the graph answers as Keras does, and augmentation varies training images alone."""

from __future__ import annotations

import numpy as np
import pytest
from image_samples import drawn

from workbench.errors import EstimatorError
from workbench.estimators.image_forms import image_entry
from workbench.estimators.image_model import ImageModel
from workbench.estimators.image_networks import Picture, build_image_network
from workbench.estimators.models import load_model
from workbench.estimators.spec import TrainingSpec
from workbench.graph import GraphBuilder
from workbench.package.predictor import graph_runner
from workbench.recipe.image_varying import read_at, reading_places, vary
from workbench.recipe.spec import Augment
from workbench.settings import Settings
from workbench.training.image_augmenting import make_augment

SMALL = {
    "dense_network": {"layers": [8], "activation": "gelu"},
    "small_convnet": {"filters": [4, 6, 6], "units": 5},
    "residual_convnet": {"filters": [4, 6], "blocks": 2},
}


def network(name, shape, n_classes=3, task="classification"):
    colours = [0.01, 0.02, 0.03][: shape[2]]
    picture = Picture(*shape, colours, [-0.5, 0.1, 0.2][: shape[2]])
    return build_image_network(
        image_entry(name), SMALL[name], TrainingSpec(), picture=picture, task=task, n_classes=n_classes, seed=1
    )


def disturbed(built):
    """Give batch normalization something other than its first means and deviations."""
    rng = np.random.default_rng(0)
    for weight in built.weights:
        if "moving" in weight.path or "gamma" in weight.path or "beta" in weight.path:
            weight.assign(weight + 0.3 * np.abs(rng.normal(size=weight.shape)))
    return built


@pytest.mark.parametrize("name", list(SMALL))
@pytest.mark.parametrize("shape", [(20, 18, 3), (5, 7, 1)])
def test_the_graph_answers_as_the_network(name, shape, tmp_path):
    model = ImageModel(
        disturbed(network(name, shape)), task="classification", classes=["a", "b", "c"], n_features=int(np.prod(shape))
    )
    graph = GraphBuilder()
    graph.output("p", model.emit(graph, graph.image_input("image", shape)), "double", [None, 3])
    run = graph_runner(graph.build().SerializeToString(), Settings(onnx_threads=1))
    images = np.random.default_rng(2).integers(0, 256, (9, *shape), dtype=np.uint8)
    answers = model.scores(images)
    assert np.abs(run({"image": images}) - answers).max() < 1e-5
    assert np.ptp(answers, axis=0).max() > 1e-3  # the images matter
    model.save(tmp_path)
    assert np.allclose(load_model(tmp_path).scores(images), answers, atol=1e-6)


@pytest.mark.parametrize(("task", "n_classes", "width"), [("classification", 2, 2), ("regression", 0, 1)])
def test_two_classes_and_numbers_have_a_graph_too(task, n_classes, width):
    classes = [0, 1] if n_classes else None
    model = ImageModel(network("small_convnet", (6, 6, 1), n_classes, task), task=task, classes=classes, n_features=36)
    graph = GraphBuilder()
    graph.output("p", model.emit(graph, graph.image_input("image", (6, 6, 1))), "double", [None, width])
    images = np.random.default_rng(2).integers(0, 256, (4, 6, 6, 1), dtype=np.uint8)
    answers = graph_runner(graph.build().SerializeToString(), Settings(onnx_threads=1))({"image": images})
    assert answers.shape == (4, width) and np.abs(answers - model.scores(images)).max() < 1e-5


def test_the_classic_dense_network_has_784_128_10():
    picture = Picture(28, 28, 1, [1 / 255], [0.0])
    built = build_image_network(
        image_entry("dense_network"), {}, TrainingSpec(), picture=picture, task="classification", n_classes=10, seed=0
    )
    assert [tuple(weight.shape) for weight in built.trainable_weights] == [(784, 128), (128,), (128, 10), (10,)]
    assert [type(layer).__name__ for layer in built.layers][-2:] == ["Dropout", "Dense"]


def test_a_parameter_out_of_range_is_refused():
    with pytest.raises(EstimatorError, match=r"Got blocks=0 for residual_convnet, needed a whole number from 1"):
        SMALL_BAD = {"blocks": 0}
        build_image_network(
            image_entry("residual_convnet"), SMALL_BAD, TrainingSpec(), picture=Picture(8, 8, 1, [1.0], [0.0]),
            task="classification", n_classes=3, seed=0,
        )  # fmt: skip


def augmented(seed=(1, 2), **options):
    images = np.repeat(drawn(3)[0][1:2, ..., None], 40, axis=0).astype(np.float32)
    return images, make_augment(Augment(**options))(images, np.array(seed, dtype=np.int32)).numpy()


def test_each_image_of_a_batch_is_varied_for_itself_and_again_alike_for_the_same_seed():
    images, varied = augmented(shift=0.2, rotate=20, zoom=0.1, brightness=0.2)
    assert varied.shape == images.shape and varied.min() >= 0 and varied.max() <= 255
    assert len(np.unique(varied.reshape(40, -1), axis=0)) == 40
    assert (augmented(shift=0.2, rotate=20, zoom=0.1, brightness=0.2)[1] == varied).all()
    assert (augmented((1, 3), shift=0.2, rotate=20, zoom=0.1, brightness=0.2)[1] != varied).any()


def test_a_flip_mirrors_about_half_of_the_images_and_nothing_else():
    images, varied = augmented(flip=True)
    mirrored = np.isclose(varied, images[:, :, ::-1], atol=1e-3).all(axis=(1, 2, 3))
    kept = np.isclose(varied, images, atol=1e-3).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all() and 8 < mirrored.sum() < 32


def test_a_shift_moves_by_no_more_than_its_share():
    image = np.zeros((60, 20, 20, 1), dtype=np.float32)
    image[:, 10, 10] = 255.0
    moved = make_augment(Augment(shift=0.1))(image, np.array([4, 4], dtype=np.int32)).numpy()[..., 0]
    rows, columns = (np.average(np.arange(20), weights=moved.mean(axis=0).sum(axis=axis)) for axis in (1, 0))
    touched = np.argwhere(moved.max(axis=0) > 0)
    assert np.abs(touched - 10).max() <= 3 and abs(rows - 10) < 1 and abs(columns - 10) < 1


def test_a_turn_keeps_the_middle_and_brightness_alone_moves_no_pixel():
    image = np.zeros((20, 21, 21, 1), dtype=np.float32)
    image[:, 10, 10] = 255.0
    turned = make_augment(Augment(rotate=90))(image, np.array([4, 4], dtype=np.int32)).numpy()
    assert np.allclose(turned[:, 10, 10, 0], 255.0, atol=0.1)
    images, varied = augmented(brightness=0.1)
    change = (varied - images).reshape(40, -1)
    inside = (varied.reshape(40, -1) > 0) & (varied.reshape(40, -1) < 255)
    for row, used in zip(change, inside, strict=True):
        assert np.ptp(row[used]) < 1e-3 and np.abs(row).max() <= 25.6


def test_the_preview_varies_images_as_training_does():
    import tensorflow as tf

    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (6, 9, 14, 3), dtype=np.uint8)
    drawn = {
        "angle": rng.uniform(-0.6, 0.6, 6),
        "shrink": rng.uniform(0.8, 1.2, 6),
        "right": rng.uniform(-4, 4, 6),
        "down": rng.uniform(-3, 3, 6),
        "mirror": np.array([1.0, -1.0] * 3),
    }
    places = reading_places(np, **drawn, height=9, width=14)
    transforms = np.stack([*places, np.zeros(6), np.zeros(6)], axis=1).astype(np.float32)
    trained = tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels.astype(np.float32), transforms=transforms, output_shape=[9, 14], fill_value=0.0,
        interpolation="BILINEAR", fill_mode="NEAREST",
    )  # fmt: skip
    np.testing.assert_allclose(read_at(pixels, places), np.asarray(trained), atol=0.05)


def test_a_preview_without_a_change_is_the_image_and_with_one_is_again_the_same():
    pixels = np.random.default_rng(5).integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)
    np.testing.assert_array_equal(vary(pixels, Augment(), seed=1), pixels)
    shifted = vary(pixels, Augment(shift=0.3), seed=1)
    assert (shifted != pixels).any()
    np.testing.assert_array_equal(shifted, vary(pixels, Augment(shift=0.3), seed=1))
    assert (shifted != vary(pixels, Augment(shift=0.3), seed=2)).any()
