"""The Train page's list of runs: found, described, compared and deleted; and runs without a target, page by page."""

from __future__ import annotations

from contextlib import suppress

import polars as pl
import pytest

import workbench as wb
from workbench.cli import main
from workbench.data import sample
from workbench.estimators.spec import EstimatorSpec
from workbench.export import as_code
from workbench.storage import append_json_line, write_json
from workbench.training.listing import open_run
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, write_state
from workbench.ui import drafts, publish_form, run_list


def made(
    settings,
    run_id,
    *,
    estimator="logistic_regression",
    status="failed",
    created=1.0,
    losses=(),
    data=None,
    name=None,
    **params,
):
    """Write the folder of a run that has ended, as a worker leaves it."""
    folder = settings.runs / run_id
    folder.mkdir(parents=True)
    spec = RunSpec(
        name=name or run_id,
        data=data or {"source": "iris", "target": "species"},
        estimator={"name": estimator, "params": params},
    )
    write_json(folder / "spec.json", spec.to_dict())
    write_state(folder, RunState(status=status, created=created, started=created, ended=created + 5, reason="Tried."))
    for step, loss in enumerate(losses, start=1):
        append_json_line(
            folder / "history.jsonl", {"time": created + step, "step": step, "epoch": step, "metrics": {"loss": loss}}
        )
    return open_run(run_id, settings=settings)


def the_list(open_page):
    page = open_page("train", table="iris")
    return page.segmented_control(key="train.view").set_value("runs").run()


def listed(page):
    return page.dataframe[0].value["run"].tolist()


def select(page, *rows):
    key = run_list.list_key(listed(page))
    page.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return page.run()


def test_runs_are_found_by_words_status_and_tags(open_page, settings):
    made(settings, "linear-one", created=3.0).describe(tags=["baseline"], note="the first try")
    made(settings, "forest-two", estimator="random_forest", created=2.0)
    made(settings, "forest-old", estimator="random_forest", status="stopped", created=1.0)
    page = the_list(open_page)
    assert listed(page) == ["linear-one", "forest-two", "forest-old"]
    assert listed(page.text_input(key="train.runs_text").set_value("random forest").run()) == [
        "forest-two",
        "forest-old",
    ]
    assert listed(page.multiselect(key="train.runs_status").set_value(["stopped"]).run()) == ["forest-old"]
    page.multiselect(key="train.runs_status").set_value([]).run()
    assert listed(page.text_input(key="train.runs_text").set_value("FIRST try").run()) == ["linear-one"]
    page.text_input(key="train.runs_text").set_value("").run()
    assert listed(page.multiselect(key="train.runs_tags").set_value(["baseline"]).run()) == ["linear-one"]
    page.text_input(key="train.runs_text").set_value("nothing like this").run()
    assert any("None of 3 runs fits" in caption.value for caption in page.caption)
    assert not page.exception


def test_note_and_tags_are_kept_beside_the_run(open_page, settings):
    run = made(settings, "noted")
    page = open_page("train", run="noted")
    page.session_state["train.details.5"] = "Note and tags"
    page.run()
    page.text_area(key="train.run_note").set_value("Too few rows.").run()
    page.multiselect(key="train.run_tags").set_value(["small"]).run()
    assert (run.about.note, run.about.tags) == ("Too few rows.", ("small",))
    assert not page.exception


def test_two_runs_are_compared_and_what_differs_is_marked(open_page, settings):
    made(settings, "weak", created=2.0, losses=(0.9, 0.7), C=0.01)
    made(settings, "strong", created=1.0, losses=(0.8, 0.5), C=10.0)
    page = select(the_list(open_page), 0, 1)
    assert not page.exception
    assert any("2 runs compared" in header.value for header in page.subheader)
    assert len(page.get("plotly_chart")) == 1
    from workbench.ui.run_comparison import comparison_frame

    frame = comparison_frame([open_run(name, settings=settings) for name in ("weak", "strong")])
    differing = frame.filter("differs")
    assert differing.select("name", "weak", "strong").rows() == [("estimator.params.C", "0.01", "10")]
    assert "data.source" in frame["name"].to_list()


def test_a_run_is_deleted_after_it_was_asked_once_more(open_page, settings):
    made(settings, "old", created=2.0)
    made(settings, "kept", created=1.0)
    page = select(the_list(open_page), 0)
    assert (settings.runs / "old").exists()
    page.button(key="train.delete_confirmed").click().run()
    assert not (settings.runs / "old").exists()
    assert (settings.runs / "kept").exists()


def test_a_run_that_moved_up_in_the_list_is_not_deleted_in_anothers_place(open_page, settings):
    made(settings, "chosen", created=2.0)
    page = select(the_list(open_page), 0)
    made(settings, "newest", created=3.0)  # as from another browser, between the choice and the click
    page.button(key="train.delete_confirmed").click().run()
    assert (settings.runs / "newest").exists()
    assert not page.exception


def test_two_runspecs_are_shown_as_a_difference(open_page, settings):
    made(settings, "weak", created=2.0, C=0.01)
    made(settings, "strong", created=1.0, C=10.0)
    page = select(the_list(open_page), 0, 1)
    page.session_state["train.comparison"] = "RunSpecs"
    page.run()
    assert not page.exception
    shown = page.code[-1].value
    assert "-  params: {C: 0.01}" in shown
    assert "+  params: {C: 10.0}" in shown


