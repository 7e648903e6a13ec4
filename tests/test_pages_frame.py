"""The frame of the pages: navigation, what is open, empty states, messages, as code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workbench.data import sample
from workbench.data.spec import SplitSpec
from workbench.errors import SpecError
from workbench.ui import drafts, messages

PAGES = ("home", "data", "prepare", "train", "evaluate", "explain", "predict", "models")


@pytest.mark.parametrize("name", PAGES)
def test_each_page_opens_first_with_an_empty_home(open_page, name):
    page = open_page(name)
    assert not page.exception
    assert page.title[0].value == name.capitalize()
    assert page.get("popover")  # as code


@pytest.mark.parametrize("name", PAGES)
def test_each_page_survives_ids_that_lead_nowhere(open_page, name):
    page = open_page(name, table="000000000000", run="gone-1234", model="gone/7")
    assert not page.exception
    assert [warning.title for warning in page.warning if "Got" in (warning.title or "")] or page.warning


@pytest.mark.parametrize("name", ["prepare", "train"])
def test_pages_that_need_a_table_offer_the_titanic_sample(open_page, name):
    page = open_page(name)
    page.button(key="page.missing.table").click().run()
    assert not page.exception
    assert page.query_params["table"] == "titanic"
    assert any("titanic · 1,309 rows" in link.value for link in page.page_link)


def test_what_is_open_survives_a_switch_of_pages(open_page):
    page = open_page("data", table="iris")
    page.switch_page("../../pages/prepare.py").run()
    assert page.query_params["table"] == "iris"


def test_an_address_never_opens_a_file(open_page, tmp_path):
    file = tmp_path / "secret.csv"
    file.write_text("a,b\n1,2\n")
    page = open_page("data", table=str(file))
    assert not page.exception
    assert not page.dataframe


def test_as_code_shows_the_calls_and_the_run_spec(open_page):
    page = open_page("train", table="titanic")
    codes = [code.value for code in page.code]
    assert "import workbench as wb" in codes[0]
    assert any("source: titanic" in code for code in codes)


def test_a_message_is_split_into_what_came_and_what_to_do():
    came, remedy = messages.split_message("Got 3, needed 4. Add one. Or two.")
    assert came == "Got 3, needed 4."
    assert remedy == "Add one. Or two."


def test_markdown_in_names_shows_as_it_is():
    assert messages.plain("*a_b* `c_d` $x$") == r"\*a\_b\* `c_d` \$x\$"
    assert messages.plain("odd ` tick") == r"odd \` tick"


def test_a_draft_is_stored_and_read_back(settings):
    table = sample("titanic")
    drafts.update(table, seed=7, split=SplitSpec(test=0.3))
    draft = drafts.load(table)
    assert (draft.seed, draft.split.test, draft.target) == (7, 0.3, "survived")
    assert json.loads((settings.home / "drafts" / f"{table.digest}.json").read_text())["seed"] == 7


@pytest.mark.parametrize("content", ["not json", '{"recipe": [{"step": "nonsense"}]}', '{"target": "no_such_column"}'])
def test_a_damaged_draft_is_replaced_by_a_fresh_one(settings, content):
    table = sample("iris")
    path = settings.home / "drafts" / f"{table.digest}.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    draft = drafts.load(table)
    assert draft.recipe == ()
    assert draft.target in ("species", None)


def test_a_draft_without_a_target_says_what_is_missing(settings):
    draft = drafts.load(sample("iris")).changed(target=None)
    with pytest.raises(SpecError, match=r"Got no target, needed the column to predict.*Prepare page"):
        draft.spec()


def test_the_collector_passes_over_what_libraries_made():
    code = (
        "import gc, time; from workbench.ui.settled import settle; import polars, plotly.graph_objects, numpy;"
        "settle(); known = gc.get_freeze_count(); assert known > 10_000, known;"
        "settle(); assert gc.get_freeze_count() <= known"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
