"""The Prepare page: target, recipe cards, preview, split."""

from __future__ import annotations

import polars as pl
import pytest

from workbench.data import sample, store_frame
from workbench.recipe.spec import DropColumns, Impute, OneHot, Standardize
from workbench.ui import drafts

TITANIC = (
    DropColumns(columns=("name", "ticket", "cabin", "home.dest", "boat", "body")),
    Impute(columns=("age", "fare"), strategy="median"),
    OneHot(columns=("sex", "embarked")),
)


@pytest.fixture
def prepare(open_page):
    drafts.update(sample("titanic"), recipe=TITANIC)
    return open_page("prepare", table="titanic")


def recipe():
    return drafts.load(sample("titanic")).recipe


def messages_of(page):
    return [f"{warning.proto.title} {warning.value}" for warning in page.warning]


def test_each_card_says_what_its_step_changed(prepare):
    assert not prepare.exception
    captions = " ".join(caption.value for caption in prepare.caption)
    assert "13 → 7 columns" in captions
    assert "cells changed" in captions
    assert "1,000 of 1,309 rows" in captions


def test_the_preview_shows_one_hot_columns_after_and_the_raw_ones_before(prepare):
    assert "sex=female" in prepare.dataframe[0].value.columns
    prepare.segmented_control(key="prepare.side").set_value("Before").run()
    assert "sex" in prepare.dataframe[0].value.columns


def test_the_suggested_recipe_can_be_trained(open_page):
    page = open_page("prepare", table="titanic")
    assert not recipe()
    page.button(key="prepare.suggest.use").click().run()
    assert not page.exception
    assert recipe()
    train = open_page("train", table="titanic")
    assert not train.button(key="train.start").disabled


def add(page, step):
    page.button(key="prepare.add").click().run()
    return page.selectbox(key="prepare.add.step").set_value(step).run()


def test_a_step_is_added_with_the_columns_it_is_usually_for(prepare):
    add(prepare, "standardize").button(key="prepare.add.go").click().run()
    assert not prepare.exception
    added = recipe()[-1]
    assert isinstance(added, Standardize)
    assert "age" in added.columns
    assert "survived" not in added.columns


def test_a_step_without_columns_is_refused_and_nothing_is_lost(prepare):
    add(prepare, "impute").multiselect(key="prepare.add.columns.impute").set_value([]).run()
    prepare.button(key="prepare.add.go").click().run()
    assert any("without columns, needed at least one" in message for message in messages_of(prepare))
    assert recipe() == TITANIC


def test_steps_move_switch_off_and_go(prepare):
    prepare.button(key="prepare.down.0").click().run()
    assert [step.step for step in recipe()] == ["impute", "drop_columns", "one_hot"]
    prepare.toggle(key="prepare.on.0").set_value(False).run()
    assert not recipe()[0].enabled
    assert any("switched off" in caption.value for caption in prepare.caption)
    prepare.button(key="prepare.remove.0").click().run()
    assert [step.step for step in recipe()] == ["drop_columns", "one_hot"]
    assert not prepare.exception


def test_a_step_is_edited_in_place(prepare):
    prepare.button(key="prepare.edit.1").click().run()
    prepare.multiselect(key="prepare.columns.1").set_value(["age"]).run()
    prepare.selectbox(key="prepare.strategy.1").set_value("constant").run()
    prepare.text_input(key="prepare.fill_value.1").set_value("30").run()
    assert recipe()[1] == Impute(columns=("age",), strategy="constant", fill_value=30.0)
    assert not prepare.exception


def test_a_step_that_cannot_take_its_columns_is_explained_and_offers_a_remedy(open_page):
    drafts.update(sample("titanic"), recipe=(Standardize(columns=("sex",)),))
    page = open_page("prepare", table="titanic")
    assert not page.exception
    assert any("'sex'" in message and "needed numbers" in message for message in messages_of(page))
    page.button(key="prepare.remedy.0.0").click().run()
    assert not page.warning
    assert recipe() == ()


def test_a_second_browser_shows_the_same_recipe(prepare, open_page):
    prepare.button(key="prepare.remove.2").click().run()
    other = open_page("prepare", table="titanic")
    assert len([button for button in other.button if (button.key or "").startswith("prepare.remove.")]) == 2


def test_the_split_is_stored_and_stated(prepare):
    prepare.slider(key="prepare.test").set_value(30).run()
    assert drafts.load(sample("titanic")).split.test == 0.3
    assert prepare.get("plotly_chart")
    prepare.slider(key="prepare.test").set_value(80).run()
    assert any("needed at least 5 % left to train on" in message for message in messages_of(prepare))
    assert drafts.load(sample("titanic")).split.test == 0.3


def test_a_split_by_group_asks_for_its_column(prepare):
    prepare.segmented_control(key="prepare.by").set_value("group").run()
    assert not prepare.exception
    prepare.selectbox(key="prepare.split_column").set_value("ticket").run()
    assert drafts.load(sample("titanic")).split.column == "ticket"
    assert not prepare.warning


def test_a_table_without_target_asks_for_it(open_page, settings):
    table = store_frame(pl.DataFrame({"a": [1, 2, 3, 4] * 5, "b": ["x", "y"] * 10}), name="t", settings=settings)
    page = open_page("prepare", table=table.short_digest)
    assert "Choose the column to predict" in page.info[0].value
    page.selectbox(key="prepare.target").set_value("b").run()
    assert not page.exception
    assert drafts.load(table).target == "b"


@pytest.mark.parametrize(
    ("column", "words"),
    [([1] * 20, "one class"), ([1, None] * 10, "missing")],
)
def test_a_target_that_cannot_be_learned_is_explained(open_page, settings, column, words):
    frame = pl.DataFrame({"a": list(range(20)), "y": column})
    table = store_frame(frame, name="t", target="y", settings=settings)
    page = open_page("prepare", table=table.short_digest)
    assert not page.exception
    assert any(words in message.lower() or "one value" in message.lower() for message in messages_of(page))


def test_a_new_target_leaves_the_steps(prepare):
    prepare.selectbox(key="prepare.target").set_value("sex").run()
    assert not prepare.exception
    assert all("sex" not in step.columns for step in recipe())
