"""Several drafts of one table, and two browsers that change the same one."""

from __future__ import annotations

import json

import pytest

from workbench.data import sample
from workbench.ui import draft_names, drafts


def notices(page) -> list[str]:
    return [text.value for text in page.markdown if "also being changed" in text.value]


def line(page) -> str:
    return " ".join(str(link.proto.label) for link in page.get("page_link"))


def choose_target(page, name: str):
    page.selectbox(key="prepare.target").set_value(name).run()
    assert not page.exception
    return page


def test_two_browsers_that_change_one_draft_are_told_and_can_part(open_page, monkeypatch):
    first, second = open_page("prepare", table="titanic"), open_page("prepare", table="titanic")
    choose_target(first, "survived")
    choose_target(first, "age")
    assert not notices(first)  # one's own changes are no news
    choose_target(second, "fare")
    (said,) = notices(first.run())
    assert "titanic" in said and "another browser or tab" in said
    for is_here in (True, False):  # who comes later is told of those who are still there only
        monkeypatch.setattr(draft_names, "is_here", lambda mark, is_here=is_here: is_here)
        assert bool(notices(open_page("train", table="titanic"))) == is_here

    first.button(key="draft.copy").click().run()
    assert not first.exception
    assert first.query_params["draft"] == "copy-1" and "draft copy-1" in line(first)
    assert not notices(first)
    choose_target(first, "pclass")
    assert "fare" in line(second.run()) and "pclass" not in line(second)
    assert drafts.load(sample("titanic")).target == "fare"
    assert drafts.names(sample("titanic")) == ["copy-1"]


def test_who_goes_on_together_is_not_asked_again(open_page):
    first, second = open_page("prepare", table="titanic"), open_page("prepare", table="titanic")
    choose_target(second, "fare")
    assert notices(first.run())
    first.button(key="draft.go_on").click().run()
    assert not notices(first)
    choose_target(second, "age")
    assert not notices(first.run())
    assert notices(second.run()) == []


def test_a_named_draft_is_opened_by_its_link_on_every_page_and_closed_with_its_table(open_page, settings):
    page = choose_target(open_page("prepare", table="titanic", draft="maria"), "age")
    assert (
        json.loads((settings.home / "drafts" / f"{sample('titanic').digest}.maria.json").read_text())["target"] == "age"
    )
    assert drafts.load(sample("titanic")).target == "survived"
    page.switch_page("../../pages/train.py").run()
    assert page.query_params["draft"] == "maria" and "age · 0 steps · draft maria" in line(page)
    again = open_page("train", table="titanic", draft="maria")  # a reload, or the link in another browser
    assert "age · 0 steps · draft maria" in line(again)
    assert "target: age" in next(block.value for block in again.code if block.language == "yaml")
    again.switch_page("../../pages/data.py").run()
    again.button(key="data.sample.iris").click().run()
    assert "draft" not in again.query_params and "maria" not in line(again)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b", "x" * 41, ".hidden", "a.b"])
def test_a_name_that_is_no_draft_opens_the_shared_one_and_says_so(open_page, settings, name):
    page = open_page("prepare", table="titanic", draft=name)
    assert not page.exception
    assert "draft" not in page.query_params
    assert not list(settings.home.glob("**/*passwd*"))