def test_the_list_holds_times_as_times_so_that_they_sort(open_page, settings):
    made(settings, "old", created=2.0)
    frame = the_list(open_page).dataframe[0].value
    assert frame["time"][0].total_seconds() == 5
    assert frame["started"][0].timestamp() == 2


def test_a_goal_without_a_target_changes_the_draft(open_page):
    page = open_page("prepare", table="iris")
    page.selectbox(key="prepare.goal").set_value("clustering").run()
    assert not page.exception
    draft = drafts.load(sample("iris"))
    assert (draft.task, draft.target, draft.estimator.name) == ("clustering", None, "kmeans")
    assert draft.spec().data.target == ""
    assert not any("What would this have leaked?" in header.value for header in page.subheader)
    page.button(key="prepare.suggest.use").click().run()
    suggested = drafts.load(sample("iris")).recipe
    assert [step.columns for step in suggested if step.step == "drop_columns"] == [("species",)]
    page.selectbox(key="prepare.goal").set_value("predict").run()
    assert drafts.load(sample("iris")).target == "species"
    assert "drop_columns" not in [step.step for step in drafts.load(sample("iris")).recipe]


def test_what_was_to_be_predicted_is_left_out_of_the_groups(open_page):
    drafts.update(sample("titanic"), target="sex")
    page = open_page("prepare", table="titanic")
    page.selectbox(key="prepare.goal").set_value("clustering").run()
    page.button(key="prepare.suggest.use").click().run()
    draft = drafts.load(sample("titanic"))
    assert draft.target is None
    dropped = {name for step in draft.recipe if step.step == "drop_columns" for name in step.columns}
    assert "sex" in dropped
    page.selectbox(key="prepare.goal").set_value("predict").run()
    assert drafts.load(sample("titanic")).target == "sex"


@pytest.mark.timeout(180)
def test_groups_are_found_and_looked_at(open_page, settings):
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    drafts.update(
        sample("iris"),
        task="clustering",
        target=None,
        recipe=[{"step": "drop_columns", "columns": ["species"]}, {"step": "standardize", "columns": names}],
        estimator=EstimatorSpec(name="kmeans", params={"n_clusters": 3}),
    )
    page = open_page("train", table="iris")
    assert not page.exception
    page.button(key="train.start").click().run()
    run_id = page.query_params["run"]
    assert open_run(run_id, settings=settings).wait(150).status == "finished"
    page = open_page("evaluate", run=run_id)
    assert not page.exception
    assert len(page.get("plotly_chart")) == 3
    assert page.pills(key="evaluate.group").options == ["cluster 1", "cluster 2", "cluster 3"]
    page = open_page("train", run=run_id)
    assert not page.exception


def test_a_limit_is_switched_off_and_on_again(open_page):
    drafts.update(sample("iris"), estimator=EstimatorSpec(name="decision_tree"))
    page = open_page("train", table="iris")
    key = "train.param.decision_tree.max_depth"
    value = page.number_input(key=key).value
    page.toggle(key=f"{key}.none").set_value(True).run()
    assert drafts.load(sample("iris")).estimator.params == {"max_depth": None}
    assert not any(widget.key == key for widget in page.number_input)
    page.toggle(key=f"{key}.none").set_value(False).run()
    assert page.number_input(key=key).value == value
    assert not page.exception


def test_runs_of_an_uploaded_table_are_called_by_its_name(open_page, settings, capsys, monkeypatch):
    frame = pl.DataFrame({"age": [30, 20, 40], "survived": ["yes", "no", "yes"]})
    table = wb.read_table(frame, name="Fahrgäste 2024")
    assert drafts.update(table, target="survived").spec().name == "Fahrgaeste-2024-boosting"
    assert drafts.load(table).changed(table_name="顧客").suggested_name() == f"{table.source}-boosting"
    assert len(drafts.load(table).changed(table_name="x" * 90).spec().name) == 64

    old = f"{table.short_digest}-boosting"  # as runs were named once
    made(settings, f"{old}-1a2b", data={"source": table.source, "target": "survived"}, name=old)
    assert "on Fahrgäste 2024" in " ".join(entry.value for entry in open_page("home").caption)
    page = the_list(open_page)
    assert page.dataframe[0].value["data"].tolist() == ["Fahrgäste 2024"]
    assert len(listed(page.text_input(key="train.runs_text").set_value("fahrgäste").run())) == 1
    assert wb.runs_frame()["data"].to_list() == ["Fahrgäste 2024"]
    monkeypatch.setattr("sys.argv", ["workbench", "runs", "--search", "Fahrgäste"])
    with suppress(SystemExit):
        main()
    assert "Fahrgäste 2024" in capsys.readouterr().out
    run = wb.open_run(f"{old}-1a2b")
    assert publish_form.suggested_name(run) == "fahrgaeste-2024-boosting"
    assert '"fahrgaeste-2024-boosting"' in as_code(run.spec, "models", run_id=run.id)
    assert f'wb.open_source("{table.source}")  # Fahrgäste 2024' in as_code(None, "data", source=table.source)
    again = drafts.from_spec(run.spec, table)
    assert again.name is None and again.changed(name="mine").spec().name == "mine"

    wb.delete_table(table.digest)
    assert wb.runs_frame()["data"].to_list() == [table.source]
