"""The pages on images: prepare, train, evaluate, predict, explain."""

from __future__ import annotations

import shutil

import pytest
from image_samples import image_spec, table_frame, train_here

from workbench.data import resolve, store_frame
from workbench.data.spec import DataSpec
from workbench.recipe.spec import Augment
from workbench.settings import Settings
from workbench.ui import drafts


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A home with a table of images and a finished run on it."""
    home = tmp_path_factory.mktemp("pages")
    table = store_frame(table_frame(150, n_test=30), name="shapes", settings=Settings(home=home))
    return home, table.short_digest, train_here(image_spec(table.short_digest, training={"epochs": 1}), home).id


@pytest.fixture
def opened(open_page, settings, trained):
    """Open a page with the table, or the run, in the URL."""
    home, table, run = trained
    shutil.copytree(home, settings.home, dirs_exist_ok=True)

    def open_(name, what="table"):
        page = open_page(name, **{what: {"table": table, "run": run}[what]})
        assert not page.exception, page.exception[0].message
        return page

    return open_


def test_prepare_suggests_steps_for_images_and_shows_the_images(opened):
    page = opened("prepare")
    assert any("24 images of 'image'" in caption.value for caption in page.caption)
    assert not page.warning and not page.error
    assert any("Scale pixels" in text.value for text in page.markdown)
    assert not any("leaked" in heading.value for heading in page.subheader)
    page.button(key="prepare.suggest.use").click().run()
    assert not page.exception and not page.warning


def test_prepare_shows_what_augmentation_does_to_some_images(opened, settings, trained):
    page = opened("prepare")
    n_pictures = sum(len(image.proto.imgs) for image in page.image)
    assert not any("Augmentation:" in caption.value for caption in page.caption)
    table = resolve(DataSpec(source=trained[1]), settings=settings)
    drafts.update(table, recipe=(Augment(rotate=40, flip=True),))
    page.run()
    assert any("Augmentation: 4 images as they are (left)" in caption.value for caption in page.caption)
    assert sum(len(image.proto.imgs) for image in page.image) == n_pictures + 4


def test_train_offers_the_networks_for_images_and_can_start(opened):
    page = opened("train")
    titles = " ".join(text.value for text in page.markdown)
    assert all(title in titles for title in ("Dense network on pixels", "Small convnet", "Residual convnet"))
    assert "Random forest" not in titles
    assert not page.button(key="train.start").disabled
    assert page.number_input(key="train.batch_size").value == 128
    page.button(key="train.choose.dense_network").click().run()
    assert not page.exception and not page.button(key="train.start").disabled


def test_the_form_shows_the_steps_that_suit_the_network_and_keeps_what_is_set(opened):
    page = opened("train")
    page.button(key="train.choose.dense_network").click().run()
    assert (page.number_input(key="train.batch_size").value, page.selectbox(key="train.schedule").value) == (
        64,
        "cosine",
    )
    page.number_input(key="train.epochs").set_value(3).run()
    page.button(key="train.choose.small_convnet").click().run()
    assert (page.number_input(key="train.batch_size").value, page.number_input(key="train.epochs").value) == (128, 3)
    page.button(key="train.choose.dense_network").click().run()
    page.number_input(key="train.batch_size").set_value(128).run()  # the general default, set all the same
    page.switch_page("../../pages/home.py").run()
    page.switch_page("../../pages/train.py").run()
    assert page.number_input(key="train.batch_size").value == 128
    assert page.number_input(key="train.learning_rate").value == 0.002


def test_evaluate_shows_the_wrong_images(opened):
    page = opened("evaluate", "run")
    assert any("the surest mistake first" in caption.value for caption in page.caption)
    page.button_group(key="evaluate.rows").set_value("all").run()
    captions = [image.caption for image in page.image[0].proto.imgs]
    assert not page.exception and len(captions) == 30 and all("%" in caption for caption in captions)


def test_predict_answers_an_example_and_shows_what_the_model_sees(opened):
    page = opened("predict", "run")
    assert [tab.label for tab in page.tabs][:2] == ["Image", "Many images"]
    assert "What the model sees: 12 x 12 pixels in grey" in page.image[0].proto.imgs[0].caption
    assert any(text.value.startswith("probability ") for text in page.markdown)


def test_explain_says_what_can_be_seen_instead(opened):
    page = opened("explain", "run")
    captions = " ".join(caption.value for caption in page.caption)
    assert "an image is one" in captions and "a square of 2 x 2 pixels" in captions
