"""Recipes under a name: saved, shared, compared, matched with another table, and hostile files refused."""

from __future__ import annotations

import json
import time

import polars as pl
import pytest

from workbench.data import sample, store_frame
from workbench.data.table import Column
from workbench.errors import RecipeError, SpecError, StorageError
from workbench.recipe import saved
from workbench.recipe.matching import match
from workbench.recipe.saved import (
    compare_recipes,
    delete_recipe,
    open_recipe,
    read_recipe,
    recipe_to_json,
    recipe_to_yaml,
    recipes,
    save_recipe,
)
from workbench.recipe.spec import (
    Calculate,
    Convert,
    DropColumns,
    DropDuplicates,
    DropMissing,
    FlagMissing,
    Impute,
    OneHot,
    Rename,
    Standardize,
)
from workbench.training.spec import RunSpec

STEPS = (
    DropDuplicates(),
    DropColumns(columns=("name", "ticket")),
    Impute(columns=("age", "fare")),
    OneHot(columns=("sex",), enabled=False),
    Standardize(columns=("age", "fare")),
)


def column(name, kind="number", dtype="Float64"):
    return Column(name, kind, dtype, 0, 10)


def test_a_saved_recipe_opens_as_it_was(settings):
    table = sample("titanic")
    save_recipe("Titanic, basics (v2)", STEPS, table=table, note="for the course")
    opened = open_recipe("Titanic, basics (v2)")
    assert opened.steps == STEPS
    assert (opened.note, opened.table, opened.target) == ("for the course", "titanic", "survived")
    assert opened.columns["age"] == "number"
    assert opened.columns["sex"] == "text"
    assert opened.saved == pytest.approx(time.time(), abs=60)


def test_recipes_are_listed_latest_first_and_damaged_files_are_passed_over(settings, monkeypatch):
    moments = iter([1_000.0, 2_000.0])
    monkeypatch.setattr(saved.time, "time", lambda: next(moments))
    save_recipe("old", STEPS[:1])
    save_recipe("new", STEPS)
    (settings.home / "recipes" / "broken.json").write_text("{")
    assert [recipe.name for recipe in recipes()] == ["new", "old"]
    with pytest.raises(RecipeError, match="needed a recipe as YAML or JSON"):
        open_recipe("broken")


def test_a_name_that_is_taken_is_replaced_only_when_asked(settings):
    save_recipe("basics", STEPS)
    save_recipe("basics", STEPS, note="the same steps may be saved again")
    with pytest.raises(RecipeError, match="'basics', which another recipe has"):
        save_recipe("basics", STEPS[:2])
    assert open_recipe("basics").steps == STEPS
    save_recipe("basics", STEPS[:2], replace=True)
    assert open_recipe("basics").steps == STEPS[:2]


def test_a_deleted_recipe_is_gone_and_the_message_names_one_like_it(settings):
    save_recipe("basics", STEPS)
    save_recipe("basic", STEPS[:1])
    delete_recipe("basics")
    with pytest.raises(RecipeError, match="Did you mean 'basic'"):
        open_recipe("basics")
    with pytest.raises(RecipeError, match="needed the name of a saved recipe"):
        delete_recipe("basics")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../up",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "a\0b",
        "a\nb",
        ".hidden",
        "x" * 81,
        "é" * 81,
        "a.",
        "C:x",
        7,
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(settings, name):
    for use in (lambda: save_recipe(name, STEPS), lambda: open_recipe(name), lambda: delete_recipe(name)):
        with pytest.raises(RecipeError, match="as the name of a recipe"):
            use()
    assert not list(settings.home.rglob("*.json"))


def test_a_full_disk_leaves_the_recipe_before(settings, monkeypatch):
    save_recipe("basics", STEPS)

    def full(path, value):
        raise StorageError("Got no space left on the disk.")

    monkeypatch.setattr(saved.storage, "write_json", full)
    with pytest.raises(StorageError, match="no space"):
        save_recipe("basics", STEPS[:1], replace=True)
    assert open_recipe("basics").steps == STEPS


