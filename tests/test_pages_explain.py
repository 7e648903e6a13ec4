"""The Explain page: a job of its own process, then all rows, one column, one row."""

from __future__ import annotations

import pytest

from workbench import registry
from workbench.explain import explain_rows
from workbench.explain.jobs import REQUEST, STATE
from workbench.explain.stored import stored_explanations
from workbench.storage import write_json


@pytest.fixture
def published(settings, model_packages):
    for name in ("passengers", "flowers"):
        registry.publish(model_packages[name], name)
    return settings


def store_explanation(settings, name: str, explanation_id: str = "abc1", status: str = "finished") -> None:
    """Write what a worker leaves, computed here on the graph."""
    version = registry.resolve(name)
    folder = settings.explanations / explanation_id
    write_json(folder / REQUEST, {"package_folder": str(version.folder.resolve())})
    write_json(
        folder / STATE, {"status": status, "progress": 1.0, "reason": "It was killed." if status == "lost" else None}
    )
    if status == "finished":
        background = _background(version)
        explain_rows(registry.load_model(name), background.head(12), background=background.head(20)).save(folder)


def _background(version):
    import polars as pl

    return pl.read_parquet(version.folder / "background.parquet")


def shown_text(page) -> str:
    return "\n".join(str(entry.value) for entry in [*page.markdown, *page.caption, *page.subheader])


def test_without_an_explanation_the_page_says_what_will_stand_there(open_page, published):
    page = open_page("explain", model="passengers")
    assert not page.exception
    assert page.button(key="explain.first").label == "Explain 100 rows"


def test_the_button_starts_a_process_whose_result_is_shown(open_page, published):
    page = open_page("explain", model="passengers")
    page.button(key="explain.first").click().run()
    assert not page.exception
    (job,) = stored_explanations(registry.resolve("passengers").folder)
    assert page.get("progress") or job.status == "finished"
    job.wait(120)
    assert job.status == "finished", job.reason
    page.run()
    assert not page.exception
    assert "All rows" in shown_text(page)


def test_a_stored_explanation_is_shown_in_every_browser(open_page, published):
    store_explanation(published, "passengers")
    page = open_page("explain", model="passengers")
    assert not page.exception
    text = shown_text(page)
    assert "model passengers v1 (champion)" in text
    assert "12 rows" in text and "**probability** of survived" in text
    assert any("additivity error" in str(badge.value) for badge in page.markdown)
    assert {"All rows", "One column", "One row"} <= {entry.value for entry in page.subheader}


def test_the_chosen_row_is_told_in_words(open_page, published):
    store_explanation(published, "passengers")
    page = open_page("explain", model="passengers")
    page.number_input(key="explain.row").set_value(5).run()
    assert not page.exception
    assert "For this row the probability of survived = yes is" in shown_text(page)


def test_a_class_can_be_chosen_for_many_classes(open_page, published):
    store_explanation(published, "flowers")
    page = open_page("explain", model="flowers")
    page.selectbox(key="explain.output").set_value("virginica").run()
    assert not page.exception
    assert "the probability of species = virginica is" in shown_text(page)


def test_a_lost_explanation_says_why(open_page, published):
    store_explanation(published, "passengers", status="lost")
    page = open_page("explain", model="passengers")
    assert not page.exception
    assert any("The explanation lost" in str(w.title) or "killed" in str(w.value) for w in page.warning)


def test_the_open_table_is_offered_where_its_columns_fit(open_page, published):
    page = open_page("explain", model="flowers", table="iris")
    options = page.selectbox(key="explain.rows.flowers/1").options
    assert any("Open table: iris, 150 rows" in option for option in options)
    other = open_page("explain", model="passengers", table="iris")
    assert not any("Open table" in option for option in other.selectbox(key="explain.rows.passengers/1").options)
