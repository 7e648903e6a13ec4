"""Several people change the same draft, recipe or run at once, and nobody's change is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from workbench.data import sample
from workbench.errors import RecipeError
from workbench.locking import is_locked, locked
from workbench.recipe.saved import open_recipe, save_recipe
from workbench.recipe.spec import DropColumns
from workbench.training.about import change_about, read_about
from workbench.ui import drafts

N_PEOPLE = 6


def together(work):
    """Run the work of each person at the same moment."""
    barrier = Barrier(N_PEOPLE)

    def one(person):
        barrier.wait()
        return work(person)

    with ThreadPoolExecutor(N_PEOPLE) as pool:
        return list(pool.map(one, range(N_PEOPLE)))


def test_no_edit_of_a_draft_is_lost_where_browsers_edit_it_at_once(settings):
    table = sample("iris")
    parts = ("seed", "name", "task", "target", "test_source", "recipe")
    values = (7, "mine", "regression", "petal_width", "abcdef", (DropColumns(columns=("species",)),))
    for _ in range(5):
        drafts.update(table, seed=0, name=None, task=None, target="species", test_source=None, recipe=())
        together(lambda person: drafts.update(table, **{parts[person]: values[person]}))
        draft = drafts.load(table)
        assert {part: getattr(draft, part) for part in parts} == dict(zip(parts, values, strict=True))


def test_steps_that_are_added_at_once_all_stand_in_the_recipe(settings):
    table = sample("titanic")
    names = [column.name for column in table.columns[:N_PEOPLE]]

    def add(person):
        with drafts.editing(table) as draft:
            drafts.update(table, recipe=(*draft.recipe, DropColumns(columns=(names[person],))))

    together(add)
    assert sorted(step.columns[0] for step in drafts.load(table).recipe) == sorted(names)


def test_of_several_new_recipes_under_one_name_one_is_saved_and_the_others_are_refused(settings):
    def save(number, person):
        try:
            save_recipe(f"mine {number}", [DropColumns(columns=(f"c{person}",))])
        except RecipeError:
            return None
        return person

    for number in range(10):
        saved = [
            person for person in together(lambda person, number=number: save(number, person)) if person is not None
        ]
        assert len(saved) == 1
        assert open_recipe(f"mine {number}").steps[0].columns == (f"c{saved[0]}",)


def test_a_note_and_tags_that_are_given_at_once_are_both_kept(tmp_path):
    changes = ({"note": "good"}, {"tags": ["a"]}, {"priority": 3})
    for _ in range(10):
        change_about(tmp_path, note="", tags=[], priority=0)
        together(lambda person: change_about(tmp_path, **changes[person % 3]))
        about = read_about(tmp_path)
        assert (about.note, about.tags, about.priority) == ("good", ("a",), 3)


def test_who_holds_a_lock_may_take_it_again_and_an_error_frees_it(tmp_path):
    path = tmp_path / "folder" / ".lock"
    with pytest.raises(KeyError), locked(path), locked(path):
        assert is_locked(path)
        raise KeyError
    assert not is_locked(path)