@pytest.mark.parametrize("write", [recipe_to_yaml, recipe_to_json])
def test_what_is_shared_reads_back_the_same(settings, write, tmp_path):
    assert read_recipe(write(STEPS)).steps == STEPS
    kept = save_recipe("basics", STEPS, table=sample("titanic"), note="für alle")
    path = tmp_path / "shared.yaml"
    path.write_text(write(kept), encoding="utf-8")
    for source in (path, str(path), path.read_bytes()):
        assert read_recipe(source) == kept


def test_a_whole_run_spec_gives_its_recipe():
    spec = RunSpec(
        name="titanic-forest",
        data={"source": "titanic", "target": "survived"},
        recipe=STEPS,
        estimator={"name": "random_forest"},
    )
    read = read_recipe(spec.to_yaml())
    assert (read.name, read.table, read.target, read.steps) == ("titanic-forest", "titanic", "survived", STEPS)
    assert read_recipe(spec.to_json()).steps == STEPS


BOMB = "a: &a [x, x]\n" + "\n".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "anchor or alias"),
        ("steps: &s\n- *s\n", "anchor or alias"),
        ("[" * 5_000, "levels deep|no YAML"),
        ("- " * 2_000 + "x", "levels deep"),
        ('{"steps":' * 400 + "[]" + "}" * 400, "levels deep|needed a list|needed `steps`"),
        ("[" * 100_000 + "]" * 100_000, "levels deep"),
        ("- step: drop_duplicates\n" * 10_000, "10,000 steps, needed at most 500"),
        ("x" * 2_000_000, "at most 1 MiB"),
        (b"\xff\xfe\x00s\x00t", "UTF-8"),
        ("- step: [", "no YAML"),
        ("!!python/object/apply:os.system ['echo hi']", "no YAML"),
        ("- {step: bins, columns: [a], edges: [.nan]}", "not a number"),
        ("- {step: impute, columns: [a], strategy: constant, fill_value: .inf}", "not a number"),
        ("- {step: explode, columns: [a]}", r"step 1 \(explode\)"),
        ("- {step: impute}", r"step 1 \(impute\), columns: got nothing"),
        ("- {step: impute, columns: 3}", r"step 1 \(impute\), columns: got 3"),
        ("- {step: impute, columns: [1, 2]}", "columns.0: got 1"),
        ("- {step: impute, columns: [a], strategy: guess}", "strategy: got 'guess'"),
        ("- {step: impute, columns: [a], sudo: true}", "sudo: got True"),
        ("- {step: sample}", "either n_rows or fraction"),
        ("- [step, impute]", "step 1: got"),
        ("- impute", "step 1: got 'impute'"),
        ("steps: 3", "a number, needed a list"),
        ("steps: {a: 1}", "a dict, needed a list"),
        ("hello: world", "mapping of 'hello', needed `steps`"),
        ("just words", "a word, needed a list"),
        ("", "nothing, needed a list"),
        ("{1: 2}", "mapping of '1'"),
        ("- {step: drop_columns, columns: [2024-99-99]}", "can't be read|can't be used"),
    ],
)
def test_a_hostile_or_broken_recipe_is_refused_in_words(text, words):
    with pytest.raises(RecipeError, match=words):
        read_recipe(text)


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"no_such.yaml', which can't be read"):
        read_recipe("no_such.yaml")
    with pytest.raises(RecipeError, match="can't be read"):
        read_recipe(tmp_path)


def test_odd_additions_in_a_file_do_no_harm():
    read = read_recipe(json.dumps({"steps": [], "name": 7, "note": ["x"], "saved": "never", "columns": {"a": "cow"}}))
    assert (read.name, read.note, read.columns, read.steps) == ("recipe", "", None, ())


def test_a_comparison_names_what_is_the_same_changed_and_only_in_one(settings):
    save_recipe("first", STEPS)
    other = (
        DropDuplicates(),
        Impute(columns=("age", "fare"), strategy="mean"),
        OneHot(columns=("sex",), enabled=False),
        Standardize(columns=("age",)),
        DropMissing(columns=("survived",)),
    )
    rows = compare_recipes("first", other).to_dicts()
    assert [(row["change"], row["step"]) for row in rows] == [
        ("same", "drop_duplicates"),
        ("only in the first", "drop_columns"),
        ("changed", "impute"),
        ("same", "one_hot"),
        ("changed", "standardize"),
        ("only in the second", "drop_missing"),
    ]
    assert rows[2]["first"] == "strategy: median"
    assert rows[2]["second"] == "strategy: mean"
    assert (rows[4]["place_first"], rows[4]["place_second"]) == (5, 4)
    assert "fare" in rows[4]["first"]
    assert "fare" not in rows[4]["second"]
    assert set(compare_recipes(STEPS, open_recipe("first"))["change"]) == {"same"}


