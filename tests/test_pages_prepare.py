"""The Prepare page: target, recipe cards, preview, split."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from workbench.data import sample, store_frame
from workbench.recipe.saved import open_recipe, save_recipe
from workbench.recipe.spec import (
    Bins,
    Calculate,
    CleanText,
    Convert,
    DropColumns,
    DropMissing,
    Filter,
    Impute,
    OneHot,
    Pca,
    Rename,
    Sample,
    Standardize,
)
from workbench.ui import checks, drafts
from workbench.ui.recipe_changes import CLASSES

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


@pytest.fixture(scope="module")
def all_kinds():
    day = date(2024, 1, 1)
    return pl.DataFrame(
        {
            "size": [None if row % 9 == 0 else row / 7 for row in range(40)],
            "color": ["red", "green", "blue", "red"] * 10,
            "remark": [f"row {row} of a long remark that nobody wrote twice" for row in range(40)],
            "sold": [day + timedelta(days=row) for row in range(40)],
            "new": [True, False] * 20,
            "y": ["a", "b", "b", "a"] * 10,
        }
    )


@pytest.mark.parametrize("name", list(CLASSES))
def test_every_step_has_a_form_to_add_and_to_edit(open_page, settings, all_kinds, name):
    table = store_frame(all_kinds, name="t", target="y", settings=settings)
    page = add(open_page("prepare", table=table.short_digest), name)
    assert not page.exception
    for kind, field, value in NEEDED.get(name, ()):
        getattr(page, kind)(key=f"prepare.add.{field}.{name}").set_value(value).run()
    page.button(key="prepare.add.go").click().run()
    (step,) = drafts.load(table).recipe
    assert step.step == name
    page.button(key="prepare.edit.0").click().run()
    assert not page.exception
    if "columns" in CLASSES[name].model_fields:
        assert page.multiselect(key="prepare.columns.0").value == list(step.columns or ())


# What has no usual answer and must be given.
NEEDED = {
    "sort": [("multiselect", "columns", ["size"])],
    "filter": [("text_area", "expression", "size > 3")],
    "drop_columns": [("multiselect", "columns", ["remark"])],
    "rename": [("multiselect", "names", ["color"])],
    "convert": [("multiselect", "columns", ["size"])],
    "parse_dates": [("multiselect", "columns", ["remark"])],
    "calculate": [("text_input", "name", "twice"), ("text_area", "expression", "size * 2")],
    "log": [("multiselect", "columns", ["size"])],
    "power": [("multiselect", "columns", ["size"])],
    "bins": [("multiselect", "columns", ["size"])],
    "target_encode": [("multiselect", "columns", ["color"])],
    "hashing": [("multiselect", "columns", ["color"])],
    "tf_idf": [("multiselect", "columns", ["remark"])],
    "clean_text": [("multiselect", "columns", ["remark"])],
}


def test_a_new_step_goes_where_it_does_its_work(prepare):
    add(prepare, "calculate").text_input(key="prepare.add.name.calculate").set_value("relatives").run()
    prepare.text_area(key="prepare.add.expression.calculate").set_value("sibsp + parch").run()
    prepare.button(key="prepare.add.go").click().run()
    assert [step.step for step in recipe()] == ["drop_columns", "calculate", "impute", "one_hot"]
    assert "relatives" in prepare.dataframe[0].value.columns


def test_only_columns_of_the_kinds_that_a_step_takes_are_offered(prepare):
    add(prepare, "standardize")
    offered = prepare.multiselect(key="prepare.add.columns.standardize").options
    assert "pclass" in offered
    assert "sex" in offered  # one-hot encoded before
    assert not {"name", "survived", "boat"} & set(offered)


def test_a_field_is_shown_where_it_counts_and_its_choice_changes_the_step(open_page):
    drafts.update(sample("titanic"), recipe=(Bins(columns=("fare",)),))
    page = open_page("prepare", table="titanic")
    page.button(key="prepare.edit.0").click().run()
    assert page.number_input(key="prepare.n_bins.0").value == 5
    page.selectbox(key="prepare.strategy.0").set_value("given").run()
    assert not [field for field in page.number_input if field.key == "prepare.n_bins.0"]
    page.text_input(key="prepare.edges.0").set_value("ten twenty").run()
    assert any("needed numbers with spaces" in message for message in messages_of(page))
    page.text_input(key="prepare.edges.0").set_value("10; 20.5").run()
    assert recipe()[0] == Bins(columns=("fare",), strategy="given", edges=(10.0, 20.5))
    assert not page.exception


def test_of_two_values_that_exclude_each_other_the_last_given_counts(open_page):
    drafts.update(sample("titanic"), recipe=(Sample(n_rows=500),))
    page = open_page("prepare", table="titanic")
    page.button(key="prepare.edit.0").click().run()
    page.number_input(key="prepare.fraction.0").set_value(0.5).run()
    assert recipe()[0] == Sample(fraction=0.5)
    assert not messages_of(page)


def test_columns_are_renamed_in_a_small_editor(open_page):
    drafts.update(sample("titanic"), recipe=(Rename(names={"sibsp": "siblings"}),))
    page = open_page("prepare", table="titanic")
    page.button(key="prepare.edit.0").click().run()
    page.multiselect(key="prepare.names.0").set_value(["sibsp", "parch"]).run()
    page.text_input(key="prepare.names.parch.0").set_value("parents").run()
    assert recipe()[0].names == {"sibsp": "siblings", "parch": "parents"}
    assert {"siblings", "parents"} <= set(page.dataframe[0].value.columns)


def test_a_mistake_in_an_expression_is_shown_with_its_place_while_it_is_written(open_page):
    drafts.update(sample("titanic"), recipe=(Filter(expression="age > 30"),))
    page = open_page("prepare", table="titanic")
    assert any("rows dropped" in caption.value for caption in page.caption)
    page.button(key="prepare.edit.0").click().run()
    page.text_area(key="prepare.expression.0").set_value("agee > 30").run()
    assert any("'agee'" in message and "'age'" in message for message in messages_of(page))
    page.text_area(key="prepare.expression.0").set_value("__import__('os')").run()
    assert messages_of(page)
    assert not page.exception


def test_each_problem_stands_on_its_own_card_and_the_other_steps_are_previewed(open_page):
    steps = (Impute(columns=("age", "gone")), Standardize(columns=("age",)), Calculate(name="x", expression="fare +"))
    drafts.update(sample("titanic"), recipe=steps)
    page = open_page("prepare", table="titanic")
    assert not page.exception
    said = messages_of(page)
    assert any("'gone'" in message for message in said)
    assert any("Step 3 (calculate)" in message for message in said)
    assert len(said) == 2
    assert any("Without what steps 1, 3 can't take" in caption.value for caption in page.caption)
    assert len(page.dataframe[0].value)
    page.button(key="prepare.remedy.0.0").click().run()
    assert recipe()[0] == Impute(columns=("age",))
    page.button(key="prepare.remedy.2.off").click().run()
    assert not recipe()[2].enabled
    assert not messages_of(page)


def test_one_column_too_many_is_one_problem_and_not_that_of_the_steps_after_it(open_page):
    steps = (*TITANIC[:2], OneHot(columns=("sex", "gone")), Standardize(columns=("sex", "age")))
    drafts.update(sample("titanic"), recipe=steps)
    page = open_page("prepare", table="titanic")
    assert len(messages_of(page)) == 1
    assert "sex=female" in page.dataframe[0].value.columns


def test_missing_values_that_a_step_cannot_take_are_imputed_in_one_click(open_page):
    drafts.update(sample("titanic"), recipe=(Pca(columns=("age", "fare")),))
    page = open_page("prepare", table="titanic")
    assert page.button(key="prepare.remedy.0.0").label == "Impute first"
    page.button(key="prepare.remedy.0.0").click().run()
    assert recipe() == (Impute(columns=("age", "fare")), Pca(columns=("age", "fare")))
    assert not messages_of(page)


def test_what_a_recipe_lacks_is_said_and_added_in_one_click(open_page):
    drafts.update(sample("titanic"), recipe=(Impute(columns=("age",)),))
    page = open_page("prepare", table="titanic")
    assert any("Not ready to train yet" in caption.value for caption in page.caption)
    page.button(key="prepare.finish").click().run()
    assert any(step == Impute(columns=("age",)) for step in recipe())
    assert {"drop_columns", "one_hot"} <= {step.step for step in recipe()}
    assert not open_page("train", table="titanic").button(key="train.start").disabled


def test_undo_and_redo_outlive_a_reload_and_reach_a_second_browser(prepare, open_page):
    prepare.button(key="prepare.remove.2").click().run()
    prepare.slider(key="prepare.test").set_value(30).run()
    reloaded = open_page("prepare", table="titanic")
    assert reloaded.button(key="prepare.undo").label == "Undo: split changed"
    reloaded.button(key="prepare.undo").click().run()
    assert drafts.load(sample("titanic")).split.test == 0.2
    assert reloaded.button(key="prepare.undo").label == "Undo: one hot removed"
    reloaded.button(key="prepare.undo").click().run()
    assert recipe() == TITANIC
    other = open_page("prepare", table="titanic")
    other.button(key="prepare.redo").click().run()
    other.button(key="prepare.redo").click().run()
    assert recipe() == TITANIC[:2]
    assert drafts.load(sample("titanic")).split.test == 0.3
    assert other.button(key="prepare.redo").disabled


def test_a_change_after_undo_ends_what_could_be_redone_and_the_history_is_bounded(settings):
    table = sample("titanic")
    for seed in range(1, 70):
        drafts.update(table, seed=seed)
    drafts.undo(table)
    drafts.update(table, seed=1_000)
    assert drafts.undo(table, redo=True).seed == 1_000
    for _ in range(200):
        drafts.undo(table)
    assert drafts.load(table).seed == 69 - 50
    drafts.update(table, estimator={"name": "random_forest"})  # not of this page: nothing to undo
    assert drafts.undoable(table)[0] == ""


def test_a_damaged_history_loses_no_draft(settings):
    table = sample("titanic")
    drafts.update(table, recipe=TITANIC)
    path = settings.home / "drafts" / f"{table.digest}.json"
    for damage in ("7", '{"past": [{"recipe": 3}, 5, {"split": "x"}], "future": "no"}', '{"past": [{}]}'):
        text = path.read_text().rstrip().removesuffix("}")
        path.write_text(f'{text}, "history": {damage}}}')
        assert drafts.undo(table).recipe == TITANIC
        drafts.update(table, seed=drafts.load(table).seed + 1)
        assert drafts.load(table).recipe == TITANIC


def test_rows_and_columns_that_go_are_counted_and_marked_before(open_page):
    drafts.update(sample("titanic"), recipe=(DropMissing(columns=("age",)), DropColumns(columns=("name", "boat"))))
    page = open_page("prepare", table="titanic")
    page.segmented_control(key="prepare.side").set_value("Before").run()
    assert not page.exception
    (legend,) = [caption.value for caption in page.caption if "marked red" in caption.value]
    assert "2 columns (name, boat)" in legend
    assert "rows" in legend.split(":")[-1]


def choose(page, action):
    page.menu_button(key="prepare.recipes").set_value(action).run()
    return page


def test_a_recipe_is_saved_under_a_name_and_opened_on_another_table_with_the_difference_shown(
    prepare, open_page, settings
):
    choose(prepare, "save").text_input(key="prepare.library.name").set_value("basics").run()
    prepare.button(key="prepare.library.save").click().run()
    assert not prepare.exception
    assert open_recipe("basics").steps == TITANIC
    frame = sample("titanic").frame().drop("cabin", "fare").rename({"sex": "gender"})
    other = store_frame(frame, name="other", target="survived", settings=settings)
    page = choose(open_page("prepare", table=other.short_digest), "open")
    assert not page.exception
    assert any("cabin" in message and "gone" not in message for message in messages_of(page))
    page.button(key="prepare.library.use").click().run()
    assert [step.columns for step in drafts.load(other).recipe] == [
        ("name", "ticket", "home.dest", "boat", "body"),
        ("age",),
        ("embarked",),
    ]


def test_a_taken_name_is_not_overwritten_unasked(prepare):
    save_recipe("basics", TITANIC[:1])
    choose(prepare, "save").text_input(key="prepare.library.name").set_value("basics").run()
    prepare.button(key="prepare.library.save").click().run()
    assert any("which another recipe has" in message for message in messages_of(prepare))
    assert open_recipe("basics").steps == TITANIC[:1]
    prepare.checkbox(key="prepare.library.replace").check().run()
    prepare.button(key="prepare.library.save").click().run()
    assert open_recipe("basics").steps == TITANIC


def test_a_saved_recipe_is_compared_with_this_one(prepare):
    save_recipe("basics", TITANIC[:2])
    choose(prepare, "compare")
    assert not prepare.exception
    assert any("1 difference." in caption.value for caption in prepare.caption)


def test_a_shared_file_is_looked_at_first_and_a_hostile_one_refused(prepare):
    choose(prepare, "share").file_uploader(key="prepare.library.file").set_value(
        ("r.yaml", b"- {step: one_hot, columns: [sex, deck]}", "application/yaml")
    ).run()
    assert not prepare.exception
    assert recipe() == TITANIC
    assert any("deck" in message for message in messages_of(prepare))
    prepare.button(key="prepare.library.use").click().run()
    assert recipe() == (OneHot(columns=("sex",)),)
    choose(prepare, "share").file_uploader(key="prepare.library.file").set_value(
        ("r.yaml", b"a: &a [1]\nb: [*a, *a]", "application/yaml")
    ).run()
    assert any("anchor or alias" in message for message in messages_of(prepare))


def test_folds_are_drawn_as_rows(prepare):
    prepare.toggle(key="prepare.cross_validate").set_value(True).run()
    assert drafts.load(sample("titanic")).split.folds == 5
    prepare.number_input(key="prepare.folds").set_value(4).run()
    assert not prepare.exception
    assert drafts.load(sample("titanic")).split.folds == 4
    assert not [slider for slider in prepare.slider if slider.key == "prepare.validation"]
    assert len(prepare.get("plotly_chart")) == 1


def test_a_column_can_name_the_parts(open_page, settings):
    frame = pl.DataFrame({"a": range(30), "y": [0, 1] * 15, "part": ["train", "train", "test"] * 10})
    table = store_frame(frame, name="t", target="y", settings=settings)
    drafts.update(table, split={"folds": 5})
    page = open_page("prepare", table=table.short_digest)
    page.segmented_control(key="prepare.by").set_value("column").run()
    assert not page.exception
    split = drafts.load(table).split
    assert (split.by, split.column, split.folds) == ("column", "part", None)
    assert not messages_of(page)


def test_a_test_table_is_compared_and_its_labels_mended_in_one_click(open_page, settings):
    rows = {"a": [1.0, 2.0, 3.0, 4.0] * 10, "y": ["<=50K", ">50K"] * 20}
    table = store_frame(pl.DataFrame(rows), name="train", target="y", settings=settings)
    test_rows = {"a": [1.5, 2.5] * 5, "y": ["<=50K.", ">50K."] * 5}
    other = store_frame(pl.DataFrame(test_rows), name="test", target="y", settings=settings)
    page = open_page("prepare", table=table.short_digest)
    page.segmented_control(key="prepare.test_from").set_value("From another table").run()
    page.selectbox(key="prepare.test_source").set_value(other.short_digest).run()
    assert not page.exception
    assert drafts.load(table).spec().data.test_source == other.short_digest
    assert any("'<=50K.' for '<=50K'" in message.replace("\\", "") for message in messages_of(page))
    page.button(key="prepare.mend_labels").click().run()
    assert drafts.load(table).recipe == (CleanText(columns=("y",), operations=("strip", "strip_full_stop")),)
    assert not messages_of(page)
    page.segmented_control(key="prepare.test_from").set_value("From this table").run()
    assert drafts.load(table).test_source is None


def test_a_test_table_without_the_columns_is_refused(open_page, settings):
    table = store_frame(pl.DataFrame({"a": range(20), "y": [0, 1] * 10}), name="t", target="y", settings=settings)
    other = store_frame(pl.DataFrame({"b": range(20)}), name="other", settings=settings)
    drafts.update(table, test_source=other.short_digest)
    page = open_page("prepare", table=table.short_digest)
    assert not page.exception
    assert any("'other' without 'a', 'y'" in message for message in messages_of(page))


def test_checks_are_counted_and_mended_in_one_click(open_page):
    page = open_page("prepare", table="titanic")
    assert not page.exception
    (checks,) = [expander for expander in page.expander if "problem" in expander.label]
    assert checks.proto.expanded  # a problem is not folded away
    page.button(key="prepare.check.0.0").click().run()
    assert recipe() == (DropColumns(columns=("boat",)),)
    page.button(key="prepare.undo").click().run()
    assert recipe() == ()


def test_buttons_with_an_icon_only_have_a_name(prepare):
    assert prepare.button(key="prepare.up.1").label == "Move step 2 up"
    assert all(button.label for button in prepare.button)


def test_text_numbers_are_converted_and_the_choice_stands_on_the_card(open_page, settings):
    frame = pl.DataFrame({"a": ["1 kg", "2 kg", "x"] * 10, "y": [0, 1, 1] * 10})
    table = store_frame(frame, name="t", target="y", settings=settings)
    drafts.update(table, recipe=(Convert(columns=("a",), to="number"),))
    page = open_page("prepare", table=table.short_digest)
    assert not page.exception
    assert page.toggle(key="prepare.on.0").label == "**1 · Convert type (number)**"


def test_what_would_have_leaked_is_shown_for_this_recipe_only(prepare):
    assert not [markdown for markdown in prepare.markdown if "held-out" in markdown.value]
    prepare.button(key="prepare.leaks.go").click().run(timeout=60)
    assert not prepare.exception
    assert any("held-out rows" in markdown.value for markdown in prepare.markdown)
    assert len(prepare.get("plotly_chart")) == 2
    prepare.toggle(key="prepare.on.0").set_value(False).run()
    assert prepare.button(key="prepare.leaks.go")
    assert len(prepare.get("plotly_chart")) == 1


def flights(n_rows=60):
    delays = [None if n % 20 == 0 else float((n * 7) % 40) for n in range(n_rows)]
    return pl.DataFrame(
        {"hour": [n % 24 for n in range(n_rows)], "arr_delay": delays, "month": [1, 2, 3] * (n_rows // 3)}
    )


def test_a_target_is_calculated_on_the_page_and_what_it_is_made_from_left_out(open_page, settings):
    table = store_frame(flights(), name="flights", settings=settings)
    page = open_page("prepare", table=table.short_digest)
    page.button(key="prepare.target.calculate").click().run()
    page.text_input(key="prepare.target.name").set_value("late").run()
    page.text_area(key="prepare.target.expression").set_value("arr_delay > 15").run()
    page.button(key="prepare.target.go").click().run()
    assert not page.exception
    assert not messages_of(page)
    draft = drafts.load(table)
    assert (draft.target, page.selectbox(key="prepare.target").value) == ("late", "late")
    assert [step.step for step in draft.recipe] == ["calculate", "drop_missing", "drop_columns"]
    assert draft.recipe[2].columns == ("arr_delay",)
    assert checks.task_of(table, draft) == "classification"
    assert sum(checks.divide(table, draft).counts.values()) == 57
    page.button(key="prepare.undo").click().run()
    assert (drafts.load(table).target, drafts.load(table).recipe) == (None, ())


def test_an_expression_that_cannot_be_calculated_is_told_in_the_form(open_page, settings):
    table = store_frame(flights(), name="flights", settings=settings)
    page = open_page("prepare", table=table.short_digest)
    page.button(key="prepare.target.calculate").click().run()
    page.text_input(key="prepare.target.name").set_value("late").run()
    page.text_area(key="prepare.target.expression").set_value("arrdelay > 15").run()
    page.button(key="prepare.target.go").click().run()
    assert not page.exception
    assert any("'arrdelay'" in message for message in messages_of(page))
    assert drafts.load(table).recipe == ()


def test_the_split_counts_the_test_rows_that_the_row_steps_leave(settings):
    table = store_frame(flights(), name="train", target="month", settings=settings)
    other = store_frame(flights(30).with_columns(pl.col("hour") + 100), name="test", settings=settings)
    draft = drafts.update(table, test_source=other.short_digest, recipe=(DropMissing(columns=("arr_delay",)),))
    assert checks.divide(table, draft).counts["test"] == 28
    again = drafts.update(table, recipe=(Calculate(name="late", expression="arr_delay > 15"),), target="late")
    assert checks.differing_labels(table, again, other) == {}