def test_a_table_with_the_same_columns_takes_the_recipe_as_it_is():
    columns = sample("titanic").columns
    found = match(STEPS, columns, columns)
    assert found.blocking == ()
    assert found.adapted() == STEPS
    assert found.changes == ()
    assert set(found.frame()["change"]) == {"same"}


def test_missing_new_and_retyped_columns_are_shown_and_the_adapted_recipe_goes_without_them(settings):
    then = {"age": "number", "fare": "number", "sex": "text", "name": "text", "ticket": "text"}
    now = [column("age", "category", "String"), column("sex", "category", "String"), column("deck", "text", "String")]
    found = match(STEPS, now, then)
    changes = dict(found.frame().select("column", "change").iter_rows())
    assert changes == {
        "name": "missing",
        "ticket": "missing",
        "fare": "missing",
        "age": "other type",
        "deck": "new",
        "sex": "same",
    }
    assert found.frame()["change"].to_list()[:3] == ["missing"] * 3
    assert set(found.blocking) == {"name", "ticket", "fare", "age"}
    # impute takes text, too; standardize doesn't
    assert found.adapted() == (STEPS[0], Impute(columns=("age",)), STEPS[3])
    assert any(
        "Step 5 (Standardize) left out: fare is not there and it doesn't take age (text)." == said
        for said in found.changes
    )


def test_columns_that_a_step_makes_are_not_missed_and_go_with_it():
    steps = (
        Rename(names={"sibsp": "siblings"}),
        FlagMissing(columns=("age",)),
        Convert(columns=("size",), to="number"),
        Standardize(columns=("siblings", "age_missing", "size")),
    )
    all_there = match(steps, [column("sibsp"), column("age"), column("size", "category", "String")])
    assert all_there.blocking == ()
    without_age = match(steps, [column("sibsp"), column("size", "category", "String")])
    assert without_age.missing == ("age",)
    assert without_age.adapted()[-1] == Standardize(columns=("siblings", "size"))
    renamed = match(steps, [column("age"), column("size", "category", "String")])
    assert renamed.missing == ("sibsp",)
    assert renamed.adapted()[-1].columns == ("age_missing", "size")


def test_an_expression_that_names_a_missing_column_leaves_its_step_out():
    steps = (Calculate(name="relatives", expression="sibsp + parch"), Standardize(columns=("relatives", "age")))
    found = match(steps, [column("sibsp"), column("age")])
    assert found.missing == ("parch",)
    assert found.adapted() == (Standardize(columns=("age",)),)
    assert match(steps, [column("sibsp"), column("parch"), column("age")]).adapted() == steps


def test_a_recipe_saved_with_one_table_is_matched_with_another(settings):
    kept = save_recipe("basics", STEPS, table=sample("titanic"))
    frame = pl.DataFrame({"age": [1.5, 2.5, 4.0], "sex": ["f", "m", "f"], "deck": ["a", "b", "c"]})
    other = store_frame(frame, name="other", settings=settings)
    found = match(kept.steps, other.columns, kept.columns)
    assert set(found.missing) == {"name", "ticket", "fare"}
    assert found.frame().filter(pl.col("change") == "new")["column"].to_list() == ["deck"]


def test_steps_are_saved_and_compared_as_they_are_given():
    import workbench as wb

    saved = wb.save_recipe("basics", [{"step": "drop_duplicates"}])
    assert [step.step for step in saved.steps] == ["drop_duplicates"]
    assert wb.compare_recipes("basics", saved).height == wb.compare_recipes(saved, [{"step": "drop_duplicates"}]).height
    with pytest.raises(SpecError, match=r"Got a step that can't be used .* Correct it"):
        wb.save_recipe("other", [{"step": "drop_duplicate"}])
